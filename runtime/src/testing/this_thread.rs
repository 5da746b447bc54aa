//! What one thread recorded.

use crate::merge::archived::Archive;
use crate::merge::families::merge;
use crate::merge::part::Part;
use crate::merge::plan::Plans;
use crate::model::{MetricType, Snapshot};
use crate::reader::liveness::Life;
use crate::reader::log_reader::Logs;
use crate::store;

/// Calls a closure, and returns what the calling thread recorded meanwhile: how much its counters,
/// histograms and summaries have grown. Series that have not grown are absent.
///
/// Other threads are not seen, so tests that run in parallel do not disturb each other. That also
/// holds for what the closure does in other threads; use [`Snapshot::since`] with collections
/// before and after for these. Gauges, infos and state sets belong to the process and not to a
/// thread, and are not shown.
///
/// Returns an empty snapshot if the library was built with the feature `off`, or if the process
/// has no memory to count in.
///
/// # Panics
///
/// Panics if the closure panics, or if this thread has no cells of its own. That happens if more
/// threads record at once than a segment has shards (511 in a segment of the usual size), in a
/// thread that is ending, or on a full disk: then it counts together with others.
///
/// # Examples
///
/// ```
/// use headcount::{Histogram, metric, testing};
///
/// /// Sizes of answers.
/// #[metric(name = "answer_bytes", buckets = [10.0, 100.0])]
/// static BYTES: Histogram;
///
/// BYTES.observe(5);
/// let other = std::thread::spawn(|| BYTES.observe(7));
/// let seen = testing::this_thread(|| BYTES.observe(20));
/// # other.join().unwrap();
/// assert_eq!(seen.value("answer_bytes_count", &[]), Some(1.0));
/// assert_eq!(seen.value("answer_bytes_sum", &[]), Some(20.0));
/// assert_eq!(seen.value("answer_bytes_bucket", &[("le", "10")]), Some(0.0));
/// ```
pub fn this_thread<T>(f: impl FnOnce() -> T) -> Snapshot {
    let before = of_this_thread();
    let _ = f();
    of_this_thread().since(&before)
}

/// What this thread's shard contains. Threads that ended may have left values in it.
#[expect(clippy::expect_used, reason = "a test that counts nothing must not pass")]
fn of_this_thread() -> Snapshot {
    const NONE: &Archive = &Archive::NONE;
    let mut seen = Snapshot { families: Vec::new(), skipped: Vec::new() };
    store::start();
    let shard = store::own_shard();
    let own = store::THIS_PROCESS.read(&mut Logs::default());
    let Ok(Some(mut segment)) = own else { return seen };
    let number = shard.expect("this thread has cells of its own (see `this_thread`)");
    // Cells that no shard has count as zeros.
    let own = segment.shards.get_mut(number as usize).map(core::mem::take);
    segment.shards.clear();
    segment.shards.extend(own);
    segment.later.clear();
    let parts = [Part::new(segment, Life::Locked)];
    seen.families = merge(&parts, NONE, &Plans::default(), &[], 0).families;
    let is_of_threads = [MetricType::Counter, MetricType::Histogram, MetricType::Summary];
    seen.families.retain(|family| is_of_threads.contains(&family.kind));
    seen
}
