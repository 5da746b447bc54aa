//! What `time`, `count_exceptions` and `track_inprogress` return: context managers, which are
//! decorators as well.
//!
//! Where the metric is of a class of the user, its own `inc`, `dec`, `set` or `observe` is called.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit, intern};

use super::counter::Counter;
use super::gauge::Gauge;
use super::observed::{Histogram, Summary};

/// Makes a decorated function, each call of which is in a context of its own.
fn decorate<'py>(
    context: &Bound<'py, PyAny>,
    function: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = context.py();
    py.import("headcount._decorate")?.call_method1("decorate", (function, context))
}

/// Measures the time between its beginning and its end.
#[pyclass(module = "headcount.metrics")]
pub(crate) struct Timer {
    metric: Py<PyAny>,
    callback: &'static str,
    start: Option<Instant>,
    /// The seconds that the block took, once it has ended.
    #[pyo3(get)]
    duration: Option<f64>,
}

impl Timer {
    pub(super) fn new(metric: &Bound<'_, PyAny>, callback: &'static str) -> Self {
        Self { metric: metric.clone().unbind(), callback, start: None, duration: None }
    }
}

#[pymethods]
impl Timer {
    fn __enter__(mut slf: PyRefMut<'_, Self>) -> PyRefMut<'_, Self> {
        slf.start = Some(Instant::now());
        slf
    }

    #[pyo3(signature = (_class, _error, _traceback))]
    fn __exit__(
        slf: &Bound<'_, Self>,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let now = Instant::now();
        let (metric, callback, seconds) = {
            let mut this = slf.try_borrow_mut()?;
            let start = this.start.unwrap_or(now);
            let seconds = now.saturating_duration_since(start).as_secs_f64();
            this.duration = Some(seconds);
            (this.metric.clone_ref(slf.py()), this.callback, seconds)
        };
        let metric = metric.into_bound(slf.py());
        if let Ok(histogram) = metric.cast_exact::<Histogram>() {
            return Histogram::observe(histogram, seconds, None);
        }
        if let Ok(summary) = metric.cast_exact::<Summary>() {
            return Summary::observe(summary, seconds);
        }
        if let Ok(gauge) = metric.cast_exact::<Gauge>() {
            return Gauge::put(gauge, seconds);
        }
        metric.call_method1(callback, (seconds,)).map(drop)
    }

    /// Says to which label values the duration belongs, also while it is being measured.
    #[pyo3(signature = (*labelvalues, **labelkwargs))]
    fn labels(
        slf: &Bound<'_, Self>,
        labelvalues: &Bound<'_, PyTuple>,
        labelkwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let metric = slf.try_borrow()?.metric.clone_ref(slf.py());
        let name = intern!(slf.py(), "labels");
        let child = metric.bind(slf.py()).getattr(name)?.call(labelvalues, labelkwargs)?;
        slf.try_borrow_mut()?.metric = child.unbind();
        Ok(())
    }

    /// Returns a timer for another measurement.
    fn _new_timer(&self, py: Python<'_>) -> Self {
        Self::new(self.metric.bind(py), self.callback)
    }

    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        decorate(slf.as_any(), function)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.metric)
    }
}

/// Counts the exceptions that leave a block.
#[pyclass(frozen, module = "headcount.metrics")]
pub(crate) struct ExceptionCounter {
    counter: Py<Counter>,
    exception: Py<PyAny>,
}

impl ExceptionCounter {
    pub(super) fn new(counter: &Bound<'_, Counter>, exception: Bound<'_, PyAny>) -> Self {
        Self { counter: counter.clone().unbind(), exception: exception.unbind() }
    }
}

#[pymethods]
impl ExceptionCounter {
    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __enter__(&self) {}

    #[pyo3(signature = (_class, error, _traceback))]
    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let py = error.py();
        if !error.is_none() && error.is_instance(self.exception.bind(py))? {
            let counter = self.counter.bind(py);
            if counter.is_exact_instance_of::<Counter>() {
                Counter::inc(counter, 1.0, None)?;
            } else {
                counter.call_method0(intern!(py, "inc"))?;
            }
        }
        Ok(false)
    }

    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        decorate(slf.as_any(), function)
    }
}

/// Adds one to a gauge for as long as a block runs.
#[pyclass(frozen, module = "headcount.metrics")]
pub(crate) struct InprogressTracker {
    gauge: Py<Gauge>,
}

impl InprogressTracker {
    pub(super) fn new(gauge: &Bound<'_, Gauge>) -> Self {
        Self { gauge: gauge.clone().unbind() }
    }

    fn add(&self, py: Python<'_>, amount: f64) -> PyResult<()> {
        let gauge = self.gauge.bind(py);
        if gauge.is_exact_instance_of::<Gauge>() {
            return Gauge::add(gauge, amount);
        }
        let method = if amount > 0.0 { intern!(py, "inc") } else { intern!(py, "dec") };
        gauge.call_method0(method).map(drop)
    }
}

#[pymethods]
impl InprogressTracker {
    fn __enter__(&self, py: Python<'_>) -> PyResult<()> {
        self.add(py, 1.0)
    }

    #[pyo3(signature = (_class, error, _traceback))]
    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.add(error.py(), -1.0)
    }

    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        decorate(slf.as_any(), function)
    }
}
