use headcount::counted;

#[counted(name = "bad-name")]
fn f() {}

fn main() {
    f();
}
