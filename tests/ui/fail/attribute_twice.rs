use headcount::counted;

#[counted]
#[counted(outcome)]
fn f() {}

fn main() {
    f();
}
