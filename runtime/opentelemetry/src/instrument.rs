//! An instrument: what it declares for each set of attributes, and how it records.

use std::borrow::Cow;
use std::sync::Arc;

use headcount::GaugeMode;
use headcount::dynamic::{self, Builder as Declaration, Metric};
use opentelemetry::KeyValue;
#[cfg(feature = "bound-instruments")]
use opentelemetry::metrics::BoundSyncInstrument;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, HistogramBuilder, InstrumentBuilder, SyncInstrument,
};

use crate::labels::Labels;
use crate::provider::Builder;
use crate::series::{Number, Series};
use crate::{cache, names, units};

/// OpenTelemetry's default boundaries.
const DEFAULT: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    FloatCounter,
    UpDown,
    Gauge,
    Histogram,
}

/// What the API's builders have in common.
pub(crate) struct Properties {
    name: Cow<'static, str>,
    description: Option<Cow<'static, str>>,
    unit: Option<Cow<'static, str>>,
    boundaries: Option<Vec<f64>>,
}

impl<T> From<InstrumentBuilder<'_, T>> for Properties {
    fn from(builder: InstrumentBuilder<'_, T>) -> Self {
        let InstrumentBuilder { name, description, unit, .. } = builder;
        Self { name, description, unit, boundaries: None }
    }
}

impl<I, T> From<AsyncInstrumentBuilder<'_, I, T>> for Properties {
    fn from(builder: AsyncInstrumentBuilder<'_, I, T>) -> Self {
        let AsyncInstrumentBuilder { name, description, unit, .. } = builder;
        Self { name, description, unit, boundaries: None }
    }
}

impl<T> From<HistogramBuilder<'_, T>> for Properties {
    fn from(builder: HistogramBuilder<'_, T>) -> Self {
        let HistogramBuilder { name, description, unit, boundaries, .. } = builder;
        Self { name, description, unit, boundaries }
    }
}

/// An instrument of one scope, which can be cloned.
#[derive(Debug, Clone)]
pub(crate) struct Instrument(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Under which threads have its series in their caches.
    number: u64,
    kind: Kind,
    /// The family's name.
    name: String,
    help: String,
    unit: String,
    /// The mode of a gauge.
    mode: GaugeMode,
    /// The bounds of a histogram; `None` means headcount's default ones.
    bounds: Option<Vec<f64>>,
    max_series: u32,
    is_utf8: bool,
    /// The scope's name, in the place of the file in which a metric is declared.
    scope: String,
    scope_labels: Labels,
}

impl Instrument {
    pub(crate) fn new(
        number: u64,
        kind: Kind,
        properties: Properties,
        rules: &Builder,
        scope: &str,
        scope_labels: &Labels,
    ) -> Self {
        let Properties { name: given, description, unit, boundaries } = properties;
        let unit = unit.unwrap_or_default();
        let word = units::word(&unit, kind);
        let mode = match kind {
            Kind::UpDown => GaugeMode::LiveSum,
            _ => GaugeMode::LiveMostRecent,
        };
        let default = || if unit == "s" { None } else { Some(DEFAULT.to_vec()) };
        Self(Arc::new(Inner {
            number,
            kind,
            name: names::metric(&given, &word, kind, rules.is_utf8),
            help: description.unwrap_or_default().into_owned(),
            unit: word,
            mode: rules.modes.of(&given).copied().unwrap_or(mode),
            bounds: rules.buckets.of(&given).cloned().or(boundaries).or_else(default),
            max_series: rules.max_series,
            is_utf8: rules.is_utf8,
            scope: scope.to_owned(),
            scope_labels: scope_labels.clone(),
        }))
    }

    /// The family's name.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn is_sum(&self) -> bool {
        matches!(self.0.kind, Kind::Counter | Kind::FloatCounter | Kind::UpDown)
    }

    /// The labels of a recording with these attributes.
    pub(crate) fn labels(&self, attributes: &[KeyValue]) -> Labels {
        Labels::of_attributes(attributes, &self.0.scope_labels, self.0.is_utf8)
    }

    /// The series with these labels. If it can't be declared, headcount's `health` reports it, and
    /// this is a series that records nothing.
    pub(crate) fn series(&self, labels: &Labels) -> Series {
        let Inner { kind, name, help, mode, bounds, .. } = &*self.0;
        let (name, help) = (name.as_str(), help.as_str());
        let series = match (kind, bounds) {
            (Kind::Counter, _) => {
                self.register(dynamic::counter(name, help), labels).map(Series::Counter)
            }
            (Kind::FloatCounter, _) => {
                self.register(dynamic::float_counter(name, help), labels).map(Series::FloatCounter)
            }
            (Kind::UpDown, _) => {
                self.register(dynamic::gauge(name, help, *mode), labels).map(Series::UpDown)
            }
            (Kind::Gauge, _) => {
                self.register(dynamic::gauge(name, help, *mode), labels).map(Series::Gauge)
            }
            (Kind::Histogram, Some(bounds)) if bounds.is_empty() => {
                self.register(dynamic::summary(name, help), labels).map(Series::Summary)
            }
            (Kind::Histogram, bounds) => {
                let mut declaration = dynamic::histogram(name, help);
                if let Some(bounds) = bounds {
                    declaration = declaration.buckets(bounds.clone());
                }
                self.register(declaration, labels).map(Series::Histogram)
            }
        };
        series.unwrap_or(Series::Nothing)
    }

    fn register<T: Metric>(&self, declaration: Declaration<T>, labels: &Labels) -> Option<T> {
        let mut declaration = declaration
            .labels(labels.names())
            .unit(self.0.unit.as_str())
            .max_series(self.0.max_series)
            .declared_at(self.0.scope.clone(), 0)
            .foreign();
        if self.0.is_utf8 {
            declaration = declaration.utf8_names();
        }
        let family = declaration.register_family().ok()?;
        Some(family.with_label_values(&labels.values()))
    }

    fn record(&self, number: Number, attributes: &[KeyValue]) {
        let make = || self.series(&self.labels(attributes));
        cache::series(self.0.number, attributes, make).record(number);
    }
}

impl<T: Into<Number> + Send + 'static> SyncInstrument<T> for Instrument {
    fn measure(&self, measurement: T, attributes: &[KeyValue]) {
        self.record(measurement.into(), attributes);
    }

    #[cfg(feature = "bound-instruments")]
    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<T> + Send + Sync> {
        let series = self.series(&self.labels(attributes));
        Box::new(Bound { instrument: self.clone(), attributes: attributes.to_vec(), series })
    }
}

/// An instrument with its attributes, and their series.
#[cfg(feature = "bound-instruments")]
struct Bound {
    instrument: Instrument,
    attributes: Vec<KeyValue>,
    series: Series,
}

#[cfg(feature = "bound-instruments")]
impl<T: Into<Number> + Send + 'static> BoundSyncInstrument<T> for Bound {
    fn measure(&self, measurement: T) {
        if self.series.is_usable() {
            self.series.record(measurement.into());
        } else {
            self.instrument.record(measurement.into(), &self.attributes);
        }
    }
}
