//! Named places at which a test kills or stops the process, or lets a system call fail.
//!
//! They exist only with the feature `__kill-points`, which is for headcount's own tests. Without
//! it, [`call`] and [`step`] expand to their argument and nothing else.
//!
//! The names register themselves. So a test can ask a program for all of them, and fails if it
//! never reaches one.

/// A system call, which returns a `Result`. A test can kill the process before it (`<name>.before`)
/// or after it (`<name>.after`), or let it fail without making it.
#[cfg(not(feature = "__kill-points"))]
macro_rules! call {
    ($name:literal, $call:expr) => {
        $call
    };
}

/// A store that other processes see or that a child inherits. As [`call`], but it can't fail.
#[cfg(not(feature = "__kill-points"))]
macro_rules! step {
    ($name:literal, $step:expr) => {
        $step
    };
}

#[cfg(feature = "__kill-points")]
macro_rules! call {
    ($name:literal, $call:expr) => {
        match $crate::fault::refusal($name) {
            Some(errno) => Err(errno.into()),
            None => $crate::fault::step!($name, $call),
        }
    };
}

#[cfg(feature = "__kill-points")]
macro_rules! step {
    ($name:literal, $step:expr) => {{
        ::inventory::submit! { $crate::fault::Point($name) }
        $crate::fault::pass(concat!($name, ".before"));
        let done = $step;
        $crate::fault::pass(concat!($name, ".after"));
        done
    }};
}

pub(crate) use {call, step};

#[cfg(feature = "__kill-points")]
pub(crate) use armed::{Point, pass, refusal};
#[cfg(feature = "__kill-points")]
pub use armed::{arm, names, refuse, stop};

#[cfg(feature = "__kill-points")]
mod armed {
    use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

    use crate::kernel::io::Errno;
    use crate::kernel::process::{Signal, getpid, kill_process};

    /// The name of a place.
    pub(crate) struct Point(pub(crate) &'static str);

    inventory::collect!(Point);

    /// The place to die at, as the hash of its name; 0 is none. A hash, because fork handlers pass
    /// here too, and comparing numbers is safe there.
    static ARMED: AtomicU64 = AtomicU64::new(0);
    /// Whether the process is stopped there instead of killed, so that a test can continue it.
    static STOPS: AtomicBool = AtomicBool::new(false);
    /// How often the place is still passed, the last time included.
    static LEFT: AtomicU32 = AtomicU32::new(0);

    struct Refusal {
        call: AtomicU64,
        errno: AtomicI32,
        /// How many more calls fail.
        left: AtomicU32,
    }

    static REFUSALS: [Refusal; 4] = [const {
        Refusal { call: AtomicU64::new(0), errno: AtomicI32::new(0), left: AtomicU32::new(0) }
    }; 4];

    /// FNV-1a. A crate for this would be a dependency of every build. No name hashes to 0.
    const fn hash(name: &str) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut rest = name.as_bytes();
        while let [byte, behind @ ..] = rest {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
            rest = behind;
        }
        hash
    }

    /// Kills this process, or its first child to get there, when it passes this place for the `nth`
    /// time, counted from 1.
    pub fn arm(place: &str, nth: u32) {
        LEFT.store(nth, Ordering::Relaxed);
        ARMED.store(hash(place), Ordering::Relaxed);
    }

    /// As [`arm`], but sends SIGSTOP: the process goes on after SIGCONT.
    pub fn stop(place: &str, nth: u32) {
        STOPS.store(true, Ordering::Relaxed);
        arm(place, nth);
    }

    /// Lets the next `times` calls of this name fail with `errno` without being made. Keeps at most
    /// four names; returns `false` for one more.
    pub fn refuse(call: &str, errno: i32, times: u32) -> bool {
        let call = hash(call);
        for refusal in &REFUSALS {
            let known = refusal.call.load(Ordering::Relaxed);
            if known == 0 || known == call {
                refusal.errno.store(errno, Ordering::Relaxed);
                refusal.left.store(times, Ordering::Relaxed);
                refusal.call.store(call, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// The names of all calls and steps, sorted, without duplicates.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = inventory::iter::<Point>.into_iter().map(|point| point.0).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn pass(place: &str) {
        if ARMED.load(Ordering::Relaxed) == hash(place) && LEFT.fetch_sub(1, Ordering::Relaxed) == 1
        {
            let stops = STOPS.load(Ordering::Relaxed);
            // After SIGKILL no thread returns from here; after SIGSTOP none does before SIGCONT.
            let _ = kill_process(getpid(), if stops { Signal::STOP } else { Signal::KILL });
        }
    }

    #[allow(deprecated, reason = "its newer name needs Rust 1.95")]
    pub(crate) fn refusal(call: &str) -> Option<Errno> {
        let call = hash(call);
        let refusal = REFUSALS.iter().find(|known| known.call.load(Ordering::Relaxed) == call)?;
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        refusal.left.fetch_update(order.0, order.1, |left| left.checked_sub(1)).ok()?;
        Some(Errno::from_raw_os_error(refusal.errno.load(Ordering::Relaxed)))
    }
}
