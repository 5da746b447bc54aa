//! Collections: pages as bytes, and families as Python objects.
//!
//! The interpreter's lock is released while files are read, merged and written as text.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use headcount::{
    Collector, Exemplar, MetricFamily, MetricType, ProcessMetrics, Scrape, Series, Value,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::errors::python;

/// The numbers of all processes at one moment.
#[pyclass(frozen, module = "headcount._native")]
pub(crate) struct Snapshot(headcount::Snapshot);

/// Reads the directory in which this process counts, or another one.
#[pyfunction]
#[pyo3(signature = (directory = None))]
pub(crate) fn collect(py: Python<'_>, directory: Option<PathBuf>) -> PyResult<Snapshot> {
    let collector = directory.map_or_else(Collector::new, Collector::from_directory);
    let collector = collector.process_metrics(ProcessMetrics::Sum);
    let snapshot = py.detach(|| collector.collect());
    snapshot.map(Snapshot).map_err(|error| python(&error))
}

#[pymethods]
impl Snapshot {
    /// The names of all families, as they are on the page.
    fn names(&self) -> Vec<&str> {
        self.0.families().iter().map(|family| family.name.as_str()).collect()
    }

    /// What was left out, and why.
    fn skipped(&self) -> Vec<String> {
        self.0.skipped().iter().map(ToString::to_string).collect()
    }

    /// The page for a client that sends this header `Accept`, with only these families.
    fn render<'py>(
        &self,
        py: Python<'py>,
        accept: &str,
        names: Option<Vec<String>>,
    ) -> Bound<'py, PyBytes> {
        if names.as_ref().is_some_and(Vec::is_empty) {
            // To a scrape, no name means all families.
            let end: &[u8] = if accept.contains("openmetrics") { b"# EOF\n" } else { b"" };
            return PyBytes::new(py, end);
        }
        let names = names.unwrap_or_default();
        // As `prometheus_client` writes numbers: tests of users compare lines.
        let scrape = Scrape::new().accept(accept).names(names).decimal_points(true);
        let page = py.detach(|| self.0.render(scrape));
        PyBytes::new(py, page.body())
    }

    /// Families as objects of these classes: `prometheus_client`'s `Metric` and `Sample`, or others
    /// with the same arguments. Without a class of exemplars there are none.
    #[pyo3(signature = (metric, sample, names, created, exemplar = None))]
    fn families<'py>(
        &self,
        py: Python<'py>,
        metric: &Bound<'py, PyAny>,
        sample: &Bound<'py, PyAny>,
        names: Option<HashSet<String>>,
        created: bool,
        exemplar: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let wanted = |family: &&MetricFamily| {
            names.as_ref().is_none_or(|names| names.contains(&family.name))
        };
        let list = PyList::empty(py);
        for family in self.0.families().iter().filter(wanted) {
            let exemplar = exemplar.as_ref();
            list.append(Maker { py, sample, created, exemplar, family }.metric(metric)?)?;
        }
        Ok(list)
    }
}

/// Makes the objects of one family.
struct Maker<'a, 'py> {
    py: Python<'py>,
    sample: &'a Bound<'py, PyAny>,
    created: bool,
    exemplar: Option<&'a Bound<'py, PyAny>>,
    family: &'a MetricFamily,
}

impl<'py> Maker<'_, 'py> {
    fn metric(&self, class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let MetricFamily { help, unit, kind, .. } = self.family;
        let name = self.base();
        let metric = class.call1((name, help, kind.to_string(), unit))?;
        let samples = PyList::empty(self.py);
        let ending_in = |suffix: &str| PyString::new(self.py, &format!("{name}{suffix}"));
        let names = Names {
            plain: ending_in(""),
            total: ending_in("_total"),
            info: ending_in("_info"),
            bucket: ending_in("_bucket"),
            sum: ending_in("_sum"),
            count: ending_in("_count"),
            created: ending_in("_created"),
        };
        for series in &self.family.series {
            self.series(&samples, &names, series)?;
        }
        metric.setattr("samples", samples)?;
        Ok(metric)
    }

    /// `prometheus_client` leaves the ending out of a family's name.
    fn base(&self) -> &str {
        let name = self.family.name.as_str();
        let ending = match self.family.kind {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            _ => "",
        };
        name.strip_suffix(ending).unwrap_or(name)
    }

    /// In the order of `prometheus_client`'s multiprocess mode: the sum, buckets, the count.
    fn series(&self, to: &Bound<'py, PyList>, names: &Names<'py>, series: &Series) -> PyResult<()> {
        match &series.value {
            Value::Counter(n) => {
                let exemplar = self.exemplar(series.exemplars.first())?;
                self.add(to, &names.total, series, n.as_f64(), (None, exemplar))?;
            }
            Value::Gauge(n) => {
                let is_info = self.family.kind == MetricType::Info;
                let name = if is_info { &names.info } else { &names.plain };
                self.add(to, name, series, *n, PLAIN)?;
            }
            Value::Histogram(histogram) => {
                self.add(to, &names.sum, series, histogram.sum, PLAIN)?;
                let mut below = f64::NEG_INFINITY;
                for bucket in &histogram.buckets {
                    let count = number(bucket.count);
                    let mut known = series.exemplars.iter();
                    let known = known.find(|known| below < known.value && known.value <= bucket.le);
                    let exemplar = self.exemplar(known)?;
                    below = bucket.le;
                    self.add(to, &names.bucket, series, count, (Some(bucket.le), exemplar))?;
                }
                self.add(to, &names.count, series, number(histogram.count()), PLAIN)?;
            }
            Value::Summary(summary) => {
                self.add(to, &names.count, series, number(summary.count), PLAIN)?;
                self.add(to, &names.sum, series, summary.sum, PLAIN)?;
            }
            _ => {}
        }
        let since = series.created.filter(|_| self.created);
        let since = since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        since.map_or(Ok(()), |since| {
            self.add(to, &names.created, series, since.as_secs_f64(), PLAIN)
        })
    }

    fn add(
        &self,
        to: &Bound<'py, PyList>,
        name: &Bound<'py, PyString>,
        series: &Series,
        value: f64,
        (bound, exemplar): (Option<f64>, Option<Bound<'py, PyAny>>),
    ) -> PyResult<()> {
        let labels = PyDict::new(self.py);
        for (name, value) in &series.labels {
            labels.set_item(PyString::intern(self.py, name), value)?;
        }
        if let Some(bound) = bound {
            labels.set_item("le", text_of_bound(bound))?;
        }
        let sample = match exemplar {
            Some(exemplar) => self.sample.call1((name, labels, value, self.py.None(), exemplar)),
            None => self.sample.call1((name, labels, value)),
        };
        to.append(sample?)
    }

    fn exemplar(&self, known: Option<&Exemplar>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (Some(class), Some(known)) = (self.exemplar, known) else { return Ok(None) };
        let labels = PyDict::new(self.py);
        let ids = known.context.to_string();
        let (trace, span) = ids.split_once('-').unwrap_or_default();
        labels.set_item("trace_id", trace)?;
        labels.set_item("span_id", span)?;
        let time = known.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        class.call1((labels, known.value, time.as_secs_f64())).map(Some)
    }
}

/// Neither a bound nor an exemplar.
const PLAIN: (Option<f64>, Option<Bound<'static, PyAny>>) = (None, None);

struct Names<'py> {
    plain: Bound<'py, PyString>,
    total: Bound<'py, PyString>,
    info: Bound<'py, PyString>,
    bucket: Bound<'py, PyString>,
    sum: Bound<'py, PyString>,
    count: Bound<'py, PyString>,
    created: Bound<'py, PyString>,
}

#[expect(clippy::cast_precision_loss, reason = "Python's samples are floats")]
fn number(count: u64) -> f64 {
    count as f64
}

/// As pages and `prometheus_client` write bounds: `0.5`, `1.0`, `1e+06`, `+Inf`.
fn text_of_bound(bound: f64) -> String {
    let size = bound.abs();
    if bound.is_infinite() {
        return if bound > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if bound < 1e6 && size < 1e16 && (size >= 1e-4 || size == 0.0) {
        return format!("{bound:?}");
    }
    let text = format!("{bound:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}
