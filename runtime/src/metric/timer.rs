use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use pin_project_lite::pin_project;

use crate::clock;
use crate::process::epoch;

use super::{Gauge, Histogram, Summary};

/// A metric that can observe a duration, in seconds: a [`Histogram`], a [`Summary`], or a
/// [`Gauge`], which keeps the last one.
///
/// ```
/// use std::time::Duration;
///
/// use headcount::{Gauge, Histogram, Observer, metric};
///
/// /// Time of a step.
/// #[metric(name = "step_seconds")]
/// static STEP: Histogram;
///
/// /// Time of the last start.
/// #[metric(name = "start_seconds", mode = "mostrecent")]
/// static START: Gauge;
///
/// fn timed(metric: impl Observer, f: impl FnOnce()) -> Duration {
///     let timer = STEP.start_timer();
///     f();
///     timer.stop_as(metric)
/// }
///
/// let (step, start) = (timed(STEP, || ()), timed(START, || ()));
/// assert_eq!((STEP.count(), STEP.sum()), (1, step.as_secs_f64()));
/// assert_eq!(START.get(), Some(start.as_secs_f64()));
/// ```
pub trait Observer: Copy + sealed::Sealed {
    /// Observes one duration.
    #[doc(hidden)]
    fn observe_seconds(self, seconds: f64);
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Histogram {}

impl Observer for Histogram {
    #[inline]
    fn observe_seconds(self, seconds: f64) {
        self.observe_duration(seconds);
    }
}

impl sealed::Sealed for Summary {}

impl Observer for Summary {
    #[inline]
    fn observe_seconds(self, seconds: f64) {
        self.observe(seconds);
    }
}

impl sealed::Sealed for Gauge {}

impl Observer for Gauge {
    #[inline]
    fn observe_seconds(self, seconds: f64) {
        self.set(seconds);
    }
}

/// Observes the seconds since its start when it is dropped; see [`Histogram::start_timer`]. A timer
/// that was started before a fork observes in the parent only.
///
/// ```
/// use headcount::{Histogram, metric};
///
/// /// Time of a request.
/// #[metric(name = "timed_request_seconds")]
/// fn latency(route: &str) -> Histogram;
///
/// let timer = latency("unknown").start_timer();
/// let route = "/orders"; // known only now
/// let took = timer.stop_as(latency(route));
/// assert_eq!((latency(route).count(), latency("unknown").count()), (1, 0));
/// assert!(took >= std::time::Duration::ZERO);
///
/// latency(route).start_timer().discard(); // observes nothing
/// drop(latency(route).start_timer());
/// assert_eq!(latency(route).count(), 2);
/// ```
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<M: Observer> {
    metric: M,
    epoch: u32,
    start: clock::Moment,
}

impl<M: Observer> Timer<M> {
    #[inline]
    pub(super) fn start(metric: M) -> Self {
        Self { metric, epoch: epoch(), start: clock::now() }
    }

    /// Returns the time since the start.
    #[inline]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.start.elapsed_nanos())
    }

    /// Ends the timer, observes the seconds, and returns what was observed.
    #[inline]
    #[doc(alias = "stop_and_record")]
    #[doc(alias = "observe_duration")]
    pub fn stop(self) -> Duration {
        let nanos = self.start.elapsed_nanos();
        if self.epoch == epoch() {
            self.metric.observe_seconds(clock::nanos_as_seconds(nanos));
        }
        self.discard();
        Duration::from_nanos(nanos)
    }

    /// Ends the timer, but observes with `metric` instead of the metric that it was started for.
    /// Useful if labels are known only at the end. Returns what was observed.
    #[inline]
    pub fn stop_as<N: Observer>(self, metric: N) -> Duration {
        let timer = Timer { metric, epoch: self.epoch, start: self.start };
        self.discard();
        timer.stop()
    }

    /// Ends the timer without observing.
    #[inline]
    #[doc(alias = "stop_and_discard")]
    pub fn discard(self) {
        core::mem::forget(self);
    }
}

impl<M: Observer> Drop for Timer<M> {
    #[inline]
    fn drop(&mut self) {
        if self.epoch == epoch() {
            self.metric.observe_seconds(self.start.elapsed_seconds());
        }
    }
}

pin_project! {
    /// A future with a timer, which begins with the first poll and ends when the future is ready or
    /// dropped; see [`Histogram::time_future`]. A future that is never polled observes nothing.
    ///
    /// ```
    /// use headcount::{Summary, metric};
    ///
    /// /// Time of a query.
    /// #[metric(name = "future_query_seconds")]
    /// static QUERY: Summary;
    ///
    /// let mut query = std::pin::pin!(QUERY.time_future(std::future::ready(7)));
    /// assert_eq!(QUERY.count(), 0);
    /// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// assert!(query.as_mut().poll(&mut context).is_ready());
    /// assert_eq!(QUERY.count(), 1);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TimedFuture<F, M: Observer> {
        #[pin]
        future: F,
        metric: M,
        timer: Option<Timer<M>>,
    }
}

impl<F, M: Observer> TimedFuture<F, M> {
    pub(super) fn new(future: F, metric: M) -> Self {
        Self { future, metric, timer: None }
    }
}

impl<F: Future, M: Observer> Future for TimedFuture<F, M> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let metric = *this.metric;
        this.timer.get_or_insert_with(|| Timer::start(metric));
        let polled = this.future.poll(context);
        if polled.is_ready() {
            *this.timer = None;
        }
        polled
    }
}
