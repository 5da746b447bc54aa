//! The lines of an exposition, for both text formats.

use core::mem::take;
use std::time::UNIX_EPOCH;

use crate::model::text::is_name;
use crate::model::{Exemplar, HistogramValue, Series};

use super::escaping::{Escaping, Named, Of};
use super::exemplar::{exemplar_of, ids};
use super::number::{canonical, integer, seconds};
use super::pieces::{Outlet, PIECE};

/// A page that is being written. It is handed on in pieces, and never in memory as a whole.
pub(super) struct Page {
    /// The text that is not handed on yet.
    pub(super) out: String,
    outlet: Outlet,
    escaping: Escaping,
    /// Whether the current family's name is written in quotes.
    is_quoted: bool,
    /// How its labels' names are escaped; `None`: they are written as they are.
    labels_as: Option<Escaping>,
    /// Whether whole values have a decimal point.
    has_points: bool,
    /// The labels of the current series: a histogram repeats them for each bucket.
    labels: String,
    /// What all lines of the current histogram's buckets begin with.
    bucket: String,
    /// A cache of what follows it: bounds as labels. All series of a family have the same bounds,
    /// and finding a number's shortest decimal takes longer than writing the rest of the line.
    bounds: Vec<(u64, String)>,
}

impl Page {
    pub(super) fn new(outlet: Outlet, escaping: Escaping, has_points: bool) -> Self {
        Self {
            out: String::new(),
            outlet,
            escaping,
            is_quoted: false,
            labels_as: None,
            has_points,
            labels: String::new(),
            bucket: String::new(),
            bounds: Vec::new(),
        }
    }

    /// Whether there is a piece to hand on. To be asked between two lines.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= PIECE
    }

    /// Hands the text on, and waits until more is wanted.
    pub(super) async fn hand_on(&mut self) {
        let piece = take(&mut self.out).into_bytes();
        // The buffer is empty.
        self.out = String::from_utf8(self.outlet.give(piece).await).unwrap_or_default();
    }

    /// Hands the rest on.
    pub(super) fn end(self) {
        self.outlet.end(self.out.into_bytes());
    }

    /// Sets the family whose lines follow.
    pub(super) fn begin_family(&mut self, family: &Named<'_>) {
        self.is_quoted = family.is_quoted;
        self.labels_as = (!family.has_plain_labels).then_some(self.escaping);
    }

    /// Begins a line that describes a family, up to and including the name.
    pub(super) fn describe(&mut self, what: &str, name: &str, suffix: &str) {
        self.out.push_str(what);
        self.name(name, suffix);
        self.out.push(' ');
    }

    #[inline]
    fn name(&mut self, name: &str, suffix: &str) {
        if self.is_quoted {
            self.out.push('"');
            escape(&mut self.out, name, true);
            self.out.push_str(suffix);
            self.out.push('"');
        } else {
            self.out.push_str(name);
            self.out.push_str(suffix);
        }
    }

    /// Writes name and labels of a sample, up to the brace that closes them. Returns whether one is
    /// open.
    #[inline]
    fn open(&mut self, name: &str, suffix: &str) -> bool {
        if self.is_quoted {
            // The name is the first of what stands in braces.
            self.out.push('{');
            self.name(name, suffix);
            if let Some(labels) = self.labels.get(1..) {
                self.out.push(',');
                self.out.push_str(labels);
            }
        } else {
            self.name(name, suffix);
            self.out.push_str(&self.labels);
        }
        self.is_quoted || !self.labels.is_empty()
    }

    /// Sets the series whose samples follow.
    #[inline]
    pub(super) fn begin(&mut self, series: &Series) {
        self.labels.clear();
        write_labels(&mut self.labels, series, self.labels_as);
    }

    /// Begins the only sample of a series, up to its value. Its labels are written once.
    #[inline]
    pub(super) fn only_sample(&mut self, name: &str, suffix: &str, series: &Series) -> &mut String {
        if self.is_quoted {
            self.begin(series);
            return self.sample(name, suffix);
        }
        self.out.push_str(name);
        if !suffix.is_empty() {
            self.out.push_str(suffix);
        }
        let is_open = write_labels(&mut self.out, series, self.labels_as);
        self.out.push_str(if is_open { "} " } else { " " });
        &mut self.out
    }

    /// Begins a sample of the series, up to its value.
    #[inline]
    pub(super) fn sample(&mut self, name: &str, suffix: &str) -> &mut String {
        let is_open = self.open(name, suffix);
        self.out.push_str(if is_open { "} " } else { " " });
        &mut self.out
    }

    /// Writes the samples of a histogram's buckets, with their exemplars, which ascend by their
    /// values.
    pub(super) async fn buckets(
        &mut self,
        name: &str,
        histogram: &HistogramValue,
        mut exemplars: &[Exemplar],
    ) {
        self.begin_buckets(name);
        for (nth, bucket) in histogram.buckets.iter().enumerate() {
            self.bucket(nth, bucket.le, bucket.count);
            self.exemplar(exemplar_of(&mut exemplars, bucket.le));
            self.out.push('\n');
            // One histogram can be 66 MB: its labels are in every line.
            if self.is_full() {
                self.hand_on().await;
            }
        }
    }

    fn begin_buckets(&mut self, name: &str) {
        let from = self.out.len();
        let is_open = self.open(name, "_bucket");
        self.out.push(if is_open { ',' } else { '{' });
        self.bucket.clear();
        self.bucket.push_str(self.out.get(from..).unwrap_or_default());
        self.out.truncate(from);
    }

    #[inline]
    fn bucket(&mut self, nth: usize, le: f64, count: u64) {
        let bits = le.to_bits();
        if self.bounds.get(nth).is_none_or(|(known, _)| *known != bits) {
            self.bounds.truncate(nth);
            self.bounds.push((bits, bound(le)));
        }
        let bound = self.bounds.get(nth).map_or("", |(_, text)| text);
        self.out.reserve(self.bucket.len() + bound.len() + LONGEST);
        self.out.push_str(&self.bucket);
        self.out.push_str(bound);
        self.digits(count);
    }

    /// Writes what follows a sample's value: an exemplar.
    #[inline]
    pub(super) fn exemplar(&mut self, exemplar: Option<&Exemplar>) {
        if let Some(exemplar) = exemplar {
            self.write_exemplar(exemplar);
        }
    }

    #[cold]
    fn write_exemplar(&mut self, exemplar: &Exemplar) {
        let out = &mut self.out;
        let [trace, span] = ids(exemplar);
        out.push_str(" # {trace_id=\"");
        out.push_str(&trace);
        out.push_str("\",span_id=\"");
        out.push_str(&span);
        out.push_str("\"} ");
        canonical(out, exemplar.value);
        if let Ok(since) = exemplar.time.duration_since(UNIX_EPOCH) {
            out.push(' ');
            seconds(out, since);
        }
    }

    /// Writes the only sample of a series, whose value is a whole number.
    #[inline]
    pub(super) fn only_whole(&mut self, name: &str, suffix: &str, series: &Series, value: u64) {
        self.only_sample(name, suffix, series);
        self.digits(value);
        self.out.push('\n');
    }

    /// Writes the only sample of a series, whose value `write` formats.
    pub(super) fn only_number(
        &mut self,
        name: &str,
        series: &Series,
        value: f64,
        write: fn(&mut String, f64),
    ) {
        let write = if self.has_points { canonical } else { write };
        let out = self.only_sample(name, "", series);
        write(out, value);
        out.push('\n');
    }

    /// Writes a sample whose value is a whole number.
    pub(super) fn whole(&mut self, name: &str, suffix: &str, value: u64) {
        self.sample(name, suffix);
        self.digits(value);
        self.out.push('\n');
    }

    /// Writes a value that is a whole number.
    #[expect(clippy::cast_precision_loss, reason = "who wants a point reads floats")]
    pub(super) fn digits(&mut self, value: u64) {
        if self.has_points {
            canonical(&mut self.out, value as f64);
        } else {
            integer(&mut self.out, value);
        }
    }

    /// Writes a sample whose value `write` formats.
    pub(super) fn number(
        &mut self,
        name: &str,
        suffix: &str,
        value: f64,
        write: fn(&mut String, f64),
    ) {
        let write = if self.has_points { canonical } else { write };
        let out = self.sample(name, suffix);
        write(out, value);
        out.push('\n');
    }
}

/// Writes the labels of a series, up to the brace that closes them. Returns whether one is open.
#[inline]
fn write_labels(out: &mut String, series: &Series, escaping: Option<Escaping>) -> bool {
    let mut is_open = false;
    for (label, value) in &series.labels {
        out.push(if is_open { ',' } else { '{' });
        is_open = true;
        match escaping {
            None => out.push_str(label),
            Some(escaping) => write_label(out, label, escaping),
        }
        out.push_str("=\"");
        escape(out, value, true);
        out.push('"');
    }
    is_open
}

/// Writes a label's name, escaped or in quotes.
#[cold]
fn write_label(out: &mut String, label: &str, escaping: Escaping) {
    if escaping == Escaping::AllowUtf8 && !is_name(label, false) {
        out.push('"');
        escape(out, label, true);
        out.push('"');
    } else {
        out.push_str(&escaping.escaped(label, Of::Label));
    }
}

/// The longest whole number, and the line feed.
const LONGEST: usize = 21;

/// A bound as the last label of a line, and what is between it and the number.
#[cold]
fn bound(le: f64) -> String {
    let mut text = String::from("le=\"");
    canonical(&mut text, le);
    text.push_str("\"} ");
    text
}

/// Appends text, and escapes backslashes, line feeds and, if `quotes` is set, quotes.
#[inline]
pub(super) fn escape(out: &mut String, text: &str, quotes: bool) {
    if is_plain(text.as_bytes()) {
        out.push_str(text);
    } else {
        escape_each(out, text, quotes);
    }
}

/// Whether there is neither a backslash, a line feed nor a quote. Looks at eight bytes at a time:
/// a page has a value in nearly each line, and hardly one has such a byte.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else { return !text.iter().any(|byte| is_special(*byte)) };
    let eights = text.chunks_exact(8).filter_map(<[u8]>::first_chunk);
    !eights.chain([last]).any(|eight| has_special(u64::from_le_bytes(*eight)))
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'\n' | b'"')
}

/// Whether one of the eight bytes is special: the difference to it has a byte that is 0
/// (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>).
#[inline]
fn has_special(eight: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let is = |byte: u8| zeros(eight ^ u64::from_le_bytes([byte; 8]));
    is(b'\\') | is(b'\n') | is(b'"') != 0
}

#[cold]
fn escape_each(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    let is_meant = |byte: &u8| is_special(*byte) && (*byte != b'"' || quotes);
    while let Some(at) = rest.as_bytes().iter().position(is_meant) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match from.as_bytes().first() {
            Some(b'\n') => "\\n",
            Some(b'"') => "\\\"",
            _ => "\\\\",
        });
        rest = from.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_at_every_place() {
        for length in 0..40 {
            let plain = "é".repeat(length) + "x";
            let mut out = String::new();
            escape(&mut out, &plain, true);
            assert_eq!(out, plain);
            for at in 0..length {
                for (special, escaped) in [('\\', "\\\\"), ('\n', "\\n"), ('"', "\\\"")] {
                    let (before, after) = plain.split_at(at * 2);
                    for (quotes, special_or) in [(true, escaped), (false, "\"")] {
                        let expected = if special == '"' { special_or } else { escaped };
                        let mut out = String::new();
                        escape(&mut out, &format!("{before}{special}{after}"), quotes);
                        assert_eq!(out, format!("{before}{expected}{after}"));
                    }
                }
            }
        }
    }

    #[test]
    fn no_other_byte_is_special() {
        let all: Vec<u8> = (0..=255).collect();
        for byte in all {
            for at in 0..8 {
                let mut eight = [b'!'; 8];
                eight[at] = byte;
                assert_eq!(has_special(u64::from_le_bytes(eight)), is_special(byte), "{byte}");
            }
        }
    }
}
