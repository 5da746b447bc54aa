use headcount::{StateSet, metric};

const NAMESPACE: &str = "shop";

/// A.
#[metric(namespace = NAMESPACE, name = "phase", mode = "sum")]
fn a(shop_phase: bool) -> StateSet<bool>;

fn main() {
    a(true).set(true);
}
