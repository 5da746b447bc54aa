use headcount::metric;

#[metric(name = "a_total")]
struct A;

fn main() {
    let _ = A;
}
