//! Exemplars: which of Python's headcount keeps.
//!
//! `prometheus_client` takes any labels. headcount keeps the ids of a trace and of a span, which is
//! what exemplars are for, in a fixed number of bytes. Other labels are refused, and not dropped
//! in silence.

use headcount::TraceContext;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The context of an exemplar that a caller gives. If there is none, or its labels can't be one,
/// the event is counted without it; in the second case the caller is told, as by
/// `prometheus_client`.
pub(crate) fn of(labels: Option<&Bound<'_, PyDict>>) -> (Option<TraceContext>, PyResult<()>) {
    match labels.filter(|labels| !labels.is_empty()).map(checked) {
        None => (None, Ok(())),
        Some(Ok(context)) => (Some(context), Ok(())),
        Some(Err(problem)) => (None, Err(PyValueError::new_err(problem))),
    }
}

/// Returns why these labels can't be an exemplar, or `None`.
#[pyfunction]
pub(crate) fn exemplar_problem(labels: &Bound<'_, PyDict>) -> Option<String> {
    checked(labels).err()
}

/// The ids, of 32 and of 16 hexadecimal digits.
pub(crate) fn checked(labels: &Bound<'_, PyDict>) -> Result<TraceContext, String> {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let (mut has_trace, mut has_span) = (false, false);
    for (name, value) in labels.iter() {
        let (name, value) = (name.to_string(), value.to_string());
        let is_id = match name.as_str() {
            "trace_id" => {
                has_trace = true;
                from_hex(&value, &mut trace)
            }
            "span_id" => {
                has_span = true;
                from_hex(&value, &mut span)
            }
            _ => {
                return Err(format!(
                    "an exemplar has the labels trace_id and span_id, and no label {name:?}"
                ));
            }
        };
        if !is_id {
            let digits = if name == "span_id" { 16 } else { 32 };
            return Err(format!("{name} is {digits} hexadecimal digits, and not {value:?}"));
        }
    }
    if has_trace && has_span {
        Ok(TraceContext::new(trace, span))
    } else {
        Err("an exemplar has both labels, trace_id and span_id".to_owned())
    }
}

fn from_hex<const N: usize>(text: &str, bytes: &mut [u8; N]) -> bool {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return false;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).unwrap_or_default();
    }
    true
}
