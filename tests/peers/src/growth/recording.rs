//! What an operation costs, in a thread's own running time.

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;

use headcount::{Config, Counter};
use headcount_peers::measure::{Choice, Effort, in_turns, threads as in_threads, turn};
use headcount_peers::place::Place;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;

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

/// A label of prometheus-client, which looks series up by values that it can clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    name: String,
}

/// One thread, on all series of a family in an order that no cache guesses: they were made in
/// another one, which is that of their memory.
pub fn series(effort: Effort, is_quick: bool) -> Result<Plot> {
    let options = prometheus::Opts::new("growth_names_total", "Counted by name.");
    let mut lines = [
        Line::new("`inc`, a kept handle", Expected::FlatButForCaches),
        Line::new("`inc`, a label that is a number", Expected::FlatButForCaches),
        Line::new("`inc`, a label that is a string", Expected::FlatButForCaches),
        Line::new("for scale: prometheus, a string", Expected::Nothing),
        Line::new("prometheus-client, a string", Expected::Nothing),
    ];
    let mut ratios = Vec::new();
    let counts = [10, 100, 1000, 10_000, 20_000, 100_000];
    for count in counts.into_iter().take(if is_quick { 3 } else { counts.len() }) {
        let vector = prometheus::IntCounterVec::new(options.clone(), &["name"])?;
        let client = Family::<Name, ClientCounter>::default();
        // All series are there before anything is measured.
        for row in 0..count {
            let name = format!("/route/{row}");
            rows(row).inc();
            names(&name).inc();
            vector.with_label_values(&[&name]).inc();
            client.get_or_create(&Name { name }).inc();
        }
        let shuffled = shuffled(count);
        let texts: Vec<String> = shuffled.iter().map(|row| format!("/route/{row}")).collect();
        let kept: Vec<Counter> = shuffled.iter().map(|row| rows(*row)).collect();
        let of = |n: u64| usize::try_from(n % u64::from(count)).expect("below it");
        let mut contenders = [
            turn(|n| kept[of(n)].inc()),
            turn(|n| rows(shuffled[of(n)]).inc()),
            turn(|n| names(&texts[of(n)]).inc()),
            turn(|n| vector.with_label_values(&[&texts[of(n)]]).inc()),
            turn(|n| client.get_or_create(&Name { name: texts[of(n)].clone() }).inc()),
        ];
        let took = in_turns(effort, Choice::Least, &mut contenders);
        ratios.push(format!("{:.1}", took[3].min(took[4]) / took[2]));
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
        further: vec![("best peer : headcount, a string", ratios)],
    })
}

/// Looks series up by a string, each by the same chance, and counts in them.
pub fn look_up(library: &str, series: u32, times: u32) -> Result<()> {
    let place = Place::in_memory()?;
    headcount::init(Config::new().directory(place.path()))?;
    let options = prometheus::Opts::new("growth_names_total", "Counted by name.");
    let vector = prometheus::IntCounterVec::new(options, &["name"])?;
    let client = Family::<Name, ClientCounter>::default();
    let count = |name: &String| match library {
        "headcount" => names(name).inc(),
        "prometheus" => vector.with_label_values(&[name]).inc(),
        "prometheus-client" => drop(client.get_or_create(&Name { name: name.clone() }).inc()),
        // What the loop takes, which reads the text.
        _ => drop(black_box(name.as_bytes().first().copied())),
    };
    (0..series).for_each(|row| count(&format!("/route/{row}")));
    let texts: Vec<String> = shuffled(series).iter().map(|row| format!("/route/{row}")).collect();
    texts.iter().cycle().take(times as usize).for_each(count);
    Ok(())
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
