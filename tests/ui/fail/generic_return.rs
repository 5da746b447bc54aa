use headcount::counted;

#[counted(outcome)]
fn f<R: Default>() -> R {
    R::default()
}

fn main() {
    f::<u8>();
}
