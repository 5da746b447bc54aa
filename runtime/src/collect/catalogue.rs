//! Lists what the processes of a directory declare.

use crate::declare::catalogue::Declaration;
use crate::error::Error;
use crate::merge::sums::bounds_of;
use crate::reader::family::LogFamily;

use super::Collector;

impl Collector {
    /// Returns what all processes of the directory declare: living, dead and archived ones, whether
    /// or not the metrics were used. [`declarations`](crate::declarations) returns the same for
    /// this program. If two versions of a program declare a metric differently, there are two
    /// declarations.
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
        let scan = self.scan()?;
        let live = scan.parts.iter().flat_map(|part| &part.segment.log.layout.families);
        let archived = scan.archive().families.iter().map(|archived| &archived.family);
        let mut all: Vec<Declaration> = live.map(declaration).collect();
        // The archive does not store places, so a segment's declaration is preferred to an equal
        // one of the archive.
        for archived in archived.map(declaration) {
            let is_known = |known: &Declaration| {
                let file = known.file.clone();
                *known == Declaration { file, line: known.line, ..archived.clone() }
            };
            if !all.iter().any(is_known) {
                all.push(archived);
            }
        }
        all.sort_by(|a, b| {
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
    Declaration {
        name: family.name.clone(),
        kind: family.kind(),
        mode: family.mode,
        help: family.help.clone(),
        unit: family.unit.clone(),
        labels,
        buckets: bounds_of(family),
        file: family.file.clone(),
        line: family.line,
    }
}
