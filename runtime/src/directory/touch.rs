//! Keeps files that count from looking forgotten.
//!
//! A process stores into mapped memory, and on a filesystem in memory that doesn't change its
//! file's times. A program that removes what is old (systemd-tmpfiles, tmpwatch) would take the
//! file of a living process, or the archive of a program whose processes don't die.

use std::os::fd::AsFd;

use rustix::fs::{Stat, Timespec, Timestamps, UTIME_NOW, futimens};

use crate::process::now_ns;

/// Such programs think in days.
const AGE: u64 = 3600;

/// Gives the file the present time, if its own is an hour old. Only its owner, root, and those who
/// may write to it can do so; any of them that collects is enough.
pub(crate) fn keep_young(file: impl AsFd, stat: &Stat) {
    let now = now_ns() / 1_000_000_000;
    if u64::try_from(stat.st_mtime).is_ok_and(|changed| changed.saturating_add(AGE) > now) {
        return;
    }
    let present = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let _ = futimens(file, &Timestamps { last_access: present, last_modification: present });
}
