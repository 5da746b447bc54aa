//! Everything that generated code may name. It is not for other code, and may change in any
//! release.

pub use core::any::type_name;
pub use core::future::Future;
pub use core::ops::FnOnce;
pub use core::option::Option;
pub use core::pin::Pin;
pub use core::primitive::{bool, f64, str, u32, u64, usize};
pub use core::result::Result;
pub use core::{concat, env, file, line, module_path, stringify};
pub use std::boxed::Box;

pub use headcount_macros::__finish as finish;
pub use inventory;

pub use crate::declare::checks::{
    info_labels, joined, joined_len, joined_text, name, utf8_name, without_mode,
};
pub use crate::declare::descriptor::{DEFAULT_NANOS, Descriptor, Label, bounds, nanos};
pub use crate::declare::durations::FunctionDurations;
pub use crate::declare::registry::{
    CANCELLED, COUNTED, COUNTED_EXEMPLARS, COUNTED_OUTCOME, ERRORS, EXCEPTION_EXEMPLARS,
    FunctionSite, IN_PROGRESS, OLDEST, PANICS, Site, Sites, Slot, TIMED, TIMED_COMPLETED,
    TIMED_EXEMPLARS, TIMED_OUTCOME,
};
pub use crate::label::{At, DROPPED, LabelValue, LabelWriter, Labels, NoValues, Values};
pub use crate::metric::{
    Counter, EachOutcome, EachTimed, Gauge, Handle, Histogram, Observed, Summary, Timed, Tracked,
    at, counted_on, counted_on_each, exceptions_on, in_progress_on, kind_of, member, states_of,
    timed_on, timed_on_each,
};
pub use crate::model::GaugeMode;
pub use crate::model::kind::Kind;
pub use crate::model::outcome::Outcome;
pub use crate::record::{
    Call, Calls, Completed, Durations, End, Ended, Ending, Ends, Exceptions, Fallible, Function,
    InProgress, Late, Matching, NativeDurations, Oldest, Out, OutcomeDurations,
    OutcomeNativeDurations, OutcomeSummaries, Outcomes, Partial, Probe, Recorder, Same, Scope,
    Stop, SummaryDurations, Unlooked, Watch, When, boxed, call_once, count, diverge, diverging,
    ended, ends, enter, enter_until, error_if, in_progress_and_oldest, never, plain, scope, stop,
    unlooked, unlooked_until, watch, watch_until,
};
pub use crate::store::remove_idle;

/// The schema of a native histogram that names none, and the finest one. A test holds the macros to
/// them.
pub const SCHEMAS: (u8, u8) =
    (crate::model::native_schema::DEFAULT_SCHEMA, crate::model::native_schema::GREATEST_SCHEMA);

/// All modes. A test holds the macros' table to them.
pub const MODES: &[GaugeMode] = GaugeMode::ALL;

/// All kinds, each with the name of its handle and the ending of its families' names. Either is
/// empty if there is none. A test holds the macros' table to them.
pub fn kinds() -> impl Iterator<Item = (Kind, &'static str, &'static str)> {
    Kind::ALL.iter().map(|kind| (*kind, kind.handle(), kind.ending().as_str()))
}
