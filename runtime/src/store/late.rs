//! Operations that come late: they have weighed in the cells of a row, and take the mutex only when
//! the row was removed, and perhaps left out of the log.
//!
//! What they would assign to the row would be nobody's from then on, and later that of the row that
//! gets the cells.

use super::state::Store;

impl Store {
    /// Whether a series that is in the log has this cell. A removed row is there until the log is
    /// rewritten, and until then it keeps what is assigned to it: its counts may be part of a sum.
    pub(super) fn is_in_log(&self, slot: u32) -> bool {
        let is_within = |first: u32, cells: u32| slot < first.saturating_add(cells);
        let living = self.churn.by_slot.last_up_to(&slot).is_some_and(|(first, key)| {
            let known = self.series.by_key.get(key);
            known.is_some_and(|known| is_within(*first, known.cells))
        });
        let gone = || {
            let last = self.churn.gone.last_up_to(&slot);
            last.is_some_and(|(first, gone)| is_within(*first, gone.cells))
        };
        living || gone() || self.series.is_closed(slot)
    }
}

#[cfg(all(test, not(feature = "off")))]
mod tests {
    use crate::model::sorted::SortedSet;
    use crate::{Histogram, metric};

    use super::super::guard::Guard;
    use super::super::{exemplar_places, known_exemplar_places, native_block};

    /// A series that always exists.
    #[metric(name = "late_closed_sizes", native)]
    static CLOSED: Histogram;
    /// Rows with blocks.
    #[metric(name = "late_sizes", native(schema = 5))]
    fn sizes(id: &str) -> Histogram;
    /// Rows with places for exemplars, and as many cells as no other test has.
    #[metric(name = "late_weights", buckets = crate::linear_buckets::<37>(1.0, 1.0))]
    fn weights(id: &str) -> Histogram;

    fn row_of(family: &str) -> u32 {
        let rows = Guard::lock().unwrap().rows_of(family, &[]);
        let [row] = rows[..] else { panic!("{rows:?}") };
        row
    }

    /// The row leaves the log, as when many were removed.
    fn leave_out(row: u32) {
        let rows = SortedSet::from_iter([row]);
        Guard::lock().unwrap().leave_out(&rows, &SortedSet::new()).unwrap();
    }

    #[test]
    fn what_comes_late_gets_no_cells() {
        CLOSED.observe(3.0);
        sizes("a").observe(3.0);
        weights("a").observe(3.0);
        let [sized, weighed] = ["late_sizes", "late_weights"].map(row_of);
        assert!(exemplar_places(weighed, 38).is_some());
        assert!(native_block(sized, 7, 0, false).is_some());
        assert!(sizes("a").remove() && weights("a").remove());
        // It is in the log, and may be part of a sum; unless another test has it rewritten.
        let block = native_block(sized, 8, 0, false);
        assert!(block.is_some() || !Guard::lock().unwrap().is_in_log(sized));
        for row in [sized, weighed] {
            leave_out(row);
        }
        assert_eq!(native_block(sized, 8, 0, false), None);
        assert_eq!(exemplar_places(sized, 17), None);
        assert_eq!(exemplar_places(weighed, 38), None);
        assert_eq!(known_exemplar_places(weighed, 38), None);
        // Nobody was refused anything that there is.
        weights("b").observe(3.0);
        let row = row_of("late_weights");
        assert!(exemplar_places(row, 38).is_some());
        assert!(native_block(row_of_closed(), 30, 0, false).is_some());
        assert!(weights("b").remove());
    }

    /// Whatever a series is taken for, it has no places beyond those that it was given.
    #[test]
    fn a_series_with_other_places_gets_none_of_these() {
        CLOSED.observe(3.0);
        let series = row_of_closed();
        let first = exemplar_places(series, 2);
        assert!(first.is_some());
        assert_eq!(exemplar_places(series, 3), None);
        assert_eq!(known_exemplar_places(series, 3), None);
        assert_eq!((known_exemplar_places(series, 2), exemplar_places(series, 2)), (first, first));
    }

    fn row_of_closed() -> u32 {
        let store = Guard::lock().unwrap();
        let names = store.log.names();
        let family = names.iter().position(|(name, _)| *name == "late_closed_sizes").unwrap();
        let family = u32::try_from(family).unwrap();
        let known = store.series.by_key.iter().find(|(key, _)| key.0 == family);
        known.unwrap().1.slot
    }
}
