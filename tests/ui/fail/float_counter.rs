use headcount::{Counter, count_exceptions, counted, metric};

/// A.
#[metric(name = "a_total")]
static A: Counter<f64>;

#[counted(metric = A)]
fn a() {}

#[count_exceptions(metric = A)]
fn b() -> Result<(), ()> {
    Ok(())
}

/// C.
#[metric(name = "c_total")]
static C: Counter<u32>;

fn main() {
    a();
    let _ = (b(), C);
}
