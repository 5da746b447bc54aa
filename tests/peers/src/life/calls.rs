//! Timed calls in the first milliseconds of a process, before the clock's rate is known, and later.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use headcount::{Config, timed};
use headcount_peers::measure::Choice;
use headcount_peers::place::Place;
use prometheus::{Histogram, HistogramOpts};

use crate::{Result, Variant, by_turns, head, row};

const LIBRARIES: [(&str, &str); 3] = [
    ("floor", "a call between two reads of `Instant`"),
    ("headcount", "headcount: `#[timed]`"),
    ("prometheus", "prometheus: a timer of a histogram"),
];

/// So many calls are timed together: some microseconds.
const BLOCK: u32 = 200;

/// How long calls are early, and until when after the beginning all of them must have been: the
/// rate is asked for 2^21 ticks after `init`, 0.7 ms at 3 GHz.
const EARLY: Duration = Duration::from_micros(300);
const KNOWN: Duration = Duration::from_micros(700);
const LATE: Duration = Duration::from_millis(100);

pub fn print(turns: u32) -> Result<()> {
    let variants = LIBRARIES.map(|(library, _)| Variant::own(&["call", library]));
    let variants = variants.into_iter().collect::<Result<Vec<_>>>()?;
    let took = by_turns(turns, &variants, Choice::Least)?;
    head(&["a timed call", "in the first 0.3 ms, ns", "after 100 ms, ns"]);
    for ((_, name), figures) in LIBRARIES.iter().zip(took) {
        row([(*name).to_owned(), format!("{:.1}", figures[0]), format!("{:.1}", figures[1])]);
    }
    println!(
        "
The figures are wall time, the least of blocks of {BLOCK} calls in all turns. The first call of the
process is not in them, and neither is a process that had to wait in that time."
    );
    Ok(())
}

#[inline(never)]
fn plain(value: u64) -> u64 {
    black_box(value)
}

#[timed]
#[inline(never)]
fn ours(value: u64) -> u64 {
    black_box(value)
}

/// Prints nanoseconds for one call in the first time and later.
pub fn call(library: &str) -> Result<()> {
    static PEER: LazyLock<Histogram> = LazyLock::new(|| {
        let options = HistogramOpts::new("life_seconds", "Times of calls.");
        Histogram::with_opts(options).expect("a histogram")
    });
    let began = Instant::now();
    match library {
        "floor" => measure(began, |value| {
            let began = Instant::now();
            black_box((plain(value), began.elapsed()));
        }),
        "prometheus" => measure(began, |value| {
            let _timer = PEER.start_timer();
            black_box(plain(value));
        }),
        _ => {
            let place = Place::in_memory()?;
            headcount::init(Config::new().directory(place.path()))?;
            measure(began, |value| {
                black_box(ours(value));
            });
        }
    }
    Ok(())
}

fn measure(start: Instant, mut call: impl FnMut(u64)) {
    call(0);
    let began = Instant::now();
    let mut block = || {
        let began = Instant::now();
        (0..u64::from(BLOCK)).for_each(&mut call);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(BLOCK)
    };
    // What begins early may end late: a block that ended in time counts.
    let (mut early, mut late) = (f64::MAX, f64::MAX);
    loop {
        let took = block();
        if began.elapsed() > EARLY {
            break;
        }
        early = early.min(took);
    }
    // The process had to wait for a processor: it is no longer sure that the rate was unknown.
    if start.elapsed() > KNOWN {
        early = f64::INFINITY;
    }
    while began.elapsed() < LATE {
        block();
    }
    for _ in 0..50 {
        late = late.min(block());
    }
    println!("{early} {late}");
}
