use headcount::in_progress;

#[in_progress(name = "a", mode = "mostrecent")]
fn a() {}

#[in_progress(name = "b", mode = "livemostrecent")]
fn b() {}

fn main() {
    a();
    b();
}
