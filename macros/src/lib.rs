//! The attributes of [`headcount`](https://docs.rs/headcount), which re-exports them: depend on that.
//!
//! An attribute goes through three phases, each in files of its own. *Parse* keeps what was written
//! (`args.rs`, `function.rs`); *check* judges it and makes a plan (`check.rs`, `metric.rs`, with the
//! rules in `names.rs`, `buckets.rs`, `shape.rs` and the grammar in `keys.rs`); *expand* prints the
//! plan (`plan.rs`) and can't fail (`expand.rs`, `sites.rs`). When checking finds mistakes, all of them are reported and the
//! item is given back as it was (`fallback.rs`). `finish.rs` brings the attributes of one function
//! together, so that they cost one guard.
//!
//! What is printed names `headcount::__private` and nothing else, and is calls only: what they do
//! stands there.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

use crate::keys::Attribute;

mod args;
mod block;
mod buckets;
mod case;
mod check;
mod derive;
mod descriptor;
mod ends;
mod errors;
mod expand;
mod fallback;
mod family;
mod finish;
mod function;
mod keys;
mod metric;
mod names;
mod plan;
mod rules;
mod shape;
mod sites;
mod suggest;
mod values;

#[cfg(test)]
mod snapshots;

/// Counts a function's calls.
///
/// On its own it asks for nothing: the calls of all functions with a bare `#[counted]` are one
/// family, `function_calls_total`, with the labels `function` and `module`. With a `name` the function
/// has a family of its own, which may have labels.
///
/// Every process counts for itself, and a collector adds the processes up, those that have ended as
/// well: a counter never falls. Every declared series whose labels are known when the program is
/// compiled exists with the value 0 from the first use of the library in a process on.
///
/// A call is counted at its beginning: when the function is entered, or when its future is first
/// polled (a future that is never polled is no call). So a call that never returns counts too. With
/// `outcome` it is counted at its end, which comes in any case: by returning, by a panic, or when its
/// future is dropped half way.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_total"` | a family of its own; a counter's name ends in `_total` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; needs `outcome` |
/// | `future` | says that the function returns a future which its type doesn't show |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `help`, `unit` and `labels` need a `name`: the family that all functions share has a fixed shape.
///
/// A label's expression is evaluated once, by reference, before the body. It sees the arguments, and
/// it can't leave the function: `?`, `return` and `.await` are errors. Its type implements
/// `LabelValue`. Up to eight labels can be taken from values, beside literal ones.
///
/// An `Err` is found by the type of the returned value, so that aliases of `Result` are seen through.
/// Where the type is a type parameter or belongs to one, it can't be seen what it will be, and
/// `error_if` is required.
///
/// # On which functions
///
/// On every function with a body that is not `const`: free, in `impl` blocks and traits, generic,
/// `async`, `unsafe`, `extern`. A function that returns `impl Future`, `Pin<Box<dyn Future>>`,
/// `BoxFuture` or `LocalBoxFuture` is measured as the future; any other type that is a future is a
/// compile error which says to add `future` (for an alias of a boxed future; a future of any other
/// type can't be measured from outside). Several attributes of this library on one function, in
/// whatever order, become one guard. Other attribute macros are expanded first, so that what they
/// print is measured; `#[async_trait]` on the `impl` block is fine too.
///
/// # Expansion
///
/// ```text
/// #[counted]
/// fn greet(name: &str) -> String { format!("Hello, {name}!") }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```text
/// fn greet(name: &str) -> String {
///     {
///         fn __here() -> &'static str { K::type_name_of_val(&__here) }     // finds `Type::method` too
///         static __SITES: [K::Site; 1] =
///             [K::Site::function(__here, module_path!(), file!(), line!(), 1)];
///         K::inventory::submit! { K::Sites(&__SITES) }                     // known before `main`
///         __SITES[0].count();
///     }
///     { format!("Hello, {name}!") }
/// }
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
    finish::attribute(Attribute::Counted, args.into(), item.into()).into()
}

/// Measures how long a function's calls take, in a histogram.
///
/// On its own it asks for nothing: the durations of all functions with a bare `#[timed]` are one
/// family, `function_calls_duration_seconds`, with the labels `function` and `module`. With a `name`
/// the function has a family of its own, which may have labels and buckets.
///
/// A duration is that of the whole call, and of a future from its first poll to its end, waiting
/// included. Every end is observed: returning, a panic, and a future dropped half way. Across
/// processes, each bucket is the sum of that bucket in all of them.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_seconds"` | a family of its own; the name of durations ends in `_seconds` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "seconds"` | says the unit, of which there is one |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `buckets = [0.01, 0.1, 1.0]` | the buckets' upper bounds in seconds: ascending numbers above 0, or the path of a constant array or slice of `f64` |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; needs `outcome` |
/// | `future` | says that the function returns a future which its type doesn't show |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `help`, `unit`, `labels` and `buckets` need a `name`: the family that all functions share has a
/// fixed shape, with buckets from 5 milliseconds to 10 seconds. What is said of labels, of errors and
/// of futures at `#[counted]` is true here too.
///
/// # Expansion
///
/// ```text
/// #[timed]
/// async fn nap() { sleep().await }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```text
/// async fn nap() {
///     let __call = {
///         fn __here() -> &'static str { K::type_name_of_val(&__here) }
///         static __SITES: [K::Site; 1] =
///             [K::Site::function(__here, module_path!(), file!(), line!(), 4)];
///         K::inventory::submit! { K::Sites(&__SITES) }
///         K::scope(K::Function::<4>(__SITES[0].slot()))       // ends when it is dropped
///     };
///     { sleep().await }
/// }
/// ```
///
/// With `outcome`, the body becomes a closure or an inner future, so that what it returns can be
/// looked at.
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
    finish::attribute(Attribute::Timed, args.into(), item.into()).into()
}

/// Counts a function's calls that are in progress: a gauge that rises when a call begins, and falls
/// when it ends.
///
/// On its own it asks for nothing: the calls of all functions with a bare `#[in_progress]` are one
/// family, `function_calls_concurrent`, with the labels `function` and `module`. With a `name` the
/// function has a family of its own, which may have labels.
///
/// Every end counts: returning, a panic, and a future dropped half way. Across processes, the value
/// is the sum of those that live: what a killed process was doing is gone at the next scrape.
///
/// A function that returns a stream, an iterator or the body of an answer has ended when it returns
/// that, and not when it is read to its end.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_running"` | a family of its own |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "jobs"` | the family's unit; the name must end in it |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `future` | says that the function returns a future which its type doesn't show |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `help`, `unit` and `labels` need a `name`: the family that all functions share has a fixed shape.
/// What is said of labels and of futures at `#[counted]` is true here too.
///
/// # Expansion
///
/// As that of `#[timed]`: a guard before the body, dropped after it.
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
    finish::attribute(Attribute::InProgress, args.into(), item.into()).into()
}

/// Counts a function's calls that end with an error or with a panic.
///
/// On its own it asks for nothing: the exceptions of all functions with a bare
/// `#[count_exceptions]` are one family, `function_exceptions_total`, with the labels `function` and
/// `module`. With a `name` the function has a family of its own, which may have labels.
///
/// An error is an `Err`, found by the type of the returned value, so that aliases of `Result` are
/// seen through; or what `error_if` says. A future that is dropped half way is cancelled, and is no
/// exception. Across processes the counts are added up, those of processes that have ended as well.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_failures_total"` | a family of its own; a counter's name ends in `_total` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; panics count besides |
/// | `future` | says that the function returns a future which its type doesn't show |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `help`, `unit` and `labels` need a `name`: the family that all functions share has a fixed shape.
/// What is said of labels and of futures at `#[counted]` is true here too.
///
/// # Expansion
///
/// ```text
/// #[count_exceptions]
/// fn parse(text: &str) -> Result<u32, Error> { Ok(text.parse()?) }
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```text
/// fn parse(text: &str) -> Result<u32, Error> {
///     let __call = {
///         fn __here() -> &'static str { K::type_name_of_val(&__here) }
///         static __SITES: [K::Site; 1] =
///             [K::Site::function(__here, module_path!(), file!(), line!(), 32)];
///         K::inventory::submit! { K::Sites(&__SITES) }
///         K::enter(K::Function::<32>(__SITES[0].slot()))       // dropped without `end`: a panic
///     };
///     let __out = K::call_once(move || -> Result<u32, Error> { Ok(text.parse()?) });
///     __call.end({ use K::Otherwise as _; K::Out(&__out).outcome() });
///     __out
/// }
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
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _ = (parse("1"), parse("one"));
///     find(&[1, 2], 3);
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     assert!(text.contains("parse_failures_total 1"));
///     assert!(text.contains("misses_total 1"));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn count_exceptions(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::attribute(Attribute::CountExceptions, args.into(), item.into()).into()
}

/// Declares a metric that a program counts by itself: a `static` of the type `Counter`, `Gauge` or
/// `Histogram`, without a value.
///
/// A declared metric is one series. It exists from the first use of the library in a process on,
/// with the value 0, whether it is touched or not (a gauge, once it was set). The `static` really has
/// the type that is written: it is a small value that can be copied, and every copy counts in the
/// same place.
///
/// Across processes, counters and histograms are added up, those of processes that have ended as
/// well. How gauges are combined is said by `mode`.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_taken_total"` | required; a counter's name ends in `_total` |
/// | `help = ".."` | the help text; by default it is the first paragraph of the doc comment, and one of both must be there |
/// | `unit = "bytes"` | the unit; the name must end in it, a counter's before `_total` |
/// | `buckets = [1, 10, 100]` | histograms: the buckets' upper bounds, ascending numbers, or the path of a constant array or slice of `f64` |
/// | `mode = "livesum"` | gauges, required: see below |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// | mode | the value that is exposed |
/// |---|---|
/// | `sum`, `livesum` | the sum of all processes |
/// | `min`, `livemin` | the least value |
/// | `max`, `livemax` | the greatest value |
/// | `all`, `liveall` | a series for each process, with the label `pid` |
///
/// The modes that begin with `live` take the processes that are alive; the others, those that have
/// ended as well.
///
/// # Expansion
///
/// ```text
/// /// Jobs taken from the queue.
/// #[metric(name = "jobs_taken_total")]
/// static TAKEN: Counter;
/// ```
///
/// becomes, with `K` for `::headcount::__private`:
///
/// ```text
/// /// Jobs taken from the queue.
/// static TAKEN: Counter = {
///     static __SITES: [K::Site; 1] = [K::Site::metric(K::Descriptor::new(
///         K::kind_of::<Counter>(), "jobs_taken_total", "Jobs taken from the queue.", file!(), line!(),
///     ))];
///     K::inventory::submit! { K::Sites(&__SITES) }
///     K::at::<Counter>(&__SITES[0])
/// };
/// ```
///
/// # Examples
///
/// ```
/// use headcount::{Counter, Gauge, Histogram, metric};
///
/// /// Jobs taken from the queue.
/// #[metric(name = "jobs_taken_total")]
/// static TAKEN: Counter;
///
/// #[metric(name = "queue_depth", help = "Jobs waiting.", mode = "livesum")]
/// static DEPTH: Gauge;
///
/// /// Sizes of answers.
/// #[metric(name = "answer_bytes", buckets = [100, 1000, 10_000], unit = "bytes")]
/// static SIZES: Histogram;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     TAKEN.inc();
///     DEPTH.set(7.0);
///     SIZES.observe(512.0);
///
///     let text = headcount::Collector::new().collect()?.to_text();
///     assert!(text.contains("# HELP jobs_taken_total Jobs taken from the queue."));
///     assert!(text.contains("jobs_taken_total 1"));
///     assert!(text.contains("queue_depth 7"));
///     assert!(text.contains(r#"answer_bytes_bucket{le="1000.0"} 1"#));
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn metric(args: TokenStream, item: TokenStream) -> TokenStream {
    metric::attribute(args.into(), item.into()).into()
}

/// Leaves a function out of a block that an attribute covers.
#[proc_macro_attribute]
pub fn skip(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::skip(&args.into(), item.into()).into()
}

/// Makes a type the value of a label.
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn label_value(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

/// The marker in which several attributes of one function wait for each other. Nobody writes it.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    finish::finish(entries.into(), item.into()).into()
}
