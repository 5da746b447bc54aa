//! What several processes make together: the table that our own processes and the Python client's
//! are held to.
//!
//! Written by hand, from the documented behaviour of the Python client's multiprocess mode; where
//! ours is another, the row says why, and what Python shows instead, so that both are proved.

mod counters;
mod gauge_values;
mod gauges;
mod histograms;
mod labelled_gauges;
mod states;
mod summaries;
mod versions;

pub use counters::{COUNTERS, FLOAT_COUNTERS};
pub use gauge_values::GAUGE_VALUES;
pub use gauges::GAUGES;
pub use histograms::HISTOGRAMS;
pub use labelled_gauges::LABELLED_GAUGES;
pub use states::STATES;
pub use summaries::SUMMARIES;
pub use versions::VERSIONS;

/// A situation, and what is shown then.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The situation.
    pub name: &'static str,
    /// `process: command`, one after the other. A process starts at its first command; one that is
    /// named by a capital letter is of the program's next version. `exit` and `kill` are its end,
    /// otherwise it is alive in the end. The commands are those of `scripted.rs`.
    pub steps: &'static [&'static str],
    /// The families that the row is about.
    pub families: &'static [&'static str],
    /// Their type, as the text names it.
    pub kind: &'static str,
    /// All their samples, as they stand in our text; a process's letter stands for its pid.
    pub shows: &'static [&'static str],
    /// Operations that were ignored, and counted as such.
    pub dropped: u32,
    /// Declarations that contradict others, and were reported.
    pub conflicts: usize,
    /// Where the Python client shows something else.
    pub python: &'static [Difference],
    /// Steps for which the Python client raises an exception in the program that it counts.
    pub python_raises: &'static [&'static str],
}

/// What the Python client shows otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// In which order of its files.
    pub files: Files,
    /// Samples of ours that it doesn't show.
    pub lacks: &'static [&'static str],
    /// Samples that it shows, and we don't.
    pub shows: &'static [&'static str],
    /// Why ours is better.
    pub why: &'static str,
}

/// An order in which the Python client reads the processes' files: it merges them as the directory
/// happens to list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The difference is there in any order.
    InAnyOrder,
    /// By the processes' letters.
    Forwards,
    /// The other way round.
    Backwards,
}

/// The whole table.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [
        COUNTERS,
        FLOAT_COUNTERS,
        SUMMARIES,
        HISTOGRAMS,
        GAUGES,
        GAUGE_VALUES,
        LABELLED_GAUGES,
        STATES,
        VERSIONS,
    ]
    .into_iter()
    .flatten()
}

/// What rows have in common.
const ROW: Row = Row {
    name: "",
    steps: &[],
    families: &[],
    kind: "",
    shows: &[],
    dropped: 0,
    conflicts: 0,
    python: &[],
    python_raises: &[],
};

const REMOVED: &str = "Python can't remove a series: it warns, and goes on showing it";
