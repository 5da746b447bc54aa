//! The headers `Accept` and `Accept-Encoding`: which format a client wants.
//!
//! Written by hand: these lines replace a parser of media types and the crates of HTTP types that
//! such a parser depends on.

use super::escaping::Escaping;
use super::format::{Format, Scheme};

/// What a client gets: a format, and the escaping scheme that it named for names.
///
/// The best quality wins, and of equal ones the first in the header. A client must ask for anything
/// but text by name: a browser's `*/*` gets the text format, which people read.
pub(super) fn preferred(accept: &str) -> (Format, Option<Escaping>) {
    let ranges: Vec<Range> = elements(accept, ',').filter_map(Range::parse).collect();
    let wishes = Format::ALL.iter().filter_map(|format| Wish::of(*format, &ranges));
    let best = wishes.max_by_key(|wish| (wish.quality, core::cmp::Reverse(wish.at)));
    let Some(wish) = best else { return (Format::Text, None) };
    let named = ranges.get(wish.at).and_then(|range| range.escaping);
    let escaping = match wish.format.scheme() {
        Scheme::Fixed => None,
        Scheme::OnTheElement => named,
        Scheme::Anywhere => named.or_else(|| ranges.iter().find_map(|range| range.escaping)),
    };
    (wish.format, escaping)
}

/// How much a client wants a format.
struct Wish {
    format: Format,
    quality: u16,
    /// The element that decided.
    at: usize,
}

impl Wish {
    fn of(format: Format, ranges: &[Range]) -> Option<Self> {
        let fitting = ranges.iter().enumerate().filter_map(|(at, range)| {
            let rank = range.rank(format)?;
            Some((rank, core::cmp::Reverse(at), range.quality))
        });
        // Of equally specific ranges the first counts.
        let (rank, core::cmp::Reverse(at), quality) = fitting.max()?;
        (quality > 0 && rank >= format.least()).then_some(Self { format, quality, at })
    }
}

/// How specific a range is; the most specific one that matches counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Anything,
    Kind,
    Named,
    /// With the version, or with the parameters that make a protobuf what we write.
    Exact,
}

/// One element of the list.
#[derive(Debug, Default)]
struct Range {
    kind: String,
    subtype: String,
    version: Option<String>,
    proto: String,
    encoding: String,
    escaping: Option<Escaping>,
    /// In thousandths.
    quality: u16,
}

impl Range {
    /// `None` if the element violates the header's grammar. The other elements still count.
    fn parse(element: &str) -> Option<Self> {
        let mut parts = elements(element, ';');
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind: kind.trim().to_ascii_lowercase(),
            subtype: subtype.trim().to_ascii_lowercase(),
            quality: 1000,
            ..Self::default()
        };
        for parameter in parts.filter(|part| !part.trim().is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match &*name.trim().to_ascii_lowercase() {
                "version" => range.version = Some(value.to_owned()),
                "proto" => value.clone_into(&mut range.proto),
                "encoding" => value.clone_into(&mut range.encoding),
                "escaping" => range.escaping = Escaping::named(&value.to_ascii_lowercase()),
                "q" => range.quality = thousandths(value)?,
                // Other parameters are ignored: the charset is always UTF-8.
                _ => {}
            }
        }
        Some(range)
    }

    fn rank(&self, format: Format) -> Option<Rank> {
        let [kind, subtype, version] = format.media_type();
        match (&*self.kind, &*self.subtype, self.version.as_deref()) {
            ("*", "*", _) => Some(Rank::Anything),
            (k, "*", _) if k == kind => Some(Rank::Kind),
            (k, s, _) if (k, s) == (kind, subtype) && format == Format::Protobuf => {
                let is_ours = self.proto == "io.prometheus.client.MetricFamily"
                    && self.encoding == "delimited";
                is_ours.then_some(Rank::Exact)
            }
            (k, s, None) if (k, s) == (kind, subtype) => Some(Rank::Named),
            (k, s, Some(v)) if (k, s, v) == (kind, subtype, version) => Some(Rank::Exact),
            _ => None,
        }
    }
}

/// Whether a client takes gzip, by its header `Accept-Encoding`.
#[cfg(any(test, feature = "gzip"))]
pub(super) fn takes_gzip(accept_encoding: &str) -> bool {
    let mut any = false;
    for element in accept_encoding.split(',') {
        let mut parts = element.split(';');
        let coding = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut weight = 1000;
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if name.trim().eq_ignore_ascii_case("q") {
                weight = thousandths(value.trim()).unwrap_or(0);
            }
        }
        match &*coding {
            "gzip" | "x-gzip" => return weight > 0,
            "*" => any = weight > 0,
            _ => {}
        }
    }
    any
}

/// The parts between separators that are not inside quotes.
fn elements(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// Parses a quality: 0 to 1, with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = decimals.bytes().all(|b| b.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !all_digits {
        return None;
    }
    let value = format!("{whole}{decimals:0<3}").parse().ok()?;
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn each_prometheus_gets_what_it_prefers() {
        use Escaping::{AllowUtf8, Underscores};
        let open = ",application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            // 2.42, and the same with native histograms.
            (format!("application/openmetrics-text;version=1.0.0{open}"), (Format::OpenMetrics, None)),
            (format!("{PROTO},application/openmetrics-text;version=1.0.0;q=0.8{open}"), (Format::Protobuf, None)),
            // 2.53.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2".to_owned(),
                (Format::OpenMetrics, None),
            ),
            // 3.5, with native histograms, and with names of old only.
            (three.to_owned(), (Format::OpenMetrics, Some(AllowUtf8))),
            (format!("{PROTO};q=0.7,{three}"), (Format::Protobuf, Some(AllowUtf8))),
            (three.replace("allow-utf-8", "underscores"), (Format::OpenMetrics, Some(Underscores))),
            // VictoriaMetrics.
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1".to_owned(), (Format::Text, None)),
        ] {
            assert_eq!(preferred(&accept), expected, "{accept}");
        }
    }

    #[test]
    fn what_is_asked_for_by_name_is_given() {
        for (accept, format, escaping) in [
            ("application/openmetrics-text", Format::OpenMetrics, None),
            (
                "Application/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=utf-8",
                Format::OpenMetrics,
                None,
            ),
            ("application/openmetrics-text;q=0.001", Format::OpenMetrics, None),
            (
                "garbage, application/openmetrics-text;q=0.7, text/plain;q=2",
                Format::OpenMetrics,
                None,
            ),
            ("application/openmetrics-text; note=\"a, b; q=0\"", Format::OpenMetrics, None),
            ("application/openmetrics-text;q=0.2, text/plain;q=0", Format::OpenMetrics, None),
            ("application/openmetrics-text, text/plain", Format::OpenMetrics, None),
            (
                "application/openmetrics-text;version=1.0.0;escaping=DOTS",
                Format::OpenMetrics,
                Some(Escaping::Dots),
            ),
            ("application/openmetrics-text;escaping=rot13", Format::OpenMetrics, None),
            ("text/plain;version=1.0.0", Format::Text1, None),
            ("text/plain;version=1.0.0;escaping=values", Format::Text1, Some(Escaping::Values)),
            (
                "text/plain;q=0.9, text/plain;version=1.0.0;escaping=underscores",
                Format::Text1,
                Some(Escaping::Underscores),
            ),
            ("application/json", Format::Json, None),
            ("application/json;q=0.5, text/html;q=0.9", Format::Json, None),
            (PROTO, Format::Protobuf, None),
            (
                "text/plain;version=1.0.0;escaping=dots;q=0.1, application/vnd.google.protobuf;encoding=delimited;proto=io.prometheus.client.MetricFamily;q=0.2",
                Format::Protobuf,
                Some(Escaping::Dots),
            ),
        ] {
            assert_eq!(preferred(accept), (format, escaping), "{accept}");
        }
    }

    #[test]
    fn everyone_else_gets_text() {
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/*",
            "text/plain",
            "garbage",
            ";;;,,,/=\"",
            "text/plain, application/openmetrics-text",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.0, */*",
            "application/openmetrics-text;q=0.3, text/plain;q=0.5",
            "application/openmetrics-text;q=0.3, */*;q=0.5",
            "application/openmetrics-text;q=0.3, text/*;q=0.5",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text",
            "application/openmetrics-text;q=nan",
            "application/openmetrics-text;q=1.5",
            "application/openmetrics-text;q=-1",
            "application/openmetrics-text;q=0.5000",
            "application/openmetrics-text;q",
            "text/plain;version=0.0.4;escaping=allow-utf-8",
            "text/plain;version=2.0.0",
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            "application/vnd.google.protobuf;proto=other;encoding=delimited",
            "application/json;q=0",
        ] {
            assert_eq!(preferred(accept), (Format::Text, None), "{accept}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (header, takes) in [
            ("gzip", true),
            ("deflate, GZIP ;q=0.5", true),
            ("x-gzip", true),
            ("*", true),
            ("br;q=1.0, *;q=0.1", true),
            ("", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, *", false),
            ("*;q=0", false),
            ("gzip;q=much", false),
            ("gzipped", false),
        ] {
            assert_eq!(takes_gzip(header), takes, "{header}");
        }
    }
}
