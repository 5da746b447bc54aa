use headcount::LabelValue;

#[derive(LabelValue)]
#[label(rename = "kind", rename_all = "kebabcase")]
enum Kind {
    #[label(rename_all = "lowercase")]
    A,
    #[label(name = "b")]
    B,
    #[label(rename = 3)]
    C,
    D(#[label(rename = "d")] u8),
}

#[derive(LabelValue)]
#[label(rename_all = "lowercase")]
struct Tenant(u8);

fn main() {
    let _ = (Kind::A, Kind::B, Kind::C, Kind::D(1), Tenant(1));
}
