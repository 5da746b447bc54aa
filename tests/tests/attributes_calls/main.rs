//! What the attributes count: every way into a function and out of it, asserted in the exposition.
//!
//! Each test has functions of its own, so that the tests can run at the same time in one process.

#![expect(clippy::unnecessary_wraps, reason = "what is returned is what is looked at")]
#![allow(clippy::unwrap_used, reason = "a helper fails the test")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "when arguments are dropped is one of the cases"
)]
#![expect(clippy::multiple_bound_locations, reason = "so that a `where` clause is there")]

mod ends;
mod families;
mod futures;
mod signatures;
mod together;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use headcount::counted;
use headcount_tests::collected::own_page;
use headcount_tests::page::Page;

/// What the process has counted until now.
fn page() -> Page {
    // The first use in a process declares everything, also what only other tests use.
    #[counted]
    fn looked_at() {}
    looked_at();
    own_page()
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Fails unless the page has all these samples.
#[track_caller]
fn assert_page(samples: &[(&str, f64)]) {
    page().assert(samples);
}

/// The four shared families of a function: calls, observed durations, in progress, exceptions.
#[track_caller]
fn assert_function(function: &str, expected: [f64; 4]) {
    let labels = format!("{{{}}}", labels(function));
    let names = [
        "function_calls_total",
        "function_calls_duration_seconds_count",
        "function_calls_concurrent",
        "function_exceptions_total",
    ];
    let page = page();
    let found = names.map(|name| page.value(&format!("{name}{labels}")));
    assert_eq!(found, expected.map(Some), "{function}\n{:#?}", page.samples);
}

/// The calls of a function by their outcomes: ok, error, panic, cancelled.
#[track_caller]
fn assert_outcomes(name: &str, labels: &str, expected: [f64; 4]) {
    page().assert_outcomes(name, labels, expected);
}

/// The labels of the one function whose path ends so: those in a test have its name before theirs.
fn labels(function: &str) -> String {
    let page = page();
    let labels = page.samples.keys().filter_map(|key| Some(key.split_once('{')?.1));
    // A sample with more labels has others before, between or behind these two.
    let ours = labels.filter_map(|labels| {
        let (path, rest) = labels.strip_prefix("function=\"")?.split_once("\",module=\"")?;
        let (module, _) = rest.split_once('"')?;
        let (before, after) = path.rsplit_once(function)?;
        let is_whole = after.is_empty() && (before.is_empty() || before.ends_with("::"));
        let is_here = module.starts_with("attributes_calls");
        (is_here && is_whole).then(|| format!("function=\"{path}\",module=\"{module}\""))
    });
    let ours: BTreeSet<_> = ours.collect();
    assert_eq!(ours.len(), 1, "{function}: {ours:?}\n{:#?}", page.samples);
    ours.into_iter().next().unwrap()
}
