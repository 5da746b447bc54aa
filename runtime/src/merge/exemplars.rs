//! The exemplars of a series while its parts are added up: the newest of each bucket. Pure. The
//! result does not depend on the order or the grouping of the parts.

use std::time::{Duration, SystemTime};

use crate::model::Exemplar;
use crate::model::exemplar::Held;

/// For how long the exemplars of dead processes are shown, in nanoseconds: ten minutes, in which
/// each server has scraped them, so that a crash has its trace.
const KEPT: u64 = 600_000_000_000;

/// The newest exemplar of each bucket, by the bucket's number. Nearly all series have none.
#[expect(clippy::box_collection, reason = "one word for each of the many that are empty")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Exemplars(Option<Box<Vec<(u32, Held)>>>);

impl Exemplars {
    /// Adds an exemplar, unless a newer one of its bucket is known. `bounds` are the family's.
    pub(crate) fn add(&mut self, held: Held, bounds: &[f64]) {
        // Whoever counts with other bounds, or forges a file, may have put it into any bucket.
        let bucket = bounds.partition_point(|bound| *bound < held.value);
        self.put(u32::try_from(bucket).unwrap_or(u32::MAX), held);
    }

    fn put(&mut self, bucket: u32, held: Held) {
        let all = self.0.get_or_insert_default();
        // Of two with the same time any rule serves that does not depend on the order.
        let rank = |held: &Held| (held.when, held.context, held.value.to_bits());
        match all.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                if let Some((_, known)) = all.get_mut(at).filter(|(_, k)| rank(k) < rank(&held)) {
                    *known = held;
                }
            }
            Err(at) => all.insert(at, (bucket, held)),
        }
    }

    /// Adds those of another span of the same series.
    pub(crate) fn add_all(&mut self, other: Self) {
        for (bucket, held) in other.0.into_iter().flat_map(|all| *all) {
            self.put(bucket, held);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.0.iter().flat_map(|all| all.iter()).map(|(_, held)| held)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Converts their times.
    pub(crate) fn convert(&mut self, at: impl Fn(u64) -> u64) {
        for (_, held) in self.0.iter_mut().flat_map(|all| all.iter_mut()) {
            held.when = at(held.when);
        }
    }

    /// Leaves out those that dead processes have left too long ago.
    pub(crate) fn leave_out_old(&mut self, now: u64) {
        if let Some(all) = &mut self.0 {
            all.retain(|(_, held)| is_kept(held.when, now));
            if all.is_empty() {
                self.0 = None;
            }
        }
    }

    /// As they are shown.
    pub(crate) fn into_shown(self) -> Vec<Exemplar> {
        let shown = |held: &Held| {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(held.when))?;
            Some(Exemplar { value: held.value, time, context: held.context })
        };
        self.iter().filter_map(shown).collect()
    }
}

/// Whether an exemplar of a dead process is kept.
pub(crate) fn is_kept(when: u64, now: u64) -> bool {
    now.saturating_sub(when) <= KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TraceContext;

    fn held(value: f64, when: u64, trace: u128) -> Held {
        Held { value, when, context: TraceContext::of(trace, 1) }
    }

    #[test]
    fn the_newest_of_each_bucket_stays_in_any_order() {
        let all = [
            held(0.5, 10, 1),
            held(1.0, 20, 2),
            held(1.0, 20, 3),
            held(1.5, 5, 4),
            held(9.0, 7, 5),
            held(8.0, 6, 6),
        ];
        let expected = [held(1.0, 20, 3), held(1.5, 5, 4), held(9.0, 7, 5)];
        for shift in 0..all.len() {
            for split in 0..all.len() {
                let mut parts = [Exemplars::default(), Exemplars::default()];
                for n in 0..all.len() {
                    let held = all[(n + shift) % all.len()];
                    parts[usize::from(n < split)].add(held, &[1.0, 2.0]);
                }
                let [mut one, other] = parts;
                one.add_all(other);
                assert!(one.iter().eq(&expected), "{one:?}");
            }
        }
    }

    #[test]
    fn those_of_the_dead_are_kept_for_ten_minutes() {
        let mut exemplars = Exemplars::default();
        exemplars.add(held(0.5, 1_000, 1), &[1.0]);
        exemplars.add(held(2.0, 2_000, 2), &[1.0]);
        exemplars.leave_out_old(KEPT + 1_000);
        assert_eq!(exemplars.iter().count(), 2);
        exemplars.leave_out_old(KEPT + 1_001);
        assert_eq!(exemplars.iter().count(), 1);
        exemplars.leave_out_old(KEPT + 2_001);
        assert!(exemplars.is_empty());
    }
}
