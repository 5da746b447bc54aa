use headcount::counted;

#[counted(name = "jobs_total" outcome)]
fn f() {}

fn main() {
    f();
}
