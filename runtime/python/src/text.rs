//! Python's strings as Rust's.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Python's strings may have lone surrogates, which no text in UTF-8 has. Each becomes U+FFFD, as
/// where files of `prometheus_client` are read.
pub(crate) fn of<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    match text.to_cow() {
        Ok(text) => Ok(text),
        Err(_) => replaced(text).map(Cow::Owned),
    }
}

#[cold]
fn replaced(text: &Bound<'_, PyString>) -> PyResult<String> {
    let bytes = text.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
    let bytes: Vec<u8> = bytes.extract()?;
    let pairs = bytes.chunks_exact(2);
    let units: Vec<u16> = pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok(String::from_utf16_lossy(&units))
}
