use headcount::counted;

#[counted(prefix = "jobs")]
fn f() {}

fn main() {
    f();
}
