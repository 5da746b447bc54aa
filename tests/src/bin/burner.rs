//! A program under test: it burns processor time, or watches others burn it.

#![allow(clippy::print_stdout, reason = "what was seen is printed")]

use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use headcount::{
    Collector, Config, Counter, Info, LabelValue, Number, ProcessMetrics, Snapshot, StateSet,
    Value, metric,
};
use nix::sys::resource::{Resource, setrlimit};

/// Rounds of burning.
#[metric(name = "burnt_total")]
static BURNT: Counter;

/// Whether it burns.
#[derive(LabelValue)]
enum Fire {
    Lit,
    Out,
}

/// How it goes.
#[metric(name = "fire", mode = "liveall")]
static FIRE: StateSet<Fire>;

/// What it is.
#[metric(name = "burner_info", labels(version = "1 \"a\""))]
static ABOUT: Info;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["burn", directory] => {
            headcount::init(Config::new().directory(directory)).expect("the directory is fit");
            let _ = ABOUT;
            FIRE.set(Fire::Out);
            FIRE.set(Fire::Lit);
            loop {
                BURNT.inc_by((0..100_000).fold(0, |sum, i| black_box(sum + i)) & 1);
            }
        }
        ["watch", directory] => watch(directory, usize::MAX),
        ["watch-without-files", directory] => {
            // Whoever writes beyond this gets a signal and dies.
            setrlimit(Resource::RLIMIT_FSIZE, 0, 0).expect("a lower limit");
            watch(directory, 2);
        }
        ["alone"] => {
            // Without a directory.
            BURNT.inc();
            tell(&collect(&Collector::new()));
        }
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn collect(collector: &Collector) -> Snapshot {
    collector.clone().process_metrics(ProcessMetrics::Sum).collect().expect("a snapshot")
}

/// One line for each collection: when it began, when it was done, and the time of all processors.
fn watch(directory: &str, times: usize) {
    let collector = Collector::from_directory(directory);
    for _ in 0..times {
        let began = now();
        let snapshot = collect(&collector);
        print!("{began} {} ", now());
        tell(&snapshot);
    }
}

fn tell(snapshot: &Snapshot) {
    let family = snapshot.families().iter().find(|f| f.name == "process_cpu_seconds_total");
    match family.and_then(|family| family.series.first()).map(|series| &series.value) {
        Some(Value::Counter(Number::Float(seconds))) => println!("{seconds}"),
        Some(other) => panic!("{other:?}"),
        None => println!("-"),
    }
    for skipped in snapshot.skipped() {
        println!("skipped: {skipped}");
    }
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}
