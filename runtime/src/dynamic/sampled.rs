//! Functions that give values to several series at once.

use std::borrow::Cow;

use crate::store::sampler;

/// Calls a function whenever this process takes the values of the functions that are given to
/// [`set_function`](crate::Gauge::set_function), which describes when and where that is.
///
/// `set_function` is for one series. This is for a function that records in any number of series,
/// of any families, with their handles. Each process has a state of its own for it: `start` makes
/// the state before the first call in a process, and is given whether the process is a forked
/// child. What the program's totals contain at that moment is then the parent's, and counted there.
///
/// `name` is for reports of a function that does not return.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use headcount::{Collector, dynamic};
///
/// // Totals that a library keeps.
/// static BYTES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
/// BYTES.lock().unwrap().insert("eth0".to_owned(), 512);
///
/// struct Seen {
///     is_first: bool,
///     totals: BTreeMap<String, u64>,
/// }
///
/// let bytes = dynamic::counter("interface_bytes_total", "Bytes received.").labels(["interface"]);
/// let bytes = bytes.register_family()?;
/// dynamic::on_sample(
///     "interface_bytes_total",
///     |is_forked| Seen { is_first: is_forked, totals: BTreeMap::new() },
///     move |seen: &mut Seen| {
///         for (interface, total) in BYTES.lock().unwrap().iter() {
///             let start = if seen.is_first { *total } else { 0 };
///             let before = seen.totals.insert(interface.clone(), *total).unwrap_or(start);
///             bytes.with_label_values(&[interface]).inc_by(total - before);
///         }
///         seen.is_first = false;
///     },
/// );
///
/// BYTES.lock().unwrap().insert("eth0".to_owned(), 768);
/// let text = Collector::new().collect()?.to_text();
/// assert!(text.contains("interface_bytes_total{interface=\"eth0\"} 768\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn on_sample<S: Send + 'static>(
    name: impl Into<Cow<'static, str>>,
    start: impl Fn(bool) -> S + Send + Sync + 'static,
    function: impl Fn(&mut S) + Send + Sync + 'static,
) {
    sampler::add_with_state(name.into(), start, function);
}
