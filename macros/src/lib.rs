//! The attributes of [`headcount`](https://docs.rs/headcount), which re-exports them: depend on
//! that package.
//!
//! An attribute goes through three phases, each in a folder of its own: `parse` reads what was
//! written, `check` checks it and makes a `plan`, and `expand` prints the plan. `attributes` leads
//! one attribute on one item through the phases. If there are mistakes, all of them are reported,
//! and the item is given back as it was (`report`). `derive` is `derive(LabelValue)`.
//!
//! An expansion names `headcount::__private` and nothing else. It consists of calls; what they do
//! is written, and tested, in the runtime.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

use crate::kind::Attribute;

mod attributes;
mod check;
mod derive;
mod expand;
mod kind;
mod parse;
mod plan;
mod report;
mod rules;
mod tokens;

#[cfg(test)]
mod tests;

/// Counts a function's calls.
///
/// Without arguments, the calls are counted in a family that all functions share,
/// `function_calls_total`, with the labels `function` and `module`. With a `name`, the function has
/// a family of its own, which may have labels.
///
/// Each process counts its own calls. A collector adds up all processes, including those that have
/// ended, so a counter never falls. A series whose labels are all known at compile time exists with
/// the value 0 from the moment a process first uses the library.
///
/// A call is counted when it begins: when the function is entered, or when its future is first
/// polled. (A future that is never polled is not a call.) So a call that never returns is counted
/// too. With `outcome`, a call is counted when it ends: when it returns, when it panics, or when
/// its future is dropped before it is done.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_total"` | a family of its own; the name of a counter ends in `_total` |
/// | `namespace = "shop"`, `subsystem = NAME` | go before the name; see [`metric`](macro@metric) |
/// | `help = ".."` | the family's help text; names the function by default |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant)` | the family's labels; see [Labels](#labels) |
/// | `utf8_names` | names may be any text; see [`metric`](macro@metric#utf-8-names) |
/// | `max_series = 500` | how many series of the family one process may have |
/// | `idle_timeout = "1d"` | removes series that have not changed for this time |
/// | `exemplars` | keeps exemplars; see [`metric`](macro@metric#exemplars) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | which values are errors, instead of `Err`; needs `outcome` |
/// | `metric = CALLS` | counts in a metric that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: names the families of its functions |
/// | `future`, `future = false` | whether a returned future is measured, or the call |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `utf8_names`, `max_series` and
/// `idle_timeout` need a `name`, because the shape of the shared family is fixed.
///
/// When a process reaches `max_series` (1,000 by default), it counts all further label values in
/// one series, whose open labels are `_other`. `idle_timeout` is described at
/// [`metric`](macro@metric). Both are for families with open labels, and do nothing where all
/// labels are closed.
///
/// `metric` takes a `Counter`. To choose the counter by outcome, give it a closure:
/// `metric = |outcome| calls(queue, outcome)`.
///
/// # Labels
///
/// The value of a label is an expression, an argument or a literal:
/// `labels(queue = job.queue(), tenant, kind = "batch")`. Its type must implement `LabelValue`. An
/// expression is evaluated once, before the body, and its value is borrowed. It can use the
/// function's arguments. It can't leave the function: `?`, `return` and `.await` are errors. If it
/// panics, the call has not begun, and nothing is recorded. A function can have up to eight labels
/// with values from expressions and arguments, and any number of literals.
///
/// A label is *closed* if all its values are known at compile time. These are closed:
///
/// * a literal,
/// * an argument whose type knows its values: `bool`, or an enum with `derive(LabelValue)`,
/// * `name: Type = expression` with such a type.
///
/// If all labels of a family are closed, all its series exist with the value 0 before the first
/// call, and a call finds its series without a look-up. Otherwise a series appears with its first
/// call. An argument whose type is a type parameter can't be closed. The attribute sees the type
/// parameters of the function but not those of the `impl` block around it: there it recognises
/// names such as `T` and `K2`. If the parameter has a longer name, write `labels(key = key)`.
///
/// # Outcomes
///
/// The compiler finds an `Err` by the type of the returned value. So aliases of `Result` work, and
/// so do an `Option`, a `Poll` or a `Poll<Option<..>>` of a `Result`, of which `None` and `Pending`
/// are `ok`.
///
/// A returned `impl Trait` hides its type, so all its values count as `ok`, also those of a handler
/// that returns `impl IntoResponse`. So do references, tuples and boxes. `error_if` says which of
/// them are errors: `error_if = |answer| answer.is_err()`.
///
/// If the type is a type parameter, or an associated type of one, `error_if` is required. The
/// attribute recognises a type parameter of the `impl` block by its name alone, one capital letter
/// and perhaps a number; it takes any type with such a name for a parameter. If the parameter has a
/// longer name, or stands in an `Option`, write `error_if`: without it, all its values count as
/// `ok`.
///
/// # Functions
///
/// The attribute goes on every function that has a body and is not `const`: free functions, methods
/// in `impl` blocks and traits, generic, `async`, `unsafe` and `extern` functions. A function that
/// returns `impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture` or `LocalBoxFuture` is measured as a
/// future is.
///
/// A function that returns a future of any other type is a compile error, because nobody can know
/// whether the future or its creation is meant. If the type is an alias of a boxed future, write
/// `future`. If the call itself is to be measured, write `future = false`. A future of another type
/// can't be measured from outside: the function's type names it, so another one can't take its
/// place. On a block, `future = false` applies to the functions whose return types hide a future,
/// such as `Self::Future` of a tower `Service`.
///
/// A boxed future that the function gets from elsewhere is put into another box, whose type
/// contains the function's type parameters. If these may not live as long as the box, rustc says so
/// (E0310): bound them, or write `future = false`.
///
/// With `#[track_caller]`, `outcome` is a compile error on a function that is not `async` and may
/// return an error: the closure around the body would become the caller.
///
/// Several attributes of this library on one function, in any order, are combined into one guard.
/// The attribute macros of other libraries are expanded first, so what they generate is measured.
/// `#[async_trait]` on the `impl` block works too. If such a macro copies the function, as axum's
/// `debug_handler` does into a check that never runs, the copy has a series too, which stays at 0.
///
/// # Names of functions
///
/// The label `function` is the function's name, for a method `Type::method`, wherever in the crate
/// its `impl` block stands; `module` is the module in which it is written. Two functions of one
/// module with one such name also show their traits, `<Till as Sell>::run`, and if that is not
/// enough, their generic arguments, `<Error as From<ParseIntError>>::from`. So an `impl` block that
/// is added later may rename the series of another. A function with a `name` has no such labels.
///
/// # Blocks
///
/// On an `impl` block, a trait or an inline module, the attribute applies to every function in it
/// that has a body and is not `const`. It doesn't see functions that a macro in the block
/// generates. An attribute of the same kind on a function replaces that of the block, and
/// `#[headcount::skip]` leaves a function out. With `prefix = "billing"`, the functions of the
/// block share a family of their own, `billing_calls_total`, with the label `function`. It may have
/// `labels` and everything else that needs a `name`. There `function` is the function's name alone,
/// or `Type::method`: functions of one name in several inner modules, or of several traits, are
/// counted together.
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
/// let failed = r#"till_calls_total{floor="1",function="Till::sell",outcome="error"} 1"#;
/// assert!(text.contains(failed));
/// # Ok(())
/// # }
/// ```
///
/// # What an attribute does not change
///
/// **What the function does.** With any of these attributes, in any order, the function moves,
/// borrows and drops the same values in the same order as without them: its arguments, its locals,
/// and the temporaries of its last expression, by the rules of its own edition (in those before
/// 2021, a trait object with parentheses needs its `dyn`: `&dyn Fn(u8)`). It unwinds in the
/// same way, and the same types are inferred. Rustc's lints give the same warnings, but for those
/// named below. Tests compile
/// and run generated functions with attributes and without, and compare them (the test
/// `attributes_differential`); others run the tests of published packages (`tests/crates/`).
///
/// If nothing depends on the returned value, the body stays where it is. If something does
/// (`outcome`, `#[count_exceptions]`) and the value may be an error, the body becomes a closure, or
/// a future inside that of the `async fn`: otherwise `?` and `return` would skip the end of the
/// call. This has consequences:
///
/// * The name of a type that is declared in the body contains another `{{closure}}`, and so does
///   what other libraries derive from such names.
/// * Each argument is moved once more: into the closure, or into the inner future of an `async fn`,
///   in addition to its place in the outer one. So a future grows by the size of its arguments
///   (five that pass on 1 KiB: 10,520 bytes instead of 6,150) and by 52 bytes for the call. With
///   `#[timed]` alone it grows by 36 bytes, and with `#[counted]` alone not at all. A recursive
///   function uses more stack per level (optimised, 32 bytes with `#[count_exceptions]` and 80 with
///   all four, plus its own arguments).
/// * rustc's `unconditional_recursion` gives no warning. Neither do the lints of clippy that look
///   at how an argument or a body is used (`needless_pass_by_value`, `boxed_local`,
///   `borrow_deref_ref`, `unnecessary_wraps`, `unused_async`, `manual_async_fn`), nor
///   `useless_conversion` for arguments. `shadow_same`, of clippy's restrictions, warns of them.
///   With any attribute, `must_use_candidate` gives none, because counting is an effect.
/// * Clippy's `result_large_err` is allowed for the closure, because clippy exempts methods of
///   traits but not the closures in them. A crate that forbids this lint has an error there. If the
///   body has closures of its own, they keep the lint, and so does the closure around the body.
/// * In rustc's messages about a `mut self` that is moved or assigned to, it is called
///   `headcount_self`. If a whole new `self` is assigned and nobody reads it, rustc warns, as it
///   does for variables with other names.
///
/// In a build without optimisation, a call takes about 20 ns longer with `#[counted]`, 40 to 50
/// with one of the others, and 85 with all four (`tests/peers/run dev-build`).
///
/// A function that returns a future still runs the statements before the future when it is called,
/// and those in the future when that is polled. The future has another type, which is `Send`,
/// `Sync`, `Unpin`, `Clone` and `Debug` if the original is.
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
///         struct __Here;                                        // its name has the method's type
///         static __SITE: K::FunctionSite<1> =
///             K::FunctionSite::new::<__Here>(&__SITE, module_path!());
///         K::inventory::submit! { __SITE.sites() }              // known before `main`
///         __SITE.count();
///     }
///     { format!("Hello, {name}!") }                             // with its own edition
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
/// Without arguments, the durations are recorded in a family that all functions share,
/// `function_calls_duration_seconds`, with the labels `function` and `module`. With a `name`, the
/// function has a family of its own, which may have labels and buckets.
///
/// **The duration is that of the body.** It begins before the first statement, and ends when the
/// body has its value and has dropped its locals, whatever other attributes the function has. The
/// arguments are dropped after that, so the time that their destructors take is not included. The
/// duration of a future is the time from its first poll to the end of its body, including the time
/// that it waits. Every end is recorded: a return, a panic, and a future that is dropped before it
/// is done.
///
/// Across processes, each bucket is the sum of that bucket in all processes.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_seconds"` | a family of its own; the name of durations ends in `_seconds` |
/// | `namespace = "shop"`, `subsystem = NAME` | go before the name; see [`metric`](macro@metric) |
/// | `help = ".."` | the family's help text; names the function by default |
/// | `unit = "seconds"` | the unit, which is always seconds |
/// | `labels(queue = job.queue(), tenant)` | the family's labels; see [`counted`](macro@counted) |
/// | `buckets = [0.01, 0.1, 1.0]` | the upper bounds of the buckets, in seconds |
/// | `summary` | records a sum and a count, without buckets |
/// | `native`, `native(schema = 5)` | a [native histogram](macro@metric#native-histograms) |
/// | `utf8_names` | names may be any text; see [`metric`](macro@metric#utf-8-names) |
/// | `max_series = 500` | how many series of the family one process may have |
/// | `idle_timeout = "1d"` | removes series that have not changed for this time |
/// | `exemplars` | keeps exemplars; see [`metric`](macro@metric#exemplars) |
/// | `outcome` | adds the label `outcome`: `ok`, `error`, `panic` or `cancelled` |
/// | `error_if = \|value\| ..` | which values are errors, instead of `Err`; needs `outcome` |
/// | `cancelled = false` | leaves out calls whose future is dropped before it is done |
/// | `metric = LATENCY` | observes with a metric that is declared elsewhere |
/// | `when = expression` | records only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its family is `billing_calls_duration_seconds` |
/// | `future`, `future = false` | whether a returned future is measured, or the call |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `buckets`, `summary`, `utf8_names`,
/// `max_series` and `idle_timeout` need a `name`, because the shape of the shared family is fixed:
/// its buckets range from 5 milliseconds to 10 seconds, unless the program declares others, or
/// native histograms, with `headcount::function_durations!`.
///
/// `buckets` takes ascending numbers above 0, or anything that is known at compile time: a constant
/// array or slice of `f64`, or `headcount::exponential_buckets::<8>(0.001, 2.0)`. `metric` takes a
/// `Histogram` or a `Summary`, or a closure that chooses one by outcome:
/// `metric = |outcome| latency(queue, outcome)`. The other keys, labels, outcomes, functions and
/// blocks are described at [`counted`](macro@counted).
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
///             struct __Here;
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
/// With `outcome`, if the returned value may be an error, the body becomes a closure or an inner
/// future, as with [`count_exceptions`](macro@count_exceptions).
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

/// Counts the calls of a function that are in progress, in a gauge that rises when a call begins
/// and falls when it ends.
///
/// Without arguments, the calls are counted in a family that all functions share,
/// `function_calls_concurrent`, with the labels `function` and `module`. With a `name`, the
/// function has a family of its own, which may have labels.
///
/// Every end counts: a return, a panic, and a future that is dropped before it is done. Across
/// processes, the value is the sum of those that are alive: the calls of a process that was killed
/// are gone at the next scrape.
///
/// A function that returns a stream, an iterator or the body of a response ends when it returns,
/// and not when the returned value has been read to its end.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_running"` | a family of its own |
/// | `namespace = "shop"`, `subsystem = NAME` | go before the name; see [`metric`](macro@metric) |
/// | `help = ".."` | the family's help text; names the function by default |
/// | `unit = "jobs"` | the family's unit; the name must end in it |
/// | `labels(queue = job.queue(), tenant)` | the family's labels; see [`counted`](macro@counted) |
/// | `mode = "max"` | how the values of several processes are combined; `livesum` by default |
/// | `oldest` | also exports when the oldest call began; see [below](#the-oldest-call) |
/// | `utf8_names` | names may be any text; see [`metric`](macro@metric#utf-8-names) |
/// | `max_series = 500` | how many series of the family one process may have |
/// | `idle_timeout = "1d"` | removes series that have not changed for this time |
/// | `metric = RUNNING` | counts in a `Gauge` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its family is `billing_calls_concurrent` |
/// | `future`, `future = false` | whether a returned future is measured, or the call |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `mode`, `utf8_names`, `max_series` and
/// `idle_timeout` need a `name`, because the shape of the shared family is fixed.
///
/// The modes are described at [`metric`](macro@metric). `mostrecent` and `livemostrecent` are
/// errors here, because calls in progress are counted and not set. The other keys, labels,
/// functions and blocks are described at [`counted`](macro@counted).
///
/// # The oldest call
///
/// With `oldest` there is a second family, a gauge whose name is that of the first one with
/// `_oldest_start_timestamp_seconds` behind it. Its value is when the oldest of the calls in
/// progress began, in seconds since 1970, over all living processes, of which some may be stopped.
/// There is no series while there is no call. An alert about a call that hangs:
///
/// ```text
/// time() - function_calls_concurrent_oldest_start_timestamp_seconds > 300
/// ```
///
/// The time is exact to a millisecond while a process has at most sixteen calls of a series in
/// progress at once. If there are more, it may be earlier than the beginning of the oldest one, by
/// about as long as other calls take, and it is never later: no call that hangs is missed.
///
/// Each call reads the clock when it begins, and makes one atomic operation then and another one at
/// its end: 40 nanoseconds, where `in_progress` alone takes two. Each series takes 128 bytes more.
///
/// # Expansion
///
/// Like that of [`timed`](macro@timed): a guard before the body, which is dropped after it.
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

/// Counts a function's calls that end with an error or a panic.
///
/// Without arguments, the exceptions are counted in a family that all functions share,
/// `function_exceptions_total`, with the labels `function` and `module`. With a `name`, the
/// function has a family of its own, which may have labels.
///
/// An error is an `Err`, or a value for which `error_if` is true. The compiler finds an `Err` by
/// the type of the returned value, so aliases of `Result` work. A future that is dropped before it
/// is done is cancelled, which is not an exception. A collector adds up all processes, including
/// those that have ended.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "job_failures_total"` | a family of its own; the name of a counter ends in `_total` |
/// | `namespace = "shop"`, `subsystem = NAME` | go before the name; see [`metric`](macro@metric) |
/// | `help = ".."` | the family's help text; names the function by default |
/// | `unit = "bytes"` | the family's unit; the name must end in it, before `_total` |
/// | `labels(queue = job.queue(), tenant)` | the family's labels; see [`counted`](macro@counted) |
/// | `utf8_names` | names may be any text; see [`metric`](macro@metric#utf-8-names) |
/// | `max_series = 500` | how many series of the family one process may have |
/// | `idle_timeout = "1d"` | removes series that have not changed for this time |
/// | `exemplars` | keeps exemplars; see [`metric`](macro@metric#exemplars) |
/// | `error_if = \|value\| ..` | which values are errors, instead of `Err`; panics count too |
/// | `only = Type::Variant { n } if *n > 3` | counts only errors that match, and no panics |
/// | `error_labels(kind, code = \|e\| e.code())` | labels that are taken from the error |
/// | `panics = false` | leaves out panics; with `only`, `panics = true` counts them |
/// | `cancelled = true` | also counts futures that are dropped before they are done |
/// | `metric = FAILURES` | counts in a `Counter` that is declared elsewhere |
/// | `when = expression` | counts only the calls for which it is true |
/// | `prefix = "billing"` | on a block: its family is `billing_exceptions_total` |
/// | `future`, `future = false` | whether a returned future is measured, or the call |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// `namespace`, `subsystem`, `help`, `unit`, `labels`, `error_labels`, `utf8_names`, `max_series`
/// and `idle_timeout` need a `name`, because the shape of the shared family is fixed.
///
/// `only` and `error_labels` borrow the error of a `Result`. A label of `error_labels` is a closure
/// that takes the error, or a name alone if the error itself is a `LabelValue`, by its derive for
/// example. For panics and cancelled calls, these labels have the values `panic` and `cancelled`.
/// The series of an error appears when it is first counted. The other keys, labels, functions and
/// blocks are described at [`counted`](macro@counted).
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
///             struct __Here;
///             static __SITE: K::FunctionSite<96> =
///                 K::FunctionSite::new::<__Here>(&__SITE, module_path!());
///             K::inventory::submit! { __SITE.sites() }
///             K::enter(__SITE.recorder())                     // dropped without `end`: a panic
///         };
///         #[allow(clippy::result_large_err)]                  // which exempts some functions
///         let __out = K::call_once(move || -> K::Same<Result<u32, Error>> {
///             if false { let _ = &_permit; let _ = &text; }   // captured; dropped in this order
///             { Ok(text.parse()?) }
///         });
///         __call.end(K::Out(&__out).outcome());
///         __out
///     }
/// }
/// # fn parse_(text: &str) -> Result<u32, Error> { parse(text.into(), vec![]) }
/// # assert!(parse_("1").is_ok() && parse_("one").is_err());
/// # let text = headcount::Collector::new().collect().unwrap().to_text();
/// # assert!(text.contains("function_exceptions_total{function=\"main::parse\""));
/// # assert!(text.contains("} 1\n"));
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
/// #[count_exceptions(
///     name = "long_timeouts_total",
///     only = JobError::Timeout { after } if *after > 30,
/// )]
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

/// An alias of [`count_exceptions`](macro@count_exceptions), for programs that speak of errors. The
/// families keep their names.
///
/// ```
/// use headcount::count_errors;
///
/// #[count_errors(name = "parse_errors_total")]
/// fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # fn main() -> Result<(), headcount::Error> {
/// assert!(parse("x").is_err());
/// assert!(headcount::Collector::new().collect()?.to_text().contains("parse_errors_total 1\n"));
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn count_errors(args: TokenStream, item: TokenStream) -> TokenStream {
    count_exceptions(args, item)
}

/// Declares a metric that the program updates itself: a `static` without a value is one series, and
/// a `fn` without a body is a family of series.
///
/// | type | what it holds |
/// |---|---|
/// | `Counter` | a whole number that only grows: requests, bytes |
/// | `Counter<f64>` | any number that only grows: seconds, joules, money |
/// | `Gauge` | a value that goes up and down; it needs a `mode` |
/// | `Histogram` | how many of the observed values lie in each bucket |
/// | `Summary` | the sum and the number of the observed values |
/// | `Info` | facts about the program, as labels; the value is always 1 |
/// | `StateSet<T>` | which state holds, of an enum with `derive(LabelValue)`; it needs a `mode` |
///
/// **A `static`** has exactly the type that is written. It is a small value, and every copy of it
/// counts in the same place. The series exists with the value 0 from the moment a process first
/// uses the library, whether the program touches it or not. The exceptions are gauges and state
/// sets whose mode is not a sum: they appear once they are set.
///
/// **A `fn`** has one parameter per label, and their types implement `LabelValue`. If all types
/// know their values (see [`counted`](macro@counted#labels)), all series exist from the start as
/// well. Otherwise a series appears when it is first looked up. `requests(Method::Get, 200).inc()`
/// counts; to look up a handle without using it gives a warning.
///
/// Across processes, counters, histograms and summaries are added up, including those of processes
/// that have ended. The `mode` of a gauge or a state set determines how its values are combined. An
/// info is shown as long as a process that has it is alive, or with `mode = "max"` also afterwards.
///
/// # Arguments
///
/// | key | meaning |
/// |---|---|
/// | `name = "jobs_taken_total"` | required |
/// | `namespace = "shop"`, `subsystem = NAME` | go before the name; see [below](#namespaces) |
/// | `help = ".."` | the help text; by default the first paragraph of the doc comment |
/// | `unit = "bytes"` | the unit; the name must end in it, a counter's before `_total` |
/// | `buckets = [1, 10, 100]` | histograms that are not in seconds: the buckets' upper bounds |
/// | `native`, `native(schema = 5)` | a native histogram; see [below](#native-histograms) |
/// | `mode = "livesum"` | required for gauges and state sets; see [below](#modes) |
/// | `mode = "max"` | an `Info` that stays when its process has ended, for batch jobs |
/// | `labels(version = "1.4.0")` | required for a `static` of type `Info`: constant labels |
/// | `labels("http.route" = route)` | families: names for labels; see [below](#utf-8-names) |
/// | `utf8_names` | names may be any text; see [below](#utf-8-names) |
/// | `max_series = 500` | families: how many series one process may have |
/// | `idle_timeout = "1d"` | families: removes series that have not changed for this time |
/// | `exemplars` | counters and histograms: keeps exemplars; see [below](#exemplars) |
/// | `crate = path` | the path of `headcount`, if it is not `::headcount` |
///
/// * **`name`**: the name of a counter ends in `_total`, and that of an info in `_info`. No other
///   name may end in one of these, or in `_created`, `_bucket`, `_sum` or `_count`. A name that
///   ends in a unit other than a base unit (`_ms`, `_minutes`, `_mb`) is refused without a `unit`,
///   since Prometheus' are seconds and bytes. Names that begin with `headcount_` are the library's.
/// * **`help`**: either the key or a doc comment is required.
/// * **`unit`**: infos and state sets have no unit.
/// * **`buckets`** takes ascending numbers, or anything that is known at compile time: a constant
///   array or slice of `f64`, or `headcount::linear_buckets::<10>(0.0, 5.0)`. A histogram whose
///   name ends in `_seconds` may do without: its buckets then range from 5 milliseconds to 10
///   seconds.
/// * **`labels`**: each value is a literal or a constant `&'static str`, such as
///   `env!("CARGO_PKG_VERSION")`.
/// * **`max_series`** is 1,000 by default. When a process reaches it, it counts all further label
///   values in one series, whose label values are `_other`.
/// * **`idle_timeout`** is for families with open labels. Each process removes a series whose value
///   has not changed for this time (units `d`, `h`, `m`, `s`), as `remove` does: the counts of
///   other processes are not affected, and a series that comes back begins at 0. Setting a gauge to
///   the value that it has is not a change. A series with a function is never removed.
///
/// # Modes
///
/// | mode | the exposed value |
/// |---|---|
/// | `sum`, `livesum` | the sum of all processes |
/// | `min`, `livemin` | the least value |
/// | `max`, `livemax` | the greatest value |
/// | `mostrecent`, `livemostrecent` | the value that was set last |
/// | `all`, `liveall` | one series per process, with the label `pid` |
///
/// Modes that begin with `live` combine the processes that are alive. The others include those that
/// have ended. The state of a state set is the series with the value 1; with a sum, each value is
/// the number of processes in that state.
///
/// # Namespaces
///
/// `namespace` and `subsystem` go before the name, each followed by `_`, as in other Prometheus
/// clients. The result is the metric's name. Each is a literal or the path of a constant `&str`, so
/// a crate can declare its namespace once. An empty constant is left out.
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
/// On a block they go before its `prefix`. There, too, a path is resolved at each function: for
/// functions in a module that has the attribute, write `crate::NAMESPACE`.
///
/// # Native histograms
///
/// With `native`, a histogram has the fine buckets of Prometheus' native histograms, and needs no
/// `buckets`: `2^schema` for each power of two, so that neighbouring bounds differ by 9 % with the
/// schema 3, which is the default, and by 2 % with the schema 5. A schema is a number from 0 to 5.
/// Values from 2^-64 to 2^64 have buckets, of both signs; durations that a function's attribute
/// measures have them from a nanosecond on. What is nearer to 0 is in the zero bucket, and what is
/// beyond, infinities too, in the bucket behind the last one. NaN is refused, as by any histogram.
///
/// Prometheus asks for these buckets if native histograms are switched on there
/// (`scrape_native_histograms: true`, before version 3.8 `--enable-feature=native-histograms`). A
/// scraper of text
/// gets classic buckets of the same values, always the same ones: powers of 4 from a microsecond to
/// 64 seconds for durations of functions, and from 1/1024 to 1,048,576 for other values.
///
/// Processes may have different schemas, as during an upgrade: they are shown together in the
/// coarsest one. If a series has values in more than 160 buckets, it is shown in a coarser schema.
///
/// Buckets take memory in blocks of 32 when they get their first value: 256 bytes for each block,
/// series and thread, and as many once for the process. With the schema 3 a block covers a factor
/// of 16, so durations from 100 microseconds to 10 seconds take five. Besides, each series takes
/// 296 bytes per thread and for the process (112 for durations of functions), and less than four
/// times as much with the schema 5. If a segment has no room for a block, a value of it counts in
/// the sum and in the count, [`health`] reports it, and Prometheus gets that series without native
/// buckets.
///
/// ```
/// use headcount::{Histogram, metric};
///
/// /// Sizes of uploads.
/// #[metric(name = "upload_bytes", native)]
/// static BYTES: Histogram;
///
/// BYTES.observe(1000.0);
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("upload_bytes_bucket{le=\"1024.0\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
///
/// [`health`]: https://docs.rs/headcount/latest/headcount/fn.health.html
///
/// # Exemplars
///
/// An exemplar is one event that a counter or a bucket has counted, with the identifiers of the
/// trace that it was part of, so that a graph leads to a trace. With the flag `exemplars`, a
/// counter or a histogram keeps some by itself, once the program has named the source of the
/// current trace by [`set_trace_source`]. An operation keeps one if it happens in a sampled trace,
/// and if the exemplar that its counter or bucket has is older than a second. Without the flag,
/// `inc_with_exemplar` and `observe_with_exemplar` keep those that the program chooses.
///
/// The pages in `OpenMetrics` and protobuf show the newest exemplar of all processes. That of a
/// process that has died stays for ten minutes. Prometheus stores them if it runs with
/// `--enable-feature=exemplar-storage`.
///
/// Exemplars take memory when a series keeps its first one: 136 bytes for each bucket, in each
/// process. With the flag, an operation costs some nanoseconds more; without it, nothing. A native
/// histogram keeps one for each of its classic buckets.
///
/// ```
/// use headcount::{Histogram, TraceContext, metric};
///
/// /// Time that a query took.
/// #[metric(name = "query_seconds", exemplars)]
/// static QUERY: Histogram;
///
/// // A tracing library's function stands here.
/// headcount::set_trace_source(|| Some(TraceContext::new([1; 16], [2; 8])));
/// QUERY.observe(0.3);
///
/// let snapshot = headcount::Collector::new().names(["query_seconds"]).collect()?;
/// let exemplar = snapshot.families()[0].series[0].exemplars[0];
/// assert_eq!(exemplar.value, 0.3);
/// assert_eq!(exemplar.context, TraceContext::new([1; 16], [2; 8]));
/// # Ok::<(), headcount::Error>(())
/// ```
///
/// [`set_trace_source`]: https://docs.rs/headcount/latest/headcount/fn.set_trace_source.html
///
/// # UTF-8 names
///
/// With the flag `utf8_names`, the name of the metric and those of its labels may be any text of up
/// to 1,024 bytes without spaces, such as the names that OpenTelemetry defines. The rules for
/// endings and reserved names hold all the same. A label's name that is no Rust identifier is a
/// text in quotes, in `labels`. Clients that can't read such names get them with underscores, or as
/// they ask for in the header `Accept`. All attributes take the flag.
///
/// ```
/// use headcount::{Counter, counted, metric};
///
/// /// Requests served.
/// #[metric(name = "http.requests_total", utf8_names, labels("http.route" = route))]
/// fn requests(route: &str) -> Counter;
///
/// #[counted(name = "rpc.calls_total", utf8_names, labels("rpc.method" = method))]
/// fn call(method: &str) {}
///
/// # fn main() -> Result<(), headcount::Error> {
/// requests("/").inc();
/// call("Get");
///
/// let snapshot = headcount::Collector::new().collect()?;
/// assert!(snapshot.to_text().contains("http_requests_total{http_route=\"/\"} 1\n"));
/// let page = snapshot.render("text/plain;version=1.0.0;escaping=allow-utf-8");
/// let page = String::from_utf8_lossy(page.body());
/// assert!(page.contains("{\"rpc.calls_total\",\"rpc.method\"=\"Get\"} 1\n"), "{page}");
/// # Ok(())
/// # }
/// ```
///
/// # Infos
///
/// Facts that are known at compile time are a `static` with constant `labels`. It exists from the
/// start, without a call. Facts that are known at run time are a family, whose series are set by
/// `set`. `headcount::build_info!()` declares the usual info about a program's build.
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
///         K::kind_of::<Counter>(), "jobs_taken_total", "Jobs taken from the queue.",
///         file!(), line!(),
///     ))];
///     K::inventory::submit! { K::Sites(&__SITES) }
///     K::at::<Counter>(&__SITES[0])
/// };
/// ```
///
/// Other kinds differ only in the descriptor. This is the descriptor of a state set in a namespace
/// that is a constant:
///
/// ```
/// # use headcount::{LabelValue, StateSet, __private as K};
/// # #[derive(LabelValue)] enum Phase { Starting, Serving }
/// # const NAMESPACE: &str = "shop";
/// # const DESCRIPTOR: K::Descriptor =
/// K::Descriptor::new(
///     K::kind_of::<StateSet<Phase>>(),
///     K::name(                                            // checks the name, now that it is known
///         K::kind_of::<StateSet<Phase>>(),
///         K::joined_text(const {
///             &K::joined::<{ K::joined_len(&[NAMESPACE, "phase"]) }>(&[NAMESPACE, "phase"])
///         }),
///     ),
///     "What the workers do.", file!(), line!(),
/// )
/// .states(K::states_of::<StateSet<Phase>>())
/// .mode(K::GaugeMode::LiveSum)
/// # ;
/// # let _ = (DESCRIPTOR, Phase::Starting, Phase::Serving);
/// ```
///
/// A family becomes a function with the declared signature:
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

/// Leaves a function out of a block that has an attribute (see [`counted`](macro@counted#blocks)).
/// The function keeps the attributes of its own.
///
/// Anywhere else it is a compile error.
///
/// # Expansion
///
/// The function, without what the block added.
///
/// # Examples
///
/// ```
/// struct Door;
///
/// #[headcount::counted(prefix = "door")]
/// impl Door {
///     fn open(&self) {}
///
///     #[headcount::skip]
///     fn is_open(&self) -> bool {
///         true
///     }
/// }
///
/// # fn main() -> Result<(), headcount::Error> {
/// Door.open();
/// assert!(Door.is_open());
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("door_calls_total{function=\"Door::open\"} 1\n"));
/// assert!(!text.contains("is_open"));
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn skip(args: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::skip(&args.into(), item.into()).into()
}

/// Makes a type a label value: an enum whose variants are all its values, or a struct around one
/// value.
///
/// The value of a variant is its name in `snake_case`. Fields of a variant don't matter, so an
/// error enum can be a label. Since all values are known, all series with a label of this type
/// exist from the start, and none needs a look-up. Words begin as in the crate `heck`: `HTTPError`
/// is `http_error`, and `Http2Get` is `http2_get`. The value of a struct is that of its one field.
///
/// # Arguments
///
/// They go into `#[label(..)]`:
///
/// | key | on | meaning |
/// |---|---|---|
/// | `rename = "x"` | a variant | its value |
/// | `rename_all = "kebab-case"` | an enum | the case of all variants |
/// | `crate = path` | the type | the path of `headcount`, if it is not `::headcount` |
///
/// The cases are `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`,
/// `SCREAMING_SNAKE_CASE`, `kebab-case` and `SCREAMING-KEBAB-CASE`.
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

/// The marker in which several attributes of one function wait for each other. It is generated, and
/// never written by hand.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    attributes::combine::finish(entries.into(), item.into()).into()
}
