//! Converts the times of several processes to one time base, even if the clock was set meanwhile.
//!
//! Which counts belong together depends on when each process had a series, and the value of a
//! `recent` gauge depends on when it was set. A process reads the wall clock once, and then counts
//! on by the kernel's monotonic clock, which cannot be set and which all processes of a boot share.
//! So the times of two processes differ by a constant. Each segment contains it: the time of the
//! boot, as its process computed it. A reader chooses one of these as its base, the archive's if
//! there is an archive, and shifts all other times by the difference.

use crate::model::instance::Age;
use crate::process::{boot_id, booted_ns, monotonic_ns, now_ns, time_namespace};
use crate::segment::format::Header;

/// If two time bases differ by less than this many nanoseconds, the clock was not set between them.
const NOTHING: u64 = 1_000_000;

/// The origin of a process's times: which boot's monotonic clock they count by, and when that clock
/// was 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TimeBase {
    pub(crate) boot_id: [u8; 16],
    pub(crate) time_namespace: u64,
    /// Nanoseconds since 1970; 0 if it is unknown, as in files before version 2.1.
    pub(crate) booted: u64,
}

impl TimeBase {
    /// The time base of a segment.
    pub(crate) fn of(header: &Header) -> Self {
        let Header { boot_id, time_namespace, booted_ns: booted, .. } = *header;
        Self { boot_id, time_namespace, booted }
    }

    fn of_this_process() -> Self {
        let (boot_id, time_namespace) = (boot_id(), time_namespace());
        Self { boot_id, time_namespace, booted: booted_ns() }
    }

    /// Whether both count by the same monotonic clock.
    fn has_clock_of(&self, other: &Self) -> bool {
        let is_known = self.booted != 0 && other.booted != 0;
        is_known
            && (self.boot_id, self.time_namespace) == (other.boot_id, other.time_namespace)
            && self.boot_id != [0; 16]
            && self.time_namespace != 0
    }
}

/// A reader's time base, and the current time in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) base: TimeBase,
    /// This process's.
    own: TimeBase,
    now: u64,
}

impl Clock {
    /// Chooses the archive's base, if that is of this boot; otherwise that of the oldest segment of
    /// this boot, so that all readers choose the same one; otherwise this process's own.
    pub(crate) fn new(archives: TimeBase, segments: impl Iterator<Item = (Age, TimeBase)>) -> Self {
        let own = TimeBase::of_this_process();
        let is_of_use = |base: &TimeBase| base.has_clock_of(&own);
        let oldest = || segments.filter(|(_, base)| is_of_use(base)).min_by_key(|(age, _)| *age);
        let archives = Some(archives).filter(is_of_use);
        let base = archives.or_else(|| oldest().map(|(_, base)| base)).unwrap_or(own);
        Self { base, own, now: base.booted.saturating_add(monotonic_ns()) }
    }

    /// The present.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Converts this process's own times.
    pub(crate) fn own_times(&self) -> Times {
        self.times_of(&self.own)
    }

    /// Converts times that have another base.
    ///
    /// If that base is another clock's (of another boot, another time namespace, or an older
    /// format), only the wall clock is left to go by. It may have been ahead, but nothing that is
    /// read has happened later than now.
    pub(crate) fn times_of(&self, other: &TimeBase) -> Times {
        let is_same = self.base.has_clock_of(other);
        let by = i128::from(self.base.booted).saturating_sub(i128::from(other.booted));
        // A process cannot read both clocks at one moment, so bases differ slightly even if the
        // clock was not set. Such times stay as they are, so that the archive has the times of the
        // segments to the nanosecond.
        let is_set = by.unsigned_abs() >= u128::from(NOTHING);
        let by = if is_same && is_set { i64::try_from(by).unwrap_or(0) } else { 0 };
        Times { by, latest: if is_same { self.now } else { self.now.min(now_ns()) }.max(1) }
    }
}

/// The conversion of one process's times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    by: i64,
    latest: u64,
}

impl Default for Times {
    /// Times stay as they are.
    fn default() -> Self {
        Self { by: 0, latest: u64::MAX }
    }
}

impl Times {
    /// The present, which every later time counts as.
    pub(crate) fn latest(self) -> u64 {
        self.latest
    }

    pub(crate) fn at(self, ns: u64) -> u64 {
        ns.saturating_add_signed(self.by).clamp(1, self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn times_of_one_boot_are_in_the_order_in_which_things_happened() {
        let own = TimeBase { boot_id: [1; 16], time_namespace: 2, booted: 100 * HOUR };
        let clock = Clock { base: own, own, now: 110 * HOUR };
        // This process's wall clock was an hour ahead when it started.
        let ahead = TimeBase { booted: 101 * HOUR, ..own };
        assert_eq!(clock.times_of(&ahead).at(106 * HOUR), 105 * HOUR);
        assert_eq!(clock.times_of(&own).at(105 * HOUR), 105 * HOUR);
        let behind = TimeBase { booted: 99 * HOUR, ..own };
        assert_eq!(clock.times_of(&behind).at(104 * HOUR), 105 * HOUR);
        // Nothing happens later than now.
        assert_eq!(clock.times_of(&own).at(111 * HOUR), 110 * HOUR);
    }

    #[test]
    fn times_of_another_clock_are_the_wall_clocks_and_not_later_than_now() {
        let own = TimeBase { boot_id: [1; 16], time_namespace: 2, booted: 100 * HOUR };
        let clock = Clock { base: own, own, now: 110 * HOUR };
        for other in [
            TimeBase { boot_id: [2; 16], booted: 50 * HOUR, ..own },
            TimeBase { time_namespace: 3, booted: 50 * HOUR, ..own },
            TimeBase { booted: 0, ..own },
        ] {
            assert_eq!(clock.times_of(&other).at(60 * HOUR), 60 * HOUR);
            assert_eq!(clock.times_of(&other).at(u64::MAX - 1), 110 * HOUR);
        }
    }
}
