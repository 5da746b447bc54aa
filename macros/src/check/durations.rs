//! Durations as people write them: `1d`, `12h`, `1h 30m`, `90s`.
//!
//! A user writes one in the key `idle_timeout` only. A crate (`humantime`, say) would be one more
//! package for every user to build, in place of 15 lines.

use syn::LitStr;

use crate::parse::args::Args;
use crate::report::errors::Errors;

/// The key's value in seconds, if it has one.
pub(crate) fn idle_timeout(args: &Args) -> Option<u32> {
    args.text("idle_timeout").and_then(|text: &LitStr| seconds(&text.value()))
}

pub(crate) fn check(args: &Args, errors: &mut Errors) {
    if let Some(text) = args.text("idle_timeout") {
        if seconds(&text.value()).is_none() {
            errors.on(
                text,
                "`idle_timeout` is a duration in whole days, hours, minutes and seconds: `\"1d\"`, \
                 `\"1h 30m\"`",
            );
        }
    }
}

/// The seconds of a duration; `None` if the text is not one, or it is 0 or more than a hundred
/// years.
fn seconds(text: &str) -> Option<u32> {
    let mut all = 0_u32;
    for part in text.split_whitespace() {
        let digits = part.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = part.split_at(digits);
        let unit = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" | "min" => 60,
            "s" => 1,
            _ => return None,
        };
        all = all.checked_add(number.parse::<u32>().ok()?.checked_mul(unit)?)?;
    }
    (1..=100 * 366 * 86_400).contains(&all).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1d", Some(86_400)),
            ("90s", Some(90)),
            ("1h 30m", Some(5_400)),
            ("2min", Some(120)),
            ("0s", None),
            ("", None),
            ("1", None),
            ("d", None),
            ("1.5h", None),
            ("1w", None),
            ("99999999999s", None),
            ("99999d", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
