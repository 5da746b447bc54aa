//! What an operation costs, in a thread's own running time.

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;

use headcount::Counter;
use headcount_peers::measure::{Choice, Effort, in_turns, threads as in_threads, turn};

use crate::metrics::{COUNTER, SIZE, names, rows};
use crate::plot::{Expected, Line, Plot};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// All threads on the same series. Beside a counter that all of them share, for scale.
pub fn threads(effort: Effort, is_quick: bool) -> Plot {
    static SHARED: LazyLock<prometheus::IntCounter> = LazyLock::new(|| {
        prometheus::IntCounter::new("growth_total", "Counted.").expect("a counter")
    });
    let mut lines = [
        Line::new("`inc`", Expected::Flat),
        Line::new("`observe`, 14 buckets", Expected::Flat),
        Line::new("`inc`, a label that is a string", Expected::Flat),
        Line::new("for scale: prometheus, `inc`", Expected::Nothing),
    ];
    let counts = [1, 2, 4, 8, 16, 32, 64];
    for count in counts.into_iter().take(if is_quick { 3 } else { counts.len() }) {
        let mut contenders = [
            in_threads(count, || |_| COUNTER.inc()),
            in_threads(count, || |_| SIZE.observe(black_box(0.3))),
            in_threads(count, || |_| names(black_box("/route/7")).inc()),
            in_threads(count, || |_| SHARED.inc()),
        ];
        let took = in_turns(effort, Choice::Median, &mut contenders);
        for (line, took) in lines.iter_mut().zip(took) {
            line.point(count, took);
        }
    }
    Plot {
        file: "threads",
        title: "An operation, by threads on the same series",
        x: "threads",
        y: "ns of the thread's own time",
        lines: lines.into(),
        further: Vec::new(),
    }
}

/// One thread, on all series of a family in an order that no cache guesses.
pub fn series(effort: Effort, is_quick: bool) -> Result<Plot> {
    let vector = prometheus::IntCounterVec::new(
        prometheus::Opts::new("growth_names_total", "Counted by name."),
        &["name"],
    )?;
    let mut lines = [
        Line::new("`inc`, a kept handle", Expected::FlatButForCaches),
        Line::new("`inc`, a label that is a number", Expected::FlatButForCaches),
        Line::new("`inc`, a label that is a string", Expected::FlatButForCaches),
        Line::new("for scale: prometheus, a string", Expected::Nothing),
    ];
    let counts = [10, 100, 1000, 10_000, 100_000];
    for count in counts.into_iter().take(if is_quick { 3 } else { counts.len() }) {
        let shuffled = shuffled(count);
        let texts: Vec<String> = shuffled.iter().map(|row| format!("/route/{row}")).collect();
        let kept: Vec<Counter> = shuffled.iter().map(|row| rows(*row)).collect();
        let of = |n: u64| usize::try_from(n % u64::from(count)).expect("below it");
        let mut contenders = [
            turn(|n| kept[of(n)].inc()),
            turn(|n| rows(shuffled[of(n)]).inc()),
            turn(|n| names(&texts[of(n)]).inc()),
            turn(|n| vector.with_label_values(&[&texts[of(n)]]).inc()),
        ];
        // All series are there before anything is measured.
        for contender in &mut contenders {
            contender(count.into());
        }
        let took = in_turns(effort, Choice::Least, &mut contenders);
        for (line, took) in lines.iter_mut().zip(took) {
            line.point(count, took);
        }
    }
    Ok(Plot {
        file: "series",
        title: "An operation, by series of its family, in random order",
        x: "series",
        y: "ns of the thread's own time",
        lines: lines.into(),
        further: Vec::new(),
    })
}

/// All numbers below, in an order that is always the same.
fn shuffled(count: u32) -> Vec<u32> {
    let mut all: Vec<u32> = (0..count).collect();
    // A generator by Marsaglia: it need not be better.
    let mut state = 0x2545_f491_u32;
    for place in (1..all.len()).rev() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        all.swap(place, state as usize % (place + 1));
    }
    all
}
