//! Exemplars for [headcount] from the current span of [OpenTelemetry](opentelemetry).
//!
//! Metrics that are declared with `exemplars` then keep some of their events with the trace that
//! they are part of: those in a span that is sampled, in the thread's current context.
//!
//! ```
//! use headcount::{Counter, Format, metric};
//! use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
//!
//! /// Orders paid.
//! #[metric(name = "orders_paid_total", exemplars)]
//! static PAID: Counter;
//!
//! headcount_exemplars_opentelemetry::install();
//!
//! let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
//! let ids = provider.tracer("shop").in_span("pay", |context| {
//!     PAID.inc();
//!     context.span().span_context().clone()
//! });
//!
//! let mut page = Vec::new();
//! headcount::Collector::new().collect()?.encode(Format::OpenMetrics, &mut page)?;
//! let expected = format!(
//!     "orders_paid_total 1 # {{trace_id=\"{}\",span_id=\"{}\"}} 1.0 ",
//!     ids.trace_id(),
//!     ids.span_id()
//! );
//! assert!(String::from_utf8_lossy(&page).contains(&expected));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a package of its own, since it fits one version of `opentelemetry` only: that of the
//! program. It asks the API and needs no SDK. With `tracing`, whose spans are no current context of
//! OpenTelemetry's, use `headcount-exemplars-tracing`.

use headcount::TraceContext;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// Makes OpenTelemetry's current span the source of exemplars in this program, in the place of any
/// other source.
///
/// It may be called before forks and before there is a tracer.
pub fn install() {
    headcount::set_trace_source(current);
}

/// Returns the identifiers of the span in this thread's current context, if it is sampled.
///
/// For a program that has several sources, or that keeps exemplars by hand:
///
/// ```
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
///
/// assert_eq!(headcount_exemplars_opentelemetry::current(), None);
/// let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// provider.tracer("shop").in_span("pay", |context| {
///     let here = headcount_exemplars_opentelemetry::current().expect("a sampled span");
///     assert_eq!(here.trace_id(), context.span().span_context().trace_id().to_bytes());
/// });
/// ```
pub fn current() -> Option<TraceContext> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        let context = TraceContext::new(ids.trace_id().to_bytes(), ids.span_id().to_bytes());
        (ids.is_sampled() && context.is_valid()).then_some(context)
    })
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
