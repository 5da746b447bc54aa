//! A program under test that misuses the facade `metrics`.
//!
//! ```text
//! facade_misused DIRECTORY names   names, labels and values that no page can show, or hardly
//! facade_misused DIRECTORY ends    threads whose last act is to count
//! facade_misused DIRECTORY exits   threads that declare and count while the process exits
//! ```
//!
//! Its logger counts, too.

#![expect(clippy::print_stdout, reason = "tells what it has found")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, thread};

use headcount::{Collector, Config, dynamic};
use metrics::{counter, gauge, histogram};

/// Counts what it logs, by the facade and by a declaration of its own.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        counter!("log_lines", "level" => record.level().as_str()).increment(1);
        let lines = dynamic::counter("own_log_lines_total", "Lines.").register();
        lines.expect("nothing contradicts it").inc();
        println!("logged: {}", record.args());
    }

    fn flush(&self) {}
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [directory, what] = &arguments[..] else { panic!("{arguments:?}") };
    log::set_logger(&Logger).expect("the only one");
    log::set_max_level(log::LevelFilter::Warn);
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    headcount_metrics::install().expect("the only one");
    match what.as_str() {
        "names" => names(),
        "ends" => ends(),
        "exits" => exits(),
        _ => panic!("{what}"),
    }
}

fn names() {
    // One family, whichever name it is given.
    counter!("jobs").increment(2);
    counter!("jobs_total").increment(3);
    metrics::describe_counter!("jobs", "Jobs\0 done,\nall of them.");
    // Contradictions, and names that are headcount's.
    gauge!("jobs_total").set(7.0);
    histogram!("jobs_total").record(7.0);
    counter!("jobs", "of" => "mail").increment(4);
    counter!("headcount_jobs").increment(1);
    counter!("function_calls").increment(1);
    // As long as a name may be, and longer by its ending.
    gauge!("n".repeat(1_024)).set(1.0);
    counter!("n".repeat(1_024)).increment(1);
    counter!("long_label", "l".repeat(1_025) => "x").increment(1);
    // No names.
    counter!("").increment(1);
    gauge!("7 \n\0\"{}=,é").set(1.0);
    counter!("no_label", "" => "x").increment(1);
    // Labels that are one when they are shown, and one more than there may be.
    counter!("same_label", "a.b" => "1", "a_b" => "2").increment(1);
    let labels = |number| (0..number).map(|n| (format!("l{n}"), "x")).collect::<Vec<_>>();
    counter!("labels_60", &labels(60)).increment(1);
    counter!("labels_61", &labels(61)).increment(1);
    for value in ["\0", "a\nb", "\"", "\\", "\\n", "\u{feff}\u{202e}", " ", "", "_other", "\r\n"] {
        counter!("values", "v" => value).increment(1);
    }
    // Cut, between two letters.
    counter!("long_values", "v" => "é".repeat(1_000)).increment(1);
    counter!("long_values", "v" => format!("{}x", "é".repeat(512))).increment(1);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MAX, f64::MIN_POSITIVE] {
        gauge!("extremes").set(value);
        histogram!("observed_seconds").record(value);
    }
    counter!("overflows").increment(u64::MAX);
    counter!("overflows").increment(2);
    println!("problem: {}", headcount::health().problem().expect("there are some"));
    let snapshot = Collector::new().collect().expect("a snapshot");
    print!("page:\n{}", snapshot.to_text());
}

/// Counts when its thread ends.
struct Last(&'static str);

impl Drop for Last {
    fn drop(&mut self) {
        counter!("ended", "when" => self.0).increment(1);
        let ended = dynamic::counter("own_ended_total", "Ended.").register();
        ended.expect("nothing contradicts it").inc();
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Destructors of a thread run in an order that nobody promises: one is registered before the
/// thread's first use of the recorder, and one after.
fn ends() {
    for _ in 0..20 {
        let thread = thread::spawn(|| {
            BEFORE.replace(Some(Last("before")));
            counter!("began").increment(1);
            AFTER.replace(Some(Last("after")));
        });
        thread.join().expect("it ends well");
        // One that records nothing until it ends.
        let thread = thread::spawn(|| drop(BEFORE.replace(Some(Last("only")))));
        thread.join().expect("it ends well");
    }
}

fn exits() {
    let done: &AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
    for thread in 0..4 {
        thread::spawn(move || {
            for number in 0.. {
                counter!(format!("made_{thread}_{number}")).increment(1);
                counter!("made", "thread" => thread.to_string()).increment(1);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while done.load(Ordering::Relaxed) < 200 {
        thread::yield_now();
    }
    println!("done: {}", done.load(Ordering::Relaxed));
}
