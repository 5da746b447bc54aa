//! Reads what the kernel knows about one process.

use std::io::Read as _;

use crate::kernel::fs::fstat;
use crate::kernel::io::Errno;
use crate::kernel::process::{Pid, test_kill_process};
use crate::kernel::procfs;
use crate::kernel::procfs::process::{LimitValue, Process, Stat};

/// Identifies a process. A pid alone is reused in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who {
    pub(super) boot_id: [u8; 16],
    pub(super) pid_namespace: u64,
    /// The start time, in the unit of `/proc/<pid>/stat`.
    pub(super) start_ticks: u64,
    pub(super) pid: u32,
}

/// The resources that a process uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) cpu_ns: u64,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: i64,
    /// The inode of its network namespace; `None` for another user's process.
    pub(super) network: Option<u64>,
    /// Seconds since 1970; `None` if the kernel does not report when it was booted.
    pub(super) started: Option<f64>,
    /// `None` for another user's process, or one that is gone meanwhile.
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    /// The most addresses that it may have; `None` also if there is no limit.
    pub(super) max_virtual_bytes: Option<u64>,
}

/// Bytes that came into a network namespace, and went out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// What became of a process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// It exists, perhaps as a zombie, whose time the kernel still reports.
    There(Usage),
    /// It does not exist, and will not again.
    Gone,
    /// Unknown: there is no `/proc`, or it hides other users' processes.
    Unknown,
}

/// Looks for a process of this boot and pid namespace.
pub(super) fn look_for(who: &Who) -> Found {
    let Some(pid) = i32::try_from(who.pid).ok().and_then(Pid::from_raw) else { return Found::Gone };
    match stat_of(pid) {
        Ok((process, stat)) if stat.starttime == who.start_ticks => {
            Found::There(usage(&process, &stat))
        }
        Ok(_) => Found::Gone,
        // A process that is not visible may still exist.
        Err(_) if test_kill_process(pid) == Err(Errno::SRCH) => Found::Gone,
        Err(_) => Found::Unknown,
    }
}

/// Reads the process's statistics once. They are those of the process whose directory was opened,
/// even if the pid belongs to another one now.
fn stat_of(pid: Pid) -> procfs::ProcResult<(Process, Stat)> {
    let process = Process::new(pid.as_raw_nonzero().get())?;
    let stat = process.stat()?;
    Ok((process, stat))
}

/// The traffic of the network namespace of a process.
pub(super) fn traffic_of(who: &Who) -> Option<Traffic> {
    let pid = i32::try_from(who.pid).ok().and_then(Pid::from_raw)?;
    let (process, _) = stat_of(pid).ok().filter(|(_, stat)| stat.starttime == who.start_ticks)?;
    let mut text = String::new();
    process.open_relative("net/netstat").ok()?.read_to_string(&mut text).ok()?;
    traffic_in(&text)
}

/// Finds the traffic in `/proc/<pid>/net/netstat`: pairs of lines, of names and of values.
fn traffic_in(netstat: &str) -> Option<Traffic> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |wanted: &str| -> Option<u64> {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some(Traffic { received: value("InOctets")?, sent: value("OutOctets")? })
}

/// What a person wants to know of a process at a glance. It costs one file of the kernel's.
#[cfg(feature = "serve")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    pub(crate) cpu_ns: u64,
    pub(crate) resident_bytes: u64,
    pub(crate) threads: i64,
    /// A signal or a debugger has stopped it.
    pub(crate) is_stopped: bool,
}

/// `None` if the process is gone, or cannot be seen.
#[cfg(feature = "serve")]
pub(super) fn glance_at(who: &Who) -> Option<Glance> {
    let pid = i32::try_from(who.pid).ok().and_then(Pid::from_raw)?;
    let (_, stat) = stat_of(pid).ok().filter(|(_, stat)| stat.starttime == who.start_ticks)?;
    Some(Glance {
        cpu_ns: cpu_ns(&stat),
        resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
        threads: stat.num_threads,
        is_stopped: matches!(stat.state, 'T' | 't'),
    })
}

fn cpu_ns(stat: &Stat) -> u64 {
    let ticks = stat.utime.saturating_add(stat.stime);
    ticks.saturating_mul(1_000_000_000 / procfs::ticks_per_second().max(1))
}

fn usage(process: &Process, stat: &Stat) -> Usage {
    let limits = process.limits().ok();
    let number = |limit| match limit {
        Some(LimitValue::Value(limit)) => Some(limit),
        Some(LimitValue::Unlimited) | None => None,
    };
    let max_fds = limits.as_ref().map(|limits| limits.max_open_files.soft_limit);
    let max_addresses = limits.as_ref().map(|limits| limits.max_address_space.soft_limit);
    let network = process.open_relative("ns/net").ok().and_then(|file| fstat(&file).ok());
    #[expect(clippy::cast_precision_loss, reason = "seconds, and hundredths of them")]
    let started = procfs::boot_time_secs()
        .ok()
        .map(|boot| boot as f64 + stat.starttime as f64 / procfs::ticks_per_second() as f64);
    Usage {
        cpu_ns: cpu_ns(stat),
        resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
        virtual_bytes: stat.vsize,
        threads: stat.num_threads,
        network: network.map(|stat| stat.st_ino),
        started,
        open_fds: process.fd_count().ok().map(|count| count as u64),
        max_fds: number(max_fds),
        max_virtual_bytes: number(max_addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_found_by_its_names_whatever_stands_before() {
        let text =
            "TcpExt: A InOctets\nTcpExt: 1 2\nIpExt: B InOctets C OutOctets\nIpExt: 3 4 5 6\n";
        assert_eq!(traffic_in(text), Some(Traffic { received: 4, sent: 6 }));
        for broken in [
            "",
            "IpExt: InOctets OutOctets\n",
            "IpExt: InOctets\nIpExt: 1\n",
            "IpExt: InOctets OutOctets\nIpExt: 1 x\n",
        ] {
            assert_eq!(traffic_in(broken), None, "{broken}");
        }
    }
}
