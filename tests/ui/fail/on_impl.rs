use headcount::timed;

struct S;

#[timed]
impl S {
    fn f(&self) {}
}

fn main() {
    S.f();
}
