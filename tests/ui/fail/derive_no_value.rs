use headcount::LabelValue;

#[derive(LabelValue)]
enum Never {}

#[derive(LabelValue)]
struct Pair(u8, u8);

#[derive(LabelValue)]
struct Unit;

fn main() {
    let _ = (Pair(1, 2), Unit);
}
