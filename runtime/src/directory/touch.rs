//! Keeps files that count from looking forgotten.
//!
//! A process stores into mapped memory, and on a filesystem in memory that doesn't change its
//! file's times. A program that removes what is old (systemd-tmpfiles, tmpwatch) would take the
//! file of a living process, or the archive of a program whose processes don't die.

use crate::kernel::fd::AsFd;
use crate::kernel::fs::{AtFlags, Stat, Timespec, Timestamps, UTIME_NOW, futimens, utimensat};
use crate::process::now_ns;

use super::Directory;

/// Such programs think in days.
const AGE: u64 = 3600;

const PRESENT: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
const TIMES: Timestamps = Timestamps { last_access: PRESENT, last_modification: PRESENT };

/// Gives the file the present time, if its own is an hour old. Only its owner, root, and those who
/// may write to it can do so; any of them that collects is enough.
pub(crate) fn keep_young(file: impl AsFd, stat: &Stat) {
    if is_old(stat, now_ns()) {
        let _ = futimens(file, &TIMES);
    }
}

/// The same for a file that is not open. Returns whether it has another time now.
pub(crate) fn keep_young_at(directory: &Directory, name: &str, stat: &Stat, now: u64) -> bool {
    is_old(stat, now) && utimensat(directory, name, &TIMES, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

fn is_old(stat: &Stat, now: u64) -> bool {
    let changed = u64::try_from(stat.st_mtime).unwrap_or(0);
    changed.saturating_add(AGE) <= now / 1_000_000_000
}
