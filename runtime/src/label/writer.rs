//! The destination of the text of label values: a key, a digest, or a comparison.

use core::fmt::{self, Write};

use crate::declare::descriptor::Label;
use crate::model::text::{MAX_LABEL_VALUE_LEN, cut};
use crate::segment::tally::note_cut_label_value;

use super::LabelValue;
use super::digest::Written;
use super::strings::parse;

/// The value of open labels in the one series that takes all values beyond a family's `max_series`.
const OTHER: &str = "_other";

/// Receives the text of one label value.
///
/// ```
/// use std::fmt::Write;
///
/// use headcount::{LabelValue, LabelWriter};
///
/// struct Version(u8, u8);
///
/// impl LabelValue for Version {
///     fn write_label(&self, out: &mut LabelWriter<'_>) {
///         // It has `fmt::Write`, and never fails.
///         let _ = write!(out, "{}.{}", self.0, self.1);
///     }
/// }
///
/// assert_eq!(headcount::testing::label_of(&Version(1, 4)), "1.4");
/// ```
pub struct LabelWriter<'a> {
    pub(super) out: Out<'a>,
    left: usize,
    is_cut: bool,
}

impl fmt::Debug for LabelWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelWriter").field("left", &self.left).finish_non_exhaustive()
    }
}

/// What is done with the text. A lookup doesn't copy it but makes a digest of it; if the digest
/// doesn't determine the text, the text is compared as it is written.
pub(super) enum Out<'a> {
    Key(&'a mut Key),
    Text(&'a mut String),
    Digest(&'a mut Written),
    /// The rest of the value with which the text is compared; `None` once they differ.
    Compare(Option<&'a [u8]>),
}

impl<'a> LabelWriter<'a> {
    #[inline]
    pub(super) fn new(out: Out<'a>) -> Self {
        Self { out, left: MAX_LABEL_VALUE_LEN, is_cut: false }
    }

    /// Appends to the value.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        let text = if text.len() <= self.left { text } else { self.cut(text) };
        self.left -= text.len();
        match &mut self.out {
            Out::Key(key) => key.push(text.as_bytes()),
            Out::Text(out) => out.push_str(text),
            Out::Digest(written) => written.push(text.as_bytes()),
            Out::Compare(rest) => {
                *rest = rest.and_then(|rest| rest.strip_prefix(text.as_bytes()));
            }
        }
    }

    #[cold]
    fn cut<'t>(&mut self, text: &'t str) -> &'t str {
        let beginning = cut(text, self.left);
        // Anything that follows would not be the beginning of the text any more.
        self.left = beginning.len();
        self.is_cut = true;
        beginning
    }

    /// Runs `write` and appends what it wrote to `text`.
    pub(crate) fn with(text: &mut String, write: impl FnOnce(&mut LabelWriter<'_>)) {
        write(&mut LabelWriter::new(Out::Text(text)));
    }
}

impl Write for LabelWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

/// Several label values as a record encodes them: length and bytes of each, one after the other.
/// Small keys stay on the stack.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    small: [u8; INLINE],
    used: usize,
    large: Vec<u8>,
}

const INLINE: usize = 128;

impl Key {
    pub(crate) fn new() -> Self {
        Self { small: [0; INLINE], used: 0, large: Vec::new() }
    }

    #[inline]
    pub(crate) fn value<V: LabelValue + ?Sized>(&mut self, value: &V) {
        let start = self.len();
        self.push(&[0, 0]);
        let mut writer = LabelWriter::new(Out::Key(self));
        value.write_label(&mut writer);
        if writer.is_cut {
            note_cut_label_value();
        }
        let len = u16::try_from(self.len() - start - 2).unwrap_or(u16::MAX).to_le_bytes();
        let bytes = if self.large.is_empty() { &mut self.small[..] } else { &mut self.large[..] };
        if let Some(place) = bytes.get_mut(start..start + 2) {
            place.copy_from_slice(&len);
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if self.large.is_empty() {
            if let Some(free) = self.small.get_mut(self.used..self.used + bytes.len()) {
                free.copy_from_slice(bytes);
                self.used += bytes.len();
                return;
            }
            self.large.extend_from_slice(&self.small[..self.used]);
        }
        self.large.extend_from_slice(bytes);
    }

    /// The key of the row `_other`: `_other` for each open label, and the given value for each
    /// closed one.
    pub(crate) fn others(&self, labels: &[Label]) -> Self {
        let mut others = Self::new();
        let labels = labels.iter().filter(|label| !matches!(label, Label::Const(..)));
        for (label, given) in labels.zip(parse(self.bytes())) {
            others.value(if label.is_open() { OTHER } else { given });
        }
        others
    }

    /// The number of values.
    pub(crate) fn count(&self) -> usize {
        parse(self.bytes()).count()
    }

    fn len(&self) -> usize {
        if self.large.is_empty() { self.used } else { self.large.len() }
    }

    #[cfg(test)]
    pub(super) fn of(values: &[u8]) -> Self {
        let mut key = Self::new();
        key.push(values);
        key
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        if self.large.is_empty() { &self.small[..self.used] } else { &self.large }
    }
}
