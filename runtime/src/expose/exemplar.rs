//! Exemplars, as the formats that have them write them.

use crate::model::Exemplar;

/// Takes the exemplar of the bucket with this bound, if it has one. The exemplars ascend by their
/// values, and have a bucket each.
pub(super) fn exemplar_of<'a>(exemplars: &mut &'a [Exemplar], le: f64) -> Option<&'a Exemplar> {
    let (first, rest) = exemplars.split_first()?;
    let is_in_it = first.value <= le;
    if is_in_it {
        *exemplars = rest;
    }
    is_in_it.then_some(first)
}

/// The identifiers of the trace and of the span, in hexadecimal digits. As labels with the names
/// `trace_id` and `span_id` they have 63 characters; 128 are allowed.
pub(super) fn ids(exemplar: &Exemplar) -> [String; 2] {
    let (trace, span) = exemplar.context.ids();
    [format!("{trace:032x}"), format!("{span:016x}")]
}
