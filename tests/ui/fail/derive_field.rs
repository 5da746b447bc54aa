use headcount::LabelValue;

#[derive(LabelValue)]
struct Bytes(Vec<u8>);

fn main() {
    let _ = Bytes(Vec::new());
}
