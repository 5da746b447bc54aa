//! A program under test with a metric of each kind and mode, for dashboards and rules. Its
//! arguments are `obey` and a directory. It does what it is told, line by line, and answers each
//! line.

#![allow(clippy::print_stdout, reason = "the answers")]

use std::io::{BufRead, Write};
use std::thread;
use std::time::Duration;

use headcount::{
    Config, Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary, count_exceptions,
    counted, dynamic, in_progress, metric, timed,
};

#[derive(Clone, Copy, Debug, LabelValue)]
enum Phase {
    Starting,
    Serving,
}

headcount::build_info!(commit = "abc123");

/// Letters, of which some are lost.
#[counted(outcome)]
#[timed]
#[in_progress(oldest)]
#[count_exceptions]
fn deliver(fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

/// A function without outcomes.
#[counted]
fn fetch() {}

/// Its durations are native.
#[timed(name = "sorting_seconds", native, outcome)]
fn sort() {}

/// Two attributes for one call, which does not end.
#[in_progress(oldest)]
#[in_progress(name = "lunch", labels(who), oldest)]
fn eat(who: &str) {
    loop {
        thread::sleep(Duration::from_secs(60));
        std::hint::black_box(who);
    }
}

/// Bytes of letters.
#[metric(name = "letters_bytes_total")]
static BYTES: Counter;
/// Weights.
#[metric(name = "weight_grams", native)]
fn weight(kind: &str) -> Histogram;
/// What a stamp costs.
#[metric(name = "stamp_price")]
static PRICE: Summary;
/// Waiting for the post office to open.
#[metric(name = "wait_seconds")]
fn wait(of: &str) -> Summary;
/// When the last letter came.
#[metric(name = "last_letter_timestamp_seconds", mode = "max")]
static LAST: Gauge;
/// When the post office was built.
#[metric(name = "built_timestamp_seconds", mode = "mostrecent")]
static BUILT: Gauge;
/// A sum.
#[metric(name = "bags", mode = "sum")]
static BAGS: Gauge;
/// A sum of the living.
#[metric(name = "live_bags", mode = "livesum")]
static LIVE_BAGS: Gauge;
/// The least.
#[metric(name = "least_bags", mode = "min")]
fn least(of: &str) -> Gauge;
/// The greatest part of a bag that is full.
#[metric(name = "fullest_ratio", mode = "livemax")]
static FULLEST: Gauge;
/// One for each process.
#[metric(name = "own_bags", mode = "liveall")]
fn own(of: &str) -> Gauge;
/// The last.
#[metric(name = "last_bags", mode = "mostrecent")]
static LAST_BAGS: Gauge;
/// How many are in each phase.
#[metric(name = "phases", mode = "livesum")]
static PHASES: StateSet<Phase>;
/// The phase of each.
#[metric(name = "phase", mode = "liveall")]
static PHASE: StateSet<Phase>;
/// Which one it is.
#[metric(name = "office_info")]
fn office(town: &str) -> Info;

fn main() {
    let directory = std::env::args().nth(2).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("a fit directory");
    for line in std::io::stdin().lock().lines() {
        match line.expect("a line").as_str() {
            "work" => work(),
            "eat" => drop(thread::spawn(|| eat("porter"))),
            "dots" => dots(),
            "alike" => alike(),
            "dotted" => dotted(),
            "errands" => errands(),
            other => panic!("{other}"),
        }
        println!("done");
        std::io::stdout().flush().expect("someone listens");
    }
}

/// Uses every metric once, or more often.
fn work() {
    for n in 0..8_u32 {
        let _ = deliver(n % 4 == 0);
        fetch();
        sort();
        weight("letter").observe(f64::from(n));
        PRICE.observe(0.8);
        wait("counter").observe(0.25);
    }
    BYTES.inc_by(4096);
    LAST.set_to_current_time();
    BUILT.set(1e9);
    for gauge in [&BAGS, &LIVE_BAGS, &LAST_BAGS, &least("post"), &own("post")] {
        gauge.set(3.0);
    }
    FULLEST.set(0.5);
    PHASES.set(Phase::Serving);
    PHASE.set(Phase::Starting);
    office("Delft").set();
}

/// Names that only quotes can hold, as OpenTelemetry's are.
fn dots() {
    let calls = dynamic::counter("post.calls_total", "Calls.")
        .utf8_names()
        .labels(["post.route", "outcome"]);
    let calls = calls.register_family().expect("it is declared");
    for outcome in ["ok", "error"] {
        calls.with_label_values(&["/{id}", outcome]).inc();
    }
}

/// Families of which two would be recorded under one name.
fn alike() {
    dynamic::summary("alike", "A.").register().expect("it is declared").observe(1.0);
    dynamic::counter("alike_count_total", "A.").register().expect("it is declared").inc();
}

/// The same, of names that a Prometheus before 3 does not know.
fn dotted() {
    for name in ["post_stamps_total", "post.stamps_total"] {
        let counter = dynamic::counter(name, "A.").utf8_names().register();
        counter.expect("it is declared").inc();
    }
}

/// Labels that a target has, too.
fn errands() {
    let names = ["job", "instance", "exported_instance", "outcome"];
    let errands = dynamic::counter("errands_total", "Errands.").labels(names).register_family();
    errands.expect("it is declared").with_label_values(&["a", "b", "c", "ok"]).inc();
}
