use headcount::counted;

#[counted(name = "sent_total", unit = "bytes")]
fn f() {}

fn main() {
    f();
}
