//! What an annotated function executes: recorders that know their cells, and one guard for all of them.
//!
//! Nothing here is generic over the function or its types, only over which attributes it has.

mod call;
mod out;
mod recorder;
mod site;

pub use call::{Call, Scope, Watch, enter, scope, watch};
pub use out::{Otherwise, Out, Probe, call_once, error_if, never, plain};
pub use recorder::{
    Calls, Durations, Exceptions, Function, InProgress, OutcomeDurations, Outcomes, Recorder, count,
};
