use headcount::{StateSet, metric};

/// A.
#[metric(namespace = "shop", name = "phase", mode = "sum")]
fn a(floor: u8, shop_phase: bool) -> StateSet<bool>;

fn main() {
    a(1, true).set(true);
}
