//! OpenTelemetry's histogram with the buckets of a native histogram of schema 3.

use ::opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

/// Makes the histogram, for so many sets of attributes. It records as long as its provider lives.
///
/// # Panics
///
/// If the SDK refuses its settings.
#[must_use]
pub fn exponential(series: usize) -> (SdkMeterProvider, Histogram<f64>) {
    let exporter = opentelemetry_prometheus::exporter();
    let exporter = exporter.with_registry(prometheus::Registry::new()).build().expect("a reader");
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 3,
        record_min_max: false,
    };
    let view = move |_: &Instrument| {
        let stream = Stream::builder().with_aggregation(aggregation.clone());
        // Above its limit it counts everything in one series.
        stream.with_cardinality_limit(series + 8).build().ok()
    };
    let provider = SdkMeterProvider::builder().with_reader(exporter).with_view(view).build();
    let histogram = provider.meter("beside").f64_histogram("beside_bytes").build();
    (provider, histogram)
}
