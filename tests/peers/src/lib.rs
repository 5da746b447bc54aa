//! What the programs of this package share. No metrics: what a program declares is in each of its
//! segments.

pub mod machine;
pub mod measure;
pub mod opentelemetry;
pub mod place;

/// A number as people write it.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
