use headcount::{Counter, metric};

struct Shop;

// Beside what is wrong, a metric is there, and of the type that was written.
#[metric(name = "a")]
fn a(queue: &str) -> Counter;

#[metric]
struct B;

fn main() {
    a("mail").inc();
    let _ = Shop;
}
