//! Named places at which a test has the process killed or stopped, or a system call refused.
//! Without the feature `kill-points` there is nothing
//! of it: [`call`] and [`step`] are what they enclose.
//!
//! The names register themselves, so that a test can ask a program for all of them and fail where it never reached one.

/// A system call, which yields a `Result`: the process can be killed before (`<name>.before`) or behind it (`<name>.after`), and the
/// call can be refused without being made.
#[cfg(not(feature = "kill-points"))]
macro_rules! call {
    ($name:literal, $call:expr) => {
        $call
    };
}

/// What others see or what a descendant inherits: a publishing store. As [`call`], but it can't be refused.
#[cfg(not(feature = "kill-points"))]
macro_rules! step {
    ($name:literal, $step:expr) => {
        $step
    };
}

#[cfg(feature = "kill-points")]
macro_rules! call {
    ($name:literal, $call:expr) => {
        match $crate::fault::refusal($name) {
            Some(errno) => Err(errno.into()),
            None => $crate::fault::step!($name, $call),
        }
    };
}

#[cfg(feature = "kill-points")]
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

#[cfg(feature = "kill-points")]
pub(crate) use armed::{Point, pass, refusal};
#[cfg(feature = "kill-points")]
pub use armed::{arm, names, refuse, stop};

#[cfg(feature = "kill-points")]
mod armed {
    use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};

    /// The name of a place.
    pub(crate) struct Point(pub(crate) &'static str);

    inventory::collect!(Point);

    /// Where to die, as the hash of its name: a fork handler passes here too, and may compare numbers. 0 is nowhere.
    static ARMED: AtomicU64 = AtomicU64::new(0);
    /// Whether it is stopped there, and goes on when somebody lets it, rather than killed.
    static STOPS: AtomicBool = AtomicBool::new(false);
    /// Passings until then, the last included.
    static LEFT: AtomicU32 = AtomicU32::new(0);

    struct Refusal {
        call: AtomicU64,
        errno: AtomicI32,
        /// How often it is refused yet.
        left: AtomicU32,
    }

    static REFUSALS: [Refusal; 4] = [const {
        Refusal { call: AtomicU64::new(0), errno: AtomicI32::new(0), left: AtomicU32::new(0) }
    }; 4];

    /// FNV-1a; no name comes to 0.
    const fn hash(name: &str) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut rest = name.as_bytes();
        while let [byte, behind @ ..] = rest {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
            rest = behind;
        }
        hash
    }

    /// This process, or a child of its that passes there first, dies by SIGKILL at the `nth` passing of this place, from 1 on.
    pub fn arm(place: &str, nth: u32) {
        LEFT.store(nth, Ordering::Relaxed);
        ARMED.store(hash(place), Ordering::Relaxed);
    }

    /// As [`arm`], but by SIGSTOP: the process goes on with SIGCONT.
    pub fn stop(place: &str, nth: u32) {
        STOPS.store(true, Ordering::Relaxed);
        arm(place, nth);
    }

    /// So many times from now on the call of this name fails with this number, without being made. As many as four calls; `false`: that
    /// was one too many.
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

    /// The names of all calls and steps, sorted. One that stands in several places is one.
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
            // No thread of this process comes back from this call, or none before it is let go on.
            let _ = kill_process(getpid(), if stops { Signal::STOP } else { Signal::KILL });
        }
    }

    pub(crate) fn refusal(call: &str) -> Option<Errno> {
        let call = hash(call);
        let refusal = REFUSALS.iter().find(|known| known.call.load(Ordering::Relaxed) == call)?;
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        refusal.left.fetch_update(order.0, order.1, |left| left.checked_sub(1)).ok()?;
        Some(Errno::from_raw_os_error(refusal.errno.load(Ordering::Relaxed)))
    }
}
