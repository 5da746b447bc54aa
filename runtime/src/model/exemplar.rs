//! Exemplars: single events that a counter or a bucket has counted, each with the trace it was part
//! of.

use core::fmt;
use std::time::SystemTime;

/// The identifiers of a trace, and of the span in it in which something happened: those of W3C's
/// Trace Context, which every tracing library has.
///
/// `Display` prints both in lower-case hexadecimal digits, with a hyphen between them.
///
/// # Examples
///
/// ```
/// use headcount::TraceContext;
///
/// let context = TraceContext::new(0x4bf9_2f35_u128.to_be_bytes(), 7_u64.to_be_bytes());
/// assert_eq!(context.to_string(), "0000000000000000000000004bf92f35-0000000000000007");
/// assert!(context.is_valid());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
}

impl TraceContext {
    /// A context of these identifiers, as bytes in the order in which they are written: the first
    /// byte is that of the first two digits.
    #[inline]
    #[must_use]
    pub const fn new(trace_id: [u8; 16], span_id: [u8; 8]) -> Self {
        Self::of(u128::from_be_bytes(trace_id), u64::from_be_bytes(span_id))
    }

    #[inline]
    pub(crate) const fn of(trace_id: u128, span_id: u64) -> Self {
        Self { trace_id, span_id }
    }

    /// Returns the identifier of the trace.
    pub const fn trace_id(self) -> [u8; 16] {
        self.trace_id.to_be_bytes()
    }

    /// Returns the identifier of the span.
    pub const fn span_id(self) -> [u8; 8] {
        self.span_id.to_be_bytes()
    }

    /// Returns whether both identifiers are valid, which is to say not 0. An exemplar with an
    /// invalid one is not kept.
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.trace_id != 0 && self.span_id != 0
    }

    pub(crate) const fn ids(self) -> (u128, u64) {
        (self.trace_id, self.span_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.trace_id, self.span_id)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

/// One event that a counter or a bucket of a histogram has counted, and the trace that it was part
/// of.
///
/// ```
/// use headcount::{Collector, Counter, TraceContext, metric};
///
/// /// Orders taken.
/// #[metric(name = "exemplar_orders_total")]
/// static ORDERS: Counter;
///
/// let context = TraceContext::new([7; 16], [9; 8]);
/// ORDERS.inc_by_with_exemplar(3, context);
/// let snapshot = Collector::new().names(["exemplar_orders_total"]).self_metrics(false).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "exemplar_orders_total");
/// let exemplar = family.unwrap().series[0].exemplars[0];
/// assert_eq!((exemplar.value, exemplar.context), (3.0, context));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Exemplar {
    /// The value that was observed, or by how much the counter was increased.
    pub value: f64,
    /// When that was.
    pub time: SystemTime,
    /// The trace, and the span in it.
    pub context: TraceContext,
}

/// An exemplar as a process keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Held {
    pub(crate) value: f64,
    /// Nanoseconds since 1970, as the process counts them.
    pub(crate) when: u64,
    pub(crate) context: TraceContext,
}
