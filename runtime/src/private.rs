//! Everything that generated code may name, and nothing for anyone else: it may change in any release.

pub use core::any::type_name_of_val;
pub use core::convert::Infallible;
pub use core::future::Future;
pub use core::option::Option;
pub use core::pin::Pin;
pub use core::primitive::{bool, f64, str, u32, u64, usize};
pub use core::result::Result;
pub use core::{concat, file, line, module_path, stringify};
pub use std::boxed::Box;

pub use headcount_macros::__finish as finish;
pub use inventory;

pub use crate::descriptor::{DEFAULT_NANOS, Descriptor, Kind, Label, Mode, bounds, nanos};
pub use crate::label::Labels;
pub use crate::metric::{Handle, at, kind_of};
pub use crate::outcome::Outcome;
pub use crate::record::{
    Call, Calls, Durations, Exceptions, Function, InProgress, Otherwise, Out, OutcomeDurations,
    Outcomes, Probe, Recorder, Scope, Watch, call_once, count, enter, error_if, never, plain,
    scope, watch,
};
pub use crate::registry::{
    COUNTED, COUNTED_OUTCOME, EXCEPTIONS, IN_PROGRESS, Site, Sites, TIMED, TIMED_OUTCOME,
};
