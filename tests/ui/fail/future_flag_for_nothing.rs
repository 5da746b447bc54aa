use headcount::timed;

#[timed(future)]
async fn f() {}

#[timed(future)]
fn g() {}

fn main() {
    drop(f());
    g();
}
