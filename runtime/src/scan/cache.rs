//! A cache between collections, of what never changes once read: logs, layouts, the archive and
//! merge plans. Without it a collection has the same result, but takes longer.

use core::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::archive::ReadArchive;
use crate::merge::archived::ArchivedFamily;
use crate::merge::plan::{Declared, Plans};
use crate::model::instance::InstanceId;
use crate::python;
use crate::reader::layout_cache::{Known, Layouts};
use crate::reader::log_reader::KnownLogs;
use crate::reader::segment::SegmentLog;

use super::Limit;
use super::settled::Settled;

/// What a collector keeps is at most this part of what a collection may take: 64 MiB, unless
/// another limit is set.
const PART: u64 = 4;

/// What one collection has read and computed.
#[derive(Debug, Default)]
pub(crate) struct CollectionCache {
    known: Arc<KnownLogs>,
    archive: Option<Arc<ReadArchive>>,
    plans: Plans,
    /// The sums of segments that do not change.
    settled: Option<Arc<Settled>>,
    /// Whether it is of an earlier collection.
    is_of_one: bool,
    /// Taken by the collection that goes on with it.
    python: Mutex<Option<python::Kept>>,
}

impl CollectionCache {
    /// Keeps as much as fits: sums and logs first, which save the most time. What does not fit is
    /// read again by the next collection.
    pub(crate) fn new(
        logs: impl Iterator<Item = (InstanceId, Arc<SegmentLog>)>,
        layouts: Layouts,
        archive: Option<Arc<ReadArchive>>,
        settled: Option<Arc<Settled>>,
        plans: Plans,
        python: Option<python::Kept>,
        limit: Limit,
    ) -> Self {
        let mut kept = Self { python: Mutex::new(python), is_of_one: true, ..Self::default() };
        let mut known_logs = HashMap::new();
        let left = Cell::new(limit.most() / PART);
        let has_space = |bytes: u64| {
            let rest = left.get().checked_sub(bytes);
            left.set(rest.unwrap_or(left.get()));
            rest.is_some()
        };
        // A plan takes about a fifth of what its logs take.
        let for_plans = left.get() / PART;
        let mut seen = HashSet::new();
        let mut is_all = settled.as_ref().is_none_or(|settled| has_space(settled.size));
        kept.settled = settled.filter(|_| is_all);
        for (instance, log) in logs {
            let layout = Arc::as_ptr(&log.layout);
            let of_layout = if seen.contains(&layout) { 0 } else { log.layout.size };
            let bytes = log.size() + of_layout;
            let is_kept = left.get() >= bytes + for_plans && has_space(bytes);
            is_all &= is_kept;
            if is_kept {
                seen.insert(layout);
                known_logs.insert(instance, log);
            }
        }
        if archive.as_ref().is_none_or(|read| has_space(read.size)) {
            kept.archive = archive;
        } else {
            is_all = false;
        }
        kept.plans = plans;
        if !is_all {
            // Plans hold references to sums, logs and the archive: to those that are kept.
            let families: HashSet<*const ArchivedFamily> =
                kept.archived().map(Arc::as_ptr).collect();
            for plan in kept.plans.values_mut() {
                *plan = Arc::new(plan.only(|declared| match declared {
                    Declared::Log(layout, _) => seen.contains(&Arc::as_ptr(layout)),
                    Declared::Archive(family) => families.contains(&Arc::as_ptr(family)),
                }));
            }
        }
        kept.plans.retain(|name, plan| has_space((name.len() + plan.size) as u64));
        // New processes with an equal log find its layout here.
        let mut layouts = layouts.into_known();
        layouts.retain(|_, alike| {
            let whole = |known: &Known| {
                let layout = &known.layout;
                let of_it = if seen.contains(&Arc::as_ptr(layout)) { 0 } else { layout.size };
                of_it + known.log.len() as u64
            };
            alike.retain(|known| has_space(whole(known)));
            !alike.is_empty()
        });
        let layouts = Arc::new(layouts);
        kept.known = Arc::new(KnownLogs { logs: known_logs, layouts });
        kept
    }

    /// The families of dead processes.
    fn archived(&self) -> impl Iterator<Item = &Arc<ArchivedFamily>> {
        let archive = self.archive.iter().flat_map(|read| &read.archive.families);
        archive.chain(self.settled.iter().flat_map(|settled| &settled.families))
    }

    /// The logs, for the next scan.
    pub(crate) fn logs(&self) -> Arc<KnownLogs> {
        Arc::clone(&self.known)
    }

    pub(crate) fn archive(&self) -> Option<&Arc<ReadArchive>> {
        self.archive.as_ref()
    }

    pub(crate) fn settled(&self) -> Option<&Arc<Settled>> {
        self.settled.as_ref()
    }

    /// Whether somebody comes again, so that it is worth making something for the next time.
    pub(crate) fn is_of_one(&self) -> bool {
        self.is_of_one
    }

    /// What was kept of Python's files; nothing if another collection goes on with it.
    pub(crate) fn take_python(&self) -> Option<python::Kept> {
        self.python.try_lock().ok()?.take()
    }

    pub(crate) fn plans(&self) -> &Plans {
        &self.plans
    }
}

/// Where collectors keep their cache.
#[derive(Clone)]
pub(crate) enum Keeper {
    /// Shared by all collectors of the directory in which this process counts, so that a program
    /// which creates a collector for each request has a cache too.
    OfProcess,
    /// Shared by one collector and its clones.
    Own(Arc<Place>),
}

type Place = Mutex<Option<Arc<CollectionCache>>>;

static OF_PROCESS: Place = Mutex::new(None);

impl Keeper {
    pub(crate) fn own() -> Self {
        Self::Own(Arc::default())
    }

    fn place(&self) -> &Place {
        match self {
            Self::OfProcess => &OF_PROCESS,
            Self::Own(place) => place,
        }
    }

    /// What was cached last; nothing if another thread holds the lock. It never waits, because in a
    /// forked child that thread may not exist.
    pub(crate) fn kept(&self) -> Arc<CollectionCache> {
        let kept = self.place().try_lock().ok().and_then(|kept| kept.clone());
        kept.unwrap_or_default()
    }

    pub(crate) fn keep(&self, kept: CollectionCache) {
        let kept = Some(Arc::new(kept));
        // The previous cache is dropped after the lock is released.
        let before = self.place().try_lock().map(|mut place| core::mem::replace(&mut *place, kept));
        drop(before);
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfProcess => "OfProcess",
            Self::Own(_) => "Own",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::exemplar_places::Places;
    use crate::reader::log_reader::Logs;
    use crate::reader::native_blocks::Blocks;
    use crate::reader::segment::LogId;

    /// A log with this number of records, of the segment with this number.
    fn log(number: u8, records: usize) -> (InstanceId, Arc<SegmentLog>) {
        let since = vec![0; records];
        let (layout, removed) = (Arc::default(), crate::reader::log::Removed::default());
        (
            [number; 16],
            Arc::new(SegmentLog {
                id: LogId::of_len(8),
                layout,
                since,
                removed,
                blocks: Blocks::default(),
                places: Places::default(),
            }),
        )
    }

    /// A fourth of it is kept, and of that a fourth is for plans.
    const MOST: u64 = 1 << 28;

    fn kept(records: usize) -> CollectionCache {
        CollectionCache::new(
            [log(1, records), log(2, 1)].into_iter(),
            Layouts::default(),
            None,
            None,
            Plans::new(),
            None,
            Limit::bytes(MOST),
        )
    }

    #[test]
    fn no_more_is_kept_than_there_may_be() {
        let itself = log(1, 0).1.size();
        let most = usize::try_from((MOST / 16 * 3 - 2 * itself) / 8).unwrap() - 1;
        let known = |kept: CollectionCache, used| {
            Logs::after(kept.logs()).knows([2; 16], LogId::of_len(used))
        };
        assert!(known(kept(most), 8));
        assert!(!known(kept(most), 16), "it has grown since");
        assert!(!known(kept(most + 1), 8));
        assert!(known(kept(2 * most), 8), "one that is too long keeps no other out");
    }

    #[test]
    fn who_finds_the_lock_taken_goes_on_without() {
        let keeper = Keeper::own();
        keeper.keep(kept(1));
        assert_eq!(keeper.kept().known.logs.len(), 2);
        let Keeper::Own(place) = &keeper else { panic!() };
        let lock = place.lock().unwrap();
        assert!(keeper.kept().known.logs.is_empty());
        keeper.keep(CollectionCache::default());
        drop(lock);
        assert_eq!(keeper.kept().known.logs.len(), 2);
    }
}
