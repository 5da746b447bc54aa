pub(crate) mod args;
pub(crate) mod buckets;
pub(crate) mod durations;
pub(crate) mod function;
pub(crate) mod modes;
pub(crate) mod names;
