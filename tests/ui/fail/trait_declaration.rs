use headcount::counted;

trait T {
    #[counted]
    fn f(&self);
}

fn main() {}
