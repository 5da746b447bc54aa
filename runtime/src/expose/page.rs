//! The lines of an exposition, for both text formats.

use std::io::{self, Write};

use crate::model::{HistogramValue, Series};

use super::number::{canonical, integer};

/// The number of bytes that are handed to the sink at once.
const PIECE: usize = 64 << 10;

/// A page that is being written. Writing to a string cannot fail.
#[derive(Default)]
pub(crate) struct Page<'a> {
    /// The text that is not in the sink yet.
    pub(crate) out: String,
    sink: Option<&'a mut dyn Write>,
    /// Why the sink refused a piece. Everything after that is dropped.
    refused: Option<io::Error>,
    /// The labels of the current series: a histogram repeats them for each bucket.
    labels: String,
    /// A cache of bounds as text. All series of a family have the same bounds, and finding a
    /// number's shortest decimal takes longer than writing the rest of the line.
    bounds: Vec<(u64, String)>,
}

impl<'a> Page<'a> {
    /// A page that is handed to `sink` in pieces, and is never in memory as a whole.
    pub(crate) fn into_pieces(sink: &'a mut dyn Write) -> Self {
        Self { sink: Some(sink), ..Self::default() }
    }

    /// Hands the text to the sink once there are `enough` bytes. Called between two lines.
    fn hand_on(&mut self, enough: usize) {
        let Some(sink) = &mut self.sink else { return };
        if self.out.len() < enough {
            return;
        }
        if self.refused.is_none() {
            self.refused = sink.write_all(self.out.as_bytes()).err();
        }
        self.out.clear();
    }

    /// Hands the rest to the sink, and returns the error if the sink refused any piece.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.hand_on(0);
        self.refused.map_or(Ok(()), Err)
    }

    /// Begins a line that describes a family, up to and including the name.
    pub(crate) fn describe(&mut self, what: &str, name: &str, suffix: &str) {
        self.hand_on(PIECE);
        for part in [what, name, suffix, " "] {
            self.out.push_str(part);
        }
    }

    /// Sets the series whose samples follow.
    pub(crate) fn begin(&mut self, series: &Series) {
        self.labels.clear();
        for (label, value) in &series.labels {
            self.labels.push(if self.labels.is_empty() { '{' } else { ',' });
            self.labels.push_str(label);
            self.labels.push_str("=\"");
            escape(&mut self.labels, value, true);
            self.labels.push('"');
        }
    }

    /// Begins a sample of the series, up to its value.
    pub(crate) fn sample(&mut self, name: &str, suffix: &str) -> &mut String {
        self.hand_on(PIECE);
        self.out.push_str(name);
        self.out.push_str(suffix);
        self.out.push_str(&self.labels);
        self.out.push_str(if self.labels.is_empty() { " " } else { "} " });
        &mut self.out
    }

    /// Writes the samples of a histogram's buckets.
    pub(crate) fn buckets(&mut self, name: &str, histogram: &HistogramValue) {
        for (nth, bucket) in histogram.buckets.iter().enumerate() {
            self.bucket(name, nth, bucket.le, bucket.count);
        }
    }

    fn bucket(&mut self, name: &str, nth: usize, le: f64, count: u64) {
        let bits = le.to_bits();
        if self.bounds.get(nth).is_none_or(|(known, _)| *known != bits) {
            self.bounds.truncate(nth);
            let mut text = String::new();
            canonical(&mut text, le);
            self.bounds.push((bits, text));
        }
        self.hand_on(PIECE);
        let bound = self.bounds.get(nth).map_or("", |(_, text)| text);
        self.out.push_str(name);
        self.out.push_str("_bucket");
        self.out.push_str(&self.labels);
        self.out.push_str(if self.labels.is_empty() { "{le=\"" } else { ",le=\"" });
        self.out.push_str(bound);
        self.out.push_str("\"} ");
        integer(&mut self.out, count);
        self.out.push('\n');
    }

    /// Writes a sample whose value is a whole number.
    pub(crate) fn whole(&mut self, name: &str, suffix: &str, value: u64) {
        let out = self.sample(name, suffix);
        integer(out, value);
        out.push('\n');
    }

    /// Writes a sample whose value `write` formats.
    pub(crate) fn number(
        &mut self,
        name: &str,
        suffix: &str,
        value: f64,
        write: fn(&mut String, f64),
    ) {
        let out = self.sample(name, suffix);
        write(out, value);
        out.push('\n');
    }
}

/// Appends text, and escapes backslashes, line feeds and, if `quotes` is set, quotes.
pub(crate) fn escape(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    let is_meant = |byte: &u8| matches!(byte, b'\\' | b'\n') || (*byte == b'"' && quotes);
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
