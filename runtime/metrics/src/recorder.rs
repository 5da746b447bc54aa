//! The recorder, and what a program may choose of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headcount::GaugeMode;
use headcount::dynamic::{self, Builder as Declaration, Metric};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, SetRecorderError, SharedString, Unit,
};

use crate::handles::{Counts, Level, Observes};
use crate::rules::{Matcher, Rules};
use crate::{cache, names};

/// The ending that Prometheus' counters have.
const TOTAL: &str = "_total";

/// A [`metrics::Recorder`] that counts in this process's segment.
#[derive(Debug)]
pub struct Recorder {
    /// Which recorder a thread's cache belongs to.
    number: u64,
    rules: Builder,
}

/// The choices for a [`Recorder`].
///
/// # Examples
///
/// ```
/// use headcount::GaugeMode;
/// use headcount_metrics::{Builder, Matcher};
///
/// Builder::new()
///     .gauge_mode(Matcher::Suffix("_timestamp_seconds".into()), GaugeMode::Max)
///     .buckets(Matcher::Full("reply_bytes".into()), [100.0, 1000.0])
///     .install()?;
///
/// metrics::gauge!("last_run_timestamp_seconds").set(17.0);
/// metrics::histogram!("reply_bytes").record(250.0);
///
/// let page = headcount::Collector::new().collect()?.to_text();
/// assert!(page.contains("last_run_timestamp_seconds 17\n"));
/// assert!(page.contains("reply_bytes_bucket{le=\"1000.0\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "the choices hold once the recorder is installed"]
pub struct Builder {
    modes: Rules<GaugeMode>,
    buckets: Rules<Vec<f64>>,
    max_series: u32,
    is_utf8: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The default choices: see the [crate](crate).
    pub const fn new() -> Self {
        Self { modes: Rules::new(), buckets: Rules::new(), max_series: 10_000, is_utf8: false }
    }

    /// Sets how the values of several processes are combined, for these gauges.
    pub fn gauge_mode(mut self, gauges: Matcher, mode: GaugeMode) -> Self {
        self.modes.add(gauges, mode);
        self
    }

    /// Sets the buckets of these histograms, by ascending upper bounds without `+Inf`.
    pub fn buckets(mut self, histograms: Matcher, bounds: impl Into<Vec<f64>>) -> Self {
        self.buckets.add(histograms, bounds.into());
        self
    }

    /// Sets the maximum number of series of each family in one process. Further ones are counted in
    /// one whose label values are `_other`.
    pub fn max_series(mut self, most: u32) -> Self {
        self.max_series = most;
        self
    }

    /// Keeps names as they are, such as `http.requests`: clients that can read such names get them,
    /// others get them with underscores. Spaces become underscores in any case.
    pub fn utf8_names(mut self, are_kept: bool) -> Self {
        self.is_utf8 = are_kept;
        self
    }

    /// Makes a recorder, for a program that installs it by itself or below layers of
    /// `metrics-util`.
    pub fn build(self) -> Recorder {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Recorder { number: LAST.fetch_add(1, Ordering::Relaxed) + 1, rules: self }
    }

    /// Installs a recorder as the program's.
    ///
    /// # Errors
    ///
    /// Returns an error if the program has a recorder already.
    pub fn install(self) -> Result<(), SetRecorderError<Recorder>> {
        metrics::set_global_recorder(self.build())
    }
}

/// The labels of a key, by name. Of several with one name the last one counts.
type Labels<'a> = Vec<(Cow<'a, str>, &'a str)>;

impl Recorder {
    fn name<'a>(&self, name: &'a str, ending: &str) -> Cow<'a, str> {
        names::metric(name, ending, self.rules.is_utf8)
    }

    fn labels<'a>(&self, key: &'a Key) -> Labels<'a> {
        let label = |label: &'a metrics::Label| {
            (names::label(label.key(), self.rules.is_utf8), label.value())
        };
        let mut labels: Labels<'a> = key.labels().map(label).collect();
        labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        labels.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
        labels
    }

    /// The series of a key. If it can't be declared, headcount's `health` reports it.
    fn series<T: Metric>(
        &self,
        declaration: Declaration<T>,
        labels: &Labels<'_>,
        metadata: &Metadata<'_>,
    ) -> Option<T> {
        let place = metadata.module_path().unwrap_or(metadata.target()).to_owned();
        let mut declaration = declaration
            .labels(labels.iter().map(|(name, _)| name.as_ref()))
            .max_series(self.rules.max_series)
            .declared_at(place, 0)
            .foreign();
        if self.rules.is_utf8 {
            declaration = declaration.utf8_names();
        }
        let family = declaration.register_family().ok()?;
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        Some(family.with_label_values(&values))
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&self.name(key.as_str(), TOTAL), unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&self.name(key.as_str(), ""), unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&self.name(key.as_str(), ""), unit, &description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        cache::handle(self.number, key, || {
            let declaration = dynamic::counter(self.name(key.name(), TOTAL), "");
            let series = self.series(declaration, &self.labels(key), metadata)?;
            Some((Counter::from_arc(Arc::new(Counts(series))), series))
        })
        .unwrap_or(Counter::noop())
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        cache::handle(self.number, key, || {
            let mode = self.rules.modes.of(key.name()).copied().unwrap_or(GaugeMode::LiveSum);
            let declaration = dynamic::gauge(self.name(key.name(), ""), "", mode);
            let series = self.series(declaration, &self.labels(key), metadata)?;
            Some((Gauge::from_arc(Arc::new(Level(series))), series))
        })
        .unwrap_or(Gauge::noop())
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        cache::handle(self.number, key, || {
            let mut declaration = dynamic::histogram(self.name(key.name(), ""), "");
            if let Some(bounds) = self.rules.buckets.of(key.name()) {
                declaration = declaration.buckets(bounds.clone());
            }
            let series = self.series(declaration, &self.labels(key), metadata)?;
            Some((Histogram::from_arc(Arc::new(Observes(series))), series))
        })
        .unwrap_or(Histogram::noop())
    }
}

fn describe(name: &str, unit: Option<Unit>, description: &SharedString) {
    dynamic::describe(name, description.as_ref(), unit.map_or("", |unit| unit.as_str()));
}
