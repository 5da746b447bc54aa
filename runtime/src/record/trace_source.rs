//! Where an operation gets the trace from, in which it happens: one function of the program's.
#![expect(unsafe_code, reason = "a pointer to a function, in one word")]

use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::panic::catch_unwind;

use crate::model::TraceContext;

type Source = fn() -> Option<TraceContext>;

/// A pointer to a function, so there is neither a lock nor memory behind it, and a child has it.
/// Null if there is none.
static SOURCE: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

thread_local! {
    /// Whether this thread is asking the source. What the source itself records has no exemplar,
    /// and neither has what a signal handler records meanwhile.
    static IS_ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Sets the function that returns the trace of the calling thread, if it has one that is sampled.
/// From then on metrics that are declared with `exemplars` keep some of their events with the trace
/// that they are part of.
///
/// There is one source for the whole program, which all its threads use, and all processes that are
/// forked later. Another one replaces it. The packages `headcount-exemplars-opentelemetry`,
/// `headcount-exemplars-tracing` and `headcount-exemplars-fastrace` have one each for the library
/// that they are named after.
///
/// The function is called by the operation itself, in its thread: `inc`, `observe`, the end of a
/// call. It is called only if the exemplar of the counter or bucket is older than a second, so it
/// may take 100 ns without being noticed; if it takes a second, the event has no exemplar. It
/// should return `None` outside of a trace, and in one that is not sampled, since an exemplar of it
/// would lead nowhere. If it panics, the event is counted, and has no exemplar. It must not wait
/// for a lock that the program holds while it records, as no library's function for the current
/// span does. If a signal handler records in such a metric, the function is called there.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use headcount::{Counter, Format, TraceContext, metric};
///
/// thread_local! {
///     /// What a tracing library knows of this thread.
///     static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
/// }
///
/// /// Orders paid.
/// #[metric(name = "orders_paid_total", exemplars)]
/// static PAID: Counter;
///
/// headcount::set_trace_source(|| CURRENT.get());
/// PAID.inc();
/// CURRENT.set(Some(TraceContext::new([0xab; 16], [0xcd; 8])));
/// PAID.inc();
///
/// let snapshot = headcount::Collector::new().collect()?;
/// let mut page = Vec::new();
/// snapshot.encode(Format::OpenMetrics, &mut page)?;
/// let page = String::from_utf8_lossy(&page);
/// assert!(page.contains(
///     "orders_paid_total 2 # {trace_id=\"abababababababababababababababab\",\
///      span_id=\"cdcdcdcdcdcdcdcd\"} 1.0 "
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_trace_source(source: fn() -> Option<TraceContext>) {
    // Release: what the program has set up before is there when a thread asks.
    SOURCE.store(source as *mut (), Ordering::Release);
}

fn source() -> Option<Source> {
    let source = SOURCE.load(Ordering::Acquire);
    if source.is_null() {
        return None;
    }
    // SAFETY: not null, and nothing else was ever stored there than a `Source`, which is a pointer
    // and valid for ever.
    Some(unsafe { core::mem::transmute::<*mut (), Source>(source) })
}

/// Whether there is a source.
#[inline]
pub(super) fn is_set() -> bool {
    !SOURCE.load(Ordering::Relaxed).is_null()
}

/// The trace in which this thread is, if its identifiers are valid.
pub(super) fn current() -> Option<TraceContext> {
    let source = source()?;
    if IS_ASKING.replace(true) {
        return None;
    }
    let context = catch_unwind(source).ok().flatten();
    IS_ASKING.set(false);
    context.filter(|context| context.is_valid())
}
