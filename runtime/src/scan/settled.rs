//! Dead segments whose sums are kept in memory. A segment of a dead process does not change, so a
//! collector that comes again neither opens it nor adds its cells: it looks at the file's name, and
//! adds the sums of all of them at once. What that costs does not depend on how much they counted.
//!
//! The sums are those of an archive, and exact. They replace the segments only as a whole: when one
//! of the files is gone or looks different, for example after a compaction, all are read again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::archive::{Now, add_to_sums};
use crate::directory::touch::keep_young_at;
use crate::directory::{Directory, on_disk};
use crate::kernel::fs::{AtFlags, Stat, statat};
use crate::merge::archived::ArchivedFamily;
use crate::merge::part::Part;
use crate::merge::sums::{GaugeSum, Sum};
use crate::model::instance::{Age, InstanceId};
use crate::process::now_ns;
use crate::reader::liveness::Life;
use crate::reader::segment::{ENDLESS, Segment};
use crate::reader::times::{Clock, TimeBase};
use crate::segment::format::Header;

/// The fewest segments that are added to the sums at once: the sums of all families they have are
/// made anew.
pub(super) const ENOUGH: usize = 8;

/// A file has not changed since its last change was this long ago, in nanoseconds. The kernel's
/// clock for such times stands still for up to ten milliseconds.
const REST: u64 = 50_000_000;

/// Segments that do not change, and their sums.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    /// By name.
    files: HashMap<String, File>,
    instances: HashSet<InstanceId>,
    /// The base of the times in the sums.
    base: TimeBase,
    pub(crate) families: Vec<Arc<ArchivedFamily>>,
    pub(crate) dropped_series: u64,
    pub(crate) dropped_operations: u64,
    pub(crate) cut_label_values: u64,
    /// What a collection without the sums takes of its limits.
    pub(super) memory: u64,
    pub(super) text: u64,
    /// The bytes of memory that this takes.
    pub(super) size: u64,
}

#[derive(Debug, Clone)]
struct File {
    look: Look,
    header: Header,
}

/// What can be seen of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Which file, whose, and how long.
    file: [u64; 7],
    modified: (i64, u64),
    changed: (i64, u64),
    blocks: u64,
}

impl Look {
    #[allow(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "of other types on some targets"
    )]
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            file: [
                stat.st_dev as u64,
                stat.st_ino as u64,
                stat.st_size as u64,
                u64::from(stat.st_mode),
                stat.st_nlink as u64,
                u64::from(stat.st_uid),
                u64::from(stat.st_gid),
            ],
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            blocks: on_disk(stat),
        }
    }

    /// Whether a change from now on would show.
    fn has_rested(&self, now: u64) -> bool {
        let at = |(seconds, nanos): (i64, u64)| {
            u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanos)
        };
        at(self.modified).max(at(self.changed)).saturating_add(REST) < now
    }

    /// Whether nothing but its times may differ.
    fn is_same_but_for_times(&self, other: &Self) -> bool {
        (self.file, self.blocks) == (other.file, other.blocks)
    }
}

/// A segment that may be added to the sums: its process is dead, and its file has been so for a
/// while.
#[derive(Debug)]
pub(super) struct Candidate {
    name: String,
    look: Look,
    memory: u64,
}

impl Candidate {
    /// `opened` is when the file was opened, and `stat` what it was then; `memory` is what it takes
    /// of the collection's limit.
    pub(super) fn of(
        name: String,
        part: &Part,
        stat: &Stat,
        opened: u64,
        memory: u64,
    ) -> Option<Self> {
        let look = Look::of(stat);
        let is_one =
            part.life == Life::Dead && look.has_rested(opened) && part.segment.left_out().is_none();
        is_one.then_some(Self { name, look, memory })
    }
}

impl Settled {
    /// The names that remain to be read; `None` if a file is not as it was. Files that have grown
    /// old get the present time, as those that are opened do.
    pub(super) fn others(
        this: &mut Arc<Self>,
        directory: &Directory,
        names: Vec<String>,
    ) -> Option<Vec<String>> {
        let (mut others, mut met, mut young) = (Vec::new(), 0_usize, Vec::new());
        let now = now_ns();
        for name in names {
            let Some(File { look, .. }) = this.files.get(&name) else {
                others.push(name);
                continue;
            };
            let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            directory.check_owner(&stat).ok()?;
            if Look::of(&stat) != *look {
                return None;
            }
            if keep_young_at(directory, &name, &stat, now) {
                young.push(name);
            }
            met = met.saturating_add(1);
        }
        for name in young {
            let look = Look::of(&statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?);
            let known = &mut Arc::make_mut(this).files.get_mut(&name)?.look;
            if !known.is_same_but_for_times(&look) {
                return None;
            }
            *known = look;
        }
        (met == this.files.len()).then_some(others)
    }

    pub(super) fn has(&self, instance: &InstanceId) -> bool {
        self.instances.contains(instance)
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.instances.iter()
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = &Header> {
        self.files.values().map(|file| &file.header)
    }

    /// The age and the time base of each segment.
    pub(super) fn ages(&self) -> impl Iterator<Item = (Age, TimeBase)> {
        self.headers().map(|header| ((header.created_ns, header.instance), TimeBase::of(header)))
    }

    /// Whether the times in the sums are those of this clock.
    pub(super) fn is_by(&self, clock: &Clock) -> bool {
        self.base == clock.base
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The sums with those of these dead segments added. `None` if they have times that are later
    /// than now: such a time is the present, which is a later one at each collection.
    pub(super) fn with(
        earlier: Option<&Arc<Self>>,
        dead: &[Part],
        candidates: HashMap<InstanceId, Candidate>,
        clock: &Clock,
    ) -> Option<Self> {
        let now = Now::by(clock);
        let mut all = earlier.map_or_else(
            || Self {
                files: HashMap::new(),
                instances: HashSet::new(),
                base: clock.base,
                families: Vec::new(),
                dropped_series: 0,
                dropped_operations: 0,
                cut_label_values: 0,
                memory: 0,
                text: 0,
                size: 0,
            },
            |earlier| Self::clone(earlier),
        );
        all.families = add_to_sums(&all.families, dead, now);
        let latest = dead.iter().map(|part| part.segment.times.latest()).min()?;
        if all.families.iter().any(|family| has_times_from(family, latest)) {
            return None;
        }
        let sum = |of: fn(&Segment) -> u64| {
            dead.iter().map(|part| of(&part.segment)).fold(0, u64::saturating_add)
        };
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut all.dropped_series, sum(|segment| segment.dropped_series));
        add(&mut all.dropped_operations, sum(|segment| segment.dropped_operations));
        add(&mut all.cut_label_values, sum(|segment| segment.cut_label_values));
        let mut layouts = HashSet::new();
        for part in dead {
            let header = part.segment.header.clone();
            let layout = &part.segment.log.layout;
            if layouts.insert(Arc::as_ptr(layout)) {
                add(&mut all.text, layout.cost);
            }
            all.instances.insert(header.instance);
        }
        let headers = dead.iter().map(|part| &part.segment.header);
        let mut headers: HashMap<InstanceId, &Header> =
            headers.map(|header| (header.instance, header)).collect();
        for (instance, Candidate { name, look, memory }) in candidates {
            let Some(header) = headers.remove(&instance) else { continue };
            add(&mut all.memory, memory);
            all.files.insert(name, File { look, header: header.clone() });
        }
        let of_files = all.files.len().saturating_mul(size_of::<File>() + 128);
        all.size = all.families.iter().map(|family| family.size()).sum::<usize>() as u64;
        all.size = all.size.saturating_add(of_files as u64);
        Some(all)
    }
}

/// Whether something in the family happened at this time or later.
fn has_times_from(family: &ArchivedFamily, latest: u64) -> bool {
    family.series.iter().flat_map(|series| &series.spans.0).any(|span| {
        let set = match &span.sum {
            Sum::Gauge(GaugeSum { one: Some((when, _)), .. }) => *when,
            _ => 0,
        };
        let exemplar = span.exemplars.iter().map(|held| held.when).max().unwrap_or(0);
        let until = if span.until == ENDLESS { 0 } else { span.until };
        span.from.max(until).max(set).max(exemplar) >= latest
    })
}

#[cfg(all(test, not(any(miri, headcount_private))))]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::archive::tests::files::{bury, empty};
    use crate::kernel::fs::CWD;
    use crate::merge::families::{Merged, merge_with};
    use crate::model::{Number, Value};
    use crate::scan::{CollectionCache, Limit, Scan, ThisProcess, Wanted};
    use crate::segment::format::LADDER;

    /// A collector that comes again and again.
    struct Again<'a> {
        directory: &'a Directory,
        cache: Arc<CollectionCache>,
    }

    impl Again<'_> {
        /// How many segments are read, how many are not since their sums are known, what is
        /// reported, and the sum of all counters.
        fn collect(&mut self) -> (usize, usize, usize, u64) {
            let wanted = Wanted {
                directory: self.directory,
                this: ThisProcess { own: || None, forks: crate::store::FORKS },
                limit: Limit::default(),
                with_own: false,
                with_python: false,
                with_sums: true,
            };
            let scan = Scan::of(wanted, &self.cache).unwrap();
            let sums = scan.settled.as_ref().map_or(&[][..], |settled| &settled.families);
            let (archive, plans) = (scan.archive(), self.cache.plans());
            let none = |_: &dyn Fn(&str) -> bool| Vec::new();
            let Merged { families, plans, .. } =
                merge_with(&scan.parts, archive, sums, plans, &[], scan.now, none);
            let sum = families.iter().flat_map(|family| &family.series).map(|series| {
                let Value::Counter(Number::Integer(n)) = series.value else { panic!() };
                n
            });
            let seen = (scan.parts.len(), scan.settled(), scan.skipped.len(), sum.sum());
            self.cache = Arc::new(scan.into_kept(plans, None, Limit::default()));
            seen
        }

        /// The same until the sums of so many or more are known: files that have just changed are
        /// read.
        fn until_settled(&mut self, many: usize) -> (usize, usize, usize, u64) {
            let began = Instant::now();
            loop {
                let seen = self.collect();
                if seen.1 >= many || began.elapsed() > Duration::from_secs(20) {
                    return seen;
                }
                std::thread::yield_now();
            }
        }
    }

    /// Waits until a change of any file would show.
    fn rest(path: &Path) {
        let looks = || fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
        let has_rested = |file: PathBuf| {
            Look::of(&statat(CWD, &file, AtFlags::empty()).unwrap()).has_rested(now_ns())
        };
        let began = Instant::now();
        while !looks().all(has_rested) && began.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_does_not_change_is_not_read_again_until_it_does() {
        let path = empty("settled");
        let cell = LADDER[2].shard_off(0) + 8;
        let count = |number: u8, n: u64| {
            let file = bury(&path, number, ["mail", "news"][usize::from(number % 2)]);
            file.write_all_at(&n.to_le_bytes(), cell).unwrap();
            file
        };
        let files: Vec<_> = (0..10).map(|number| count(number, 1 << number)).collect();
        let directory = Directory::open(&path).unwrap();
        let mut again = Again { directory: &directory, cache: Arc::default() };
        assert_eq!(again.collect(), (10, 0, 0, 1023), "nobody may come again");
        // Once at least eight have rested, those are added without the others.
        rest(&path);
        assert_eq!(again.until_settled(10), (0, 10, 0, 1023));

        // Others are read beside them, and join them when they are many.
        let more: Vec<_> = (10..13).map(|number| count(number, 1 << number)).collect();
        assert_eq!(again.collect(), (3, 10, 0, 8191));
        let last: Vec<_> = (13..18).map(|number| count(number, 1 << number)).collect();
        assert_eq!(again.until_settled(18), (0, 18, 0, (1 << 18) - 1));
        drop((more, last));

        // Whatever happens to one of them is seen; the others' sums are made anew.
        let all = (1 << 18) - 1;
        files[3].write_all_at(&0_u64.to_le_bytes(), cell).unwrap();
        // It is read alone, unless it has rested when it is first looked at: on a slow machine.
        let (read, settled, skipped, sum) = again.until_settled(17);
        assert_eq!((read + settled, skipped, sum), (18, 0, all - 8));
        let mut total = || {
            let (read, settled, skipped, sum) = again.collect();
            (read + settled, skipped, sum)
        };
        fs::remove_file(path.join("0.hc")).unwrap();
        assert_eq!(total(), (17, 0, all - 8 - 1));
        fs::rename(path.join("1.hc"), path.join("01.hc")).unwrap();
        assert_eq!(total(), (17, 0, all - 8 - 1));
        let copy = path.join("copy.hc");
        fs::copy(path.join("5.hc"), &copy).unwrap();
        assert_eq!(total(), (17, 1, all - 8 - 1), "a copy counts once");
        fs::remove_file(copy).unwrap();
        files[4].set_len(4096).unwrap();
        assert_eq!(total(), (16, 1, all - 8 - 1 - 16));
        fs::remove_dir_all(path).unwrap();
    }
}
