//! What is counted. A family has space for the greatest number of series.

use headcount::{Counter, Histogram, metric};

/// Counted.
#[metric(name = "growth_total")]
pub static COUNTER: Counter;

/// Sizes, in 14 buckets.
#[metric(name = "growth_seconds")]
pub static SIZE: Histogram;

/// Counted in so many rows.
#[metric(name = "growth_rows_total", max_series = 200_000)]
pub fn rows(row: u32) -> Counter;

/// Counted by name.
#[metric(name = "growth_names_total", max_series = 200_000)]
pub fn names(name: &str) -> Counter;
