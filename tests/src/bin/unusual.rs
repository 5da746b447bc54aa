//! A program under test for what is odd but allowed: labels without end, two declarations of one
//! family, functions and loggers that take locks. Each scenario is one command and checks what it
//! can see itself; `process_unusual.rs` starts them.

#![allow(clippy::print_stdout, reason = "what a scenario has done is printed")]
#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::File;
use std::io::{Read, Write, stdin};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use headcount::{
    Collector, Config, Counter, Gauge, Histogram, LabelValue, counted, linear_buckets, metric,
};
use headcount_tests::child::{ended_well, forked, in_child};
use headcount_tests::eventually;
use headcount_tests::page::Page;
use log::{LevelFilter, Log, Metadata, Record};
use nix::sys::resource::{Resource, setrlimit};

/// What every scenario counts.
#[metric(name = "work_total")]
static WORK: Counter;
/// Counted in fractions.
#[metric(name = "energy_total")]
static ENERGY: Counter<f64>;
/// Calls of each tenant.
#[metric(name = "tenant_calls_total")]
fn calls(tenant: &str) -> Counter;
/// So many lines with so much in them that few series make a page that nobody takes.
#[metric(name = "wordy", buckets = linear_buckets::<99>(1.0, 1.0), max_series = 70_000)]
fn wordy(one: &str, two: &str, three: &str) -> Histogram;
/// Asked.
#[metric(name = "asked_total")]
static ASKED: Counter;
/// Asked, with a lock.
#[metric(name = "with_lock", mode = "livesum")]
static WITH_LOCK: Gauge;
/// Asked, without.
#[metric(name = "without_lock", mode = "livesum")]
static WITHOUT_LOCK: Gauge;

mod one {
    use headcount::{Counter, Info, metric};
    #[metric(name = "visits_total", help = "Visits.", max_series = 50)]
    pub(super) fn visits(page: &str) -> Counter;
    #[metric(name = "build_info", help = "What was built.")]
    pub(super) fn build(version: &str) -> Info;
}

mod other {
    use headcount::{Counter, Info, metric};
    #[metric(name = "visits_total", help = "Visits.", max_series = 50)]
    pub(super) fn visits(page: &str) -> Counter;
    #[metric(name = "build_info", help = "What was built.")]
    pub(super) fn build(version: &str) -> Info;
}

#[derive(Clone, Copy, LabelValue)]
enum AOrB {
    A,
    B,
}

#[derive(Clone, Copy, LabelValue)]
enum BOrC {
    B,
    C,
}

#[derive(Clone, Copy, LabelValue)]
enum COrD {
    C,
    D,
}

#[derive(Clone, Copy, LabelValue)]
enum BToD {
    B,
    C,
    D,
}

// The labels of both sites of a family read the same one after the other; those of the first have
// as many cells, those of the second fewer.
#[counted(name = "square_total", help = "Sites.", labels(x = "a", y: BOrC = y))]
fn square_a(y: BOrC) {}
#[counted(name = "square_total", help = "Sites.", labels(x: AOrB = x, y = "c"))]
fn square_c(x: AOrB) {}
#[counted(name = "oblong_total", help = "Sites.", labels(x = "a", y: BToD = y))]
fn oblong_a(y: BToD) {}
#[counted(name = "oblong_total", help = "Sites.", labels(x: AOrB = x, y: COrD = y))]
fn oblong_cd(x: AOrB, y: COrD) {}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [_, directory] = *arguments {
        // Nobody but a scenario asks the functions.
        let config = Config::new().directory(directory).sample_interval(Duration::from_secs(3600));
        headcount::init(config).expect("the directory is fit");
    }
    match *arguments {
        ["obey", _] => obey(),
        ["work", _] => WORK.inc_by(100),
        ["wordy", _] => be_wordy(),
        ["sites", _] => sites(),
        ["few-descriptors", directory] => few_descriptors(directory),
        ["remove-in-parent", directory] => remove_in_parent(directory, false),
        ["remove-and-make-again", directory] => remove_in_parent(directory, true),
        ["two-declarations", directory] => two_declarations(directory),
        ["energy", _] => {
            ENERGY.inc_by(1234.5678);
            WORK.inc();
        }
        ["function-with-lock", directory] => function_with_lock(directory),
        ["function-twice", directory] => function_twice(directory),
        ["function-in-child", directory] => function_in_child(directory),
        ["logger-with-lock"] => logger_with_lock(),
        ["logger-that-panics"] => logger_that_panics(),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn page(directory: &str) -> Page {
    let text = Collector::from_directory(directory).collect().expect("a snapshot").to_text();
    Page::parse(&text).expect("a page")
}

/// Counts 5, and then 7 for each line of its input.
fn obey() {
    WORK.inc_by(5);
    println!("ready");
    for line in stdin().lines() {
        line.expect("text");
        WORK.inc_by(7);
        println!("counted");
    }
}

/// A series of it is 330 KiB of labels on a page.
fn be_wordy() {
    WORK.inc_by(5);
    let long = "x".repeat(1024);
    for i in 0..1000 {
        wordy(&format!("{i:01024}"), &long, &long).observe(0.5);
    }
    // What there is goes on, whatever was refused.
    WORK.inc_by(2);
    wordy(&format!("{:01024}", 0), &long, &long).observe(0.5);
    let health = headcount::health();
    let problem = health.problem().expect("the last series were refused").to_string();
    assert!(problem.contains("allocate space in the segment"), "{problem}");
    assert!(health.is_shared());
}

fn sites() {
    (0..10).for_each(|_| square_a(BOrC::C));
    square_a(BOrC::B);
    (0..4).for_each(|_| square_c(AOrB::B));
    square_c(AOrB::A);

    [BToD::B, BToD::C, BToD::D].into_iter().for_each(oblong_a);
    (0..100).for_each(|_| oblong_cd(AOrB::B, COrD::D));
    oblong_cd(AOrB::B, COrD::C);
    // Whose cell stands where a site finds one too many.
    calls("bystander").inc();
}

/// Collects while another thread takes all descriptors, gives them back, and takes them again: each
/// time it is all, or an error.
fn few_descriptors(directory: &str) {
    const OF_EACH: u32 = 500;
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64).expect("less is always allowed");
    WORK.inc();
    // The living, the archive, and those of the dead who aren't in it.
    let expected = page(directory).at("work_total");
    thread::spawn(|| {
        loop {
            let mut taken = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                taken.push(file);
            }
            // Neither side has them for much longer than a collection takes: most collections meet
            // a change.
            thread::sleep(Duration::from_millis(1));
            drop(taken);
            thread::sleep(Duration::from_millis(1));
        }
    });
    let collector = Collector::from_directory(directory).auto_compact(false);
    let (mut errors, mut pages) = (0, 0);
    eventually("some collections work, and some don't", || {
        for _ in 0..100 {
            let Ok(snapshot) = collector.collect() else {
                errors += 1;
                continue;
            };
            assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
            let page = Page::parse(&snapshot.to_text()).expect("a page");
            assert_eq!(page.value("work_total"), Some(expected));
            pages += 1;
        }
        (errors >= OF_EACH && pages >= OF_EACH).then_some(())
    });
    println!("{errors} errors, {pages} pages");
}

/// The child begins to count only when its parent has removed, or removed and made again.
fn remove_in_parent(directory: &str, comes_back: bool) {
    const SERIES: &str = "tenant_calls_total{tenant=\"x\"}";
    // It has the series, as children do; what it has counted in it is nothing.
    let shown = || page(directory).value(SERIES).unwrap_or(0.0);
    calls("x").inc_by(5);
    let (mut ours, mut childs) = UnixStream::pair().expect("a pair");
    let child = forked(|| {
        let mut byte = [0];
        childs.read_exact(&mut byte).expect("told to count");
        WORK.inc();
        childs.write_all(&byte).expect("heard");
        childs.read_exact(&mut byte).expect("told to end");
    });
    assert_eq!(shown(), 5.0);
    assert!(calls("x").remove());
    if comes_back {
        calls("x").inc_by(2);
    }
    let expected = if comes_back { 2.0 } else { 0.0 };
    assert_eq!(shown(), expected);
    ours.write_all(b"x").expect("heard");
    ours.read_exact(&mut [0]).expect("it has counted");
    assert_eq!(page(directory).at("headcount_processes{state=\"live\"}"), 2.0);
    assert_eq!(shown(), expected, "while the child lives");
    ours.write_all(b"x").expect("heard");
    assert_eq!(ended_well(child), Ok(()));
    assert_eq!(shown(), expected, "after it");
}

fn two_declarations(directory: &str) {
    for i in 0..120 {
        let name = format!("{i}");
        one::visits(&name).inc();
        other::visits(&name).inc();
        let removed = headcount::remove_matching("visits_total", &[("page", &name)]);
        assert_eq!(removed, 1, "both declarations mean one series: {i}");
    }
    one::visits("first").inc();
    other::visits("second").inc();
    other::visits("first").inc();
    one::build("1").set();
    other::build("2").set();
    let page = page(directory);
    page.assert(&[
        ("visits_total{page=\"first\"}", 2.0),
        ("visits_total{page=\"second\"}", 1.0),
        ("build_info{version=\"2\"}", 1.0),
    ]);
    assert_eq!(page.value("visits_total{page=\"_other\"}"), None);
    assert_eq!(page.value("build_info{version=\"1\"}"), None, "replaced");
}

fn function_with_lock(directory: &str) {
    static LOCK: Mutex<f64> = Mutex::new(3.0);
    WITH_LOCK.set_function(|| *LOCK.lock().unwrap_or_else(PoisonError::into_inner));
    let held = LOCK.lock().expect("nobody panicked");
    WITHOUT_LOCK.set_function(|| 1.0);
    // Another process sees it: it was asked at once. A collection here would ask both again.
    in_child(|| assert_eq!(page(directory).at("without_lock"), 1.0));
    drop(held);
    page(directory).assert(&[("with_lock", 3.0), ("without_lock", 1.0)]);
}

fn function_twice(directory: &str) {
    ASKED.set_function(|| 7);
    assert_eq!(page(directory).at("asked_total"), 7.0);
    ASKED.set_function(|| 7);
    assert_eq!(page(directory).at("asked_total"), 7.0, "the same 7");
    assert_eq!(page(directory).at("asked_total"), 7.0);
}

fn function_in_child(directory: &str) {
    WORK.inc();
    in_child(|| {
        ASKED.set_function(|| 7);
        assert_eq!(page(directory).at("asked_total"), 7.0);
    });
    assert_eq!(page(directory).at("asked_total"), 7.0);
}

/// Counts what it is told while it holds its lock, and panics then if it is so made.
struct Logger {
    panics: bool,
    said: Mutex<Vec<String>>,
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        WORK.inc();
        said.push(record.args().to_string());
        assert!(!self.panics, "a logger that is broken");
    }

    fn flush(&self) {}
}

impl Logger {
    fn has_heard(&self, what: &str) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().any(|line| line.contains(what))
    }

    fn start(&'static self) {
        log::set_logger(self).expect("the first");
        log::set_max_level(LevelFilter::Info);
    }

    fn hears_that_counting_is_private(&self) {
        eventually("the logger is told", || {
            self.has_heard("counting in private memory").then_some(())
        });
        let text = Collector::new().collect().expect("its own").to_text();
        // Its own message counted one, ours the other.
        assert_eq!(Page::parse(&text).expect("a page").at("work_total"), 2.0);
    }
}

/// The first to count is the logger, and what the library tells of that goes to the logger.
fn logger_with_lock() {
    static LOGGER: Logger = Logger { panics: false, said: Mutex::new(Vec::new()) };
    LOGGER.start();
    log::info!("ours");
    assert!(LOGGER.has_heard("ours"));
    LOGGER.hears_that_counting_is_private();
}

fn logger_that_panics() {
    static LOGGER: Logger = Logger { panics: true, said: Mutex::new(Vec::new()) };
    LOGGER.start();
    WORK.inc();
    LOGGER.hears_that_counting_is_private();
}
