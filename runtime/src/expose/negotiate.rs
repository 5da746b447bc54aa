//! The header `Accept`: which format a client wants.
//!
//! Written by hand: these lines replace a parser of media types and the crates of HTTP types that
//! such a parser depends on.

use super::Format;

/// The format to answer in. A client must ask for anything but text by name: a browser's `*/*` gets
/// the text format, which people read.
pub(crate) fn preferred(accept: &str) -> Format {
    let ranges: Vec<Range> = elements(accept, ',').filter_map(Range::parse).collect();
    let quality = |format: Format| {
        let fitting = ranges.iter().filter_map(|range| {
            let rank = range.rank(format.media_type())?;
            Some((rank, range.quality))
        });
        // Of equally specific ranges the first counts.
        fitting.rev().max_by_key(|(rank, _)| *rank)
    };
    let text = quality(Format::Text).map_or(0, |(_, quality)| quality);
    match quality(Format::OpenMetrics) {
        Some((rank, quality)) if rank >= Rank::Named && quality > 0 && quality >= text => {
            Format::OpenMetrics
        }
        _ => Format::Text,
    }
}

/// How specific a range is; the most specific one that matches counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Anything,
    Kind,
    Named,
    Version,
}

/// One element of the list.
#[derive(Debug)]
struct Range {
    kind: String,
    subtype: String,
    version: Option<String>,
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
            version: None,
            quality: 1000,
        };
        for parameter in parts.filter(|part| !part.trim().is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match &*name.trim().to_ascii_lowercase() {
                "version" => range.version = Some(value.to_owned()),
                "q" => range.quality = thousandths(value)?,
                // Other parameters are ignored: the charset is always UTF-8, and no name here needs
                // escaping.
                _ => {}
            }
        }
        Some(range)
    }

    fn rank(&self, [kind, subtype, version]: [&str; 3]) -> Option<Rank> {
        match (&*self.kind, &*self.subtype, self.version.as_deref()) {
            ("*", "*", _) => Some(Rank::Anything),
            (k, "*", _) if k == kind => Some(Rank::Kind),
            (k, s, None) if (k, s) == (kind, subtype) => Some(Rank::Named),
            (k, s, Some(v)) if (k, s, v) == (kind, subtype, version) => Some(Rank::Version),
            _ => None,
        }
    }
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

    #[test]
    fn openmetrics_is_for_those_who_prefer_it_by_name() {
        for accept in [
            // Prometheus 2.45, 2.53, 3 and 3 with protobuf.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=utf-8",
            "text/plain, application/openmetrics-text",
            "application/openmetrics-text;q=0.001",
            "garbage, application/openmetrics-text;q=0.7, text/plain;q=2",
            "application/openmetrics-text; note=\"a, b; q=0\"",
            "application/openmetrics-text;q=0.2, text/plain;q=0",
        ] {
            assert_eq!(preferred(accept), Format::OpenMetrics, "{accept}");
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
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ] {
            assert_eq!(preferred(accept), Format::Text, "{accept}");
        }
    }
}
