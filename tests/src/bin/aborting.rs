//! A program that is built to abort where others unwind: what it counted before must stay.
//!
//! ```text
//! aborting <directory>
//! ```

use headcount::{Config, Gauge, count_exceptions, counted, in_progress, metric, timed};

/// What this process has in hand.
#[metric(name = "in_hand", mode = "livesum")]
static IN_HAND: Gauge;

/// Works, and panics in the end.
#[counted(outcome)]
#[timed]
#[in_progress]
#[count_exceptions]
fn work(turn: u64) -> u64 {
    assert!(turn < 5, "the end");
    turn
}

fn main() {
    let directory = std::env::args_os().nth(1).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    IN_HAND.set(3);
    for turn in 0.. {
        work(turn);
    }
}
