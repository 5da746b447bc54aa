//! What this process does not share or does not count.

use std::path::{Path, PathBuf};

use headcount::Config;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::python;

/// Returns the state of this process's counting, as a dictionary.
#[pyfunction]
pub(crate) fn health(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let health = py.detach(headcount::health);
    let result = PyDict::new(py);
    result.set_item("is_shared", health.is_shared())?;
    result.set_item("has_started", health.has_started())?;
    // As text: for a path, a module would be imported, which a process in a jail may not find.
    result.set_item("directory", health.directory().map(Path::as_os_str))?;
    result.set_item("problem", health.problem().map(ToString::to_string))?;
    result.set_item("dropped_series", health.dropped_series())?;
    result.set_item("dropped_operations", health.dropped_operations())?;
    Ok(result)
}

/// Begins to count in a directory, in this process and its children. Without it, the first
/// operation does that with the directory that the environment names.
#[pyfunction]
pub(crate) fn init(py: Python<'_>, directory: PathBuf) -> PyResult<()> {
    py.detach(|| headcount::init(Config::new().directory(directory)))
        .map_err(|error| python(&error))
}
