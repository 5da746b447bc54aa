use std::future::{Ready, ready};

use headcount::counted;

#[counted(future)]
fn connect() -> Ready<u8> {
    ready(1)
}

#[counted(future = false)]
async fn called() {}

fn main() {
    drop((connect(), called()));
}
