//! What all kinds have in common: a definition, children by label values, a place in registries.

use std::sync::OnceLock;

use headcount::dynamic::{Builder, Metric};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList, PyString, PyTuple};
use pyo3::{PyClass, intern};

use crate::declare::{self, Common};

use super::arguments::{Arguments, Kind, full_name, label_names, label_values, strings};

/// What a metric was declared as.
pub(crate) struct Definition {
    kind: &'static Kind,
    /// The name without what the page adds.
    pub(crate) name: String,
    /// The family's name on the page.
    pub(crate) page_name: String,
    pub(crate) documentation: String,
    unit: String,
    pub(crate) labels: Vec<String>,
    labelnames: Py<PyTuple>,
    pub(crate) labelvalues: Py<PyTuple>,
    /// The arguments of children, beside their label values.
    again: Py<PyDict>,
    own: Py<PyDict>,
    pub(crate) max_series: u32,
    /// Children by label values, where there are labels and no values yet.
    children: Option<Py<PyDict>>,
}

/// The class on which all kinds stand.
#[pyclass(subclass, frozen, dict, weakref, module = "headcount.metrics")]
pub(crate) struct MetricWrapperBase {
    definition: OnceLock<Definition>,
}

impl MetricWrapperBase {
    /// A metric of a kind, which is not initialised yet.
    pub(crate) fn with<T: PyClass<BaseType = Self>>(kind: T) -> PyClassInitializer<T> {
        PyClassInitializer::from(Self { definition: OnceLock::new() }).add_subclass(kind)
    }

    pub(crate) fn definition(&self) -> PyResult<&Definition> {
        let missing = || PyRuntimeError::new_err("the metric's __init__ was not called");
        self.definition.get().ok_or_else(missing)
    }

    /// Why an operation has no series to go to.
    #[cold]
    pub(crate) fn not_observable(&self) -> PyErr {
        match self.definition() {
            Ok(known) => {
                PyValueError::new_err(format!("{} metric is missing label values", known.kind.word))
            }
            Err(error) => error,
        }
    }

    /// Defines the metric, enters it into its registry, declares the family, and returns the handle
    /// of its series unless label values are missing.
    ///
    /// The registry comes first: nothing is declared that it refuses.
    pub(crate) fn declare<'py, T: Metric>(
        slf: &Bound<'py, Self>,
        kind: &'static Kind,
        arguments: Arguments<'py>,
        declaration: impl FnOnce(&Definition) -> PyResult<Builder<T>>,
    ) -> PyResult<Option<T>> {
        Self::enter(slf, kind, arguments, |definition, place| {
            let family = definition.common(place).declare(declaration(definition)?)?;
            if !definition.is_observable() {
                return Ok(None);
            }
            let values = strings(definition.labelvalues.bind(slf.py()))?;
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            declare::found(family, &values).map(Some)
        })
    }

    /// Defines the metric and enters it into its registry, where nothing can be declared yet.
    pub(crate) fn enter<'py, T>(
        slf: &Bound<'py, Self>,
        kind: &'static Kind,
        arguments: Arguments<'py>,
        declare: impl FnOnce(&Definition, (String, u32)) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = slf.py();
        let (definition, registry) = Definition::new(py, kind, arguments)?;
        if slf.get().definition.set(definition).is_err() {
            return Err(PyRuntimeError::new_err("the metric's __init__ was called before"));
        }
        let definition = slf.get().definition()?;
        if !definition.labelvalues.bind(py).is_empty() {
            // A child is in its parent's registry, and at its parent's place.
            return declare(definition, (String::new(), 0));
        }
        let module = py.import(intern!(py, "headcount.registry"))?;
        let place = module.call_method0(intern!(py, "place"))?.extract()?;
        let registry = registry.object(py)?;
        if let Some(registry) = &registry {
            registry.call_method1(intern!(py, "register"), (slf,))?;
        }
        let declared = declare(definition, place);
        if declared.is_ok() {
            module.call_method1(intern!(py, "declared"), (&definition.page_name,))?;
        } else if let Some(registry) = &registry {
            registry.call_method1(intern!(py, "unregister"), (slf,))?;
        }
        declared
    }
}

impl Definition {
    fn new<'py>(
        py: Python<'py>,
        kind: &'static Kind,
        arguments: Arguments<'py>,
    ) -> PyResult<(Self, super::arguments::Registry<'py>)> {
        let name = full_name(kind, &arguments)?;
        let labels = label_names(kind, arguments.labelnames.as_ref())?;
        let labelnames = PyTuple::new(py, &labels)?;
        let labelvalues = match &arguments.labelvalues {
            Some(given) if given.is_truthy()? => label_values(py, given.try_iter()?)?,
            _ => PyTuple::empty(py),
        };
        let documentation = arguments.documentation.str()?.to_string_lossy().into_owned();
        let again = arguments.own.copy()?;
        again.set_item("documentation", &arguments.documentation)?;
        again.set_item("labelnames", &labelnames)?;
        again.set_item("namespace", &arguments.namespace)?;
        again.set_item("subsystem", &arguments.subsystem)?;
        again.set_item("unit", &arguments.unit)?;
        again.set_item("name", &arguments.name)?;
        if arguments.max_series != super::arguments::MAX_SERIES {
            again.set_item("max_series", arguments.max_series)?;
        }
        let is_parent = !labels.is_empty() && labelvalues.is_empty();
        let definition = Self {
            kind,
            page_name: format!("{name}{}", kind.ending),
            name,
            documentation,
            unit: arguments.unit,
            labels,
            labelnames: labelnames.unbind(),
            labelvalues: labelvalues.unbind(),
            again: again.unbind(),
            own: arguments.own.unbind(),
            max_series: arguments.max_series,
            children: is_parent.then(|| PyDict::new(py).unbind()),
        };
        Ok((definition, arguments.registry))
    }

    pub(crate) fn is_observable(&self) -> bool {
        self.children.is_none()
    }

    pub(crate) fn common(&self, (file, line): (String, u32)) -> Common {
        let labels = self.labels.clone();
        Common { labels, unit: self.unit.clone(), max_series: self.max_series, file, line }
    }

    fn children<'py>(
        &self,
        metric: &Bound<'py, MetricWrapperBase>,
    ) -> PyResult<&Bound<'py, PyDict>> {
        if let Some(children) = &self.children {
            return Ok(children.bind(metric.py()));
        }
        Err(PyValueError::new_err(if self.labels.is_empty() {
            format!("No label names were set when constructing {metric}")
        } else {
            let given =
                self.labelnames.bind(metric.py()).iter().zip(self.labelvalues.bind(metric.py()));
            let given = given.collect::<Vec<_>>().into_py_dict(metric.py())?;
            format!("{metric} already has labels set ({given}); can not chain calls to .labels()")
        }))
    }

    /// The label values as a tuple of strings, from either form in which `labels` takes them.
    fn key<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = args.py();
        let refused = |text| Err(PyValueError::new_err(text));
        let Some(kwargs) = kwargs.filter(|kwargs| !kwargs.is_empty()) else {
            if args.len() != self.labels.len() {
                return refused("Incorrect label count");
            }
            return label_values(py, args.iter().map(Ok));
        };
        if !args.is_empty() {
            return refused("Can't pass both *args and **kwargs");
        }
        let mut given = Vec::with_capacity(self.labels.len());
        for name in self.labelnames.bind(py) {
            match kwargs.get_item(name)? {
                Some(value) => given.push(Ok(value)),
                None => return refused("Incorrect label names"),
            }
        }
        if kwargs.len() != given.len() {
            return refused("Incorrect label names");
        }
        label_values(py, given.into_iter())
    }

    /// Removes the series that have these values of these labels, by their index.
    fn forget<'py>(
        &self,
        metric: &Bound<'py, MetricWrapperBase>,
        given: &[(usize, Bound<'py, PyString>)],
    ) -> PyResult<()> {
        let py = metric.py();
        let children = self.children(metric)?;
        for key in children.keys() {
            let key = key.cast_into::<PyTuple>()?;
            let mut is_meant = true;
            for (at, value) in given {
                is_meant &= key.get_item(*at)?.eq(value)?;
            }
            if is_meant {
                children.call_method1("pop", (key, py.None()))?;
            }
        }
        let named = given.iter().map(|(at, value)| (self.labels[*at].clone(), value.clone()));
        let named: Vec<_> = named.collect();
        let functions = py.import("headcount.registry")?;
        functions.call_method1("forget", (&self.page_name, &self.labels, &named))?;
        declare::remove_matching(py, &self.page_name, named).map(drop)
    }
}

#[pymethods]
impl MetricWrapperBase {
    /// Returns the metric with these label values. The same values yield the same object.
    #[pyo3(signature = (*labelvalues, **labelkwargs))]
    fn labels<'py>(
        slf: &Bound<'py, Self>,
        labelvalues: &Bound<'py, PyTuple>,
        labelkwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let definition = slf.get().definition()?;
        let children = definition.children(slf)?;
        // Only strings are their own keys: other objects may be equal to a string and be written
        // otherwise.
        if labelkwargs.is_none()
            && labelvalues.iter_borrowed().all(|value| value.is_exact_instance_of::<PyString>())
            && let Some(child) = children.get_item(labelvalues)?
        {
            return Ok(child);
        }
        let key = definition.key(labelvalues, labelkwargs)?;
        if let Some(child) = children.get_item(&key)? {
            return Ok(child);
        }
        let again = definition.again.bind(slf.py()).copy()?;
        again.set_item("_labelvalues", &key)?;
        let child = slf.get_type().call((), Some(&again))?;
        // Two threads may have made one: the first remains, and both count in the same series.
        children.call_method1(intern!(slf.py(), "setdefault"), (key, child))
    }

    /// Removes the series with these label values from this process.
    #[pyo3(signature = (*labelvalues))]
    fn remove(slf: &Bound<'_, Self>, labelvalues: &Bound<'_, PyTuple>) -> PyResult<()> {
        let definition = slf.get().definition()?;
        if definition.labels.is_empty() {
            definition.children(slf)?;
        }
        if labelvalues.len() != definition.labels.len() {
            let expected = definition.labels.len();
            return Err(PyValueError::new_err(format!(
                "Incorrect label count (expected {expected}, got {labelvalues})"
            )));
        }
        let values = labelvalues.iter().map(|value| value.str()).enumerate();
        let values: Vec<_> = values.map(|(at, value)| Ok((at, value?))).collect::<PyResult<_>>()?;
        definition.forget(slf, &values)
    }

    /// Removes the series that have these values of some labels from this process.
    fn remove_by_labels(slf: &Bound<'_, Self>, labels: &Bound<'_, PyAny>) -> PyResult<()> {
        let definition = slf.get().definition()?;
        if definition.labels.is_empty() {
            definition.children(slf)?;
        }
        let Ok(labels) = labels.cast::<PyDict>() else {
            return Err(PyTypeError::new_err("labels must be a dict of {label_name: label_value}"));
        };
        let mut given = Vec::new();
        let unknown = PyList::empty(slf.py());
        for (name, value) in labels {
            let index = definition.labels.iter().position(|known| name.eq(known).unwrap_or(false));
            match index {
                Some(at) => given.push((at, value.str()?)),
                None => unknown.append(name)?,
            }
        }
        if !unknown.is_empty() {
            let expected = definition.labelnames.bind(slf.py());
            return Err(PyValueError::new_err(format!(
                "Unknown label names: {unknown}; expected {expected}"
            )));
        }
        if given.is_empty() { Ok(()) } else { definition.forget(slf, &given) }
    }

    /// Removes all series from this process, if there are labels.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        let definition = slf.get().definition()?;
        if definition.children.is_none() { Ok(()) } else { definition.forget(slf, &[]) }
    }

    /// Returns the family without samples, by which registries tell metrics apart.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let Definition { name, documentation, kind, unit, .. } = self.definition()?;
        let class = py.import("headcount.metrics_core")?.getattr("Metric")?;
        PyList::new(py, [class.call1((name, documentation, kind.word, unit))?])
    }

    /// Returns the family as all processes have it.
    fn collect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let name = &self.definition()?.page_name;
        py.import("headcount.registry")?.call_method1("families_of", (name,))
    }

    fn __str__(&self) -> PyResult<String> {
        self.definition().map(|known| format!("{}:{}", known.kind.word, known.name))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let class = slf.get_type();
        let name = slf.get().definition.get().map_or("", |known| &known.name);
        Ok(format!("{}.{}({name})", class.module()?, class.name()?))
    }

    #[getter]
    fn _name(&self) -> PyResult<&str> {
        self.definition().map(|known| known.name.as_str())
    }

    #[getter]
    fn _type(&self) -> PyResult<&str> {
        self.definition().map(|known| known.kind.word)
    }

    #[getter]
    fn _documentation(&self) -> PyResult<&str> {
        self.definition().map(|known| known.documentation.as_str())
    }

    #[getter]
    fn _unit(&self) -> PyResult<&str> {
        self.definition().map(|known| known.unit.as_str())
    }

    #[getter]
    fn _labelnames(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        self.definition().map(|known| known.labelnames.clone_ref(py))
    }

    #[getter]
    fn _labelvalues(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        self.definition().map(|known| known.labelvalues.clone_ref(py))
    }

    /// What only this kind of metric was given.
    #[getter]
    fn _kwargs(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.definition().map(|known| known.own.clone_ref(py))
    }

    /// The children by label values. Without labels there are none.
    #[getter]
    fn _metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let children = &self.definition()?.children;
        Ok(children.as_ref().map_or_else(|| PyDict::new(py), |known| known.bind(py).clone()))
    }

    /// The family's name on the page.
    #[getter]
    fn _page_name(&self) -> PyResult<&str> {
        self.definition().map(|known| known.page_name.as_str())
    }
}
