use headcount::counted;

#[counted]
struct S;

fn main() {
    let _ = S;
}
