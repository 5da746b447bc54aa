//! Prices: an extension for Python whose functions count for themselves.
//!
//! It has headcount compiled in, as the Python package `headcount` has. Both count in the directory
//! that the environment names, each in a file of its own, and one page shows both.

use headcount::{Counter, count_exceptions, counted, in_progress, metric, timed};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Items for which a price was given.
#[metric(name = "priced_items_total")]
static ITEMS: Counter;

/// The price of so many items.
#[pyfunction]
#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn quote(quantity: u32) -> PyResult<f64> {
    if quantity == 0 {
        return Err(PyValueError::new_err("a basket is not empty"));
    }
    ITEMS.inc_by(u64::from(quantity));
    let discount = if quantity >= 10 { 0.9 } else { 1.0 };
    Ok(f64::from(quantity) * 4.5 * discount)
}

#[pymodule(gil_used = false)]
mod pricing {
    #[pymodule_export]
    use super::quote;
}
