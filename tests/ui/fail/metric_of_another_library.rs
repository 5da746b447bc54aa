use std::sync::LazyLock;

use headcount::{Counter, metric};

struct IntCounterVec;

/// Requests.
#[metric(name = "requests_total")]
fn requests(method: &str) -> IntCounterVec;

/// Lazy.
#[metric(name = "lazy_total")]
static LAZY: LazyLock<Counter>;

fn main() {
    let _ = IntCounterVec;
}
