//! Handles of series, as Python objects: what is called for each event.
//!
//! They are addresses, which stay valid in forked children, and hold no Python object.

use headcount::dynamic::AnyState;
use headcount::{Counter, Gauge, Histogram, Info, StateSet, Summary};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exemplar;

/// A counter's series.
#[pyclass(frozen, module = "headcount._native")]
#[derive(Clone, Copy)]
pub(crate) struct CounterValue(pub(crate) Counter<f64>);

#[pymethods]
impl CounterValue {
    #[pyo3(signature = (amount = 1.0, exemplar = None))]
    pub(crate) fn inc(&self, amount: f64, exemplar: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        if amount < 0.0 {
            let text = "Counters can only be incremented by non-negative amounts.";
            return Err(PyValueError::new_err(text));
        }
        let (context, told) = exemplar::of(exemplar);
        match context {
            Some(context) => self.0.inc_by_with_exemplar(amount, context),
            None => self.0.inc_by(amount),
        }
        told
    }

    /// What this process has counted.
    pub(crate) fn get(&self) -> f64 {
        self.0.get()
    }
}

/// A gauge's series.
#[pyclass(frozen, module = "headcount._native")]
#[derive(Clone, Copy)]
pub(crate) struct GaugeValue(pub(crate) Gauge);

#[pymethods]
impl GaugeValue {
    #[pyo3(signature = (amount = 1.0))]
    pub(crate) fn inc(&self, amount: f64) {
        self.0.add(amount);
    }

    #[pyo3(signature = (amount = 1.0))]
    pub(crate) fn dec(&self, amount: f64) {
        self.0.sub(amount);
    }

    /// The time is headcount's own, by a clock that all processes share.
    #[pyo3(signature = (value, timestamp = None))]
    pub(crate) fn set(&self, value: f64, timestamp: Option<f64>) {
        let _ = timestamp;
        self.0.set(value);
    }

    /// This process's value, or 0 while it is unset.
    pub(crate) fn get(&self) -> f64 {
        self.0.get().unwrap_or(0.0)
    }

    /// This process's value, or `None` while it is unset.
    pub(crate) fn peek(&self) -> Option<f64> {
        self.0.get()
    }
}

/// A histogram's series.
#[pyclass(frozen, module = "headcount._native")]
#[derive(Clone, Copy)]
pub(crate) struct HistogramValue(pub(crate) Histogram);

#[pymethods]
impl HistogramValue {
    #[pyo3(signature = (amount, exemplar = None))]
    pub(crate) fn observe(
        &self,
        amount: f64,
        exemplar: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (context, told) = exemplar::of(exemplar);
        match context {
            Some(context) => self.0.observe_with_exemplar(amount, context),
            None => self.0.observe(amount),
        }
        told
    }

    /// How many values this process has observed.
    pub(crate) fn count(&self) -> u64 {
        self.0.count()
    }

    /// The sum of what this process has observed.
    pub(crate) fn sum(&self) -> f64 {
        self.0.sum()
    }

    /// How many values this process has observed in each bucket, not cumulative.
    pub(crate) fn buckets(&self) -> Vec<u64> {
        let mut before = 0;
        let buckets = self.0.buckets().into_iter();
        buckets.map(|bucket| bucket.count - std::mem::replace(&mut before, bucket.count)).collect()
    }
}

/// A summary's series.
#[pyclass(frozen, module = "headcount._native")]
#[derive(Clone, Copy)]
pub(crate) struct SummaryValue(pub(crate) Summary);

#[pymethods]
impl SummaryValue {
    pub(crate) fn observe(&self, amount: f64) {
        self.0.observe(amount);
    }

    /// How many values this process has observed.
    pub(crate) fn count(&self) -> u64 {
        self.0.count()
    }

    /// The sum of what this process has observed.
    pub(crate) fn sum(&self) -> f64 {
        self.0.sum()
    }
}

/// An info's series, which is shown from the moment on in which it is asked for.
#[pyclass(frozen, module = "headcount._native")]
pub(crate) struct InfoValue(
    #[expect(dead_code, reason = "the series is the whole information")] pub(crate) Info,
);

/// A state set's series.
#[pyclass(frozen, module = "headcount._native")]
#[derive(Clone, Copy)]
pub(crate) struct StateValue(pub(crate) StateSet<AnyState>);

#[pymethods]
impl StateValue {
    /// Returns whether there is such a state.
    pub(crate) fn set(&self, state: &str) -> bool {
        self.0.set_by_name(state)
    }
}
