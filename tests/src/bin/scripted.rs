//! A program under test that has a metric of every kind and mode, and does to them what its input
//! says, a line at a time. It lives until its input ends.
//!
//! `counter 3`, `float_counter 0.5`, `histogram 0.3`, `summary 1`, `gauge -2` (of every mode),
//! `gauge add 1`, `gauge unset`, `state serving`, `nothing`; with a label value `counter{x} 3`, in
//! which `\n` is a line feed, `counter{x} remove`, `info{x} set`. `scripted.py` is the same program
//! with Python's client.

#![allow(clippy::print_stdout, reason = "it says when something is done")]

use std::env;
use std::io;

use headcount::{Config, Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary, metric};
use headcount_tests::program::number;

/// A counter.
#[metric(name = "counter_total")]
static COUNTER: Counter;

/// Counters.
#[metric(name = "counters_total")]
fn counters(id: &str) -> Counter;

/// A counter of parts.
#[metric(name = "float_counter_total")]
static FLOAT_COUNTER: Counter<f64>;

/// Counters of parts.
#[metric(name = "float_counters_total")]
fn float_counters(id: &str) -> Counter<f64>;

/// A histogram.
#[metric(name = "histogram", buckets = [0.1, 1.0, 10.0])]
static HISTOGRAM: Histogram;

/// Histograms.
#[metric(name = "histograms", buckets = [0.1, 1.0, 10.0])]
fn histograms(id: &str) -> Histogram;

/// A summary.
#[metric(name = "summary")]
static SUMMARY: Summary;

/// Summaries.
#[metric(name = "summaries")]
fn summaries(id: &str) -> Summary;

/// Other buckets in the next version.
#[metric(name = "rebucketed", buckets = [1.0, 2.0, 4.0])]
static REBUCKETED: Histogram;

/// Another mode in the next version.
#[metric(name = "remoded", mode = "sum")]
static REMODED: Gauge;

/// Another kind in the next version.
#[metric(name = "rekinded")]
static REKINDED: Summary;

/// A gauge of each mode, with and without a label, and all of them together.
macro_rules! gauges {
    ($($gauge:ident $name:tt $family:ident $family_name:tt $mode:tt;)*) => {
        $(
            /// A gauge.
            #[metric(name = $name, mode = $mode)]
            static $gauge: Gauge;

            /// Gauges.
            #[metric(name = $family_name, mode = $mode)]
            fn $family(id: &str) -> Gauge;
        )*

        fn gauges(id: Option<&str>) -> Vec<Gauge> {
            match id {
                None => vec![$($gauge),*],
                Some(id) => vec![$($family(id)),*],
            }
        }
    };
}

gauges! {
    SUM "sum_gauge" sums "sum_gauges" "sum";
    LIVE_SUM "livesum_gauge" live_sums "livesum_gauges" "livesum";
    MIN "min_gauge" mins "min_gauges" "min";
    LIVE_MIN "livemin_gauge" live_mins "livemin_gauges" "livemin";
    MAX "max_gauge" maxs "max_gauges" "max";
    LIVE_MAX "livemax_gauge" live_maxs "livemax_gauges" "livemax";
    ALL "all_gauge" alls "all_gauges" "all";
    LIVE_ALL "liveall_gauge" live_alls "liveall_gauges" "liveall";
    RECENT "mostrecent_gauge" recents "mostrecent_gauges" "mostrecent";
    LIVE_RECENT "livemostrecent_gauge" live_recents "livemostrecent_gauges" "livemostrecent";
}

#[derive(Debug, Clone, Copy, LabelValue)]
enum State {
    Starting,
    Serving,
    Draining,
}

/// How many are in each state.
#[metric(name = "sum_state", mode = "sum")]
static SUM_STATE: StateSet<State>;

/// How many are in each state, of the living.
#[metric(name = "livesum_state", mode = "livesum")]
static LIVE_SUM_STATE: StateSet<State>;

/// The state that was entered last.
#[metric(name = "mostrecent_state", mode = "mostrecent")]
static RECENT_STATE: StateSet<State>;

/// The state that was entered last, of the living.
#[metric(name = "livemostrecent_state", mode = "livemostrecent")]
static LIVE_RECENT_STATE: StateSet<State>;

/// Each one's state.
#[metric(name = "liveall_state", mode = "liveall")]
static LIVE_ALL_STATE: StateSet<State>;

/// What the program is.
#[metric(name = "release_info")]
fn release(id: &str) -> Info;

/// What the program was. The next version says only what it is.
#[metric(name = "job_info", mode = "max")]
fn job(id: &str) -> Info;

fn main() {
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    println!("ready");
    for line in io::stdin().lines() {
        obey(&line.expect("a line of text"));
        println!("done");
    }
}

fn obey(command: &str) {
    // Label values may contain spaces.
    let (metric, id, what) = if let Some((metric, rest)) = command.split_once('{') {
        let (id, what) = rest.rsplit_once("} ").expect("the label's end");
        (metric, Some(id.replace("\\n", "\n")), what)
    } else {
        let (metric, what) = command.split_once(' ').unwrap_or((command, ""));
        (metric, None, what)
    };
    let id = id.as_deref();
    match metric {
        "nothing" => {}
        "counter" => {
            let counter = id.map_or(COUNTER, counters);
            if !removed(what, || counter.remove()) {
                counter.inc_by(what.parse().expect("an integer"));
            }
        }
        "float_counter" => id.map_or(FLOAT_COUNTER, float_counters).inc_by(number(what)),
        "info" => release(id.expect("a label value")).set(),
        "job" => job(what).set(),
        "state" => enter(what),
        "histogram" => {
            let histogram = id.map_or(HISTOGRAM, histograms);
            if !removed(what, || histogram.remove()) {
                histogram.observe(number::<f64>(what));
            }
        }
        "summary" => {
            let summary = id.map_or(SUMMARY, summaries);
            if !removed(what, || summary.remove()) {
                summary.observe(number::<f64>(what));
            }
        }
        "gauge" => {
            for gauge in gauges(id) {
                if !removed(what, || gauge.remove()) {
                    change(gauge, what);
                }
            }
        }
        "rebucketed" => REBUCKETED.observe(number::<f64>(what)),
        "remoded" => REMODED.set(number::<f64>(what)),
        "rekinded" => REKINDED.observe(number::<f64>(what)),
        _ => panic!("no such command: {command}"),
    }
}

/// Whether it was told to remove a series; then it was there, and is not now.
fn removed(what: &str, remove: impl Fn() -> bool) -> bool {
    let reported = what == "remove";
    if reported {
        assert!(remove(), "it is there");
        assert!(!remove(), "it is gone");
    }
    reported
}

fn enter(state: &str) {
    let state = match state {
        "starting" => State::Starting,
        "serving" => State::Serving,
        "draining" => State::Draining,
        _ => panic!("no such state: {state}"),
    };
    for set in [SUM_STATE, LIVE_SUM_STATE, RECENT_STATE, LIVE_RECENT_STATE, LIVE_ALL_STATE] {
        set.set(state);
    }
}

fn change(gauge: Gauge, what: &str) {
    match what.split_once(' ') {
        Some(("add", n)) => gauge.add(number::<f64>(n)),
        _ if what == "unset" => gauge.unset(),
        _ => gauge.set(number::<f64>(what)),
    }
}
