//! Errors of headcount as Python exceptions of the classes that `prometheus_client` raises.

use headcount::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};

/// A declaration that breaks a rule or contradicts another one is a `ValueError`, as in
/// `prometheus_client`; a directory that can't be read is an `OSError` with its number.
pub(crate) fn python(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, text)),
        None if error.is_unfit_directory() => PyOSError::new_err(text),
        None if error.is_invalid() || error.is_conflict() || error.is_limit() => {
            PyValueError::new_err(text)
        }
        None => PyRuntimeError::new_err(text),
    }
}
