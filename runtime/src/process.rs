//! The identity of this process, as a segment's header records it, and what the kernel provides to
//! the process.
mod epoch;
mod forks;
pub(crate) mod relaxed;
mod signals;

use core::sync::atomic::{AtomicU64, Ordering};
use std::io;

use crate::kernel;
use crate::kernel::fs::stat;
use crate::kernel::process::{Resource, getrlimit};
use crate::kernel::rand::{GetRandomFlags, getrandom};
use crate::kernel::{Clock, clock_ns};

pub(crate) use crate::kernel::{has_more_rights_than_its_caller, read_small};

pub(crate) use epoch::{begin_epoch, epoch};
pub(crate) use forks::Forks;
pub(crate) use signals::Blocked;

/// With these a reader can find out, in addition to the lock, whether the writer still exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) boot_id: [u8; 16],
    pub(crate) pid_namespace: u64,
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) start_ticks: u64,
}

impl Identity {
    pub(crate) fn of_this_process() -> Self {
        let pid = std::process::id();
        Self {
            boot_id: boot_id(),
            pid_namespace: pid_namespace(),
            pid,
            uid: kernel::process::geteuid().as_raw(),
            start_ticks: if proc_is_ours() {
                stat_of(pid).map_or(0, |stat| stat.start_ticks)
            } else {
                0
            },
        }
    }
}

/// Whether `/proc` shows this process by its own pid. In a new pid namespace without a new `/proc`
/// it shows other processes by the same numbers.
pub(crate) fn proc_is_ours() -> bool {
    let shown = std::fs::read_link("/proc/self");
    shown.is_ok_and(|pid| pid.to_str() == Some(&*std::process::id().to_string()))
}

/// Zeros if the kernel doesn't report it.
pub(crate) fn boot_id() -> [u8; 16] {
    let mut text = [0_u8; 64];
    let len = read_small("/proc/sys/kernel/random/boot_id", &mut text).unwrap_or(0);
    let mut digits = text[..len].iter().filter_map(|b| char::from(*b).to_digit(16));
    let mut id = [0; 16];
    for byte in &mut id {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else { return [0; 16] };
        *byte = u8::try_from(high * 16 + low).unwrap_or(0);
    }
    id
}

pub(crate) fn pid_namespace() -> u64 {
    stat("/proc/self/ns/pid").map_or(0, |s| s.st_ino)
}

/// What the kernel's `stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// When it started, in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// Its first thread's.
    pub(crate) state: u8,
    pub(crate) threads: u64,
}

impl Stat {
    /// Whether none of its threads runs any more. A first thread that has ended is a zombie while
    /// others go on.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, b'X' | b'x') || (self.state == b'Z' && self.threads < 2)
    }
}

/// An error says nothing about the process: without descriptors no file can be opened, and with
/// `hidepid` the files of other users' processes can't be, or seem not to be there.
pub(crate) fn stat_of(pid: u32) -> kernel::io::Result<Stat> {
    let mut stat = [0_u8; 1024];
    // Its first thread's, which started when it did. Emulators of another processor make a
    // `/proc/<pid>/stat` of their own for the process itself, with another start than others see.
    let len = read_small(&format!("/proc/{pid}/task/{pid}/stat"), &mut stat)?;
    parse_stat(stat.get(..len).unwrap_or_default()).ok_or(kernel::io::Errno::INVAL)
}

fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let text = core::str::from_utf8(stat).ok()?;
    // The name is in parentheses and may contain any character, including parentheses. The fields
    // follow the last one.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    // num_threads is field 20 and starttime field 22; state was field 3.
    let threads = fields.nth(16)?.parse().ok()?;
    let start_ticks = fields.nth(1)?.parse().ok()?;
    Some(Stat { start_ticks, state, threads })
}

/// Whether the kernel says that there is no process with this pid. It says so of no process that
/// there is, whosever it is and whatever of `/proc` can be seen.
pub(crate) fn has_ended(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(kernel::process::Pid::from_raw);
    let asked = pid.map(kernel::process::test_kill_process);
    // A number that is no pid is nobody's.
    asked.is_none_or(|asked| asked == Err(kernel::io::Errno::SRCH))
}

/// The user and the group that a user namespace shows in place of all that it does not know.
pub(crate) fn unknown_ids() -> (u32, u32) {
    let id = |path: &str| {
        let mut text = [0_u8; 16];
        let len = read_small(path, &mut text).unwrap_or(0);
        let text = core::str::from_utf8(text.get(..len).unwrap_or_default()).unwrap_or_default();
        text.trim().parse().unwrap_or(65_534)
    };
    (id("/proc/sys/kernel/overflowuid"), id("/proc/sys/kernel/overflowgid"))
}

/// The root directory, by device and inode.
pub(crate) fn root() -> Option<(u64, u64)> {
    stat("/").ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// Random bytes, without waiting; an error if this process can't get any.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    match getrandom(&mut bytes, GetRandomFlags::NONBLOCK) {
        Ok(16) => Ok(bytes),
        // It is too early after the machine's start, or this process is not allowed to.
        refused => match read_small("/dev/urandom", &mut bytes) {
            Ok(16) => Ok(bytes),
            _ => Err(refused.err().unwrap_or(kernel::io::Errno::IO).into()),
        },
    }
}

/// The minimum number for a descriptor that is kept for long: out of the way of programs that
/// expect low numbers.
pub(crate) fn high_number() -> i32 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1024);
    i32::try_from((limit / 2).min(512)).unwrap_or(0)
}

/// Nanoseconds since 1970.
pub(crate) fn now_ns() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|d| u64::try_from(d.as_nanos()).ok())
        .unwrap_or(0)
}

/// Nanoseconds of the kernel's monotonic clock, which nobody can set and which all processes of a
/// boot share.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(Clock::Monotonic)
}

/// When the monotonic clock was 0, in nanoseconds since 1970, according to this program's first
/// reading. A child inherits it.
static BOOTED: AtomicU64 = AtomicU64::new(0);

#[inline]
pub(crate) fn booted_ns() -> u64 {
    match BOOTED.load(Ordering::Relaxed) {
        0 => look_when_booted(),
        known => known,
    }
}

#[cold]
fn look_when_booted() -> u64 {
    // Reads both clocks at nearly the same moment: a thread can be preempted between the two.
    let look = || {
        let (before, wall, after) = (monotonic_ns(), now_ns(), monotonic_ns());
        (after.saturating_sub(before), wall.saturating_sub(before).max(1))
    };
    let (mut apart, mut seen) = look();
    for _ in 0..10 {
        if apart < 10_000 {
            break;
        }
        (apart, seen) = look().min((apart, seen));
    }
    match BOOTED.compare_exchange(0, seen, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => seen,
        Err(known) => known,
    }
}

/// Nanoseconds since 1970, as they would be if nobody had set the clock since this program's first
/// reading: a later event has the greater number.
#[inline]
pub(crate) fn steady_ns() -> u64 {
    steady_ns_at(monotonic_ns())
}

/// The same for a reading of [`monotonic_ns`].
pub(crate) fn steady_ns_at(monotonic_ns: u64) -> u64 {
    booted_ns().wrapping_add(monotonic_ns)
}

/// The inode of the time namespace; 0 if the kernel doesn't report it.
pub(crate) fn time_namespace() -> u64 {
    stat("/proc/self/ns/time").map_or(0, |stat| stat.st_ino)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg_attr(any(miri, headcount_private), ignore = "asks the kernel")]
    fn this_process_is_running_and_has_a_start_time() {
        let stat = super::stat_of(std::process::id()).unwrap();
        assert!(stat.start_ticks > 0 && stat.threads > 0);
        assert!(matches!(stat.state, b'R' | b'S'));
        assert!(!super::has_ended(std::process::id()) && super::has_ended(0));
        // Above the kernel's greatest `pid_max`.
        assert!(super::stat_of(1 << 23).is_err() && super::has_ended(1 << 23));
        assert_ne!(super::boot_id(), [0; 16]);
        assert_ne!(super::pid_namespace(), 0);
        assert_ne!(super::random().unwrap(), super::random().unwrap());
        assert!(super::root().is_some() && !super::has_more_rights_than_its_caller());
    }
}
