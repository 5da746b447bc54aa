use headcount::counted;

struct Shop;

#[counted]
impl Shop {
    fn typing() {
        let x = ;
    }

    fn fine() {}
}

fn main() {
    Shop::typing();
    Shop::fine();
}
