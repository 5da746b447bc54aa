//! Names as OpenTelemetry has them, and as Prometheus shows them.

use std::borrow::Cow;

use crate::instrument::Kind;

/// Labels that the exposition or the collector adds.
const RESERVED: [&str; 3] = ["le", "quantile", "pid"];

/// The name of a family. `unit` is a word, or empty. With `is_utf8`, only what no page can show is
/// replaced. An empty name stays empty, and is refused.
pub(crate) fn metric(name: &str, unit: &str, kind: Kind, is_utf8: bool) -> String {
    let mut full = words(name, true, is_utf8).into_owned();
    if full.is_empty() {
        return full;
    }
    let is_counter = matches!(kind, Kind::Counter | Kind::FloatCounter);
    if is_counter {
        full.truncate(without_total(&full));
    }
    if !unit.is_empty() && !contains(&full, unit) {
        append(&mut full, unit);
    }
    if is_counter {
        append(&mut full, "total");
    }
    full
}

/// The name of a label.
pub(crate) fn label(name: &str, is_utf8: bool) -> Cow<'_, str> {
    let name = if name.is_empty() { Cow::Borrowed("_") } else { words(name, false, is_utf8) };
    if RESERVED.contains(&&*name) || name.starts_with("__") {
        return Cow::Owned(format!("exported_{}", name.trim_start_matches('_')));
    }
    name
}

/// How much of a name stands before its `_total`, or `.total`.
fn without_total(name: &str) -> usize {
    let stem = name.strip_suffix("total").unwrap_or_default();
    match stem.char_indices().next_back() {
        Some((at, before)) if at > 0 && !before.is_alphanumeric() => at,
        _ => name.len(),
    }
}

/// Whether a name has this word, or these words, among its own.
fn contains(name: &str, words: &str) -> bool {
    let words_of = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect()
    };
    let (name, words) = (words_of(name), words_of(words));
    name.windows(words.len()).any(|part| part == words)
}

fn append(name: &mut String, word: &str) {
    if !name.ends_with('_') {
        name.push('_');
    }
    name.push_str(word);
}

/// A name with an underscore in place of each character, or each row of characters, that Prometheus
/// does not have in names.
fn words(name: &str, has_colons: bool, is_utf8: bool) -> Cow<'_, str> {
    let is_fine = |letter: char| {
        if is_utf8 {
            return !letter.is_whitespace() && !letter.is_control();
        }
        letter.is_ascii_alphanumeric() || letter == '_' || (letter == ':' && has_colons)
    };
    let begins_well = is_utf8 || !name.starts_with(|first: char| first.is_ascii_digit());
    let is_short = is_utf8 || !name.contains("__");
    if begins_well && is_short && name.chars().all(is_fine) {
        return Cow::Borrowed(name);
    }
    let mut fine = String::with_capacity(name.len() + 1);
    if !begins_well {
        fine.push('_');
    }
    for letter in name.chars() {
        if is_fine(letter) && (is_utf8 || letter != '_') {
            fine.push(letter);
        } else if is_utf8 || !fine.ends_with('_') {
            fine.push('_');
        }
    }
    Cow::Owned(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_opentelemetrys_rules_for_prometheus() {
        let counter = |name, unit| metric(name, unit, Kind::Counter, false);
        for (name, unit, expected) in [
            ("http.requests", "", "http_requests_total"),
            ("http.requests.total", "", "http_requests_total"),
            ("sent_total", "bytes", "sent_bytes_total"),
            ("sent.bytes", "bytes", "sent_bytes_total"),
            ("kilobytes.sent", "bytes", "kilobytes_sent_bytes_total"),
            ("bytes.sent", "bytes", "bytes_sent_total"),
            ("total", "", "total_total"),
            ("a--b__c", "", "a_b_c_total"),
            ("(lambda).calls(#)", "", "_lambda_calls_total"),
            ("2xx", "", "_2xx_total"),
            ("ns:jobs", "", "ns:jobs_total"),
            ("é", "", "_total"),
            ("", "bytes", ""),
        ] {
            assert_eq!(counter(name, unit), expected, "{name}");
        }
        let histogram = |name, unit| metric(name, unit, Kind::Histogram, true);
        assert_eq!(histogram("rpc.duration é", "seconds"), "rpc.duration_é_seconds");
        assert_eq!(histogram("rpc.seconds", "seconds"), "rpc.seconds");
        assert_eq!(metric("rpc.calls.total", "", Kind::Counter, true), "rpc.calls_total");
        for (name, expected) in [
            ("http.route", "http_route"),
            ("le", "exported_le"),
            ("__name__", "_name_"),
            ("a:b", "a_b"),
            ("1st", "_1st"),
            ("", "_"),
        ] {
            assert_eq!(label(name, false), expected);
        }
        assert_eq!(label("__name__", true), "exported_name__");
        assert_eq!(label("http.route", true), "http.route");
    }
}
