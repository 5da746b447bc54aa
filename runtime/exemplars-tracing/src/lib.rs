//! Exemplars for [headcount] from the current span of [tracing], with the identifiers that the
//! layer of [tracing-opentelemetry](tracing_opentelemetry) gives it.
//!
//! Metrics that are declared with `exemplars` then keep some of their events with the trace that
//! they are part of: those in a span that is sampled.
//!
//! ```
//! use headcount::{Counter, Format, metric};
//! use opentelemetry::trace::{TraceContextExt, TracerProvider};
//! use tracing_opentelemetry::OpenTelemetrySpanExt;
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! /// Orders paid.
//! #[metric(name = "orders_paid_total", exemplars)]
//! static PAID: Counter;
//!
//! headcount_exemplars_tracing::install();
//!
//! let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
//! let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
//! let subscriber = tracing_subscriber::registry().with(layer);
//! let ids = tracing::subscriber::with_default(subscriber, || {
//!     let span = tracing::info_span!("pay");
//!     span.in_scope(|| PAID.inc());
//!     span.context().span().span_context().clone()
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
//! It is a package of its own, since it fits one version of `tracing-opentelemetry` only: that of
//! the program. With spans of OpenTelemetry's own API, use `headcount-exemplars-opentelemetry`.
//!
//! A metric that keeps exemplars must not be recorded by a layer of `tracing` while that layer
//! holds a span's extensions: asking for the span's identifiers takes their lock.

use headcount::TraceContext;
use opentelemetry::trace::TraceContextExt;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes the current span of `tracing` the source of exemplars in this program, in the place of any
/// other source.
///
/// It may be called before forks and before there is a subscriber.
pub fn install() {
    headcount::set_trace_source(current);
}

/// Returns the identifiers of the span that is entered in this thread, if it is sampled. `None` too
/// if its subscriber has no layer of `tracing-opentelemetry`.
///
/// ```
/// assert_eq!(headcount_exemplars_tracing::current(), None);
/// let subscriber = tracing_subscriber::registry();
/// tracing::subscriber::with_default(subscriber, || {
///     let _span = tracing::info_span!("pay").entered();
///     assert_eq!(headcount_exemplars_tracing::current(), None);
/// });
/// ```
pub fn current() -> Option<TraceContext> {
    let span = tracing::Span::current();
    if span.is_none() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let ids = span.span_context();
    let context = TraceContext::new(ids.trace_id().to_bytes(), ids.span_id().to_bytes());
    (ids.is_sampled() && context.is_valid()).then_some(context)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
