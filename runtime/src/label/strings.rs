//! Label values as a record encodes them, and the sets of values of a site's series. This module is
//! pure.

use crate::declare::descriptor::Label;
#[cfg(test)]
use crate::segment::records::put_string;

/// Encodes strings as in a record.
#[cfg(test)]
pub(crate) fn strings<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        put_string(&mut out, value);
    }
    out
}

/// Decodes such a list without copying. It ends at anything that is not a string.
pub(crate) fn parse(mut bytes: &[u8]) -> impl Iterator<Item = &str> {
    core::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        bytes = rest;
        Some(core::str::from_utf8(value).unwrap_or_default())
    })
}

/// The values of labels that are all closed: one set for each label.
pub(crate) fn closed(labels: &'static [Label]) -> Vec<Vec<&'static str>> {
    let values = labels.iter().map(|label| match label {
        Label::Const(_, value) => vec![*value],
        Label::Of(_, values) => values.to_vec(),
        Label::Open(_) => vec![],
    });
    values.collect()
}

/// One set of values: constants as declared, all others from `given`, in order.
pub(crate) fn single<'a>(labels: &'static [Label], given: &'a [u8]) -> Vec<Vec<&'a str>> {
    let mut given = parse(given);
    let values = labels.iter().map(|label| match label {
        Label::Const(_, value) => vec![*value],
        Label::Open(_) | Label::Of(..) => vec![given.next().unwrap_or_default()],
    });
    values.collect()
}
