//! The facade's handles, on headcount's.

use metrics::{CounterFn, GaugeFn, HistogramFn};

pub(crate) struct Counts(pub(crate) headcount::Counter);

impl CounterFn for Counts {
    fn increment(&self, value: u64) {
        self.0.inc_by(value);
    }

    fn absolute(&self, value: u64) {
        self.0.raise_to(value);
    }
}

pub(crate) struct Level(pub(crate) headcount::Gauge);

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.0.add(value);
    }

    fn decrement(&self, value: f64) {
        self.0.sub(value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

pub(crate) struct Observes(pub(crate) headcount::Histogram);

impl HistogramFn for Observes {
    fn record(&self, value: f64) {
        self.0.observe(value);
    }
}
