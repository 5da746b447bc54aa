//! Names as the facade's users write them, and as Prometheus shows them.

use std::borrow::Cow;

/// Labels that Prometheus, the exposition or the collector adds.
const RESERVED: [&str; 3] = ["le", "quantile", "pid"];

/// The name of a metric. With `is_utf8`, only what no page can show is replaced.
pub(crate) fn metric<'a>(name: &'a str, ending: &str, is_utf8: bool) -> Cow<'a, str> {
    let name = words(name, true, is_utf8);
    if name.ends_with(ending) { name } else { Cow::Owned(format!("{name}{ending}")) }
}

/// The name of a label.
pub(crate) fn label(name: &str, is_utf8: bool) -> Cow<'_, str> {
    let name = words(name, false, is_utf8);
    if RESERVED.contains(&&*name) || name.starts_with("__") {
        return Cow::Owned(format!("exported_{}", name.trim_start_matches('_')));
    }
    name
}

fn words(name: &str, has_colons: bool, is_utf8: bool) -> Cow<'_, str> {
    let is_fine = |(at, c): (usize, char)| {
        if is_utf8 {
            return !c.is_whitespace() && !c.is_control();
        }
        c.is_ascii_alphabetic()
            || c == '_'
            || (c == ':' && has_colons)
            || (c.is_ascii_digit() && at > 0)
    };
    if !name.is_empty() && name.char_indices().all(is_fine) {
        return Cow::Borrowed(name);
    }
    let mut fine = String::new();
    for (at, c) in name.char_indices() {
        if is_fine((at, c)) {
            fine.push(c);
        } else if at == 0 && c.is_ascii_digit() {
            fine.extend(['_', c]);
        } else {
            fine.push('_');
        }
    }
    if fine.is_empty() {
        fine.push('_');
    }
    Cow::Owned(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_prometheus_reads() {
        for (name, expected) in [
            ("jobs", "jobs_total"),
            ("jobs_total", "jobs_total"),
            ("http.server-requests", "http_server_requests_total"),
            ("ns:jobs", "ns:jobs_total"),
            ("2xx", "_2xx_total"),
            ("é", "__total"),
            ("", "__total"),
        ] {
            assert_eq!(metric(name, "_total", false), expected);
        }
        assert_eq!(metric("http.duration é", "", true), "http.duration_é");
        for (name, expected) in [
            ("method", "method"),
            ("le", "exported_le"),
            ("__name__", "exported_name__"),
            ("a:b", "a_b"),
            ("1st", "_1st"),
        ] {
            assert_eq!(label(name, false), expected);
        }
        assert_eq!(label("http.route", true), "http.route");
    }
}
