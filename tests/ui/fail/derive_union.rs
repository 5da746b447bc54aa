use headcount::LabelValue;

#[derive(LabelValue)]
union Either {
    a: u8,
    b: u16,
}

fn main() {
    let _ = Either { a: 1 };
}
