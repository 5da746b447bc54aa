//! The clock for durations: monotonic, in nanoseconds.
//!
//! Most of the cost of a measured call is two reads of the system's clock. So where the processor's
//! time-stamp counter can be trusted, it replaces the system's clock about a millisecond after the
//! process begins to record. Before that, and everywhere else, durations use the system's clock.

mod counter;
mod moment;

pub(crate) use counter::{coarse_ns, coarse_seconds, prepare};
pub(crate) use moment::{Mark, Moment, nanos_as_seconds, now};
