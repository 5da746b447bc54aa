//! The attributes of [`headcount`](https://docs.rs/headcount), which re-exports them: depend on that.
//!
//! An attribute goes through three phases, each in a folder of its own. `parse` keeps what was
//! written; `check` judges it and makes a `plan`; `expand` prints the plan, and can't fail. When
//! checking finds mistakes, all of them are reported and the item is given back as it was
//! (`report`). `attributes` leads one attribute on one item through the phases; `derive` is the
//! derive.
//!
//! What is printed names `headcount::__private` and nothing else, and is calls only: what they do
//! stands there.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

use crate::parse::keys::Attribute;

mod attributes;
mod check;
mod derive;
mod expand;
mod parse;
mod plan;
mod report;

#[cfg(test)]
mod tests;

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
/// | `namespace = "shop"`, `subsystem = NAME` | what the name begins with: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `max_series = 500` | how many series a process may have of the family, before the rest goes to one whose values read `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: how long after its last change the process removes a series; see [`metric`](macro@metric) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; needs `outcome` |
/// | `metric = CALLS` | counts on a metric that is declared elsewhere; by outcome with a closure: `metric = \|outcome\| calls(queue, outcome)` |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its functions have families of their own, here `billing_calls_total` |
/// | `future` | says that the function returns a boxed future which its type doesn't show; `future = false`, that its call is what counts |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `max_series` and `idle_timeout` need a
/// `name`: the family that all functions share has a fixed shape.
///
/// # Labels
///
/// A label's expression is evaluated once, by reference, before the body. It sees the arguments, and
/// it can't leave the function: `?`, `return` and `.await` are errors. If it panics, the call has
/// not begun, and nothing is recorded of it. Its type implements `LabelValue`. Up to eight labels
/// can be taken from values, beside literal ones.
///
/// A label is *closed* if all its values are known when the program is compiled: a literal; an argument alone whose type
/// knows them, such as `bool` or an enum with `derive(LabelValue)`; or `name: Type = expression` of such a type. Where all
/// labels of a family are closed, all its series exist with the value 0 before the first call, and a call finds its own
/// without a look-up. Otherwise a series appears with its first call. An argument whose type is a type parameter can't
/// be closed; of a type parameter of the `impl` block that has a longer name than `T` or `K2`, the attribute doesn't know
/// that it is one: write `labels(key = key)` for it.
///
/// # Errors and futures
///
/// An `Err` is found by the type of the returned value, so that aliases of `Result` are seen
/// through,
/// and inside of an `Option`, a `Poll` or a `Poll<Option<..>>` as well: `None` and `Pending` are
/// `ok`.
/// Where the type is a type parameter or belongs to one, it can't be seen what it will be, and
/// `error_if` is required. A parameter of the `impl` block around the function is known by its name
/// alone, one capital letter; where it has a longer name, or is an `Option`'s, say `error_if`, or
/// its
/// errors count as `ok`. Of a type called as parameters are, `C2`, the same is asked.
///
/// # On which functions
///
/// On every function with a body that is not `const`: free, in `impl` blocks and traits, generic,
/// `async`, `unsafe`, `extern`. A function that returns `impl Future`, `Pin<Box<dyn Future>>`,
/// `BoxFuture` or `LocalBoxFuture` is measured as the future. Any other type that is a future is a
/// compile error, which offers two keys: `future` for an alias of a boxed future, and
/// `future = false` where the call itself is what counts; a future of any other type can't be
/// measured from outside. `future = false` may also stand on a block, and then speaks of those of
/// its
/// functions whose types hide a future, such as `Self::Future` of a tower `Service`.
///
/// With `#[track_caller]`, `outcome` is a compile error on a sync function that returns what may be
/// an error: the closure around the body would take the caller's place. Several attributes of this
/// library on one function, in whatever order, become one guard. Other attribute macros are
/// expanded
/// first, so that what they print is measured; `#[async_trait]` on the `impl` block is fine too.
///
/// # What an attribute leaves as it is
///
/// **Everything that the function does.** With any of these attributes, in any order, it moves,
/// borrows and drops what it did: its arguments, its locals, the temporaries of its last
/// expression,
/// by its own edition; it unwinds as it did, the same types are inferred, and rustc's lints say of
/// it
/// what they said. Generated functions are compiled and run with attributes and without, and
/// compared
/// (the test `attributes_differential`), and so are packages with their own tests
/// (`tests/crates/`).
///
/// Where nothing depends on what the function returns, its body stays where it is. Where it does
/// (`outcome`, `#[count_exceptions]`) and may be an error, the body becomes a closure, or a future
/// inside of the `async fn`'s own, since `?` and `return` would pass by the end otherwise. What
/// then
/// differs, for this reason:
///
/// * The name of a type that stands in the body, and so of what names functions by it, has another
///   `{{closure}}`.
/// * An argument is moved once more: into the closure, and in an `async fn` into the future inside,
///   beside the place that it has in the compiler's own. So a future is larger by its arguments
///   (five that hand on 1 KiB: 10,504 bytes instead of 6,150), and a function that recurses takes
///   more of the stack for each level (optimised, 32 bytes with `#[count_exceptions]`, 80 with all
///   four, and arguments of its own).
/// * rustc's `unconditional_recursion` says nothing. Neither do those of clippy's lints that ask how
///   an argument or a body is used: `needless_pass_by_value`, `boxed_local`, `unused_async`; and
///   `must_use_candidate` with any attribute, since counting is an effect.
/// * In rustc's messages about a `mut self` that is moved or assigned to, it is called
///   `headcount_self`.
///
/// In a build without optimisation a call costs some 85 ns more with `#[counted]`, 220 with
/// `#[count_exceptions]`, 420 with `#[timed]` and 700 with all four. `opt-level = 3` for
/// `[profile.dev.package."*"]` halves that, and is what the tests of a program that makes millions
/// of annotated calls want.
///
/// A function that returns a future does what stands before the future when it is called, and what
/// stands in the future when that is polled, as it did; the future is another one, which is `Send`,
/// `Sync`, `Unpin`, `Clone` and `Debug` if that is.
///
/// # On blocks
///
/// On an `impl` block, a trait or an inline module the attribute goes to every function in it that has a body and is not
/// `const`; what a macro in it makes is not seen. An attribute of the same kind on a function takes the block's place
/// there, and `#[headcount::skip]` leaves a function out. With a `prefix` the functions of the block have a family
/// of their own, with the label `function`; it may then have `labels` and all else that needs a `name`.
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

/// Measures how long a function's calls take, in a histogram.
///
/// On its own it asks for nothing: the durations of all functions with a bare `#[timed]` are one
/// family, `function_calls_duration_seconds`, with the labels `function` and `module`. With a `name`
/// the function has a family of its own, which may have labels and buckets.
///
/// **A duration is that of the body**: it begins before the first statement, and ends when the body
/// has its value and has dropped its locals, whatever other attributes stand beside it. The
/// arguments
/// are dropped after that, and what their destructors take is no part of it. Of a future it is the
/// time from the first poll to the end of the body, waiting included. Every end is observed:
/// returning, a panic, and a future dropped half way. Across processes, each bucket is the sum of
/// that bucket in all of them.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_seconds"` | a family of its own; the name of durations ends in `_seconds` |
/// | `namespace = "shop"`, `subsystem = NAME` | what the name begins with: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "seconds"` | says the unit, of which there is one |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `buckets = [0.01, 0.1, 1.0]` | the buckets' upper bounds in seconds: ascending numbers above 0, or what is known when the program is compiled: a constant array or slice of `f64`, `headcount::exponential_buckets::<8>(0.001, 2.0)` |
/// | `summary` | a sum and a count, without buckets |
/// | `max_series = 500` | how many series a process may have of the family, before the rest goes to one whose values read `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: how long after its last change the process removes a series; see [`metric`](macro@metric) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; needs `outcome` |
/// | `cancelled = false` | leaves out calls whose future was dropped half way |
/// | `metric = LATENCY` | observes by a `Histogram` or a `Summary` that is declared elsewhere; by outcome with a closure: `metric = \|outcome\| latency(queue, outcome)` |
/// | `when = expression` | observes only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its functions have families of their own, here `billing_calls_duration_seconds` |
/// | `future` | says that the function returns a boxed future which its type doesn't show; `future = false`, that its call is what counts |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `buckets`, `summary`, `max_series` and
/// `idle_timeout` need a `name`: the family that all functions share
/// has a fixed shape, with buckets from 5 milliseconds to 10 seconds. What is said of labels, of errors, of
/// futures and of blocks at `#[counted]` is true here too.
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
/// at
/// `#[count_exceptions]`.
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
/// | `namespace = "shop"`, `subsystem = NAME` | what the name begins with: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "jobs"` | the family's unit; the name must end in it |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `mode = "max"` | how the values of several processes become one, as for gauges at `#[metric]`, of which only `mostrecent` and `livemostrecent` make no sense here; `livesum` by default |
/// | `max_series = 500` | how many series a process may have of the family, before the rest goes to one whose values read `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: how long after its last change the process removes a series; see [`metric`](macro@metric) |
/// | `metric = RUNNING` | counts on a `Gauge` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its functions have families of their own, here `billing_calls_concurrent` |
/// | `future` | says that the function returns a boxed future which its type doesn't show; `future = false`, that its call is what counts |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `mode`, `max_series` and `idle_timeout` need
/// a `name`: the family that all functions share has a fixed shape.
/// What is said of labels, of futures and of blocks at `#[counted]` is true here too.
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
    attributes::combine::attribute(Attribute::InProgress, args.into(), item.into()).into()
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
/// | `namespace = "shop"`, `subsystem = NAME` | what the name begins with: `shop_..`; literals or constants, see `#[metric]` |
/// | `help = ".."` | the family's help text; by default it names the function |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant, kind = "batch")` | labels: an expression, an argument, a literal |
/// | `max_series = 500` | how many series a process may have of the family, before the rest goes to one whose values read `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | open labels: how long after its last change the process removes a series; see [`metric`](macro@metric) |
/// | `error_if = \|value\| ..` | what an error is, if not `Err`; panics count besides |
/// | `only = Type::Variant { n } if *n > 3` | counts only the errors that match the pattern, and no panics |
/// | `error_labels(kind, code = \|e\| e.code())` | labels from the error: a closure over it, or a name alone for the error itself |
/// | `panics = false` | leaves out panics; with `only`, `panics = true` counts them |
/// | `cancelled = true` | counts futures that are dropped half way as well |
/// | `metric = FAILURES` | counts on a `Counter` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its functions have families of their own, here `billing_exceptions_total` |
/// | `future` | says that the function returns a boxed future which its type doesn't show; `future = false`, that its call is what counts |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `error_labels`, `max_series` and
/// `idle_timeout` need a `name`: the family that all functions share has a
/// fixed shape. What is said of labels, of futures and of blocks at `#[counted]` is true here too.
///
/// `only` and `error_labels` look into the error of a `Result`, by reference. For a panic and a cancellation, the labels of
/// `error_labels` read `panic` and `cancelled`. An error that is itself a `LabelValue`, by its derive for
/// example, is a label by its name alone. A series of an error appears when it is first counted.
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

/// Declares a metric that a program counts by itself: a `static` without a value is one series, and a `fn` without a body,
/// that returns a metric, a family of them.
///
/// | type | what it is |
/// |---|---|
/// | `Counter` | a whole number that only grows: requests, bytes |
/// | `Counter<f64>` | any number that only grows: seconds, joules, money |
/// | `Gauge` | a value that goes up and down; it needs a `mode` |
/// | `Histogram` | how many of the observed values were how large |
/// | `Summary` | the sum and the number of the observed values |
/// | `Info` | what a program is, said by labels; its value is always 1 |
/// | `StateSet<T>` | which of the states of `T` holds, an enum with `derive(LabelValue)`; it needs a `mode` |
///
/// A `static` exists from the first use of the library in a process on,
/// with the value 0, whether it is touched or not (a gauge or a state set whose mode is no sum, once it was set). The `static` really has
/// the type that is written: it is a small value that can be copied, and every copy counts in the
/// same place.
///
/// Of a family, the parameters are the labels. Their types implement `LabelValue`, and where all of them know their
/// values (see `#[counted]`), all series exist from the start as well; otherwise a series appears when it is first looked
/// up. `requests(Method::Get, 200).inc()` counts; a handle that is looked up and not used is a warning.
///
/// Across processes, counters, histograms and summaries are added up, those of processes that have ended as
/// well. How gauges and state sets are combined is said by `mode`. Of infos, what the living say is shown.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_taken_total"` | required; a counter's name ends in `_total`, an info's in `_info`, and that of nothing else in one of these or in `_created`, `_bucket`, `_sum`, `_count` |
/// | `namespace = "shop"`, `subsystem = NAME` | what the name begins with, see below |
/// | `help = ".."` | the help text; by default it is the first paragraph of the doc comment, and one of both must be there |
/// | `unit = "bytes"` | the unit; the name must end in it, a counter's before `_total`. Infos and state sets have none |
/// | `buckets = [1, 10, 100]` | histograms: the buckets' upper bounds, ascending numbers, or what is known when the program is compiled: a constant array or slice of `f64`, `headcount::linear_buckets::<10>(0.0, 5.0)` |
/// | `mode = "livesum"` | gauges and state sets, required: see below |
/// | `labels(version = env!("CARGO_PKG_VERSION"))` | infos that are a `static`, required: labels whose values are constants, each a `&'static str` or any literal |
/// | `max_series = 500` | families: how many series a process may have, before the rest goes to one whose values read `_other`; 1,000 by default |
/// | `idle_timeout = "1d"` | families with open labels: each process removes a series whose value has not changed for so long (`d`, `h`, `m`, `s`), as `remove` does: no counter falls that others have, and one that comes back begins at 0. To set a gauge to what it was is no change; a series with a function stays |
/// | `crate = path` | where `headcount` is found, if not at `::headcount` |
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
/// The modes that begin with `live` take the processes that are alive; the others, those that have
/// ended as well. Of a state set, the state is the series with the value 1: the sum says how many processes are in each state.
///
/// # Namespaces
///
/// `namespace` and `subsystem` stand before the name, each with a `_` behind it, as in other Prometheus clients, and the whole is the
/// metric's name. Each is a literal, or the path of a constant `&str`, so that a crate says its namespace once. An empty constant is left
/// out.
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
/// On a block they stand before its `prefix`. There, as everywhere, a path is resolved where the function stands: in a module that is covered,
/// write `crate::NAMESPACE`.
///
/// # Infos
///
/// What is known when the program is compiled is a `static` with constant `labels`, and there from the start, without a call. What is
/// known when it runs is a family; `set` says it. `headcount::build_info!()` declares the usual one.
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
/// Other kinds differ in the descriptor only. That of a state set, in a namespace that is a constant:
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

/// Leaves a function out of a block that an attribute covers (see `#[counted]`): it then has only the attributes of its own.
///
/// Anywhere else it is a compile error.
///
/// # Expansion
///
/// The function, without what the block gave it.
#[proc_macro_attribute]
pub fn skip(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::skip(&args.into(), item.into()).into()
}

/// Makes a type the value of a label: an enum, whose variants are all the values there are, or a struct around one value.
///
/// A variant's value is its name in `snake_case`; what fields it has does not matter, so that the enum of a
/// function's errors can be a label. As all values are known, all series of a label of that type exist from the start, and none
/// needs a look-up. A struct has the value of its one field.
///
/// # Arguments
///
/// In `#[label(..)]`:
///
/// | key | where | meaning |
/// |---|---|---|
/// | `rename = "x"` | a variant | its value |
/// | `rename_all = "kebab-case"` | an enum | how the variants' names are written: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE` |
/// | `crate = path` | the type | where `headcount` is found, if not at `::headcount` |
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

/// The marker in which several attributes of one function wait for each other. Nobody writes it.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::finish(entries.into(), item.into()).into()
}
