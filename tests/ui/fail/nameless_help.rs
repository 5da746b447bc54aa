use headcount::in_progress;

#[in_progress(help = "Calls.", unit = "calls")]
fn f() {}

fn main() {
    f();
}
