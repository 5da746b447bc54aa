use headcount::counted;

#[counted(outcome)]
fn f() -> Result<u8, ()> {
    "x"
}

#[counted(outcome)]
async fn g() -> Result<u8, ()> {
    "x"
}

fn main() {
    let _ = (f(), g());
}
