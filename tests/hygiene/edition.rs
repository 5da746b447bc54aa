//! Compiled in each edition before the workspace's own.

#![deny(warnings, rust_2018_compatibility, rust_2021_compatibility, rust_2024_compatibility)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

extern crate headcount;

use headcount::{count_exceptions, counted, in_progress, metric, timed, Counter};

/// Happened.
#[metric(name = "editions_total")]
pub static EDITIONS: Counter;

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn four(text: &str) -> Result<u8, std::num::ParseIntError> {
    let parsed = text.parse()?;
    Ok(parsed)
}

#[counted(name = "edition_calls_total", labels(text, length = text.len()), outcome)]
#[timed(name = "edition_seconds", buckets = [1, 2])]
fn named(text: &str) -> Option<&str> {
    text.get(1..)
}

#[counted(outcome, future)]
fn boxed(n: u8) -> std::pin::Pin<Box<dyn std::future::Future<Output = u8> + Send>> {
    Box::pin(std::future::ready(n))
}

mod inner {
    #[::headcount::counted]
    pub fn counted(mut n: u8) -> u8 {
        n += 1;
        n
    }
}

pub fn all() {
    EDITIONS.inc();
    let _ = (four("1"), named("1"), boxed(1), inner::counted(1));
}
