//! Compiled in each edition before the workspace's own.

#![deny(warnings, rust_2018_compatibility, rust_2021_compatibility, rust_2024_compatibility)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

extern crate headcount;

use headcount::{
    count_exceptions, counted, in_progress, linear_buckets, metric, timed, Counter, Histogram, Info,
    LabelValue, StateSet,
};

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

/// How it happened.
#[derive(Clone, Copy, LabelValue)]
pub enum How {
    /// So.
    So,
    /// Or so.
    Otherwise(u8),
}

/// Happened so.
#[metric(name = "edition_family_total")]
pub fn family<'a>(how: How, text: &'a str) -> Counter;

const NAMESPACE: &str = "edition";

headcount::build_info!(commit = "abc", r#type = NAMESPACE);

/// What it is.
#[metric(namespace = NAMESPACE, name = "info", labels(commit = "abc"))]
static INFO: Info;

/// How it is.
#[metric(namespace = NAMESPACE, subsystem = "how", name = "now", mode = "livemostrecent")]
pub static NOW: StateSet<How>;

/// How it is here.
#[metric(name = "edition_how_here", mode = "all")]
pub fn here<'a>(place: &'a str) -> StateSet<How>;

/// Part by part.
#[metric(namespace = crate::NAMESPACE, name = "parts_total")]
pub static PARTS: Counter<f64>;

/// Step by step.
#[metric(name = "edition_steps", buckets = linear_buckets::<3>(0.0, 0.1))]
pub static STEPS: Histogram;

#[timed(namespace = NAMESPACE, name = "step_seconds", buckets = ::headcount::exponential_buckets::<3>(0.1, 2.0))]
fn step() {}

#[count_exceptions(name = "edition_failures_total", labels(how), error_labels(kind), only = How::Otherwise(n) if *n > 3, when = n > 1)]
#[counted(metric = family(how, "x"))]
fn failing(how: How, n: u8) -> Result<u8, How> {
    if n > 2 {
        return Err(how);
    }
    Ok(n)
}

#[counted(prefix = "edition", labels(kind = 1))]
mod block {
    pub struct Type;

    impl Type {
        pub fn method(&self) -> u8 {
            1
        }
        #[::headcount::skip]
        pub fn left_out(&self) -> u8 {
            2
        }
    }
}

pub fn all() {
    EDITIONS.inc();
    family(How::So, "x").inc();
    let _ = (failing(How::Otherwise(1), 3), block::Type.method() + block::Type.left_out());
    NOW.set(How::So);
    here("x").set(How::Otherwise(1));
    PARTS.inc_by(0.5);
    STEPS.observe(0.1);
    step();
    let _ = (four("1"), named("1"), boxed(1), inner::counted(1));
}
