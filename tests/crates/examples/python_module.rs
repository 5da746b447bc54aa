//! A module for Python, whose functions have our attributes beside those of pyo3.

use headcount::{count_exceptions, counted, in_progress, timed};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[pyfunction]
#[counted]
#[timed]
#[count_exceptions]
fn below_pyfunction(number: u32) -> PyResult<u32> {
    if number == 0 { Err(PyValueError::new_err("none")) } else { Ok(number * number) }
}

#[counted]
#[count_exceptions]
#[pyfunction]
#[pyo3(signature = (number = 3))]
fn above_pyfunction(number: u32) -> PyResult<u32> {
    if number == 0 { Err(PyValueError::new_err("none")) } else { Ok(number * number) }
}

#[pyclass]
struct Shop {
    sold: u32,
}

#[pymethods]
impl Shop {
    #[new]
    #[counted]
    fn new() -> Self {
        Self { sold: 0 }
    }

    #[counted]
    #[in_progress]
    #[count_exceptions]
    fn sell(&mut self, pieces: u32) -> PyResult<u32> {
        if pieces == 0 {
            return Err(PyValueError::new_err("none"));
        }
        self.sold += pieces;
        Ok(self.sold)
    }
}

/// The page, with which the test compares.
#[pyfunction]
fn page() -> PyResult<String> {
    let collected = headcount::Collector::new().collect();
    let snapshot = collected.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(snapshot.to_text())
}

#[pymodule]
fn python_module(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(below_pyfunction, module)?)?;
    module.add_function(wrap_pyfunction!(above_pyfunction, module)?)?;
    module.add_function(wrap_pyfunction!(page, module)?)?;
    module.add_class::<Shop>()
}
