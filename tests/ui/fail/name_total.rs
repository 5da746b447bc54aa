use headcount::counted;

#[counted(name = "jobs")]
fn f() {}

fn main() {
    f();
}
