use headcount::{counted, timed};

struct Shop;

// Each mistake once, and not once for each function.
#[counted(name = "shop_total", labels(kind = 1))]
#[timed(prefix = "shop_", unit = "seconds", future)]
impl Shop {
    fn open() {}
    fn close() {}
}

#[counted(prefix = "9 shops")]
#[timed(labels(kind = 1), bucket = [1.0])]
mod inner {
    pub fn f() {}
    pub fn g() {}
}

fn main() {
    Shop::open();
    Shop::close();
    inner::f();
    inner::g();
}
