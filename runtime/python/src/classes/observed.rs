//! `Histogram` and `Summary`: what observes values.

use std::sync::OnceLock;

use headcount::dynamic;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::values::{HistogramValue, SummaryValue};

use super::arguments::{Arguments, HISTOGRAM, MAX_SERIES, Registry, SUMMARY};
use super::base::MetricWrapperBase;
use super::contexts::Timer;
use super::parts::Part;

/// The bounds that all client libraries of Prometheus begin with, for durations in seconds.
const DEFAULT_BUCKETS: [f64; 15] = [
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    f64::INFINITY,
];

/// Counts values in buckets, and adds them up.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Histogram {
    value: OnceLock<HistogramValue>,
    bounds: OnceLock<Vec<f64>>,
}

impl Histogram {
    fn value(slf: &Bound<'_, Self>) -> PyResult<HistogramValue> {
        let value = slf.get().value.get().copied();
        value.ok_or_else(|| slf.as_super().get().not_observable())
    }
}

#[pymethods]
impl Histogram {
    #[classattr]
    const DEFAULT_BUCKETS: [f64; 15] = DEFAULT_BUCKETS;

    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        MetricWrapperBase::with(Self { value: OnceLock::new(), bounds: OnceLock::new() })
    }

    #[pyo3(signature = (
        name, documentation, labelnames = None, namespace = String::new(),
        subsystem = String::new(), unit = String::new(), registry = Registry::Default,
        _labelvalues = None, buckets = None, *, max_series = MAX_SERIES,
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
        buckets: Option<Bound<'py, PyAny>>,
        max_series: u32,
    ) -> PyResult<()> {
        let bounds = match buckets {
            Some(given) => bounds_of(&given)?,
            None => DEFAULT_BUCKETS.to_vec(),
        };
        let own = PyDict::new(slf.py());
        own.set_item("buckets", &bounds)?;
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
        let finite = &bounds[..bounds.len() - 1];
        let this = slf.as_super();
        let declared = MetricWrapperBase::declare(this, &HISTOGRAM, arguments, |known| {
            Ok(dynamic::histogram(&known.page_name, &known.documentation).buckets(finite))
        })?;
        slf.get().bounds.get_or_init(|| bounds);
        if let Some(handle) = declared {
            slf.get().value.get_or_init(|| HistogramValue(handle));
        }
        Ok(())
    }

    /// Observes an amount.
    #[pyo3(signature = (amount, exemplar = None))]
    pub(super) fn observe(
        slf: &Bound<'_, Self>,
        amount: f64,
        exemplar: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        match slf.get().value.get() {
            Some(value) => value.observe(amount, exemplar),
            None => Err(slf.as_super().get().not_observable()),
        }
    }

    /// Observes the duration of a block, or of a function as its decorator, in seconds.
    fn time(slf: &Bound<'_, Self>) -> Timer {
        Timer::new(slf.as_any(), "observe")
    }

    #[getter]
    fn _upper_bounds(&self) -> Vec<f64> {
        self.bounds.get().cloned().unwrap_or_default()
    }

    /// The sum of what this process has observed: `_sum.get()`.
    #[getter]
    fn _sum(slf: &Bound<'_, Self>) -> PyResult<Part> {
        Self::value(slf).map(Part::sum)
    }

    /// How many values this process has observed in each bucket: `_buckets[0].get()`.
    #[getter]
    fn _buckets(slf: &Bound<'_, Self>) -> PyResult<Vec<Part>> {
        let value = Self::value(slf)?;
        let count = slf.get().bounds.get().map_or(0, Vec::len);
        Ok((0..count).map(|index| Part::bucket(value, index)).collect())
    }
}

/// Bounds with an infinite last one, by the rules and the errors of `prometheus_client`.
fn bounds_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let float = given.py().get_type::<pyo3::types::PyFloat>();
    let bounds = given.try_iter()?.map(|bound| float.call1((bound?,))?.extract::<f64>());
    let mut bounds: Vec<f64> = bounds.collect::<PyResult<_>>()?;
    if !bounds.is_sorted() {
        return Err(PyValueError::new_err("Buckets not in sorted order"));
    }
    if bounds.last().is_some_and(|last| *last != f64::INFINITY) {
        bounds.push(f64::INFINITY);
    }
    if bounds.len() < 2 {
        return Err(PyValueError::new_err("Must have at least two buckets"));
    }
    Ok(bounds)
}

/// Counts values and adds them up.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Summary {
    value: OnceLock<SummaryValue>,
}

impl Summary {
    fn value(slf: &Bound<'_, Self>) -> PyResult<SummaryValue> {
        let value = slf.get().value.get().copied();
        value.ok_or_else(|| slf.as_super().get().not_observable())
    }
}

#[pymethods]
impl Summary {
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
        let declared = MetricWrapperBase::declare(slf.as_super(), &SUMMARY, arguments, |known| {
            Ok(dynamic::summary(&known.page_name, &known.documentation))
        })?;
        if let Some(handle) = declared {
            slf.get().value.get_or_init(|| SummaryValue(handle));
        }
        Ok(())
    }

    /// Observes an amount.
    pub(super) fn observe(slf: &Bound<'_, Self>, amount: f64) -> PyResult<()> {
        match slf.get().value.get() {
            Some(value) => {
                value.observe(amount);
                Ok(())
            }
            None => Err(slf.as_super().get().not_observable()),
        }
    }

    /// Observes the duration of a block, or of a function as its decorator, in seconds.
    fn time(slf: &Bound<'_, Self>) -> Timer {
        Timer::new(slf.as_any(), "observe")
    }

    /// The sum of what this process has observed: `_sum.get()`.
    #[getter]
    fn _sum(slf: &Bound<'_, Self>) -> PyResult<Part> {
        Self::value(slf).map(Part::summary_sum)
    }

    /// How many values this process has observed: `_count.get()`.
    #[getter]
    fn _count(slf: &Bound<'_, Self>) -> PyResult<Part> {
        Self::value(slf).map(Part::summary_count)
    }
}
