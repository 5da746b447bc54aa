//! The attributes of [`headcount`](https://docs.rs/headcount), which re-exports them: depend on
//! that.
//!
//! An attribute goes through three phases, each in a directory of its own. `parse` stores what was
//! written; `check` applies the rules and builds a `plan`; `expand` prints the plan, and cannot
//! fail. If `check` finds mistakes, it reports all of them and returns the item unchanged
//! (`report`). `attributes` leads one attribute on one item through the phases; `derive` is the
//! derive macro.
//!
//! Generated code names only `headcount::__private` and consists of calls only: the functions that
//! it calls are in that module.

#![forbid(unsafe_code)]

use crate::kind::Attribute;
use proc_macro::TokenStream;

mod attributes;
mod check;
mod derive;
mod expand;
mod kind;
mod parse;
mod plan;
mod report;
mod tokens;

#[cfg(test)]
mod tests;

/// Counts a function's calls.
///
/// Without arguments the calls of all functions with `#[counted]` are one family,
/// `function_calls_total`, with the labels `function` and `module`. With a `name` the function has
/// its own family, which may have labels.
///
/// Every process counts for itself, and a collector adds up all processes, including those that
/// have ended: a counter never falls. Every declared series whose labels are known at compile time
/// exists with the value 0 from the first use of the library in a process on.
///
/// A call is counted at its beginning: when the function is entered, or when its future is first
/// polled (a future that is never polled is not a call). So a call that never returns counts too.
/// With `outcome` a call is counted at its end: a return, a panic, or the drop of its future before
/// it completes.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_total"` | gives the function its own family; a counter's name must end in `_total` |
/// | `namespace = "shop"`, `subsystem = NAME` | prefixes of the name: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `max_series = 500` | the maximum number of the family's series per process; further label values are counted in one series whose label values are `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: the time after its last change at which the process removes a series; see [`metric`](macro@metric) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | decides whether a value is an error, in place of `Err`; needs `outcome` |
/// | `metric = CALLS` | counts with a metric that is declared elsewhere; by outcome, with a closure: `metric = \|outcome\| calls(queue, outcome)` |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: gives its functions their own family, here `billing_calls_total` |
/// | `future` | the function returns a boxed future that its type does not show; `future = false`: the call itself is what is measured |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `max_series` and `idle_timeout` need a
/// `name`: the family that all functions share has a fixed shape.
///
/// # Labels
///
/// A label's expression is evaluated once, by reference, before the body. It can use the arguments,
/// and it cannot leave the function: `?`, `return` and `.await` are errors. If it panics, the call
/// has not begun, and nothing is recorded for it. Its type must implement `LabelValue`. Up to eight
/// labels can be taken from values, in addition to literal ones.
///
/// A label is *closed* if all its values are known at compile time: a literal; an argument alone
/// whose type knows them, such as `bool` or an enum with `derive(LabelValue)`; or
/// `name: Type = expression` with such a type. If all labels of a family are closed, all its series
/// exist with the value 0 before the first call, and a call finds its series without a lookup.
/// Otherwise a series appears with its first call.
///
/// An argument whose type is a type parameter cannot be closed. The attribute recognises a type
/// parameter of the surrounding `impl` block only by a short name such as `T` or `K2`; if it has a
/// longer name, write `labels(key = key)`.
///
/// # Errors and futures
///
/// An `Err` is recognised by the type of the returned value, so aliases of `Result` work. It is
/// also recognised inside an `Option`, a `Poll` or a `Poll<Option<..>>`: `None` and `Pending` are
/// `ok`.
///
/// If the type is a type parameter or an associated type of one, the attribute cannot know what it
/// will be, and `error_if` is required. The attribute recognises a parameter of the surrounding
/// `impl` block only by its name, one capital letter. If it has a longer name, or is the type
/// inside an `Option`, write `error_if`; otherwise its errors count as `ok`. A type with a name
/// like a parameter's, such as `C2`, needs `error_if` too.
///
/// # On which functions
///
/// On every function with a body that is not `const`: free, in `impl` blocks and traits, generic,
/// `async`, `unsafe`, `extern`. A function that returns `impl Future`, `Pin<Box<dyn Future>>`,
/// `BoxFuture` or `LocalBoxFuture` is measured as the future. Any other type that is a future is a
/// compile error, which suggests two keys: `future` for an alias of a boxed future, and
/// `future = false` if the call itself is to be measured; a future of any other type cannot be
/// measured from outside. `future = false` may also be on a block. It then applies to those of the
/// block's functions whose types hide a future, such as `Self::Future` of a tower `Service`.
///
/// With `#[track_caller]`, `outcome` is a compile error on a sync function whose value may be an
/// error, because the closure around the body would become the reported caller. Several attributes
/// of this library on one function, in any order, share one guard. Other attribute macros are
/// expanded first, so what they generate is measured too; `#[async_trait]` on the `impl` block
/// works.
///
/// # What an attribute leaves as it is
///
/// **Everything that the function does.** With any of these attributes, in any order, the function
/// moves, borrows and drops the same things in the same order: its arguments, its locals, the
/// temporaries of its last expression, under the rules of its own edition. It unwinds in the same
/// way, the same types are inferred, and rustc's lints report the same. Generated functions are
/// compiled and run with attributes and without, and compared (the test `attributes_differential`),
/// and so are packages with their own tests (`tests/crates/`).
///
/// If nothing depends on what the function returns, its body stays where it is. Otherwise
/// (`outcome`, `#[count_exceptions]`), and if the value may be an error, the body becomes a
/// closure, or a future inside the `async fn`'s own, because `?` and `return` would otherwise
/// bypass the end. This causes these differences:
///
/// * The name of a type that is defined in the body has one more `{{closure}}`, and so have names
///   of functions that contain it.
/// * An argument is moved once more: into the closure, and in an `async fn` into the inner future,
///   in addition to its place in the compiler's own future. So a future is larger by its arguments
///   (five that pass on 1 KiB: 10,504 bytes instead of 6,150), and a recursive function takes more
///   stack for each level (optimised, 32 bytes with `#[count_exceptions]`, 80 with all four, plus
///   its own arguments).
/// * rustc's `unconditional_recursion` does not fire. Neither do those of clippy's lints that
///   examine how an argument or a body is used: `needless_pass_by_value`, `boxed_local`,
///   `unused_async`; nor `must_use_candidate` with any attribute, since counting is an effect.
/// * In rustc's messages about a `mut self` that is moved or assigned to, it is called
///   `headcount_self`.
///
/// In a build without optimisation a call costs about 85 ns more with `#[counted]`, 220 with
/// `#[count_exceptions]`, 420 with `#[timed]` and 700 with all four. `opt-level = 3` for
/// `[profile.dev.package."*"]` halves that; use it for tests of a program that makes millions of
/// annotated calls.
///
/// A function that returns a future does the same as before when it is called, and the same when
/// its future is polled. The future has another type, which is `Send`, `Sync`, `Unpin`, `Clone` and
/// `Debug` if the original one is.
///
/// # On blocks
///
/// On an `impl` block, a trait or an inline module the attribute applies to every function in it
/// that has a body and is not `const`, but not to functions that a macro in it generates. An
/// attribute of the same kind on a function replaces the block's there, and `#[headcount::skip]`
/// leaves a function out. With a `prefix` the functions of the block have their own family, with
/// the label `function`; it may then have `labels` and everything else that needs a `name`.
///
/// ```
/// use headcount::counted;
///
/// struct Till;
///
/// #[counted(prefix = "till", labels(floor = 1), outcome)]
/// impl Till {
///     fn sell(&self, pieces: &str) -> Result<u32, std::num::ParseIntError> {
///         pieces.parse()
///     }
///
///     #[headcount::skip]
///     fn is_open(&self) -> bool {
///         true
///     }
/// }
///
/// # fn main() -> Result<(), headcount::Error> {
/// let _ = (Till.sell("3"), Till.sell("many"), Till.is_open());
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains(r#"till_calls_total{floor="1",function="Till::sell",outcome="error"} 1"#));
/// # Ok(())
/// # }
/// ```
///
/// # Expansion
///
/// ```
/// # use headcount::counted;
/// #[counted]
/// fn greet(name: &str) -> String { format!("Hello, {name}!") }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```
/// # use headcount::__private as K;
/// fn greet(name: &str) -> String {
///     {
///         enum __Here {}                                                // its name finds `Type::method` too
///         static __SITE: K::FunctionSite<1> =
///             K::FunctionSite::new::<__Here>(&__SITE, module_path!());
///         K::inventory::submit! { __SITE.sites() }                      // known before `main`
///         __SITE.count();
///     }
///     { format!("Hello, {name}!") }                                     // in its own place and edition
/// }
/// # greet("you");
/// # let text = headcount::Collector::new().collect().unwrap().to_text();
/// # assert!(text.contains("function=\"main::greet\"") && text.contains("} 1\n"), "{text}");
/// ```
///
/// # Examples
///
/// ```standalone_crate
/// use headcount::counted;
///
/// #[counted]
/// fn greet(name: &str) -> String {
///     format!("Hello, {name}!")
/// }
///
/// #[counted(name = "orders_total", help = "Orders taken.", labels(kind), outcome)]
/// fn order(kind: &str, pieces: &str) -> Result<u32, std::num::ParseIntError> {
///     pieces.parse()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     greet("you");
///     greet("all");
///     let _ = (order("books", "3"), order("books", "many"));
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     # let text = text.replace("rust_out", "shop");
///     assert!(text.contains(r#"function_calls_total{function="greet",module="shop"} 2"#));
///     assert!(text.contains(r#"orders_total{kind="books",outcome="ok"} 1"#));
///     assert!(text.contains(r#"orders_total{kind="books",outcome="error"} 1"#));
///     assert!(text.contains(r#"orders_total{kind="books",outcome="panic"} 0"#));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn counted(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::attribute(Attribute::Counted, args.into(), item.into()).into()
}

/// Measures the durations of a function's calls, in a histogram.
///
/// Without arguments the durations of all functions with `#[timed]` are one family,
/// `function_calls_duration_seconds`, with the labels `function` and `module`. With a `name` the
/// function has its own family, which may have labels and buckets.
///
/// **A duration is that of the body**: it begins before the first statement, and ends when the body
/// has its value and has dropped its locals, whatever other attributes the function has. The
/// arguments are dropped after that, and the time of their destructors is not included. The
/// duration of a future is the time from the first poll to the end of the body, including waiting.
/// Every end is observed: a return, a panic, and the drop of a future before it completes. Across
/// processes, each bucket is the sum of that bucket in all of them.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_seconds"` | gives the function its own family; the name of durations must end in `_seconds` |
/// | `namespace = "shop"`, `subsystem = NAME` | prefixes of the name: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "seconds"` | the unit; no other is allowed |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `buckets = [0.01, 0.1, 1.0]` | the buckets' upper bounds in seconds: ascending numbers above 0, or a constant array or slice of `f64`, also from a `const fn`: `headcount::exponential_buckets::<8>(0.001, 2.0)` |
/// | `summary` | a sum and a count, without buckets |
/// | `max_series = 500` | the maximum number of the family's series per process; further label values are counted in one series whose label values are `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: the time after its last change at which the process removes a series; see [`metric`](macro@metric) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | decides whether a value is an error, in place of `Err`; needs `outcome` |
/// | `cancelled = false` | leaves out calls whose future was dropped before it completed |
/// | `metric = LATENCY` | observes with a `Histogram` or a `Summary` that is declared elsewhere; by outcome, with a closure: `metric = \|outcome\| latency(queue, outcome)` |
/// | `when = expression` | observes only the calls for which it is true |
/// | `prefix = "billing"` | on a block: gives its functions their own family, here `billing_calls_duration_seconds` |
/// | `future` | the function returns a boxed future that its type does not show; `future = false`: the call itself is what is measured |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `buckets`, `summary`, `max_series` and
/// `idle_timeout` need a `name`: the family that all functions share has a fixed shape, with
/// buckets from 5 milliseconds to 10 seconds. What [`counted`](macro@counted) documents about
/// labels, errors, futures and blocks applies here too.
///
/// # Expansion
///
/// ```
/// # use headcount::timed;
/// # async fn sleep() {}
/// #[timed]
/// async fn nap() { sleep().await }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```
/// # use headcount::__private as K;
/// # async fn sleep() {}
/// async fn nap() {
///     {
///         let __call = {
///             enum __Here {}
///             static __SITE: K::FunctionSite<4> =
///                 K::FunctionSite::new::<__Here>(&__SITE, module_path!());
///             K::inventory::submit! { __SITE.sites() }
///             K::scope(__SITE.recorder())                     // ends when it is dropped
///         };
///         { sleep().await }
///     }
/// }
/// ```
///
/// With `outcome`, the body becomes a closure or an inner future if its value may be an error, as
/// with `#[count_exceptions]`.
///
/// # Examples
///
/// ```
/// use headcount::timed;
///
/// const SIZES: [f64; 3] = [0.001, 0.1, 10.0];
///
/// #[timed(name = "sort_seconds", buckets = SIZES, labels(empty = list.is_empty()))]
/// fn sort(list: &mut [u32]) {
///     list.sort();
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     sort(&mut [3, 1, 2]);
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     assert!(text.contains(r#"sort_seconds_bucket{empty="false",le="10.0"} 1"#));
///     assert!(text.contains(r#"sort_seconds_count{empty="false"} 1"#));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn timed(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::attribute(Attribute::Timed, args.into(), item.into()).into()
}

/// Counts a function's calls that are in progress: a gauge that rises when a call begins, and falls
/// when it ends.
///
/// Without arguments the calls of all functions with `#[in_progress]` are one family,
/// `function_calls_concurrent`, with the labels `function` and `module`. With a `name` the function
/// has its own family, which may have labels.
///
/// Every end counts: a return, a panic, and the drop of a future before it completes. Across
/// processes, the value is the sum over living processes: the calls of a killed process are gone at
/// the next scrape.
///
/// The call of a function that returns a stream, an iterator or the body of an answer ends when the
/// function returns, and not when that is read to its end.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_running"` | gives the function its own family |
/// | `namespace = "shop"`, `subsystem = NAME` | prefixes of the name: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "jobs"` | the family's unit; the name must end in it |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `mode = "max"` | how the values of several processes are combined, as for the gauges of `#[metric]`, but without `mostrecent` and `livemostrecent`, which make no sense here; `livesum` by default |
/// | `max_series = 500` | the maximum number of the family's series per process; further label values are counted in one series whose label values are `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: the time after its last change at which the process removes a series; see [`metric`](macro@metric) |
/// | `metric = RUNNING` | counts with a `Gauge` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: gives its functions their own family, here `billing_calls_concurrent` |
/// | `future` | the function returns a boxed future that its type does not show; `future = false`: the call itself is what is measured |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `mode`, `max_series` and `idle_timeout` need
/// a `name`: the family that all functions share has a fixed shape. What [`counted`](macro@counted)
/// documents about labels, futures and blocks applies here too.
///
/// # Expansion
///
/// The expansion is like that of `#[timed]`: a guard before the body, dropped after it.
///
/// # Examples
///
/// ```
/// use headcount::in_progress;
///
/// #[in_progress(name = "descents", help = "Steps taken down.")]
/// fn descend(steps: u32) -> String {
///     if steps > 1 {
///         return descend(steps - 1);
///     }
///     headcount::Collector::new().collect().map(|all| all.to_text()).unwrap_or_default()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     assert!(descend(3).contains("descents 3"));
///     assert!(headcount::Collector::new().collect()?.to_text().contains("descents 0"));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn in_progress(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::attribute(Attribute::InProgress, args.into(), item.into()).into()
}

/// Counts a function's calls that end with an error or with a panic.
///
/// Without arguments the exceptions of all functions with `#[count_exceptions]` are one family,
/// `function_exceptions_total`, with the labels `function` and `module`. With a `name` the function
/// has its own family, which may have labels.
///
/// An error is an `Err`, recognised by the type of the returned value, so aliases of `Result` work;
/// or what `error_if` accepts. A future that is dropped before it completes is cancelled, and is
/// not an exception. Across processes the counts are added up, including those of processes that
/// have ended.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_failures_total"` | gives the function its own family; a counter's name must end in `_total` |
/// | `namespace = "shop"`, `subsystem = NAME` | prefixes of the name: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `max_series = 500` | the maximum number of the family's series per process; further label values are counted in one series whose label values are `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: the time after its last change at which the process removes a series; see [`metric`](macro@metric) |
/// | `error_if = \|value\| ..` | decides whether a value is an error, in place of `Err`; panics count in addition |
/// | `only = Type::Variant { n } if *n > 3` | counts only the errors that match the pattern, and no panics |
/// | `error_labels(kind, code = \|e\| e.code())` | labels from the error: a closure that takes it, or only a name for the error itself |
/// | `panics = false` | leaves out panics; with `only`, `panics = true` counts them |
/// | `cancelled = true` | also counts futures that are dropped before they complete |
/// | `metric = FAILURES` | counts with a `Counter` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: gives its functions their own family, here `billing_exceptions_total` |
/// | `future` | the function returns a boxed future that its type does not show; `future = false`: the call itself is what is measured |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `error_labels`, `max_series` and
/// `idle_timeout` need a `name`: the family that all functions share has a fixed shape. What
/// [`counted`](macro@counted) documents about labels, futures and blocks applies here too.
///
/// `only` and `error_labels` examine the error of a `Result`, by reference. For a panic and a
/// cancellation, the labels of `error_labels` have the values `panic` and `cancelled`. If the error
/// itself is a `LabelValue`, for example by its derive, its name alone makes it a label. A series
/// of an error appears when it is first counted.
///
/// # Expansion
///
/// ```
/// # use headcount::count_exceptions;
/// # use std::num::ParseIntError as Error;
/// #[count_exceptions]
/// fn parse(text: String, _permit: Vec<u8>) -> Result<u32, Error> { Ok(text.parse()?) }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```
/// # use headcount::__private as K;
/// # use std::num::ParseIntError as Error;
/// fn parse(text: String, _permit: Vec<u8>) -> Result<u32, Error> {
///     {
///         let __call = {
///             enum __Here {}
///             static __SITE: K::FunctionSite<96> =
///                 K::FunctionSite::new::<__Here>(&__SITE, module_path!());
///             K::inventory::submit! { __SITE.sites() }
///             K::enter(__SITE.recorder())                     // dropped without `end`: a panic
///         };
///         let __out = K::call_once(move || -> Result<u32, Error> {
///             if false { let _ = &_permit; let _ = &text; }   // both captured, and dropped last first
///             { Ok(text.parse()?) }
///         });
///         __call.end(K::Out(&__out).outcome());
///         __out
///     }
/// }
/// # fn parse_(text: &str) -> Result<u32, Error> { parse(text.into(), vec![]) }
/// # assert!(parse_("1").is_ok() && parse_("one").is_err());
/// # let text = headcount::Collector::new().collect().unwrap().to_text();
/// # assert!(text.contains("function_exceptions_total{function=\"main::parse\"") && text.contains("} 1\n"));
/// ```
///
/// # Examples
///
/// ```
/// use headcount::count_exceptions;
///
/// #[count_exceptions(name = "parse_failures_total")]
/// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// #[count_exceptions(name = "misses_total", error_if = |found| found.is_none())]
/// fn find(list: &[u32], wanted: u32) -> Option<usize> {
///     list.iter().position(|one| *one == wanted)
/// }
///
/// #[derive(headcount::LabelValue)]
/// enum JobError {
///     Lost,
///     Timeout { after: u32 },
/// }
///
/// #[count_exceptions(name = "job_failures_total", error_labels(kind))]
/// #[count_exceptions(name = "long_timeouts_total", only = JobError::Timeout { after } if *after > 30)]
/// fn run(after: u32) -> Result<(), JobError> {
///     if after > 0 { Err(JobError::Timeout { after }) } else { Err(JobError::Lost) }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _ = (parse("1"), parse("one"));
///     find(&[1, 2], 3);
///     let _ = (run(0), run(10), run(40));
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     assert!(text.contains("parse_failures_total 1"));
///     assert!(text.contains("misses_total 1"));
///     assert!(text.contains(r#"job_failures_total{kind="lost"} 1"#));
///     assert!(text.contains(r#"job_failures_total{kind="timeout"} 2"#));
///     assert!(text.contains("long_timeouts_total 1"));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn count_exceptions(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::attribute(Attribute::CountExceptions, args.into(), item.into()).into()
}

/// Declares a metric that the program records by itself. A `static` without a value is one series.
/// A `fn` without a body that returns a metric is a family of series.
///
/// | type | what it is |
/// |---|---|
/// | `Counter` | a whole number that only grows: requests, bytes |
/// | `Counter<f64>` | any number that only grows: seconds, joules, money |
/// | `Gauge` | a value that goes up and down; it needs a `mode` |
/// | `Histogram` | observed values, counted in buckets |
/// | `Summary` | the sum and the number of the observed values |
/// | `Info` | facts about a program, in labels; its value is always 1 |
/// | `StateSet<T>` | the current state, one of the variants of `T`, an enum with `derive(LabelValue)`; it needs a `mode` |
///
/// A `static` exists from the first use of the library in a process on, with the value 0, whether
/// it is touched or not (a gauge or a state set whose mode is no sum exists once it was set). The
/// `static` really has the type that is written: it is a small value that can be copied, and every
/// copy counts in the same place.
///
/// The parameters of a family are its labels. Their types must implement `LabelValue`. If all of
/// them know their values (see [`counted`](macro@counted)), all series exist from the start as
/// well; otherwise a series appears when it is first looked up. `requests(Method::Get, 200).inc()`
/// counts; a handle that is looked up and not used is a warning.
///
/// Across processes, counters, histograms and summaries are added up, including those of processes
/// that have ended. The `mode` says how gauges and state sets are combined. Infos of living
/// processes are shown.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_taken_total"` | required; a counter's name must end in `_total`, an info's in `_info`; no other name may end in one of these or in `_created`, `_bucket`, `_sum`, `_count` |
/// | `namespace = "shop"`, `subsystem = NAME` | prefixes of the name, see below |
/// | `help = ".."` | the help text; by default the first paragraph of the doc comment. One of the two is required |
/// | `unit = "bytes"` | the unit; the name must end in it, a counter's before `_total`. Infos and state sets have none |
/// | `buckets = [1, 10, 100]` | histograms: the buckets' upper bounds: ascending numbers, or a constant array or slice of `f64`, also from a `const fn`: `headcount::linear_buckets::<10>(0.0, 5.0)` |
/// | `mode = "livesum"` | gauges and state sets, required: see below |
/// | `labels(version = env!("CARGO_PKG_VERSION"))` | infos that are a `static`, required: labels whose values are constants, each a `&'static str` or any literal |
/// | `max_series = 500` | families: the maximum number of series per process; further label values are counted in one series whose label values are `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | families with open labels: each process removes a series whose value has not changed for that time (`d`, `h`, `m`, `s`), as `remove` does: no counter falls that other processes have, and one that comes back begins at 0. Setting a gauge to the value that it has is no change; a series with a function stays |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// # Modes
///
/// | mode | the value that is exposed |
/// |---|---|
/// | `sum`, `livesum` | the sum of all processes |
/// | `min`, `livemin` | the least value |
/// | `max`, `livemax` | the greatest value |
/// | `mostrecent`, `livemostrecent` | the value that was set last |
/// | `all`, `liveall` | a series for each process, with the label `pid` |
///
/// The modes that begin with `live` include living processes only; the others include processes
/// that have ended. In a state set, the state is the series with the value 1, so a sum is the
/// number of processes in each state.
///
/// # Namespaces
///
/// `namespace` and `subsystem` precede the name, each followed by a `_`, as in other Prometheus
/// clients, and the whole is the metric's name. Each is a literal, or the path of a constant
/// `&str`, so that a crate defines its namespace once. An empty constant is left out.
///
/// ```
/// use headcount::{Counter, counted, metric};
///
/// const NAMESPACE: &str = "shop";
///
/// /// Orders taken.
/// #[metric(namespace = NAMESPACE, subsystem = "till", name = "orders_total")]
/// static ORDERS: Counter;
///
/// #[counted(namespace = NAMESPACE, name = "refunds_total")]
/// fn refund() {}
///
/// # fn main() -> Result<(), headcount::Error> {
/// ORDERS.inc();
/// refund();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("shop_till_orders_total 1\n"));
/// assert!(text.contains("shop_refunds_total 1\n"));
/// # Ok(())
/// # }
/// ```
///
/// On a block they precede its `prefix`. A path is always resolved where the function is: inside a
/// module that the attribute covers, write `crate::NAMESPACE`.
///
/// # Infos
///
/// Facts that are known at compile time are a `static` with constant `labels`, which exists from
/// the start, without a call. Facts that are known at run time are a family; `set` sets them.
/// `headcount::build_info!()` declares the usual one.
///
/// ```
/// use headcount::{Info, metric};
///
/// /// How it was built.
/// #[metric(name = "shop_build_info", labels(version = "1.4.0", edition = 2024))]
/// static BUILD: Info;
///
/// /// Where it runs.
/// #[metric(name = "shop_host_info")]
/// fn host(name: &str, region: &str) -> Info;
///
/// # fn main() -> Result<(), headcount::Error> {
/// host("a7", "eu").set();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("shop_build_info{edition=\"2024\",version=\"1.4.0\"} 1\n"));
/// assert!(text.contains("shop_host_info{name=\"a7\",region=\"eu\"} 1\n"));
/// # Ok(())
/// # }
/// ```
///
/// # Expansion
///
/// ```
/// # use headcount::{Counter, metric};
/// /// Jobs taken from the queue.
/// #[metric(name = "jobs_taken_total")]
/// static TAKEN: Counter;
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```
/// # use headcount::{Counter, __private as K};
/// /// Jobs taken from the queue.
/// static TAKEN: Counter = {
///     static __SLOTS: [K::Slot; 1] = [K::Slot::NEW];
///     static __SITES: [K::Site; 1] = [K::Site::metric(&__SLOTS[0], K::Descriptor::new(
///         K::kind_of::<Counter>(), "jobs_taken_total", "Jobs taken from the queue.", file!(), line!(),
///     ))];
///     K::inventory::submit! { K::Sites(&__SITES) }
///     K::at::<Counter>(&__SITES[0])
/// };
/// ```
///
/// Other kinds differ only in the descriptor. This is the descriptor of a state set, in a namespace
/// that is a constant:
///
/// ```
/// # use headcount::{LabelValue, StateSet, __private as K};
/// # #[derive(LabelValue)] enum Phase { Starting, Serving }
/// # const NAMESPACE: &str = "shop";
/// # const DESCRIPTOR: K::Descriptor =
/// K::Descriptor::new(
///     K::kind_of::<StateSet<Phase>>(),
///     K::name(                                            // checked when the whole of it is known
///         K::kind_of::<StateSet<Phase>>(),
///         K::joined_text(const { &K::joined::<{ K::joined_len(&[NAMESPACE, "phase"]) }>(&[NAMESPACE, "phase"]) }),
///     ),
///     "What the workers do.", file!(), line!(),
/// )
/// .states(K::states_of::<StateSet<Phase>>())
/// .mode(K::Mode::LiveSum)
/// # ;
/// # let _ = (DESCRIPTOR, Phase::Starting, Phase::Serving);
/// ```
///
/// and a family becomes the function that it looks like:
///
/// ```
/// # use headcount::{Counter, LabelValue, __private as K};
/// # #[derive(LabelValue)] enum Method { Get }
/// fn requests(method: Method, status: u16) -> Counter {
///     use K::NoValues as _;                               // a type that is no label has no values
///     static __SLOTS: [K::Slot; 1] = [K::Slot::NEW];
///     static __SITES: [K::Site; 1] = [K::Site::metric(&__SLOTS[0], K::Descriptor::new(
///         K::kind_of::<Counter>(), "http_requests_total", "Requests served.", file!(), line!(),
///     ).labels(&[
///         K::Label::Of("method", K::Values::<Method>::ALL),
///         K::Label::Of("status", K::Values::<u16>::ALL),
///     ]))];
///     K::inventory::submit! { K::Sites(&__SITES) }
///     K::member::<Counter>(&__SITES[0], (&method, &status))
/// }
/// # requests(Method::Get, 200).inc();
/// # let text = headcount::Collector::new().collect().unwrap().to_text();
/// # assert!(text.contains("http_requests_total{method=\"get\",status=\"200\"} 1\n"));
/// ```
///
/// # Examples
///
/// ```
/// use headcount::{Counter, Gauge, Histogram, LabelValue, StateSet, metric};
///
/// #[derive(LabelValue)]
/// enum Method {
///     Get,
///     Post,
/// }
///
/// /// Requests served.
/// #[metric(name = "http_requests_total")]
/// fn requests(method: Method, status: u16) -> Counter;
///
/// /// Jobs taken from the queue.
/// #[metric(name = "jobs_taken_total")]
/// static TAKEN: Counter;
///
/// /// Time that the processor was used.
/// #[metric(name = "busy_seconds_total", unit = "seconds")]
/// static BUSY: Counter<f64>;
///
/// #[metric(name = "queue_depth", help = "Jobs waiting.", mode = "livesum")]
/// static DEPTH: Gauge;
///
/// /// Sizes of answers.
/// #[metric(name = "answer_bytes", buckets = [100, 1000, 10_000], unit = "bytes")]
/// static SIZES: Histogram;
///
/// #[derive(LabelValue)]
/// enum Phase {
///     Starting,
///     Serving,
/// }
///
/// /// What the workers of a pool do.
/// #[metric(name = "worker_phase", mode = "livesum")]
/// fn phase(pool: &str) -> StateSet<Phase>;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     requests(Method::Get, 200).inc();
///     requests(Method::Post, 404).inc_by(2);
///     TAKEN.inc();
///     BUSY.inc_by(0.25);
///     DEPTH.set(7.0);
///     SIZES.observe(512.0);
///     phase("mail").set(Phase::Starting);
///     phase("mail").set(Phase::Serving);
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     assert!(text.contains("# HELP jobs_taken_total Jobs taken from the queue."));
///     assert!(text.contains(r#"http_requests_total{method="post",status="404"} 2"#));
///     assert!(text.contains("jobs_taken_total 1"));
///     assert!(text.contains("busy_seconds_total 0.25"));
///     assert!(text.contains("queue_depth 7"));
///     assert!(text.contains(r#"answer_bytes_bucket{le="1000.0"} 1"#));
///     assert!(text.contains(r#"worker_phase{pool="mail",worker_phase="serving"} 1"#));
///     assert!(text.contains(r#"worker_phase{pool="mail",worker_phase="starting"} 0"#));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn metric(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::metric::attribute(args.into(), item.into()).into()
}

/// Excludes a function from a block that an attribute covers (see [`counted`](macro@counted)): the
/// function then has only its own attributes.
///
/// Anywhere else it is a compile error.
///
/// # Expansion
///
/// The function, without the attributes of the block.
#[proc_macro_attribute]
pub fn skip(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::skip(&args.into(), item.into()).into()
}

/// Implements `LabelValue`, for an enum, whose variants are all its values, or for a struct around
/// one value.
///
/// The value of a variant is its name in `snake_case`. Fields do not matter, so the enum of a
/// function's errors can be a label. Since all values are known, all series of a label of that type
/// exist from the start, and no lookup is needed. A struct has the value of its one field.
///
/// # Arguments
///
/// In `#[label(..)]`:
///
/// | key | where | meaning |
/// |---|---|---|
/// | `rename = "x"` | a variant | its value |
/// | `rename_all = "kebab-case"` | an enum | the case of the variants' names: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE` |
/// | `crate = path` | the type | the path of `headcount`, if it is not `::headcount` |
///
/// # Expansion
///
/// ```
/// # use headcount::__private as K;
/// # enum Method { Get, Put }
/// impl K::LabelValue for Method {
///     const VALUES: &'static [&'static str] = &["get", "PUT"];
///     fn index(&self) -> usize {
///         match self { Self::Get { .. } => 0, Self::Put { .. } => 1 }
///     }
///     fn write_label(&self, out: &mut K::LabelWriter<'_>) {
///         out.push_str(Self::VALUES[self.index()]);
///     }
/// }
/// ```
///
/// # Examples
///
/// ```
/// use headcount::LabelValue;
///
/// #[derive(LabelValue)]
/// #[label(rename_all = "kebab-case")]
/// enum Failure {
///     NotFound,
///     TimedOut { after: u32 },
///     #[label(rename = "5xx")]
///     Server(u16),
/// }
///
/// #[derive(LabelValue)]
/// struct Tenant(String);
///
/// assert_eq!(Failure::VALUES, ["not-found", "timed-out", "5xx"]);
/// assert_eq!(Failure::TimedOut { after: 3 }.index(), 1);
/// assert!(Tenant::VALUES.is_empty());
/// # let _ = (Failure::NotFound, Failure::Server(500), Tenant(String::new()));
/// ```
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn label_value(item: TokenStream) -> TokenStream {
    derive::label_value::expand(item.into()).into()
}

/// The marker in which several attributes of one function wait for each other. Users never write
/// it.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::finish(entries.into(), item.into()).into()
}
