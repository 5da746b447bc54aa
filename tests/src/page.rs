//! A strict reader of the text exposition: it takes nothing that the format only tolerates.
//!
//! It shares no code with the library, so that an error of the writer is not undone by the same
//! error of the reader.

use std::collections::{BTreeMap, BTreeSet};

/// What a scraper got, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Each family's type, by its name.
    pub types: BTreeMap<String, String>,
    /// Each sample's value by `name{label="value",..}`, the labels in alphabetical order.
    pub samples: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
}

type Samples = BTreeMap<Series, f64>;

impl Page {
    /// Reads a page, or says what is wrong with which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut types = BTreeMap::new();
        let mut samples = Samples::new();
        let mut current = Family::default();
        let mut seen = BTreeSet::new();
        let Some(lines) = text.strip_suffix('\n') else {
            return if text.is_empty() {
                Ok(Self { types, samples: BTreeMap::new() })
            } else {
                Err("the last line has no end".to_owned())
            };
        };
        for (index, line) in lines.split('\n').enumerate() {
            let wrong = |what: &str| Err(format!("line {}: {what}: {line}", index + 1));
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap_or((help, ""));
                current = Family { name: name.to_owned(), kind: String::new(), samples: 0 };
                if !seen.insert(name.to_owned()) {
                    return wrong("a family in two places, or with two helps");
                }
                if !is_name(name, true) || !is_escaped(help, false) {
                    return wrong("a wrong name or escape");
                }
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let Some((name, kind)) = kind.split_once(' ') else { return wrong("no type") };
                if name != current.name || !current.kind.is_empty() || current.samples > 0 {
                    return wrong("a type that does not follow its family's help");
                }
                if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                    return wrong("an unknown type");
                }
                kind.clone_into(&mut current.kind);
                types.insert(name.to_owned(), kind.to_owned());
            } else {
                let Some((series, value)) = sample(line) else { return wrong("not a sample") };
                if !current.holds(&series) {
                    return wrong("a sample outside of its family");
                }
                if current.kind != "gauge" && !(value >= 0.0 || series.name.ends_with("_sum")) {
                    return wrong("less than nothing was counted");
                }
                current.samples += 1;
                if samples.insert(series, value).is_some() {
                    return wrong("a series twice");
                }
            }
        }
        for name in types.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            histogram(name, &samples)?;
        }
        let samples = samples.into_iter().map(|(series, value)| (series.key(), value)).collect();
        Ok(Self { types, samples })
    }

    /// The value of a sample that must be there.
    pub fn at(&self, key: &str) -> f64 {
        self.value(key).unwrap_or_else(|| panic!("no `{key}` in {:#?}", self.samples))
    }

    /// A sample's value, by its key as [`Page::samples`] has it.
    pub fn value(&self, key: &str) -> Option<f64> {
        self.samples.get(key).copied()
    }

    /// Fails unless the page has all these samples.
    #[track_caller]
    pub fn assert(&self, samples: &[(&str, f64)]) {
        for (key, value) in samples {
            assert_eq!(self.value(key), Some(*value), "{key}\n{:#?}", self.samples);
        }
    }

    /// Fails unless the outcomes of these labels are: ok, error, panic, cancelled.
    #[track_caller]
    pub fn assert_outcomes(&self, name: &str, labels: &str, expected: [f64; 4]) {
        let found = ["ok", "error", "panic", "cancelled"].map(|outcome| {
            let mut labels: Vec<_> = labels.split(',').filter(|label| !label.is_empty()).collect();
            let outcome = format!("outcome=\"{outcome}\"");
            labels.push(&outcome);
            labels.sort_unstable();
            self.value(&format!("{name}{{{}}}", labels.join(",")))
        });
        assert_eq!(found, expected.map(Some), "{name}{{{labels}}}\n{:#?}", self.samples);
    }

    /// How many series a family has.
    pub fn series(&self, name: &str) -> usize {
        let ours = |key: &&String| key.split('{').next() == Some(name);
        self.samples.keys().filter(ours).count()
    }

    /// The cumulative buckets of a histogram: `(upper bound, count)`, the last bound infinite.
    /// `labels` as in a key, without braces.
    pub fn buckets(&self, name: &str, labels: &str) -> Vec<(f64, f64)> {
        let wanted = if labels.is_empty() {
            BTreeMap::new()
        } else {
            sample(&format!("x{{{labels}}} 0")).expect("labels as in a key").0.labels
        };
        let mut buckets: Vec<_> = self
            .samples
            .iter()
            .filter_map(|(key, count)| {
                let (mut series, _) = sample(&format!("{key} 0"))?;
                let bound = series.labels.remove("le")?;
                let ours = series.name.strip_suffix("_bucket") == Some(name);
                (ours && series.labels == wanted).then_some((number(&bound)?, *count))
            })
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

/// The samples of a page or of a part of one, without any judgement of what they are samples of:
/// another writer's may be wrong in ways that a test is about.
pub fn samples(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (series, value) = sample(line).ok_or_else(|| format!("not a sample: {line}"))?;
        if samples.insert(series.key(), value).is_some() {
            return Err(format!("a series twice: {line}"));
        }
    }
    Ok(samples)
}

#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    samples: usize,
}

impl Family {
    fn holds(&self, series: &Series) -> bool {
        let suffix = series.name.strip_prefix(&self.name);
        match suffix {
            Some("") => ["counter", "gauge", "untyped", "summary"].contains(&&*self.kind),
            Some("_sum" | "_count") => ["histogram", "summary"].contains(&&*self.kind),
            Some("_bucket") => self.kind == "histogram" && series.labels.contains_key("le"),
            _ => false,
        }
    }
}

impl Series {
    fn key(&self) -> String {
        let labels: Vec<_> =
            self.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        if labels.is_empty() {
            self.name.clone()
        } else {
            format!("{}{{{}}}", self.name, labels.join(","))
        }
    }
}

/// `name{label="value",..} number`: no timestamp, no space too many. Label values stay escaped.
fn sample(line: &str) -> Option<(Series, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, value) = rest.split_once("=\"")?;
            let end = end_of_value(value)?;
            let (value, after) = value.split_at(end);
            if !is_name(label, false) || !is_escaped(value, true) {
                return None;
            }
            if labels.insert(label.to_owned(), value.to_owned()).is_some() {
                return None;
            }
            rest = after.strip_prefix('"')?;
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = rest.strip_prefix(',')?;
        }
    }
    let value = number(rest.strip_prefix(' ')?)?;
    is_name(name, true).then(|| (Series { name: name.to_owned(), labels }, value))
}

/// The place of the first quote that no backslash precedes.
fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

/// Only `\\` and `\n` are escapes, in label values `\"` too.
fn is_escaped(text: &str, quoted: bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'\\' => match bytes.next() {
                Some(b'\\' | b'n') => true,
                Some(b'"') => quoted,
                _ => false,
            },
            b'"' => !quoted,
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    true
}

fn is_name(text: &str, colons: bool) -> bool {
    let head = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (colons && byte == b':');
    text.bytes().next().is_some_and(head)
        && text.bytes().all(|byte| head(byte) || byte.is_ascii_digit())
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// Buckets never fall, the last is infinite and the count, and there is a sum.
fn histogram(name: &str, samples: &Samples) -> Result<(), String> {
    let of = |suffix: &str| {
        let name = format!("{name}{suffix}");
        samples.iter().filter(move |(series, _)| series.name == name)
    };
    let mut rows: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for (series, value) in of("_bucket") {
        let mut labels = series.labels.clone();
        let bound = labels.remove("le").and_then(|bound| number(&bound));
        let bound = bound.ok_or_else(|| format!("{}: a wrong bound", series.key()))?;
        rows.entry(labels).or_default().push((bound, *value));
    }
    for (labels, buckets) in &mut rows {
        let row = Series { name: name.to_owned(), labels: labels.clone() };
        let same = |suffix| of(suffix).find(|(s, _)| s.labels == *labels).map(|(_, v)| *v);
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let falls = buckets.windows(2).any(|pair| pair[0].1 > pair[1].1);
        let last = buckets.last().copied();
        if falls || last != same("_count").map(|count| (f64::INFINITY, count)) {
            return Err(format!("{}: buckets and count disagree", row.key()));
        }
        if same("_sum").is_none() {
            return Err(format!("{}: no sum", row.key()));
        }
    }
    if of("_sum").count() == rows.len() && of("_count").count() == rows.len() {
        Ok(())
    } else {
        Err(format!("{name}: a sum or a count without buckets"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        "# HELP a_total Of \\\\ and \\n.\n# TYPE a_total counter\n",
        "a_total{b=\"1\",a=\"q\\\"}, \\\\\"} 3\na_total{b=\"2\"} 0\n",
        "# HELP h \n# TYPE h histogram\n",
        "h_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1.5e0\nh_count 2\n",
    );

    #[test]
    fn a_good_page_is_read() {
        let page = Page::parse(GOOD).unwrap();
        assert_eq!(page.types["h"], "histogram");
        assert_eq!(page.value("a_total{a=\"q\\\"}, \\\\\",b=\"1\"}"), Some(3.0));
        assert_eq!(page.buckets("h", ""), [(0.5, 1.0), (f64::INFINITY, 2.0)]);
        assert_eq!(page.samples.len(), 6);
    }

    #[test]
    fn each_fault_is_found() {
        for (from, to) in [
            ("h_count 2\n", "h_count 2"),
            ("h_count 2\n", "h_count 3\n"),
            ("h_count 2\n", ""),
            ("h_sum 1.5e0\n", ""),
            ("h_bucket{le=\"+Inf\"} 2\n", ""),
            ("h_bucket{le=\"0.5\"} 1\n", "h_bucket{le=\"0.5\"} 3\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"} 0\na_total{b=\"2\"} 0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"} -1\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"} NaN\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"}  0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"} 0 17\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\",} 0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\",b=\"2\"} 0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b:c=\"2\"} 0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"\\t\"} 0\n"),
            ("a_total{b=\"2\"} 0\n", "a_total{b=\"2\"} inf\n"),
            ("a_total{b=\"2\"} 0\n", "b_total{b=\"2\"} 0\n"),
            ("a_total{b=\"2\"} 0\n", "\n"),
            ("\\n.\n", "\\t.\n"),
            ("# TYPE h histogram\n", ""),
            ("# TYPE h histogram\n", "# TYPE h counter\n"),
            ("# TYPE h histogram\n", "# TYPE h thing\n"),
            ("# HELP h \n", ""),
            ("# HELP h \n", "# HELP a_total \n"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let page = GOOD.replace(from, to);
            assert!(Page::parse(&page).is_err(), "taken:\n{page}");
        }
    }
}
