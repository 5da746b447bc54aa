//! What an annotated function executes: recorders that know their cells, and one guard for all of them.
//!
//! Nothing here is generic over the function or its types, only over which attributes it has.

mod call;
mod named;
mod out;
mod recorder;
mod site;

pub use call::{Call, Scope, Watch, enter, scope, watch};
pub use named::{
    Calls, Completed, Durations, Exceptions, InProgress, Late, Matching, OutcomeDurations,
    OutcomeSummaries, Outcomes, SummaryDurations, When, count,
};
pub use out::{Fallible, Out, Probe, call_once, error_if, never, plain};
pub use recorder::{End, Function, Recorder};
pub use site::Partial;
