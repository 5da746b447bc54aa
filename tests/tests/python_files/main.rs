//! Directories of Python's `prometheus_client` in multiprocess mode, read by the collector: as its
//! own collector reads them, beside headcount's own files, and with files that are bad.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::float_cmp, reason = "these numbers are exact")]

mod bad;
mod by_hand;
mod compacted;
mod compared;
mod declared;
mod files;
mod growing;
mod together;
