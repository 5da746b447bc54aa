use headcount::counted;

#[counted(name = "function_calls_total")]
fn f() {}

fn main() {
    f();
}
