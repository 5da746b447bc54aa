use headcount::timed;

#[timed(buckets = [1.0])]
fn f() {}

fn main() {
    f();
}
