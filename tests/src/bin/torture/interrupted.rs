//! Forks where a program doesn't expect them: from signal handlers, in the middle of operations;
//! and a fork handler of somebody else's, which comes before the library's own and records in each
//! child.

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst, compiler_fence};
use std::time::Duration;

use headcount_tests::allocating::is_allocating;
use headcount_tests::random::Random;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::{ForkResult, fork, gettid};

use crate::exemplars::Of;
use crate::kinds::{KINDS, Kind, NAMES, SMALL, STRAYS, energy, loads, sizes, stock, waits, work};
use crate::rig::{Rig, Tally};

/// The gang of this process; `usize::MAX` until all that a fork handler records is known.
static GANG: AtomicUsize = AtomicUsize::new(usize::MAX);
static RIG: AtomicPtr<Rig> = AtomicPtr::new(null_mut());
/// Whether this is a signal handler's child.
static IS_STRAY: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What this thread is in the middle of: a bit for each kind, and one more; 0 where no handler
    /// may fork.
    static ACTING: Cell<u32> = const { Cell::new(0) };
}

/// What is of no kind.
const NO_KIND: u32 = 1 << 31;

/// Registers the handlers, before the library registers its own.
pub(super) fn arm() {
    // SAFETY: a function without arguments, which records.
    assert_eq!(unsafe { libc::pthread_atfork(None, None, Some(somebody_elses)) }, 0);
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NODEFER;
    let action = SigAction::new(SigHandler::Handler(fork_here), flags, SigSet::empty());
    // SAFETY: the handler touches atomics, forks, and records, which is what is tested.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("a handler");
}

/// From here on children record in the fork handler. Each of the kinds was recorded before.
pub(super) fn begin(rig: &Rig, gang: usize) {
    RIG.store(std::ptr::from_ref(rig).cast_mut(), SeqCst);
    GANG.store(gang, SeqCst);
}

fn rig() -> Option<(&'static Rig, usize)> {
    let gang = GANG.load(SeqCst);
    let rig = RIG.load(SeqCst);
    // SAFETY: `begin` put it there, and it lives as long as the process.
    (gang != usize::MAX).then(|| (unsafe { &*rig }, gang))
}

/// Does something in which handlers may fork. Their children end here.
pub(super) fn interruptible(kinds: &[(Kind, u64)], act: impl FnOnce()) {
    ACTING.set(kinds.iter().fold(NO_KIND, |bits, (kind, _)| bits | 1 << *kind as u32));
    compiler_fence(SeqCst);
    act();
    compiler_fence(SeqCst);
    ACTING.set(0);
    if IS_STRAY.load(SeqCst) {
        let (rig, gang) = rig().expect("it has begun");
        record(rig, gang);
        record(rig, gang);
        leave();
    }
}

fn leave() -> ! {
    // SAFETY: ends the process, and nothing else.
    unsafe { libc::_exit(0) }
}

/// Once for each kind, where nothing may be allocated.
fn record(rig: &Rig, gang: usize) {
    let (closed, name) = NAMES[gang];
    let account = |kind| rig.account(gang, STRAYS, kind);
    account(Kind::Work).enter(1, || work(closed).inc_with_exemplar(rig.context(gang, Of::Work)));
    account(Kind::Energy).enter(1, || energy(name).inc_by(0.5));
    account(Kind::Sizes).enter(1, || {
        account(Kind::SmallSizes).enter(1, || {
            account(Kind::SumOfSizes).enter(SMALL, || {
                sizes(name).observe_with_exemplar(1.0, rig.context(gang, Of::Sizes));
            });
        });
    });
    account(Kind::Loads)
        .enter(1, || loads(name).observe_with_exemplar(1.0, rig.context(gang, Of::Loads)));
    account(Kind::Waits)
        .enter(1, || account(Kind::SumOfWaits).enter(1, || waits(name).observe(0.5)));
    account(Kind::Stock).enter(1, || stock(name).add(1.0));
}

extern "C" fn somebody_elses() {
    if let Some((rig, gang)) = rig() {
        // It may be killed in the middle.
        rig.loose_ends(gang).fetch_add(1, SeqCst);
        record(rig, gang);
    }
}

extern "C" fn fork_here(_: i32) {
    let acting = ACTING.get();
    let Some((rig, gang)) = rig() else { return };
    if acting == 0 || is_allocating() || IS_STRAY.load(SeqCst) {
        return;
    }
    let errno = Errno::last_raw();
    // The child may do again what was interrupted.
    for kind in KINDS {
        if acting & 1 << kind as u32 != 0 {
            rig.account(gang, STRAYS, kind).announce(kind.at_once());
        }
    }
    rig.loose_ends(gang).fetch_add(2, SeqCst);
    let number = rig.tally(Tally::Strays).fetch_add(1, SeqCst);
    if forks(rig, gang) {
        in_handler(rig, gang, number);
    }
    Errno::set_raw(errno);
}

/// Whether this is the child.
fn forks(rig: &Rig, gang: usize) -> bool {
    // Until the library's fork handler has run in the child, it has its parent's lock: who dies
    // meanwhile looks alive.
    rig.presence(gang).expect();
    // SAFETY: the allocator was not interrupted; everything else that a fork may find half done is
    // what is tested.
    let is_child = matches!(unsafe { fork() }, Ok(ForkResult::Child));
    if is_child {
        rig.presence(gang).bury();
        IS_STRAY.store(true, SeqCst);
        // Whatever happens, it does not stay: then it has not ended well.
        // SAFETY: a timer of this process's.
        unsafe { libc::alarm(120) };
    }
    is_child
}

/// What a child does before it returns into what was interrupted, if it does.
fn in_handler(rig: &Rig, gang: usize, number: u64) {
    match number % 16 {
        0..=3 => {}
        4..=7 => record(rig, gang),
        8..=10 => {
            record(rig, gang);
            leave();
        }
        11..=13 => {
            record(rig, gang);
            rig.loose_ends(gang).fetch_add(2, SeqCst);
            for kind in KINDS {
                // Its child returns into the same.
                if !kind.is_height() {
                    rig.account(gang, STRAYS, kind).announce(kind.at_once());
                }
            }
            if forks(rig, gang) {
                record(rig, gang);
            }
        }
        14 => {
            let _ = rig.scrape(&rig.collector(false), "a stray");
        }
        _ => {
            record(rig, gang);
            let _ = rig.scrape(&rig.collector(false), "a stray that has recorded");
        }
    }
}

/// Interrupts its thread.
#[derive(Debug)]
pub(super) struct Spur(Timer);

impl Spur {
    /// Of the calling thread, which has recorded before: what it does first allocates, unseen.
    pub(super) fn new() -> Self {
        let notify = SigevNotify::SigevThreadId {
            signal: Signal::SIGUSR1,
            thread_id: gettid().as_raw(),
            si_value: 0,
        };
        let timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify));
        Self(timer.expect("a timer"))
    }

    /// Soon, most times not at all.
    pub(super) fn ring(&mut self, random: &mut Random) {
        if random.below(6) == 0 {
            // Most of them come soon: an optimised program is quick.
            let latest = 1 + random.below(600);
            let soon = Duration::from_micros(1 + random.below(latest));
            let once = Expiration::OneShot(soon.into());
            self.0.set(once, TimerSetTimeFlags::empty()).expect("a timer can be set");
        }
    }
}
