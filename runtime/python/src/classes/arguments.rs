//! What the constructors of all kinds take, and which of it they refuse.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::text;

/// Series of a family in one process. Further ones are counted in one.
pub(crate) const MAX_SERIES: u32 = 10_000;

/// The registry in which a metric is to be shown.
pub(crate) enum Registry<'py> {
    /// `headcount.REGISTRY`.
    Default,
    /// The one that was given, which may be `None`.
    Given(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Registry<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Given(given.to_owned()))
    }
}

impl<'py> Registry<'py> {
    /// Returns the registry to register in, if there is one.
    pub(crate) fn object(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Default => Ok(Some(py.import("headcount.registry")?.getattr("REGISTRY")?)),
            Self::Given(registry) => Ok(registry.is_truthy()?.then_some(registry)),
        }
    }
}

/// The arguments that all kinds have in common.
pub(crate) struct Arguments<'py> {
    pub(crate) name: String,
    pub(crate) documentation: Bound<'py, PyAny>,
    pub(crate) labelnames: Option<Bound<'py, PyAny>>,
    pub(crate) namespace: String,
    pub(crate) subsystem: String,
    pub(crate) unit: String,
    pub(crate) registry: Registry<'py>,
    pub(crate) labelvalues: Option<Bound<'py, PyAny>>,
    pub(crate) max_series: u32,
    /// What only this kind takes: its children get the same.
    pub(crate) own: Bound<'py, PyDict>,
}

/// A kind of metric.
pub(crate) struct Kind {
    /// As pages call it.
    pub(crate) word: &'static str,
    /// What a page adds to the name.
    pub(crate) ending: &'static str,
    /// The label that a page adds.
    reserved: Option<&'static str>,
}

impl Kind {
    const fn new(word: &'static str, ending: &'static str, reserved: Option<&'static str>) -> Self {
        Self { word, ending, reserved }
    }
}

pub(crate) static COUNTER: Kind = Kind::new("counter", "_total", None);
pub(crate) static GAUGE: Kind = Kind::new("gauge", "", None);
pub(crate) static SUMMARY: Kind = Kind::new("summary", "", Some("quantile"));
pub(crate) static HISTOGRAM: Kind = Kind::new("histogram", "", Some("le"));
pub(crate) static INFO: Kind = Kind::new("info", "_info", None);
pub(crate) static STATE: Kind = Kind::new("stateset", "", None);

/// Joins the parts of a name, and leaves out what the page adds to a counter's.
pub(crate) fn full_name(kind: &Kind, arguments: &Arguments<'_>) -> PyResult<String> {
    let Arguments { name, namespace, subsystem, unit, .. } = arguments;
    if name.is_empty() {
        return Err(PyValueError::new_err("Metric name should not be empty"));
    }
    let parts = [namespace, subsystem, name];
    let parts: Vec<&str> =
        parts.iter().map(|part| part.as_str()).filter(|p| !p.is_empty()).collect();
    let mut full = parts.join("_");
    if kind.word == COUNTER.word && full.ends_with(COUNTER.ending) {
        full.truncate(full.len() - COUNTER.ending.len());
    }
    if unit.is_empty() {
        return Ok(full);
    }
    if !full.ends_with(&format!("_{unit}")) {
        full = format!("{full}_{unit}");
    }
    if kind.word == INFO.word || kind.word == STATE.word {
        let text = format!("Metric name is of a type that cannot have a unit: {full}");
        return Err(PyValueError::new_err(text));
    }
    Ok(full)
}

/// The names of the labels, which Python gives as anything that can be iterated over.
pub(crate) fn label_names(kind: &Kind, given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(Vec::new()) };
    let names = given.try_iter()?.map(|name| name?.extract::<String>());
    let names: Vec<String> = names.collect::<PyResult<_>>()?;
    for name in &names {
        let refused = if name.is_empty() {
            "Invalid label metric name: "
        } else if name.starts_with("__") || kind.reserved == Some(name) {
            "Reserved label metric name: "
        } else {
            continue;
        };
        return Err(PyValueError::new_err(format!("{refused}{name}")));
    }
    Ok(names)
}

/// Values as a tuple of strings, each as `str` makes it.
pub(crate) fn label_values<'py>(
    py: Python<'py>,
    given: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let values = PyList::empty(py);
    for value in given {
        values.append(value?.str()?)?;
    }
    Ok(values.to_tuple())
}

/// Strings of Python as Rust's.
pub(crate) fn strings(tuple: &Bound<'_, PyTuple>) -> PyResult<Vec<String>> {
    tuple.iter().map(|value| Ok(text::of(value.cast()?)?.into_owned())).collect()
}
