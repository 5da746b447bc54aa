//! Lists what this program and the processes of a directory declare.

use crate::declare::catalogue::{self, Conflicts, Declaration, native_schema};
use crate::error::Error;
use crate::merge::sums::bounds_of;
use crate::model::cold_sort;
use crate::python;
use crate::reader::family::LogFamily;
use crate::store;

use super::Collector;

/// Lists every metric that is compiled into this program or was declared at run time
/// ([`dynamic`](crate::dynamic)), used or not, sorted by name and place: for documentation,
/// dashboards, reviews.
///
/// Each annotated function without a name is one declaration, in the families that all of them
/// share. [`Collector::declarations`](crate::Collector::declarations) lists what the processes of a
/// directory declare.
///
/// # Examples
///
/// ```
/// use headcount::{Gauge, GaugeMode, metric};
///
/// /// Jobs waiting.
/// #[metric(name = "queue_depth", mode = "livesum")]
/// static DEPTH: Gauge;
///
/// let declared = headcount::declarations();
/// let depth = declared.iter().find(|one| one.name == "queue_depth").unwrap();
/// assert_eq!(depth.mode, Some(GaugeMode::LiveSum));
/// assert!(depth.file.ends_with(".rs") && depth.line > 0);
/// ```
pub fn declarations() -> Vec<Declaration> {
    catalogue::list(&store::declared_at_run_time())
}

/// Returns a Markdown table of every metric that this program declares: a program prints its own
/// documentation by one call. The command `headcount catalog` prints that of a directory.
///
/// # Examples
///
/// ```
/// use headcount::{Counter, metric};
///
/// /// Letters sent.
/// #[metric(name = "letters_sent_total")]
/// fn sent(country: &str) -> Counter;
///
/// let table = headcount::catalog();
/// assert!(table.contains("| `letters_sent_total` | counter |  | `country` | Letters sent. |"));
/// println!("{table}");
/// ```
pub fn catalog() -> String {
    catalogue::markdown(&declarations())
}

/// Checks that all declarations in this program agree. They disagree if a name is declared with two
/// kinds, modes, units, label names, buckets or help texts, if a gauge has its labels in two
/// orders, or if a family has samples with another family's name. In a test, this line guards a
/// code base, including all its dependencies:
///
/// ```standalone_crate
/// headcount::verify().unwrap();
/// ```
///
/// In a running program, of two contradictory declarations the one whose place comes first in the
/// alphabet is in force. The other is reported once through the `log` facade, and is counted as a
/// dropped series, and operations on it as dropped operations. If only help or unit differ, both
/// count, and the first one's texts are shown.
///
/// # Errors
///
/// Returns an error if they disagree. It lists the contradictions, with file and line of both
/// declarations.
pub fn verify() -> Result<(), Conflicts> {
    catalogue::check(&store::declared_at_run_time())
}

impl Collector {
    /// Returns what all processes of the directory declare: living, dead and archived ones, whether
    /// or not the metrics were used. [`declarations`](crate::declarations) returns the same for
    /// this program. If two versions of a program declare a metric differently, there are two
    /// declarations.
    ///
    /// Files of Python's `prometheus_client` declare the families that they have values of, if the
    /// collector [reads them](Self::python_files): with the labels of their series, and with the
    /// buckets that all of their histograms have.
    ///
    /// Families that annotated functions share have no place here, since only the program knows it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`collect`](Self::collect).
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Summary, metric};
    ///
    /// /// Sizes of what was received.
    /// #[metric(name = "received_from_bytes", unit = "bytes")]
    /// fn received(from: &str) -> Summary;
    ///
    /// let declared = Collector::new().declarations()?;
    /// let received = declared.iter().find(|one| one.name == "received_from_bytes").unwrap();
    /// assert_eq!(received.labels, ["from"]);
    /// assert!(headcount::declarations().contains(received));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn declarations(&self) -> Result<Vec<Declaration>, Error> {
        let mut scan = self.scan()?;
        let (python, _) = core::mem::take(&mut scan.python).finish();
        let live = scan.parts.iter().flat_map(|part| &part.segment.log.layout.families);
        let live = live.filter(|family| family.is_read());
        let archived = scan.archive().families.iter().map(|archived| &archived.family);
        let mut all: Vec<Declaration> = live.map(declaration).collect();
        // What cannot be shown is reported by a collection.
        let python = python
            .into_iter()
            .filter_map(|family| python::archived(family, 0, &mut Vec::new()))
            .map(|python| declaration(&python.family));
        // Neither the archive nor Python's files store places, so a segment's declaration is
        // preferred to an equal one of theirs.
        for archived in archived.map(declaration).chain(python) {
            let is_known = |known: &Declaration| {
                let file = known.file.clone();
                *known == Declaration { file, line: known.line, ..archived.clone() }
            };
            if !all.iter().any(is_known) {
                all.push(archived);
            }
        }
        cold_sort::sort_by(&mut all, |a, b| {
            let key = |d: &Declaration| (d.name.clone(), d.file.clone(), d.line, format!("{d:?}"));
            key(a).cmp(&key(b))
        });
        all.dedup();
        Ok(all)
    }
}

fn declaration(family: &LogFamily) -> Declaration {
    let mut labels = family.labels.clone();
    labels.sort_unstable();
    let is_native = family.encoding.layout().is_native();
    Declaration {
        name: family.name.clone(),
        kind: family.kind(),
        mode: family.mode,
        help: family.help.clone(),
        unit: family.unit.clone(),
        labels,
        // A native histogram is shown with others.
        buckets: if is_native { Vec::new() } else { bounds_of(family) },
        native: native_schema(is_native, family.schema),
        file: family.file.clone(),
        line: family.line,
    }
}
