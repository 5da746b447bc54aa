//! Whether the process that wrote a segment can still write it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use crate::directory::Directory;
use crate::model::instance::Age;
use crate::process;
use crate::segment::format::{Header, LIVENESS_WEAK};
use crate::segment::lock;

/// What is known of a segment's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// It can't write any more.
    Dead,
    /// Nothing is seen of it, from here; but another machine, or another pid namespace, may see more. Never folded.
    Unseen,
    /// Its lock is not to be trusted, but a process of its number and start time runs. After `exec` that is another program, which can't be
    /// told apart until it makes a segment of its own: then only the newest of them is alive.
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
    /// Or another machine: on a filesystem that machines share they look the same.
    OtherMachine,
    OtherNamespace,
    Runs,
    HasEnded,
}

/// What this process knows of where it runs; asked once per collection.
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

    /// Whether it is alive, and how that is known. The kernel's lock says it. Where the header says that locks can't be trusted, the process also counts as alive while `/proc` shows the
    /// same pid with the same start time; not as a zombie, which writes no more.
    pub(crate) fn of(&self, header: &Header, fd: &OwnedFd) -> Life {
        self.why(header, fd).0
    }

    pub(crate) fn why(&self, header: &Header, fd: &OwnedFd) -> (Life, Reason) {
        // Before everything else: who holds it is alive, whatever `/proc` calls this boot (systemd-nspawn gives each container its own).
        let held = lock::is_held(fd);
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
            // No locks here, or weak ones.
            _ if header.pid_namespace != self.pid_namespace => {
                (Life::Unseen, Reason::OtherNamespace)
            }
            _ if is_running(header) => (Life::Running, Reason::Runs),
            _ => (Life::Dead, Reason::HasEnded),
        }
    }
}

/// Of segments of one process that hold no lock, only the newest can be written: a program that replaced itself by another left the
/// older ones behind.
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
