use headcount::count_exceptions;

#[count_exceptions]
fn f<I: Iterator>(mut i: I) -> Option<I::Item> {
    i.next()
}

#[count_exceptions]
fn g<I: Iterator + Default>() -> I::Item
where
    I::Item: Default,
{
    I::Item::default()
}

fn main() {
    f(0..1);
    g::<std::iter::Empty<u8>>();
}
