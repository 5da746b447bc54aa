//! One line of an exposition: what both text formats share.

use core::fmt::{Display, Formatter, Result, Write};

use super::number::Canonical;
use crate::collect::Series;

/// A sample of a series: its name, its labels, and the bound of its bucket if it is one.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) suffix: &'static str,
    pub(super) series: &'a Series,
    pub(super) le: Option<f64>,
}

impl<'a> Sample<'a> {
    pub(super) fn of(name: &'a str, suffix: &'static str, series: &'a Series) -> Self {
        Self { name, suffix, series, le: None }
    }

    pub(super) fn write(self, out: &mut String, value: impl Display) -> Result {
        out.push_str(self.name);
        out.push_str(self.suffix);
        let mut separator = '{';
        for (label, value) in &self.series.labels {
            write!(out, "{separator}{label}=\"{}\"", Escaped { text: value, quotes: true })?;
            separator = ',';
        }
        if let Some(le) = self.le {
            write!(out, "{separator}le=\"{}\"", Canonical(le))?;
            separator = ',';
        }
        out.push_str(if separator == ',' { "} " } else { " " });
        writeln!(out, "{value}")
    }
}

/// Backslashes and line feeds, and quotes where they count.
pub(super) struct Escaped<'a> {
    pub(super) text: &'a str,
    pub(super) quotes: bool,
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut rest = self.text;
        while let Some(at) = rest.find(|c| matches!(c, '\\' | '\n') || (c == '"' && self.quotes)) {
            let (plain, from) = rest.split_at(at);
            f.write_str(plain)?;
            f.write_str(match from.as_bytes().first() {
                Some(b'\n') => "\\n",
                Some(b'"') => "\\\"",
                _ => "\\\\",
            })?;
            rest = from.get(1..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}
