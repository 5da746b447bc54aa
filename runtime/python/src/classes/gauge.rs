//! `Gauge`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use headcount::dynamic;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::declare::mode_named;
use crate::values::GaugeValue;

use super::arguments::{Arguments, GAUGE, MAX_SERIES, Registry};
use super::base::MetricWrapperBase;
use super::contexts::{InprogressTracker, Timer};

/// Shows a value that rises and falls.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Gauge {
    value: OnceLock<GaugeValue>,
    mode: OnceLock<Mode>,
    /// A function gives the value, and all other methods do nothing.
    has_function: AtomicBool,
}

struct Mode {
    word: String,
    is_most_recent: bool,
}

impl Gauge {
    /// The value to change, unless a function gives it.
    fn changed<'a>(slf: &'a Bound<'_, Self>) -> PyResult<Option<&'a GaugeValue>> {
        let this = slf.get();
        match this.value.get() {
            Some(_) if this.has_function.load(Relaxed) => Ok(None),
            Some(value) => Ok(Some(value)),
            None => Err(slf.as_super().get().not_observable()),
        }
    }

    /// What is shown as it was set last has no sum to which something could be added.
    fn refuse_adding(slf: &Bound<'_, Self>, method: &str) -> PyResult<()> {
        if slf.get().mode.get().is_some_and(|mode| mode.is_most_recent) {
            let text = format!("{method} must not be used with the mostrecent mode");
            return Err(PyRuntimeError::new_err(text));
        }
        Ok(())
    }

    pub(super) fn add(slf: &Bound<'_, Self>, amount: f64) -> PyResult<()> {
        Self::refuse_adding(slf, if amount < 0.0 { "dec" } else { "inc" })?;
        if let Some(value) = Self::changed(slf)? {
            value.inc(amount);
        }
        Ok(())
    }

    pub(super) fn put(slf: &Bound<'_, Self>, amount: f64) -> PyResult<()> {
        if let Some(value) = Self::changed(slf)? {
            value.set(amount, None);
        }
        Ok(())
    }
}

#[pymethods]
impl Gauge {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        let value = OnceLock::new();
        let this = Self { value, mode: OnceLock::new(), has_function: AtomicBool::new(false) };
        MetricWrapperBase::with(this)
    }

    #[pyo3(signature = (
        name, documentation, labelnames = None, namespace = String::new(),
        subsystem = String::new(), unit = String::new(), registry = Registry::Default,
        _labelvalues = None, multiprocess_mode = "all", *, max_series = MAX_SERIES,
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
        multiprocess_mode: &str,
        max_series: u32,
    ) -> PyResult<()> {
        let py = slf.py();
        mode_named(multiprocess_mode)?;
        let own = PyDict::new(py);
        own.set_item("multiprocess_mode", multiprocess_mode)?;
        let mode = Mode {
            word: multiprocess_mode.to_owned(),
            is_most_recent: multiprocess_mode.ends_with("mostrecent"),
        };
        slf.get().mode.get_or_init(|| mode);
        // Where no other process is seen, or a label of that name is there, the page adds no label
        // `pid`.
        let module = py.import("headcount.registry")?;
        let is_alone: bool = module.call_method0("is_alone")?.extract()?;
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
        let this = slf.as_super();
        let declared = MetricWrapperBase::declare(this, &GAUGE, arguments, |known| {
            let is_one = is_alone || known.labels.iter().any(|label| label == "pid");
            let word = match multiprocess_mode {
                "all" if is_one => "sum",
                "liveall" if is_one => "livesum",
                word => word,
            };
            Ok(dynamic::gauge(&known.page_name, &known.documentation, mode_named(word)?))
        })?;
        if let Some(handle) = declared {
            slf.get().value.get_or_init(|| GaugeValue(handle));
        }
        Ok(())
    }

    /// Adds an amount.
    #[pyo3(signature = (amount = 1.0))]
    fn inc(slf: &Bound<'_, Self>, amount: f64) -> PyResult<()> {
        Self::refuse_adding(slf, "inc")?;
        if let Some(value) = Self::changed(slf)? {
            value.inc(amount);
        }
        Ok(())
    }

    /// Subtracts an amount.
    #[pyo3(signature = (amount = 1.0))]
    fn dec(slf: &Bound<'_, Self>, amount: f64) -> PyResult<()> {
        Self::refuse_adding(slf, "dec")?;
        if let Some(value) = Self::changed(slf)? {
            value.dec(amount);
        }
        Ok(())
    }

    /// Sets the value.
    fn set(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let amount = match value.extract::<f64>() {
            Ok(amount) => amount,
            // What `float` takes: also text.
            Err(_) => slf.py().get_type::<pyo3::types::PyFloat>().call1((value,))?.extract()?,
        };
        Self::put(slf, amount)
    }

    /// Sets the value to the seconds since 1970.
    fn set_to_current_time(slf: &Bound<'_, Self>) -> PyResult<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let py = slf.py();
        if slf.is_exact_instance_of::<Self>() {
            return Self::put(slf, now.as_secs_f64());
        }
        slf.call_method1(pyo3::intern!(py, "set"), (now.as_secs_f64(),)).map(drop)
    }

    /// Takes the value from a function. All other methods do nothing from now on.
    fn set_function(slf: &Bound<'_, Self>, f: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.as_super().get());
        let Some(value) = slf.get().value.get() else { return Err(this.not_observable()) };
        let definition = this.definition()?;
        slf.get().has_function.store(true, Relaxed);
        let arguments = (&definition.page_name, &definition.labelvalues, *value, f);
        py.import("headcount.registry")?.call_method1("add_function", arguments).map(drop)
    }

    /// Shows how many times a block, or a function as its decorator, runs at the moment.
    fn track_inprogress(slf: &Bound<'_, Self>) -> PyResult<InprogressTracker> {
        Self::changed(slf)?;
        Ok(InprogressTracker::new(slf))
    }

    /// Sets the value to the duration of a block, or of a function as its decorator, in seconds.
    fn time(slf: &Bound<'_, Self>) -> Timer {
        Timer::new(slf.as_any(), "set")
    }

    /// This process's value: `_value.get()`.
    #[getter]
    fn _value(slf: &Bound<'_, Self>) -> PyResult<GaugeValue> {
        let value = slf.get().value.get().copied();
        value.ok_or_else(|| slf.as_super().get().not_observable())
    }

    #[getter]
    fn _multiprocess_mode(&self) -> &str {
        self.mode.get().map_or("", |mode| &mode.word)
    }
}
