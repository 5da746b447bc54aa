use headcount::counted;

struct Shop;

#[counted(outcome)]
impl Shop {
    fn generic<R>(value: R) -> R {
        value
    }

    fn fine() {}
}

fn main() {
    Shop::generic(1);
    Shop::fine();
}
