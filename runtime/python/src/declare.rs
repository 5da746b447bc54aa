//! Families, declared by the run-time door of headcount.

use headcount::dynamic::{self, AnyState, Builder, Metric};
use headcount::{Counter, Gauge, GaugeMode, Histogram, Info, StateSet, Summary};
use pyo3::PyClass;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::python;
use crate::text;
use crate::values::{
    CounterValue, GaugeValue, HistogramValue, InfoValue, StateValue, SummaryValue,
};

const MODES: [(&str, GaugeMode); 10] = [
    ("all", GaugeMode::All),
    ("liveall", GaugeMode::LiveAll),
    ("min", GaugeMode::Min),
    ("livemin", GaugeMode::LiveMin),
    ("max", GaugeMode::Max),
    ("livemax", GaugeMode::LiveMax),
    ("sum", GaugeMode::Sum),
    ("livesum", GaugeMode::LiveSum),
    ("mostrecent", GaugeMode::MostRecent),
    ("livemostrecent", GaugeMode::LiveMostRecent),
];

/// The mode that `prometheus_client` calls so.
pub(crate) fn mode_named(name: &str) -> PyResult<GaugeMode> {
    let known = MODES.iter().find(|(word, _)| *word == name);
    let unknown = || PyValueError::new_err(format!("Invalid multiprocess mode: {name}"));
    known.map(|(_, mode)| *mode).ok_or_else(unknown)
}

/// A declared family, of any kind. Declaring an equal one again yields the same.
#[pyclass(frozen, module = "headcount._native")]
pub(crate) struct Family(Declared);

#[derive(Clone, Copy)]
enum Declared {
    Counter(dynamic::Family<Counter<f64>>),
    Gauge(dynamic::Family<Gauge>),
    Histogram(dynamic::Family<Histogram>),
    Summary(dynamic::Family<Summary>),
    Info(dynamic::Family<Info>),
    State(dynamic::Family<StateSet<AnyState>>),
}

/// What all kinds have in common.
pub(crate) struct Common {
    pub(crate) labels: Vec<String>,
    pub(crate) unit: String,
    pub(crate) max_series: u32,
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl Common {
    pub(crate) fn declare<T: Metric>(
        self,
        declaration: Builder<T>,
    ) -> PyResult<dynamic::Family<T>> {
        declaration
            .labels(self.labels)
            .unit(self.unit)
            .max_series(self.max_series)
            .declared_at(self.file, self.line)
            // `prometheus_client` takes any name, and other libraries chose theirs by its rules.
            .utf8_names()
            .foreign()
            .register_family()
            .map_err(|error| python(&error))
    }
}

#[pymethods]
impl Family {
    #[new]
    #[pyo3(signature = (
        kind, name, documentation, labelnames = vec![], *, unit = String::new(), mode = "all",
        buckets = None, states = vec![], max_series = 10_000, file = String::new(), line = 0,
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        kind: &str,
        name: &str,
        documentation: &str,
        labelnames: Vec<String>,
        unit: String,
        mode: &str,
        buckets: Option<Vec<f64>>,
        states: Vec<String>,
        max_series: u32,
        file: String,
        line: u32,
    ) -> PyResult<Self> {
        let common = Common { labels: labelnames, unit, max_series, file, line };
        let mode = || mode_named(mode);
        let declared = match kind {
            "counter" => {
                Declared::Counter(common.declare(dynamic::float_counter(name, documentation))?)
            }
            "gauge" => {
                Declared::Gauge(common.declare(dynamic::gauge(name, documentation, mode()?))?)
            }
            "histogram" => {
                let mut declaration = dynamic::histogram(name, documentation);
                if let Some(bounds) = buckets {
                    declaration = declaration.buckets(bounds);
                }
                Declared::Histogram(common.declare(declaration)?)
            }
            "summary" => Declared::Summary(common.declare(dynamic::summary(name, documentation))?),
            "info" => Declared::Info(common.declare(dynamic::info(name, documentation))?),
            "stateset" => {
                let declaration = dynamic::states(name, documentation, mode()?, states);
                Declared::State(common.declare(declaration)?)
            }
            _ => return Err(PyValueError::new_err(format!("Invalid metric type: {kind}"))),
        };
        Ok(Self(declared))
    }

    /// Returns the handle of the series with these label values.
    fn series(&self, py: Python<'_>, values: Vec<Bound<'_, PyString>>) -> PyResult<Py<PyAny>> {
        let values = values.iter().map(text::of).collect::<PyResult<Vec<_>>>()?;
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        match self.0 {
            Declared::Counter(family) => object(py, CounterValue(found(family, &values)?)),
            Declared::Gauge(family) => object(py, GaugeValue(found(family, &values)?)),
            Declared::Histogram(family) => object(py, HistogramValue(found(family, &values)?)),
            Declared::Summary(family) => object(py, SummaryValue(found(family, &values)?)),
            Declared::Info(family) => object(py, InfoValue(found(family, &values)?)),
            Declared::State(family) => object(py, StateValue(found(family, &values)?)),
        }
    }

    /// The name on the page.
    #[getter]
    fn name(&self) -> &'static str {
        match self.0 {
            Declared::Counter(family) => family.name(),
            Declared::Gauge(family) => family.name(),
            Declared::Histogram(family) => family.name(),
            Declared::Summary(family) => family.name(),
            Declared::Info(family) => family.name(),
            Declared::State(family) => family.name(),
        }
    }
}

/// Removes from this process the series of a family that have all these label values, and returns
/// how many there were.
#[pyfunction]
pub(crate) fn remove_matching(
    py: Python<'_>,
    name: &str,
    labels: Vec<(String, Bound<'_, PyString>)>,
) -> PyResult<usize> {
    let values = labels.iter().map(|(_, value)| text::of(value)).collect::<PyResult<Vec<_>>>()?;
    let names = labels.iter().map(|(name, _)| name.as_str());
    let given: Vec<(&str, &str)> = names.zip(values.iter().map(AsRef::as_ref)).collect();
    // It may look at what other processes have.
    Ok(py.detach(|| headcount::remove_matching(name, &given)))
}

pub(crate) fn found<T: Metric>(family: dynamic::Family<T>, values: &[&str]) -> PyResult<T> {
    family.get_metric_with_label_values(values).map_err(|error| python(&error))
}

fn object<T: PyClass + Into<PyClassInitializer<T>>>(
    py: Python<'_>,
    value: T,
) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, value)?.into_any())
}
