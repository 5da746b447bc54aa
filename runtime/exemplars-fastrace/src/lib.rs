//! Exemplars for [headcount] from the local parent of [fastrace].
//!
//! Metrics that are declared with `exemplars` then keep some of their events with the trace that
//! they are part of: those in a span that is sampled, and that is this thread's local parent.
//!
//! ```
//! use fastrace::Span;
//! use fastrace::collector::SpanContext;
//! use headcount::{Counter, Format, metric};
//!
//! /// Orders paid.
//! #[metric(name = "orders_paid_total", exemplars)]
//! static PAID: Counter;
//!
//! headcount_exemplars_fastrace::install();
//!
//! let root = Span::root("pay", SpanContext::random());
//! let ids = SpanContext::from_span(&root).expect("it is sampled");
//! {
//!     let _guard = root.set_local_parent();
//!     PAID.inc();
//! }
//!
//! let mut page = Vec::new();
//! headcount::Collector::new().collect()?.encode(Format::OpenMetrics, &mut page)?;
//! let expected = format!(
//!     "orders_paid_total 1 # {{trace_id=\"{:032x}\",span_id=\"{:016x}\"}} 1.0 ",
//!     ids.trace_id.0, ids.span_id.0
//! );
//! assert!(String::from_utf8_lossy(&page).contains(&expected));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a package of its own, since it fits one version of `fastrace` only: that of the program. A
//! program that doesn't switch fastrace on (its feature `enable`) has no exemplars.

use fastrace::collector::SpanContext;
use headcount::TraceContext;

/// Makes fastrace's local parent the source of exemplars in this program, in the place of any other
/// source.
///
/// It may be called before forks and before there is a reporter.
pub fn install() {
    headcount::set_trace_source(current);
}

/// Returns the identifiers of this thread's local parent, if it is sampled.
///
/// ```
/// use fastrace::Span;
/// use fastrace::collector::SpanContext;
///
/// assert_eq!(headcount_exemplars_fastrace::current(), None);
/// let root = Span::root("pay", SpanContext::random().sampled(false));
/// let _guard = root.set_local_parent();
/// assert_eq!(headcount_exemplars_fastrace::current(), None);
/// ```
pub fn current() -> Option<TraceContext> {
    let ids = SpanContext::current_local_parent().filter(|ids| ids.sampled)?;
    let context = TraceContext::new(ids.trace_id.0.to_be_bytes(), ids.span_id.0.to_be_bytes());
    context.is_valid().then_some(context)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
