use headcount::counted;

#[counted(outcome, outcome)]
fn f() {}

fn main() {
    f();
}
