//! A program under test with exemplars. Its arguments are `obey` and a directory; a third one is
//! the size of its segment. It does what it is told, line by line, and answers each line.

#![allow(clippy::print_stdout, reason = "the answers")]

use std::cell::Cell;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use headcount::dynamic::{self, Family};
use headcount::{
    Config, Counter, Histogram, SegmentSize, TraceContext, count_exceptions, counted, metric, timed,
};
use headcount_tests::child::in_child;
use headcount_tests::exemplars::{context, value};

/// Jobs.
#[metric(name = "jobs_total")]
static JOBS: Counter;
/// Energy.
#[metric(name = "energy_joules_total", unit = "joules")]
static ENERGY: Counter<f64>;
/// Sizes.
#[metric(name = "sizes", buckets = [1.0, 2.0, 5.0])]
static SIZES: Histogram;
/// Native sizes.
#[metric(name = "native_sizes", native)]
static NATIVE: Histogram;
/// Of queues, which come and go.
#[metric(name = "queue_sizes", buckets = [1.0, 2.0, 5.0])]
fn queue(name: &str) -> Histogram;
/// So many buckets that there is no room for their exemplars.
#[metric(name = "many_buckets", buckets = headcount::linear_buckets::<300>(1.0, 1.0))]
static MANY: Histogram;

/// Kept by themselves.
#[metric(name = "own_jobs_total", exemplars)]
static OWN_JOBS: Counter;
/// Kept by themselves.
#[metric(name = "own_sizes", buckets = [1.0, 2.0, 5.0], exemplars)]
static OWN_SIZES: Histogram;
/// Kept by themselves.
#[metric(name = "own_native_sizes", native, exemplars)]
static OWN_NATIVE: Histogram;
/// Kept by themselves.
#[metric(name = "own_rows_total", exemplars)]
fn own_rows(name: &str) -> Counter;

/// Four cells, and three places for exemplars.
#[metric(name = "own_passing_sizes", buckets = [1.0, 2.0], exemplars)]
fn passing(name: &str) -> Histogram;
/// Four cells, and one place for the exemplars of each.
#[counted(name = "own_passing_total", labels(name), outcome, exemplars)]
fn passes(name: &str, fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

#[counted(exemplars, outcome)]
#[timed(exemplars)]
#[count_exceptions(exemplars)]
fn shared(fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

#[timed(name = "named_seconds", exemplars, outcome)]
#[counted(name = "named_total", exemplars)]
#[timed(name = "native_seconds", native, exemplars)]
fn named() {}

#[counted(exemplars)]
fn lone() {}

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

static ASKED: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicBool = AtomicBool::new(false);
/// What the source does meanwhile, in another thread.
static MEANWHILE: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
/// The row `first` of each family is removed, and is no longer in the log.
const REMOVES: u8 = 1;
/// And its cells belong to the row `second` of a family: of the same, or of the other.
const REPLACES_BY_SIZES: u8 = 2;
const REPLACES_BY_CALLS: u8 = 3;

/// The slot of a row.
fn slot(row: Histogram) -> u32 {
    let shown = format!("{row:?}");
    let number: String = shown.chars().filter(char::is_ascii_digit).collect();
    number.parse().expect("it has one")
}

/// Removes the rows `first` and the one with as many cells before them, and so many others that the
/// log is rewritten without them.
fn remove_first() {
    passing("zeroth").remove();
    headcount::remove_matching("own_passing_sizes", &[("name", "first")]);
    headcount::remove_matching("own_passing_total", &[("name", "first")]);
    for round in 0..3_000 {
        queue(&round.to_string()).remove();
    }
}

/// Waits until the cells that were given up may be used again, and gives those of `first` to
/// `second`, in a thread that is in no trace.
fn use_cells_again(by_sizes: bool) {
    // Behind all that was given up.
    let end = slot(queue("end"));
    loop {
        // Removed: time passes only in seconds in which something changes.
        let lowest = passing("lowest");
        if slot(lowest) < end {
            break;
        }
        lowest.remove();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    if by_sizes {
        assert!(slot(passing("second")) < end);
        passing("second").observe(0.5);
    } else {
        let _ = passes("second", false);
    }
}

fn meanwhile() {
    let what = MEANWHILE.swap(NOTHING, Ordering::Relaxed);
    if what == NOTHING {
        return;
    }
    let other = std::thread::spawn(move || {
        remove_first();
        if what > REMOVES {
            use_cells_again(what == REPLACES_BY_SIZES);
        }
    });
    other.join().expect("it ends");
}

fn source() -> Option<TraceContext> {
    ASKED.fetch_add(1, Ordering::Relaxed);
    assert!(!PANICS.load(Ordering::Relaxed), "a source that panics");
    meanwhile();
    // What it records itself has no exemplar, and no end otherwise.
    OWN_JOBS.inc();
    CURRENT.get()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let mut config = Config::new().directory(&arguments[0]);
    if let Some(size) = arguments.get(1) {
        assert_eq!(size, "tiny");
        config = config.segment_size(SegmentSize::Tiny);
    }
    headcount::init(config).expect("a fit directory");
    for line in std::io::stdin().lock().lines() {
        println!("{}", obey(&line.expect("a line")));
        std::io::stdout().flush().expect("someone listens");
    }
}

/// Exemplar number `n` wherever one can be given.
fn record(n: u64) {
    let context = context(n);
    JOBS.inc_with_exemplar(context);
    ENERGY.inc_by_with_exemplar(value(n), context);
    SIZES.observe_with_exemplar(value(n), context);
    NATIVE.observe_with_exemplar(value(n), context);
}

fn at_run_time(n: u64) {
    let jobs = dynamic::counter("late_jobs_total", "Jobs.").exemplars().register();
    jobs.expect("it is new, or the same").inc();
    let sizes: Family<Histogram> = dynamic::histogram("late_sizes", "Sizes.")
        .labels(["queue"])
        .buckets([1.0, 2.0, 5.0])
        .exemplars()
        .register_family()
        .expect("it is new, or the same");
    sizes.with_label_values(&["own"]).observe(value(n));
    sizes.with_label_values(&["given"]).observe_with_exemplar(value(n), context(n));
}

fn obey(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    match words[0] {
        "record" => (number(1)..number(2)).for_each(record),
        "threads" => {
            let (first, each) = (number(1), number(2));
            std::thread::scope(|scope| {
                for n in 0..4 {
                    let first = first + n * each;
                    scope.spawn(move || (first..first + each).for_each(record));
                }
            });
        }
        "fork" => in_child(|| (number(1)..number(2)).for_each(record)),
        "invalid" => {
            JOBS.inc_with_exemplar(TraceContext::new([0; 16], [1; 8]));
            SIZES.observe_with_exemplar(1.5, TraceContext::new([1; 16], [0; 8]));
            SIZES.observe_with_exemplar(f64::NAN, context(1));
            ENERGY.inc_by_with_exemplar(-1.0, context(1));
        }
        "queue" => queue(words[1]).observe_with_exemplar(value(number(2)), context(number(2))),
        "remove" => return queue(words[1]).remove().to_string(),
        "many" => MANY.observe_with_exemplar(number(1), context(number(1))),
        "source" => headcount::set_trace_source(source),
        "zeroth" => assert!(!passing("zeroth").is_removed()),
        "trace" => CURRENT.set(Some(context(number(1)))),
        "no-trace" => CURRENT.set(None),
        "panics" => PANICS.store(words[1] == "true", Ordering::Relaxed),
        "asked" => return ASKED.load(Ordering::Relaxed).to_string(),
        "own" => {
            let value = value(number(1));
            OWN_JOBS.inc();
            OWN_SIZES.observe(value);
            OWN_NATIVE.observe(value);
            own_rows(words[2]).inc();
        }
        "raise" => {
            OWN_JOBS.raise_to(number(1));
            own_rows("raised").raise_to(number(1));
            let late = dynamic::counter("late_raised_total", "Jobs.").exemplars().register();
            late.expect("it is new, or the same").raise_to(number(1));
        }
        "dropped" => return headcount::health().dropped_operations().to_string(),
        "sizes" => passing(words[1]).observe(value(number(2))),
        "calls" => {
            let _ = (passes(words[1], false), passes(words[1], true));
        }
        "remove-first" => remove_first(),
        "use-again" => use_cells_again(words[1] == "sizes"),
        "meanwhile" => {
            let what = match words[1] {
                "remove" => REMOVES,
                "sizes" => REPLACES_BY_SIZES,
                _ => REPLACES_BY_CALLS,
            };
            MEANWHILE.store(what, Ordering::Relaxed);
        }
        "own-jobs" => (0..number(1)).for_each(|_| OWN_JOBS.inc()),
        "remove-own" => return own_rows(words[1]).remove().to_string(),
        "get" => return format!("{} {}", OWN_JOBS.get(), OWN_SIZES.count()),
        "functions" => {
            let _ = (shared(false), shared(true));
            named();
            lone();
        }
        "late" => at_run_time(number(1)),
        // Until it is killed.
        "flood" => {
            println!("flooding");
            std::io::stdout().flush().expect("someone listens");
            for n in 0.. {
                record(n);
            }
        }
        "health" => {
            return headcount::health().problem().map_or_else(String::new, ToString::to_string);
        }
        other => panic!("{other}"),
    }
    "done".to_owned()
}
