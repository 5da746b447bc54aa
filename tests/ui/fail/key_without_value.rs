use headcount::counted;

#[counted(name)]
fn f() {}

fn main() {
    f();
}
