//! The handles that users hold. A handle is a small `Copy` value that names a slot, never an
//! address in a segment, so it stays valid after a fork.

mod build_info;
mod counter;
mod function_durations;
mod gauge;
mod handle;
mod histogram;
mod info;
mod into_f64;
mod on;
mod own_values;
mod state_set;
mod summary;
mod timer;

pub use counter::Counter;
pub use gauge::{Gauge, InProgress};
pub(crate) use handle::dead;
pub use handle::{Handle, at, kind_of, member, states_of};
pub use histogram::Histogram;
pub use info::Info;
pub use into_f64::IntoF64;
pub use on::{
    EachOutcome, EachTimed, Observed, Timed, Tracked, counted_on, counted_on_each, exceptions_on,
    in_progress_on, timed_on, timed_on_each,
};
pub use state_set::{AnyState, StateSet};
pub use summary::Summary;
pub use timer::{Observer, TimedFuture, Timer};
