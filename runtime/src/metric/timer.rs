use crate::clock;
use crate::store::epoch;

use super::{Histogram, Summary};

/// What observes values: a [`Histogram`] or a [`Summary`].
pub trait Observer: Copy + sealed::Sealed {
    /// Observes one value.
    #[doc(hidden)]
    fn observe_value(self, value: f64);
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Histogram {}

impl Observer for Histogram {
    #[inline]
    fn observe_value(self, value: f64) {
        self.observe(value);
    }
}

impl sealed::Sealed for Summary {}

impl Observer for Summary {
    #[inline]
    fn observe_value(self, value: f64) {
        self.observe(value);
    }
}

/// Observes the seconds since its start when it is dropped; see [`Histogram::start_timer`]. A timer that was started before a fork
/// observes in the parent only.
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<M: Observer> {
    metric: M,
    epoch: u32,
    start: clock::Moment,
}

impl<M: Observer> Timer<M> {
    pub(super) fn start(metric: M) -> Self {
        Self { metric, epoch: epoch(), start: clock::now() }
    }

    /// Ends without observing.
    pub fn discard(self) {
        core::mem::forget(self);
    }
}

impl<M: Observer> Drop for Timer<M> {
    fn drop(&mut self) {
        if self.epoch == epoch() {
            self.metric.observe_value(self.start.elapsed_seconds());
        }
    }
}
