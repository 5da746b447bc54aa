//! Numbers as text: the shortest decimal that reads back as the same number, in each format's words.

use core::fmt::{Display, Formatter, Result};

/// As a sample's value in the text format: whole numbers without a point.
pub(super) struct Decimal(pub(super) f64);

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let size = self.0.abs();
        if let Some(word) = word(self.0) {
            f.write_str(word)
        } else if size != 0.0 && !(1e-5..1e16).contains(&size) {
            // Hundreds of digits otherwise.
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// `OpenMetrics`' canonical number, with a point also in whole ones. Bounds are written so in every format: they are label values, and
/// processes of all languages must agree on them. The Python client's are these.
pub(super) struct Canonical(pub(super) f64);

impl Display for Canonical {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let size = self.0.abs();
        let is_large = self.0 >= 1e6 || size >= 1e16;
        if let Some(word) = word(self.0) {
            f.write_str(word)
        } else if is_large || (size != 0.0 && size < 1e-4) {
            // A sign, and two digits at least.
            let text = format!("{:e}", self.0);
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            write!(f, "{digits}e{sign}{exponent:0>2}")
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

/// What is no number.
fn word(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number == f64::INFINITY {
        Some("+Inf")
    } else if number == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_reads_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (4.5, "4.5"),
            (1e15, "1000000000000000"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Decimal(value).to_string(), expected);
        }
    }

    #[test]
    fn canonical_numbers_are_those_of_the_specification_and_of_python() {
        for (value, expected) in [
            (0.0, "0.0"),
            (0.001, "0.001"),
            (0.005, "0.005"),
            (1.0, "1.0"),
            (1.7, "1.7"),
            (10.0, "10.0"),
            (1e-10, "1e-10"),
            (1e-9, "1e-09"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (1e5, "100000.0"),
            (1e6, "1e+06"),
            (2e7, "2e+07"),
            (1e10, "1e+10"),
            (1_234_567.0, "1.234567e+06"),
            (-10_000_000.0, "-10000000.0"),
            (-1e16, "-1e+16"),
            (-1.5e-5, "-1.5e-05"),
            (5e-324, "5e-324"),
            (1e300, "1e+300"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            let text = Canonical(value).to_string();
            assert_eq!(text, expected);
            let back: f64 = text.parse().unwrap();
            assert!(back == value || value.is_nan(), "{text}");
        }
    }
}
