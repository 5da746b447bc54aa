//! Units as OpenTelemetry writes them (UCUM), and as Prometheus names end in them.

use crate::instrument::Kind;

const UNITS: [(&str, &str); 31] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tebibytes"),
    ("KBy", "kilobytes"),
    ("kBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("B", "bytes"),
    ("KB", "kilobytes"),
    ("MB", "megabytes"),
    ("GB", "gigabytes"),
    ("TB", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
];

/// What stands behind the slash.
const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The word for a unit, or an empty string. A unit without a word of its own is its letters and
/// digits.
pub(crate) fn word(unit: &str, kind: Kind) -> String {
    let unit = unit.trim();
    if unit == "1" {
        return if kind == Kind::Gauge { "ratio".to_owned() } else { String::new() };
    }
    let (first, second) = unit.split_once('/').unwrap_or((unit, ""));
    let first = if first.trim() == "1" { String::new() } else { translated(&UNITS, first) };
    let second = translated(&PER, second);
    match (first.is_empty(), second.is_empty()) {
        (_, true) => first,
        (true, false) => format!("per_{second}"),
        (false, false) => format!("{first}_per_{second}"),
    }
}

fn translated(words: &[(&str, &str)], unit: &str) -> String {
    let unit = unit.trim();
    // `{packet}` is a remark, and no unit.
    if unit.contains(['{', '}']) {
        return String::new();
    }
    match words.iter().find(|(short, _)| *short == unit) {
        Some((_, word)) => (*word).to_owned(),
        None => unit.chars().filter(char::is_ascii_alphanumeric).take(63).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_words() {
        for (unit, expected) in [
            ("", ""),
            ("s", "seconds"),
            ("By", "bytes"),
            ("KiBy", "kibibytes"),
            ("1", ""),
            ("{packet}", ""),
            ("{packet}/s", "per_second"),
            ("1/s", "per_second"),
            ("m/s", "meters_per_second"),
            ("By/s", "bytes_per_second"),
            ("packets", "packets"),
            ("°C", "C"),
            ("/", ""),
        ] {
            assert_eq!(word(unit, Kind::Counter), expected, "{unit}");
        }
        assert_eq!(word("1", Kind::Gauge), "ratio");
        assert_eq!(word("%", Kind::Gauge), "percent");
    }
}
