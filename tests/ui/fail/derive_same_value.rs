use headcount::LabelValue;

#[derive(LabelValue)]
enum Kind {
    NotFound,
    #[label(rename = "not_found")]
    Missing,
    #[label(rename = "")]
    Empty,
}

fn main() {
    let _ = (Kind::NotFound, Kind::Missing, Kind::Empty);
}
