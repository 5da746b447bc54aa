use headcount::timed;

#[timed(name = "a_seconds", buckets = [])]
fn a() {}

#[timed(name = "b_seconds", buckets = [0.0, 1.0])]
fn b() {}

#[timed(name = "c_seconds", buckets = [1.0, "2"])]
fn c() {}

#[timed(name = "d_seconds", buckets = 1.0)]
fn d() {}

fn main() {
    a();
    b();
    c();
    d();
}
