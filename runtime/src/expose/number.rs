//! Numbers as text: the shortest decimal that parses to the same number, in the notation of each
//! format.

use core::fmt::Write;
use core::time::Duration;

/// Writes a sample's value in the text format: whole numbers have no decimal point.
pub(super) fn decimal(out: &mut String, number: f64) {
    if let Some(word) = word(number) {
        out.push_str(word);
    } else if let Some(whole) = whole(number) {
        integer(out, whole);
    } else {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(number);
        // Negative, or too large for `whole`.
        let text = text.strip_suffix(".0").unwrap_or(text);
        match text.split_once("e+") {
            Some((digits, exponent)) => out.extend([digits, "e", exponent]),
            None => out.push_str(text),
        }
    }
}

/// Writes `OpenMetrics`' canonical number, which has a decimal point also if it is whole. Bounds
/// are written so in every format: they are label values, and processes in all languages must agree
/// on them. The Python client writes them so.
pub(super) fn canonical(out: &mut String, number: f64) {
    let size = number.abs();
    let is_large = number >= 1e6 || size >= 1e16;
    if let Some(word) = word(number) {
        out.push_str(word);
    } else if is_large || (size != 0.0 && size < 1e-4) {
        // The exponent has a sign, and at least two digits.
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        append(out, format_args!("{digits}e{sign}{exponent:0>2}"));
    } else if let Some(whole) = whole(number) {
        integer(out, whole);
        out.push_str(".0");
    } else {
        out.push_str(zmij::Buffer::new().format_finite(number));
    }
}

/// Writes a whole number without the overhead of formatting: nearly every line of a page has one.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it is a digit")]
pub(super) fn integer(out: &mut String, number: u64) {
    if number < 10 {
        out.push(char::from(b'0' + number as u8));
    } else if number < 100 {
        out.push_str(two_digits(number));
    } else {
        pairs(out, number);
    }
}

/// Two digits at a time, the first ones first.
fn pairs(out: &mut String, number: u64) {
    integer(out, number / 100);
    out.push_str(two_digits(number % 100));
}

/// A number below 100.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it is below 100")]
fn two_digits(number: u64) -> &'static str {
    const ALL: &str = "\
        00010203040506070809101112131415161718192021222324\
        25262728293031323334353637383940414243444546474849\
        50515253545556575859606162636465666768697071727374\
        75767778798081828384858687888990919293949596979899";
    let at = number as usize * 2;
    ALL.get(at..at + 2).unwrap_or_default()
}

/// The number as an integer if it is whole and `f64` represents it exactly. Negative zero is
/// excluded, since it has a sign.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the bounds that are looked at first"
)]
fn whole(number: f64) -> Option<u64> {
    const DIGITS_OF_F64: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.is_sign_positive() && number < DIGITS_OF_F64 && number.fract() == 0.0;
    is_whole.then_some(number as u64)
}

/// Appends formatted text. Writing to a string cannot fail.
fn append(out: &mut String, text: core::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// The words for values that are not finite numbers.
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

/// Writes a time in seconds, with milliseconds.
pub(super) fn seconds(out: &mut String, time: Duration) {
    integer(out, time.as_secs());
    out.push('.');
    let millis = u64::from(time.subsec_millis());
    for digit in [millis / 100, millis / 10 % 10, millis % 10] {
        integer(out, digit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: fn(&mut String, f64), value: f64) -> String {
        let mut text = String::new();
        write(&mut text, value);
        text
    }

    #[test]
    fn whole_numbers_are_written_as_formatting_writes_them() {
        let powers = (0..20).map(|n| 10_u64.pow(n));
        let all = powers.flat_map(|n| [n - 1, n, n + 1]).chain([u64::MAX, (1 << 53) - 1, 1 << 53]);
        for number in all {
            let mut text = String::from("x");
            integer(&mut text, number);
            assert_eq!(text, format!("x{number}"));
            #[expect(clippy::cast_precision_loss, reason = "any number will do")]
            let float = number as f64;
            if float < 1e16 {
                assert_eq!(self::text(decimal, float), format!("{float}"));
            }
            if float < 1e6 {
                assert_eq!(self::text(canonical, float), format!("{float:?}"));
            }
        }
    }

    #[test]
    fn numbers_are_the_shortest_that_parse_to_the_same_number() {
        // All exponents, and few or many digits.
        let mut bits = 1_u64;
        for number in (0_i32..20_000).map(|n| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match n % 4 {
                0 => f64::from_bits(bits),
                1 => f64::from(n) / 1000.0,
                2 => f64::from(-n),
                _ => f64::from_bits(bits >> 12 | 1.0_f64.to_bits()) * 10_f64.powi(n % 40 - 20),
            }
        }) {
            let size = number.abs();
            let is_plain = (1e-5..1e16).contains(&size) || size == 0.0;
            let is_same = |text: &str, expected: &str| {
                // Of two that are equally near, either will do.
                let back: f64 = text.parse().unwrap();
                assert_eq!(back.to_bits(), number.to_bits(), "{text} for {expected}");
                assert_eq!(text.len(), expected.len(), "{text} for {expected}");
            };
            if number.is_finite() {
                let expected = if is_plain { format!("{number}") } else { format!("{number:e}") };
                is_same(&text(decimal, number), &expected);
            }
            if (1e-4..1e6).contains(&size) {
                is_same(&text(canonical, number), &format!("{number:?}"));
            }
        }
    }

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
            assert_eq!(text(decimal, value), expected);
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
            let text = text(canonical, value);
            assert_eq!(text, expected);
            let back: f64 = text.parse().unwrap();
            assert!(back == value || value.is_nan(), "{text}");
        }
    }
}
