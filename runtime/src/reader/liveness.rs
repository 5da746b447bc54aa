//! Determines whether the process that wrote a segment can still write to it.

use std::collections::HashMap;
use std::io;

use crate::directory::Directory;
use crate::kernel::fd::OwnedFd;
use crate::kernel::io::Errno;
use crate::kernel::lock;
use crate::model::instance::Age;
use crate::process::{self, Stat};
use crate::segment::format::{Header, LIVENESS_WEAK};

/// What is known about a segment's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// It can no longer write.
    Dead,
    /// It is not visible from here, but it may be from another machine or pid namespace, or later,
    /// or for another user. Its segment is not compacted.
    Unseen,
    /// Its lock can't be trusted, but a process with its pid and start time is running. That
    /// process may have called `exec` and run another program now. The two can't be distinguished
    /// until the new program creates a segment of its own; from then on only the newest segment is
    /// alive.
    Running,
    /// It holds the lock.
    Locked,
}

/// How that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    HoldsLock,
    LockIsFree,
    OtherBoot,
    /// Or made before this boot: on a filesystem that machines share, the two look the same.
    OtherMachine,
    OtherNamespace,
    Runs,
    HasEnded,
    /// The process may be there, and can't be looked at.
    CannotLook,
}

/// Where this process runs; read once per collection.
pub(crate) struct Here {
    boot_id: [u8; 16],
    pid_namespace: u64,
    time_namespace: u64,
    /// Whether `/proc` is of that pid namespace.
    sees_itself: bool,
    is_local: bool,
}

impl Here {
    pub(crate) fn in_directory(directory: &Directory) -> Self {
        Self {
            boot_id: process::boot_id(),
            pid_namespace: process::pid_namespace(),
            time_namespace: process::time_namespace(),
            sees_itself: process::proc_is_ours(),
            is_local: directory.is_local(),
        }
    }

    /// Whether no other machine can write to the directory.
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether the process is alive. The kernel's lock decides. Where the header says that locks
    /// can't be trusted, the process also counts as alive while `/proc` shows the same pid with the
    /// same start time, unless it is a zombie without threads, which can't write any more.
    pub(crate) fn of(&self, header: &Header, fd: &OwnedFd) -> Life {
        self.why(header, fd).0
    }

    pub(crate) fn why(&self, header: &Header, fd: &OwnedFd) -> (Life, Reason) {
        self.judge(header, &lock::is_held(fd))
    }

    /// The same if it is known whether the lock is held.
    pub(crate) fn judge(&self, header: &Header, held: &io::Result<bool>) -> (Life, Reason) {
        // The lock comes first: a process that holds it is alive, even if its `/proc` shows another
        // boot id (systemd-nspawn gives each container its own).
        if let Ok(true) = held {
            return (Life::Locked, Reason::HoldsLock);
        }
        if header.boot_id != [0; 16] && self.boot_id != [0; 16] && header.boot_id != self.boot_id {
            return if self.is_local {
                (Life::Dead, Reason::OtherBoot)
            } else {
                (Life::Unseen, Reason::OtherMachine)
            };
        }
        match held {
            Ok(false) if header.liveness != LIVENESS_WEAK => (Life::Dead, Reason::LockIsFree),
            // The filesystem has no locks, or weak ones. Without `/proc` no namespace is known.
            _ if header.pid_namespace != self.pid_namespace || self.pid_namespace == 0 => {
                (Life::Unseen, Reason::OtherNamespace)
            }
            _ => {
                let stat =
                    if self.sees_itself { process::stat_of(header.pid) } else { Err(Errno::NOENT) };
                let has_same_times =
                    header.time_namespace == 0 || header.time_namespace == self.time_namespace;
                by_proc(header, stat, has_same_times, || process::has_ended(header.pid))
            }
        }
    }
}

/// Of several segments of one process that hold no lock, only the newest can be written to: the
/// older ones belong to programs that called `exec`.
pub(crate) fn settle(mut all: Vec<(&Header, &mut Life)>) {
    type Process = ([u8; 16], u64, u32, u64);
    let process = |h: &Header| -> Process { (h.boot_id, h.pid_namespace, h.pid, h.start_ticks) };
    let age = |h: &Header| -> Age { (h.created_ns, h.instance) };
    let mut newest = HashMap::<Process, Age>::new();
    for (header, _) in &all {
        let known = newest.entry(process(header)).or_default();
        *known = age(header).max(*known);
    }
    for (header, life) in &mut all {
        if **life == Life::Running && newest.get(&process(header)) != Some(&age(header)) {
            **life = Life::Dead;
        }
    }
}

/// Whether a process with no lock is alive, by what `/proc` says of its pid, and the kernel if that
/// says nothing. To be unable to look is no reason to call it dead: its segment would be compacted
/// and removed while it counts there.
fn by_proc(
    header: &Header,
    stat: Result<Stat, Errno>,
    has_same_times: bool,
    has_ended: impl Fn() -> bool,
) -> (Life, Reason) {
    match stat {
        Ok(stat) if stat.has_ended() => (Life::Dead, Reason::HasEnded),
        // It could not look at itself.
        Ok(_) if header.start_ticks == 0 => (Life::Unseen, Reason::CannotLook),
        Ok(stat) if stat.start_ticks == header.start_ticks => (Life::Running, Reason::Runs),
        // The kernel shows when it started by the clock of the reader's time namespace.
        Ok(_) if !has_same_times => (Life::Unseen, Reason::CannotLook),
        Ok(_) => (Life::Dead, Reason::HasEnded),
        // With `hidepid=2` other users' processes are not in `/proc`, and without `/proc` none is.
        Err(Errno::NOENT | Errno::SRCH) if has_ended() => (Life::Dead, Reason::HasEnded),
        Err(_) => (Life::Unseen, Reason::CannotLook),
    }
}

#[cfg(test)]
mod tests {
    use crate::segment::format;

    use super::*;

    fn header(start_ticks: u64) -> Header {
        Header { start_ticks, ..format::tests::header() }
    }

    #[test]
    fn only_a_process_that_the_kernel_does_not_know_has_ended() {
        let (dead, unseen) = ((Life::Dead, Reason::HasEnded), (Life::Unseen, Reason::CannotLook));
        let seen = |start_ticks, state| Ok(Stat { start_ticks, state, threads: 1 });
        let without_its_first_thread = Ok(Stat { start_ticks: 7, state: b'Z', threads: 2 });
        for (stat, has_ended, expected) in [
            (seen(7, b'S'), false, (Life::Running, Reason::Runs)),
            (seen(7, b'Z'), false, dead),
            (without_its_first_thread, false, (Life::Running, Reason::Runs)),
            (seen(8, b'S'), false, dead),
            // It has ended, or is another user's where that can't be seen.
            (Err(Errno::NOENT), true, dead),
            (Err(Errno::SRCH), true, dead),
            (Err(Errno::NOENT), false, unseen),
            (Err(Errno::MFILE), false, unseen),
            (Err(Errno::NFILE), true, unseen),
            (Err(Errno::NOMEM), false, unseen),
            (Err(Errno::ACCESS), false, unseen),
            (Err(Errno::PERM), false, unseen),
            // The text was not what it always was.
            (Err(Errno::INVAL), false, unseen),
        ] {
            assert_eq!(by_proc(&header(7), stat, true, || has_ended), expected, "{stat:?}");
        }
        assert_eq!(by_proc(&header(0), seen(7, b'S'), true, || false), unseen);
        assert_eq!(by_proc(&header(0), Err(Errno::NOENT), true, || true), dead);
        // In another time namespace.
        assert_eq!(by_proc(&header(7), seen(8, b'S'), false, || false), unseen);
        assert_eq!(by_proc(&header(7), seen(8, b'Z'), false, || false), dead);
    }
}
