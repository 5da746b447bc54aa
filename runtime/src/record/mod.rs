//! The code that an annotated function executes: recorders that know their cells, and one guard for
//! all of them.
//!
//! Nothing here is generic over the function or its types, only over its set of attributes.

mod call;
pub(crate) mod exemplar;
mod named;
pub(crate) mod native;
mod oldest;
pub(crate) mod operation;
mod out;
mod recorder;
mod site;
mod trace_source;
mod watch;

pub use call::{
    Call, Ended, Ending, Scope, Stop, Unlooked, ended, enter, enter_until, scope, stop, unlooked,
    unlooked_until,
};
pub use named::{
    Calls, Completed, Durations, Exceptions, InProgress, Late, Matching, NativeDurations,
    OutcomeDurations, OutcomeNativeDurations, OutcomeSummaries, Outcomes, SummaryDurations, When,
    count,
};
pub use oldest::{Oldest, in_progress_and_oldest};
pub use out::{
    Fallible, Out, Probe, Same, boxed, call_once, diverge, diverging, error_if, never, plain,
};
pub use recorder::{End, Function, Recorder};
pub use site::Partial;
pub use trace_source::set_trace_source;
pub use watch::{Ends, Watch, ends, watch, watch_until};
