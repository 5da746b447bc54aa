use headcount::counted;

// Every mistake has its own message, and the body's own is there too.
#[counted(nam = "x", name = "bad-name", outcome = 3, labels(le = 1), outcome, outcome)]
fn f() -> u8 {
    "text"
}

fn main() {
    f();
}
