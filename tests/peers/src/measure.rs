//! How long things take, in turns.
//!
//! A machine gets slower and faster while it measures, so contenders take turns, many times, each
//! for some milliseconds. The clock is read twice a turn.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    rounds: u32,
    turn: Duration,
}

impl Effort {
    pub const FULL: Self = Self { rounds: 41, turn: Duration::from_millis(4) };
    /// For many of them, one after the other.
    pub const SHORT: Self = Self { rounds: 9, turn: Duration::from_millis(4) };
    /// Enough to see that it works.
    pub const QUICK: Self = Self { rounds: 3, turn: Duration::from_micros(300) };

    /// The one of both that has fewer rounds.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        if other.rounds < self.rounds { other } else { self }
    }

    pub fn rounds(self) -> u32 {
        self.rounds
    }
}

/// Does something so many times, and says how long that took.
pub type Turn<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// The time that this thread was running, which other programs on the machine don't add to.
pub fn running() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has one").into()
}

/// The loop around an operation is in here, so that each has its own, and nothing is called through
/// a pointer but once a turn.
pub fn turn<'a, T: 'a>(operation: impl FnMut(u64) -> T + 'a) -> Turn<'a> {
    Box::new(repeated(operation))
}

fn repeated<T>(mut operation: impl FnMut(u64) -> T) -> impl FnMut(u64) -> Duration {
    move |times| {
        let began = running();
        for n in 0..times {
            // Nothing of one turn may be kept in registers for the next; the operations hide from
            // the compiler what they are given.
            black_box(());
            let _ = operation(n);
        }
        running().saturating_sub(began)
    }
}

/// A thread's turns.
type Own<'a> = Box<dyn FnMut(u64) -> Duration + Send + 'a>;

/// The same in several threads at once, each with an operation of its own, which are pinned to the
/// processors by turns. What one of them was running, on average.
pub fn threads<'a, T: 'a, O: FnMut(u64) -> T + Send + 'a>(
    count: u32,
    mut operation: impl FnMut() -> O,
) -> Turn<'a> {
    // Made here, and hidden from the compiler: inside of what starts threads it inlined some
    // operations only half.
    let own = |_| black_box(Box::new(repeated(operation())) as Own<'a>);
    let mut all: Vec<Own<'a>> = (0..count).map(own).collect();
    Box::new(move |times| {
        let begin = &Barrier::new(count as usize);
        let took: Duration = thread::scope(|scope| {
            let threads = (0..).zip(&mut all).map(|(number, own)| {
                scope.spawn(move || {
                    pin(number);
                    // What a thread does first is not what is measured.
                    let _ = own(1);
                    begin.wait();
                    own(times)
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|thread| thread.join().expect("it counts")).sum()
        });
        took / count
    })
}

/// Keeps this thread on one processor, where the machine allows that.
pub fn pin(number: u32) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut set = CpuSet::new();
    if set.set(number as usize % processors).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Which of its turns stands for a contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// What the work takes when nothing disturbs it.
    Least,
    /// Where threads disturb each other, the least is a turn in which they happened not to.
    Median,
}

impl Choice {
    /// The one of some figures; `None` if there are none.
    #[must_use]
    pub fn of(self, mut figures: Vec<f64>) -> Option<f64> {
        figures.sort_by(f64::total_cmp);
        let at = if self == Self::Least { 0 } else { figures.len() / 2 };
        figures.get(at).copied()
    }
}

/// Nanoseconds that each contender needs for one operation.
pub fn in_turns(effort: Effort, choice: Choice, contenders: &mut [Turn<'_>]) -> Vec<f64> {
    let times: Vec<u64> = contenders.iter_mut().map(|turn| times(effort, turn)).collect();
    let mut turns = vec![Vec::new(); contenders.len()];
    for _ in 0..effort.rounds {
        for ((turn, times), took) in contenders.iter_mut().zip(&times).zip(&mut turns) {
            took.push(nanoseconds(turn(*times), *times));
        }
    }
    turns.into_iter().filter_map(|took| choice.of(took)).collect()
}

/// How often it is done in one turn. Finding out also warms it up.
fn times(effort: Effort, turn: &mut Turn<'_>) -> u64 {
    let mut times = 64;
    loop {
        let took = turn(times);
        if took >= effort.turn || times >= 1 << 32 {
            return times;
        }
        times *= 2;
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn nanoseconds(took: Duration, times: u64) -> f64 {
    took.as_nanos() as f64 / times as f64
}
