//! The same metrics in every library.

use std::sync::LazyLock;

use headcount::metric;
use metrics::Recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

/// The bounds of headcount's default histogram, given to all others.
pub const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Two labels that the program knows: every library gets the same values.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    headcount::LabelValue,
    measured::FixedCardinalityLabel,
    prometheus_client::encoding::EncodeLabelValue,
)]
pub enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::Get, Self::Post, Self::Put];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
        }
    }
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    headcount::LabelValue,
    measured::FixedCardinalityLabel,
    prometheus_client::encoding::EncodeLabelValue,
)]
pub enum Status {
    Fine,
    Broken,
}

impl Status {
    pub const ALL: [Self; 2] = [Self::Fine, Self::Broken];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Broken => "broken",
        }
    }
}

/// The values of two labels that come from outside, by turns.
pub const QUEUES: [(&str, &str); 8] = [
    ("mail", "acme"),
    ("mail", "globex"),
    ("images", "initech"),
    ("images", "acme"),
    ("reports", "umbrella-north"),
    ("reports", "umbrella-south"),
    ("billing-retries", "hooli"),
    ("billing-retries", "acme"),
];

/// headcount's.
pub mod ours {
    use headcount::{Counter, Gauge, Histogram};

    use super::{Method, Status, metric};

    /// Counted.
    #[metric(name = "beside_total")]
    pub static COUNTER: Counter;
    /// A level.
    #[metric(name = "beside_level", mode = "livesum")]
    pub static GAUGE: Gauge;
    /// Durations or sizes.
    #[metric(name = "beside_seconds")]
    pub static HISTOGRAM: Histogram;
    /// Sizes of any magnitude.
    #[metric(name = "beside_bytes", native)]
    pub static NATIVE: Histogram;
    /// Labels that the program knows.
    #[metric(name = "beside_closed_total")]
    pub fn closed(method: Method, status: Status) -> Counter;
    /// Labels from outside.
    #[metric(name = "beside_open_total")]
    pub fn open(queue: &str, tenant: &str) -> Counter;
}

/// Those of the library `metrics`, with its exporter for Prometheus.
pub static RECORDER: LazyLock<PrometheusRecorder> = LazyLock::new(|| {
    PrometheusBuilder::new().set_buckets(&BOUNDS).expect("bounds").build_recorder()
});

const METADATA: metrics::Metadata<'_> =
    metrics::Metadata::new("beside", metrics::Level::INFO, None);

pub fn metrics_counter(key: &'static str) -> metrics::Counter {
    RECORDER.register_counter(&metrics::Key::from_static_name(key), &METADATA)
}

pub fn metrics_gauge(key: &'static str) -> metrics::Gauge {
    RECORDER.register_gauge(&metrics::Key::from_static_name(key), &METADATA)
}

pub fn metrics_histogram(key: &'static str) -> metrics::Histogram {
    RECORDER.register_histogram(&metrics::Key::from_static_name(key), &METADATA)
}

pub fn prometheus_histogram() -> prometheus::Histogram {
    let options = prometheus::HistogramOpts::new("beside", "Sizes.").buckets(BOUNDS.into());
    prometheus::Histogram::with_opts(options).expect("a histogram")
}

pub fn prometheus_vector(labels: [&str; 2]) -> prometheus::IntCounterVec {
    let options = prometheus::Opts::new("beside_total", "Counted.");
    prometheus::IntCounterVec::new(options, &labels).expect("a family")
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelSet)]
pub struct ClientClosed {
    pub method: Method,
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelSet)]
pub struct ClientOpen {
    pub queue: String,
    pub tenant: String,
}

#[derive(Clone, Copy, measured::LabelGroup)]
#[label(set = MeasuredClosedSet)]
pub struct MeasuredClosed {
    pub method: Method,
    pub status: Status,
}

#[derive(Clone, Copy, measured::LabelGroup)]
#[label(set = MeasuredOpenSet)]
pub struct MeasuredOpen<'a> {
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    pub queue: &'a str,
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    pub tenant: &'a str,
}
