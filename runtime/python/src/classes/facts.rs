//! `Info` and `Enum`: what a process is, and what it does.

use std::sync::{Mutex, OnceLock, PoisonError};

use headcount::dynamic;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::declare::{self, mode_named};
use crate::values::StateValue;

use super::arguments::{Arguments, INFO, MAX_SERIES, Registry, STATE, strings};
use super::base::MetricWrapperBase;

/// Shows facts about the program as labels.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Info {
    /// The labels that are shown. It is held for no call of Python, so a fork finds it free.
    shown: Mutex<Vec<(String, String)>>,
}

#[pymethods]
impl Info {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        MetricWrapperBase::with(Self { shown: Mutex::default() })
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
        // The labels of the family are known when the facts are.
        MetricWrapperBase::enter(slf.as_super(), &INFO, arguments, |_, _| Ok(()))
    }

    /// Shows these facts, in place of the ones before.
    fn info(slf: &Bound<'_, Self>, val: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = slf.py();
        let base = slf.as_super().get();
        let definition = base.definition()?;
        if !definition.is_observable() {
            return Err(base.not_observable());
        }
        let mut new: Vec<(String, String)> = Vec::new();
        for (name, value) in val {
            let name = name.str()?.to_string_lossy().into_owned();
            if definition.labels.contains(&name) {
                let own = PyTuple::new(py, &definition.labels)?;
                return Err(PyValueError::new_err(format!(
                    "Overlapping labels for Info metric, metric: {own} child: {val}"
                )));
            }
            if value.is_none() {
                return Err(PyValueError::new_err("Label value cannot be None"));
            }
            new.push((name, crate::text::of(&value.str()?)?.into_owned()));
        }
        let values = strings(definition.labelvalues.bind(py))?;
        let own = definition.labels.iter().cloned().zip(values);
        let all: Vec<(String, String)> = own.clone().chain(new.clone()).collect();

        let place = py.import("headcount.registry")?.call_method0("place")?.extract()?;
        let mut common = definition.common(place);
        common.labels = all.iter().map(|(name, _)| name.clone()).collect();
        let family =
            common.declare(dynamic::info(&definition.page_name, &definition.documentation))?;
        let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
        declare::found(family, &values)?.set();

        let shown = &slf.get().shown;
        let before = {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *shown, new.clone())
        };
        if before.is_empty() || before == new {
            return Ok(());
        }
        let before = own.chain(before).map(|(name, value)| (name, PyString::new(py, &value)));
        declare::remove_matching(py, &definition.page_name, before.collect()).map(drop)
    }

    /// The facts that are shown.
    #[getter]
    fn _value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let facts = PyDict::new(py);
        for (name, value) in shown {
            facts.set_item(name, value)?;
        }
        Ok(facts)
    }
}

/// Shows in which of several states a process is.
#[pyclass(extends = MetricWrapperBase, subclass, frozen, module = "headcount.metrics")]
pub(crate) struct Enum {
    value: OnceLock<StateValue>,
    states: OnceLock<Vec<String>>,
}

#[pymethods]
impl Enum {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        MetricWrapperBase::with(Self { value: OnceLock::new(), states: OnceLock::new() })
    }

    #[pyo3(signature = (
        name, documentation, labelnames = None, namespace = String::new(),
        subsystem = String::new(), unit = String::new(), registry = Registry::Default,
        _labelvalues = None, states = None, *, multiprocess_mode = "livemax",
        max_series = MAX_SERIES,
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
        states: Option<Bound<'py, PyAny>>,
        multiprocess_mode: &str,
        max_series: u32,
    ) -> PyResult<()> {
        let py = slf.py();
        let mode = mode_named(multiprocess_mode)?;
        if let Some(labels) = labelnames.as_ref().filter(|labels| !labels.is_none())
            && labels.contains(&name)?
        {
            let text = format!("Overlapping labels for Enum metric: {name}");
            return Err(PyValueError::new_err(text));
        }
        let known: Vec<String> = match states {
            Some(given) if !given.is_none() => {
                let states = given.try_iter()?.map(|state| state?.extract());
                states.collect::<PyResult<_>>()?
            }
            _ => Vec::new(),
        };
        let Some(first) = known.first().cloned() else {
            let text = format!("No states provided for Enum metric: {name}");
            return Err(PyValueError::new_err(text));
        };
        let own = PyDict::new(py);
        own.set_item("states", &known)?;
        own.set_item("multiprocess_mode", multiprocess_mode)?;
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
        let states = known.clone();
        let declared =
            MetricWrapperBase::declare(slf.as_super(), &STATE, arguments, |definition| {
                Ok(dynamic::states(&definition.page_name, &definition.documentation, mode, states))
            })?;
        slf.get().states.get_or_init(|| known);
        if let Some(handle) = declared {
            slf.get().value.get_or_init(|| StateValue(handle)).set(&first);
        }
        Ok(())
    }

    /// Enters a state.
    fn state(slf: &Bound<'_, Self>, state: &str) -> PyResult<()> {
        let Some(value) = slf.get().value.get() else {
            return Err(slf.as_super().get().not_observable());
        };
        if value.set(state) {
            return Ok(());
        }
        let text = format!("{} is not in list", PyString::new(slf.py(), state).repr()?);
        Err(PyValueError::new_err(text))
    }

    #[getter]
    fn _states(&self) -> Vec<String> {
        self.states.get().cloned().unwrap_or_default()
    }
}
