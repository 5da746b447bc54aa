//! Compiled with the library under another name, which the attributes are told.

#![deny(warnings)]

use renamed::{
    Counter, Histogram, Info, LabelValue, StateSet, count_exceptions, counted, in_progress, metric, timed,
};

/// Happened.
#[metric(name = "renamed_total", crate = renamed)]
pub static RENAMED: Counter;

#[counted(crate = renamed)]
#[timed(crate = ::renamed)]
#[in_progress(crate = crate::hidden::found)]
#[count_exceptions(crate = renamed)]
pub fn four(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

#[counted(name = "renamed_calls_total", labels(text), outcome, crate = crate::hidden::found)]
pub async fn named(text: &str) -> Option<&str> {
    text.get(1..)
}

/// How it happened.
#[derive(Clone, Copy, Debug, LabelValue)]
#[label(crate = renamed)]
pub enum How {
    /// So.
    So,
}

/// Happened so.
#[metric(name = "renamed_family_total", crate = renamed)]
pub fn family(how: How) -> Counter;

const NAMESPACE: &str = "renamed";

renamed::build_info!(commit = "abc");
renamed::build_info!(mode = "max", commit = "def");
renamed::function_durations!(buckets = renamed::exponential_buckets::<3>(0.001, 10.0));

/// What it is.
#[metric(namespace = NAMESPACE, name = "info", labels(commit = "abc"), crate = renamed)]
static INFO: Info;

/// What it was.
#[metric(name = "renamed_job_info", mode = "max", crate = renamed)]
pub fn job(file: &str) -> Info;

/// How it is.
#[metric(namespace = NAMESPACE, name = "how", mode = "livesum", crate = crate::hidden::found)]
pub static HOW: StateSet<How>;

/// Steps.
#[metric(name = "renamed_steps", buckets = renamed::linear_buckets::<3>(0.0, 0.1), crate = renamed)]
pub static STEPS: Histogram;

#[counted(namespace = crate::NAMESPACE, prefix = "renamed", crate = crate::hidden::found)]
#[count_exceptions(crate = renamed)]
pub mod block {
    use super::How;

    /// Fails.
    pub fn failing(how: How) -> Result<(), How> {
        Err(how)
    }

    /// Fails not.
    #[renamed::skip]
    pub fn left_out() {}
}

mod hidden {
    pub(crate) use ::renamed as found;
}
