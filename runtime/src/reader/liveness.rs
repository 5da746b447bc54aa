//! Determines whether the process that wrote a segment can still write to it.

use std::collections::HashMap;
use std::io;

use crate::directory::Directory;
use crate::kernel::fd::OwnedFd;
use crate::kernel::lock;
use crate::model::instance::Age;
use crate::process;
use crate::segment::format::{Header, LIVENESS_WEAK};

/// What is known about a segment's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// It can no longer write.
    Dead,
    /// It is not visible from here, but it may be from another machine or pid namespace. Its
    /// segment is never compacted.
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
}

/// Where this process runs; read once per collection.
pub(crate) struct Here {
    boot_id: [u8; 16],
    pid_namespace: u64,
    is_local: bool,
}

impl Here {
    pub(crate) fn in_directory(directory: &Directory) -> Self {
        Self {
            boot_id: process::boot_id(),
            pid_namespace: process::pid_namespace(),
            is_local: directory.is_local(),
        }
    }

    /// Whether no other machine can write to the directory.
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether the process is alive. The kernel's lock decides. Where the header says that locks
    /// can't be trusted, the process also counts as alive while `/proc` shows the same pid with the
    /// same start time, unless it is a zombie, which can't write any more.
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
            // The filesystem has no locks, or weak ones.
            _ if header.pid_namespace != self.pid_namespace => {
                (Life::Unseen, Reason::OtherNamespace)
            }
            _ if is_running(header) => (Life::Running, Reason::Runs),
            _ => (Life::Dead, Reason::HasEnded),
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

fn is_running(header: &Header) -> bool {
    process::start_ticks(header.pid).is_some_and(|(ticks, state)| {
        ticks == header.start_ticks && !matches!(state, b'Z' | b'X' | b'x')
    })
}
