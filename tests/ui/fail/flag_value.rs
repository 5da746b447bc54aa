use headcount::counted;

#[counted(outcome = 3)]
fn f() {}

fn main() {
    f();
}
