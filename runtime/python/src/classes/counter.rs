//! `Counter`.

use std::sync::OnceLock;

use headcount::dynamic;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::values::CounterValue;

use super::arguments::{Arguments, COUNTER, MAX_SERIES, Registry};
use super::base::MetricWrapperBase;
use super::contexts::ExceptionCounter;

/// Counts events, or adds up quantities. It never falls.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Counter {
    value: OnceLock<CounterValue>,
}

#[pymethods]
impl Counter {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        MetricWrapperBase::with(Self { value: OnceLock::new() })
    }

    #[pyo3(signature = (
        name, documentation, labelnames = None, namespace = String::new(),
        subsystem = String::new(), unit = String::new(), registry = Registry::Default,
        _labelvalues = None, *, max_series = MAX_SERIES,
    ))]
    #[expect(
        clippy::too_many_arguments,
        clippy::used_underscore_binding,
        reason = "the names and the number of prometheus_client's arguments"
    )]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        name: String,
        documentation: Bound<'py, PyAny>,
        labelnames: Option<Bound<'py, PyAny>>,
        namespace: String,
        subsystem: String,
        unit: String,
        registry: Registry<'py>,
        _labelvalues: Option<Bound<'py, PyAny>>,
        max_series: u32,
    ) -> PyResult<()> {
        let own = PyDict::new(slf.py());
        let labelvalues = _labelvalues;
        let arguments = Arguments {
            name,
            documentation,
            labelnames,
            namespace,
            subsystem,
            unit,
            registry,
            labelvalues,
            max_series,
            own,
        };
        let declared = MetricWrapperBase::declare(slf.as_super(), &COUNTER, arguments, |known| {
            Ok(dynamic::float_counter(&known.page_name, &known.documentation))
        })?;
        if let Some(handle) = declared {
            slf.get().value.get_or_init(|| CounterValue(handle));
        }
        Ok(())
    }

    /// Adds an amount, which is not negative.
    #[pyo3(signature = (amount = 1.0, exemplar = None))]
    pub(super) fn inc(
        slf: &Bound<'_, Self>,
        amount: f64,
        exemplar: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        match slf.get().value.get() {
            Some(value) => value.inc(amount, exemplar),
            None => Err(slf.as_super().get().not_observable()),
        }
    }

    /// Warns: a sum over processes never falls.
    fn reset(slf: &Bound<'_, Self>) -> PyResult<()> {
        let name = &slf.as_super().get().definition()?.page_name;
        slf.py().import("headcount.registry")?.call_method1("cannot_reset", (name,)).map(drop)
    }

    /// Counts the exceptions of a block, or of a function as its decorator.
    #[pyo3(signature = (exception = None))]
    fn count_exceptions(
        slf: &Bound<'_, Self>,
        exception: Option<Bound<'_, PyAny>>,
    ) -> PyResult<ExceptionCounter> {
        if slf.get().value.get().is_none() {
            return Err(slf.as_super().get().not_observable());
        }
        let exception = match exception {
            Some(exception) => exception,
            None => slf.py().get_type::<PyException>().into_any(),
        };
        Ok(ExceptionCounter::new(slf, exception))
    }

    /// What this process has counted: `_value.get()`.
    #[getter]
    fn _value(slf: &Bound<'_, Self>) -> PyResult<CounterValue> {
        let value = slf.get().value.get().copied();
        value.ok_or_else(|| slf.as_super().get().not_observable())
    }
}
