use core::fmt;

use super::handle::Raw;

/// Facts about a program: its version, its commit, the settings it runs with. They are in the
/// labels; the value is always 1.
///
/// An info is shown while a process that set it is alive. Two generations of a program that run
/// side by side show both of theirs. A forked child has its parent's info until it sets another.
///
/// With `mode = "max"` an info stays on the page when its process has ended: the last one that each
/// process set. That is for batch jobs, which nobody scrapes while they run. Every version that
/// ever ran has a series then, until [`clean`](crate::Collector::clean) deletes what is old.
/// Declarations of one family may differ in the mode, and each holds for its own processes.
///
/// # Examples
///
/// ```
/// use headcount::{Info, metric};
///
/// /// What was built.
/// #[metric(name = "shop_build_info")]
/// fn build(version: &str, commit: &str) -> Info;
///
/// build("1.4.0", "abc123").set();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("shop_build_info{commit=\"abc123\",version=\"1.4.0\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
///
/// The info of a batch job:
///
/// ```
/// use headcount::{Info, metric};
///
/// /// What was imported.
/// #[metric(name = "import_info", mode = "max")]
/// fn import(source: &str) -> Info;
///
/// import("orders.csv").set();
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle sets nothing by itself: call `set`"]
pub struct Info(pub(super) Raw);

impl Info {
    /// Makes this the info of the process, and removes the one of the same family that the process
    /// had set before.
    pub fn set(self) {
        self.0.keep_only_this();
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Info", f)
    }
}
