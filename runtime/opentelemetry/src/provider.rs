//! The provider, its meters, and what a program may choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headcount::GaugeMode;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, Meter, MeterProvider, ObservableCounter, ObservableGauge,
    ObservableUpDownCounter, UpDownCounter,
};
use opentelemetry::{InstrumentationScope, global};

use crate::instrument::{Instrument, Kind, Properties};
use crate::labels::Labels;
use crate::observable;
use crate::rules::{Matcher, Rules};

/// A [`MeterProvider`] whose instruments count in this process's segment.
#[derive(Debug, Clone)]
pub struct Provider {
    rules: Arc<Builder>,
}

/// The choices for a [`Provider`].
///
/// # Examples
///
/// ```
/// use headcount::GaugeMode;
/// use headcount_opentelemetry::{Builder, Matcher};
///
/// Builder::new()
///     .gauge_mode(Matcher::Full("queue.oldest".into()), GaugeMode::Max)
///     .buckets(Matcher::Suffix(".size".into()), [100.0, 1000.0])
///     .scope_labels(false)
///     .install();
///
/// let meter = opentelemetry::global::meter("queue");
/// meter.f64_gauge("queue.oldest").with_unit("s").build().record(1.5, &[]);
/// meter.u64_histogram("reply.size").with_unit("By").build().record(250, &[]);
///
/// let page = headcount::Collector::new().collect()?.to_text();
/// assert!(page.contains("queue_oldest_seconds 1.5\n"));
/// assert!(page.contains("reply_size_bytes_bucket{le=\"1000.0\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "the choices hold once the provider is installed"]
pub struct Builder {
    pub(crate) modes: Rules<GaugeMode>,
    pub(crate) buckets: Rules<Vec<f64>>,
    pub(crate) max_series: u32,
    pub(crate) is_utf8: bool,
    has_scope: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The default choices: see the [crate](crate).
    pub const fn new() -> Self {
        Self {
            modes: Rules::new(),
            buckets: Rules::new(),
            max_series: 10_000,
            is_utf8: false,
            has_scope: true,
        }
    }

    /// Sets how the values of several processes are combined, for these gauges and up-down
    /// counters. Rules match the names that the instruments have in the program.
    pub fn gauge_mode(mut self, gauges: Matcher, mode: GaugeMode) -> Self {
        self.modes.add(gauges, mode);
        self
    }

    /// Sets the buckets of these histograms, by ascending upper bounds without `+Inf`.
    pub fn buckets(mut self, histograms: Matcher, bounds: impl Into<Vec<f64>>) -> Self {
        self.buckets.add(histograms, bounds.into());
        self
    }

    /// Sets the maximum number of series that a family has in one process for each set of label
    /// names. Further ones are counted in one whose label values are `_other`.
    pub fn max_series(mut self, most: u32) -> Self {
        self.max_series = most;
        self
    }

    /// Keeps names as they are, such as `http.requests`: clients that can read such names get them,
    /// others get them with underscores. Spaces become underscores in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// headcount_opentelemetry::Builder::new().utf8_names(true).scope_labels(false).install();
    ///
    /// let meter = opentelemetry::global::meter("shop");
    /// let requests = meter.u64_counter("http.requests").build();
    /// requests.add(1, &[opentelemetry::KeyValue::new("http.route", "/")]);
    ///
    /// let snapshot = headcount::Collector::new().collect()?;
    /// assert!(snapshot.to_text().contains("http_requests_total{http_route=\"/\"} 1\n"));
    /// let page = snapshot.render("text/plain;version=1.0.0;escaping=allow-utf-8");
    /// let page = String::from_utf8_lossy(page.body());
    /// assert!(page.contains("{\"http.requests_total\",\"http.route\"=\"/\"} 1\n"), "{page}");
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn utf8_names(mut self, are_kept: bool) -> Self {
        self.is_utf8 = are_kept;
        self
    }

    /// Sets whether series have the labels `otel_scope_name` and its kin. By default they have.
    pub fn scope_labels(mut self, are_shown: bool) -> Self {
        self.has_scope = are_shown;
        self
    }

    /// Makes a provider, for a program that passes it on by itself.
    pub fn build(self) -> Provider {
        Provider { rules: Arc::new(self) }
    }

    /// Sets a provider as the program's. Meters that the program got before keep their provider.
    pub fn install(self) {
        global::set_meter_provider(self.build());
    }
}

impl MeterProvider for Provider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        let labels = if self.rules.has_scope {
            Labels::of_scope(&scope, self.rules.is_utf8)
        } else {
            Labels::default()
        };
        let scope = scope.name().to_owned();
        Meter::new(Arc::new(ScopeMeter { rules: self.rules.clone(), scope, labels }))
    }
}

/// The instruments of one scope.
struct ScopeMeter {
    rules: Arc<Builder>,
    scope: String,
    labels: Labels,
}

impl ScopeMeter {
    fn instrument(&self, kind: Kind, properties: Properties) -> Instrument {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Instrument::new(number, kind, properties, &self.rules, &self.scope, &self.labels)
    }
}

macro_rules! instruments {
    ($($name:ident: $builder:ident $type:ident<$number:ty> as $kind:ident;)*) => {$(
        fn $name(&self, builder: $builder<'_, $type<$number>>) -> $type<$number> {
            $type::new(Arc::new(self.instrument(Kind::$kind, builder.into())))
        }
    )*};
}

macro_rules! observables {
    ($($name:ident: $type:ident<$number:ty> as $kind:ident;)*) => {$(
        fn $name(
            &self,
            mut builder: AsyncInstrumentBuilder<'_, $type<$number>, $number>,
        ) -> $type<$number> {
            let callbacks = core::mem::take(&mut builder.callbacks);
            observable::observe(self.instrument(Kind::$kind, builder.into()), callbacks);
            $type::new()
        }
    )*};
}

impl InstrumentProvider for ScopeMeter {
    instruments! {
        u64_counter: InstrumentBuilder Counter<u64> as Counter;
        f64_counter: InstrumentBuilder Counter<f64> as FloatCounter;
        i64_up_down_counter: InstrumentBuilder UpDownCounter<i64> as UpDown;
        f64_up_down_counter: InstrumentBuilder UpDownCounter<f64> as UpDown;
        u64_gauge: InstrumentBuilder Gauge<u64> as Gauge;
        i64_gauge: InstrumentBuilder Gauge<i64> as Gauge;
        f64_gauge: InstrumentBuilder Gauge<f64> as Gauge;
        u64_histogram: HistogramBuilder Histogram<u64> as Histogram;
        f64_histogram: HistogramBuilder Histogram<f64> as Histogram;
    }
    observables! {
        u64_observable_counter: ObservableCounter<u64> as Counter;
        f64_observable_counter: ObservableCounter<f64> as FloatCounter;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64> as UpDown;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64> as UpDown;
        u64_observable_gauge: ObservableGauge<u64> as Gauge;
        i64_observable_gauge: ObservableGauge<i64> as Gauge;
        f64_observable_gauge: ObservableGauge<f64> as Gauge;
    }
}
