//! A program under test that is instrumented with OpenTelemetry's API only.
//!
//! ```text
//! facade_opentelemetry DIRECTORY [again]           the load of `facade_compiled`
//! facade_opentelemetry DIRECTORY observed          observable instruments, and forks
//! facade_opentelemetry DIRECTORY held              forks while a callback runs
//! facade_opentelemetry DIRECTORY wrong             what can't be declared
//! facade_opentelemetry DIRECTORY misused           callbacks, threads and a logger that misbehave
//! facade_opentelemetry DIRECTORY exits             threads that declare while the process exits
//! ```

#![expect(clippy::print_stdout, reason = "prints the page")]

use std::cell::RefCell;
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headcount::{Collector, Config, GaugeMode};
use headcount_opentelemetry::{Builder, Matcher};
use headcount_tests::child::{ended_well, forked};
use headcount_tests::load::{Counts, prefork, work};
use headcount_tests::program::this_program;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::waitpid;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{Array, KeyValue, Value, global};

struct Api {
    plain: Counter<u64>,
    calls: Counter<u64>,
    depth: Gauge<f64>,
    took: Histogram<f64>,
    size: Histogram<f64>,
}

impl Api {
    fn new(meter: &Meter) -> Self {
        let size = meter.f64_histogram("size").with_unit("By").with_description("How large.");
        Self {
            plain: meter.u64_counter("plain").with_description("Described before.").build(),
            calls: meter.u64_counter("calls").with_description("Calls, by route.").build(),
            depth: meter.f64_gauge("depth").with_description("Depths.").build(),
            took: meter.f64_histogram("took").with_unit("s").with_description("How long.").build(),
            size: size.with_boundaries(vec![10.0, 1000.0]).build(),
        }
    }
}

impl Counts for Api {
    fn plain(&self, n: u64) {
        self.plain.add(n, &[]);
    }

    fn call(&self, route: &str, method: &str, n: u64) {
        let route = KeyValue::new("route", route.to_owned());
        let method = KeyValue::new("method", method.to_owned());
        // In any order.
        self.calls.add(n, &if n % 2 == 0 { [route, method] } else { [method, route] });
    }

    fn depth(&self, queue: &str, depth: f64) {
        self.depth.record(depth, &[KeyValue::new("queue", queue.to_owned())]);
    }

    fn took(&self, route: &str, seconds: f64) {
        self.took.record(seconds, &[KeyValue::new("route", route.to_owned())]);
    }

    fn size(&self, bytes: f64) {
        self.size.record(bytes, &[]);
    }
}

fn page() -> String {
    Collector::new().collect().expect("a snapshot").to_text()
}

fn main() {
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(&directory)).expect("the directory is fit");
    let provider = Builder::new().scope_labels(false);
    provider.gauge_mode(Matcher::Full("depth".into()), GaugeMode::Sum).install();
    match env::args().nth(2).as_deref() {
        None => load(&directory),
        Some("again") => work(&Api::new(&global::meter("load")), 9),
        Some("observed") => observed(),
        Some("held") => held(),
        Some("wrong") => wrong(),
        Some("misused") => misused(),
        Some("exits") => exits(),
        Some(other) => panic!("{other}"),
    }
}

fn load(directory: &str) {
    let mut again = Command::new(this_program());
    again.args([directory, "again"]);
    // The same instruments twice, as two crates would have them.
    let (first, second) = (Api::new(&global::meter("load")), Api::new(&global::meter("other")));
    prefork(&first, again);
    second.plain(1);
    print!("{}", page());
}

static TOTAL: AtomicU64 = AtomicU64::new(0);

/// A total of which each process has counted a part, and levels.
fn observed() {
    let meter = global::meter("observed");
    let kind = |kind: &'static str| [KeyValue::new("kind", kind)];
    let _ = meter
        .u64_observable_counter("read")
        .with_unit("By")
        .with_callback(move |read| read.observe(TOTAL.load(Ordering::Relaxed), &kind("file")))
        .with_callback(move |read| read.observe(TOTAL.load(Ordering::Relaxed), &kind("socket")))
        // Added up, as several callbacks are.
        .with_callback(move |read| read.observe(1, &kind("socket")))
        .build();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let total = || TOTAL.load(Ordering::Relaxed) as f64;
    let _ = meter
        .f64_observable_counter("used")
        .with_unit("J")
        .with_callback(move |used| used.observe(total() / 4.0, &[]))
        .build();
    let _ = meter
        .i64_observable_up_down_counter("open")
        .with_callback(move |open| open.observe(-3, &kind("file")))
        .build();
    // Only the master has a level.
    let master = std::process::id();
    let _ = meter
        .f64_observable_gauge("level")
        .with_callback(move |level| {
            if std::process::id() == master && TOTAL.load(Ordering::Relaxed) < 100 {
                level.observe(2.5, &kind("master"));
            }
        })
        .build();
    TOTAL.store(10, Ordering::Relaxed);
    assert!(page().contains("read_bytes_total{kind=\"file\"} 10\n"), "{}", page());
    assert!(page().contains("level{kind=\"master\"} 2.5\n"), "{}", page());
    for number in 0..4 {
        let child = forked(|| {
            // The first total here is the parent's.
            let _ = page();
            TOTAL.fetch_add(5, Ordering::Relaxed);
            let _ = page();
            if number == 3 {
                let _ = raise(Signal::SIGKILL);
            }
        });
        if number == 3 {
            waitpid(child, None).expect("it is our child");
        } else {
            ended_well(child).expect("a worker");
        }
    }
    print!("{}", page());
    // Nothing is observed of the level any more.
    TOTAL.store(100, Ordering::Relaxed);
    let page = page();
    assert!(!page.contains("level{"), "{page}");
    assert!(page.contains("read_bytes_total{kind=\"file\"} 120\n"), "{page}");
}

static HOLD: AtomicBool = AtomicBool::new(false);
static HELD: AtomicBool = AtomicBool::new(false);

/// A fork does not wait long for a callback. Its child has the callback's state in the middle of a
/// call that nobody ends.
fn held() {
    let meter = global::meter("held");
    let _ = meter
        .u64_observable_counter("made")
        .with_callback(|made| {
            let began = Instant::now();
            while HOLD.load(Ordering::Relaxed) && began.elapsed() < Duration::from_secs(60) {
                HELD.store(true, Ordering::Relaxed);
                std::thread::yield_now();
            }
            made.observe(TOTAL.load(Ordering::Relaxed), &[]);
        })
        .build();
    TOTAL.store(7, Ordering::Relaxed);
    let _ = page();
    HOLD.store(true, Ordering::Relaxed);
    std::thread::scope(|scope| {
        // Waits for the callback.
        scope.spawn(page);
        while !HELD.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let child = forked(|| {
            HOLD.store(false, Ordering::Relaxed);
            let _ = page();
            TOTAL.store(9, Ordering::Relaxed);
            print!("{}", page());
            std::io::Write::flush(&mut std::io::stdout()).expect("a pipe");
        });
        ended_well(child).expect("the child");
        HOLD.store(false, Ordering::Relaxed);
    });
}

/// Prints what the library reports.
struct Heard;

impl log::Log for Heard {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{}: {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

/// None of it panics, and what is right counts.
fn wrong() {
    log::set_logger(&Heard).expect("the first");
    log::set_max_level(log::LevelFilter::Warn);
    let meter = global::meter("wrong");
    let other = global::meter("other");
    meter.u64_counter("").build().add(1, &[]);
    println!("problem: {}", headcount::health().problem().expect("it is reported"));
    meter.u64_counter("headcount.x").build().add(1, &[]);
    let unsorted = meter.f64_histogram("unsorted").with_boundaries(vec![2.0, 1.0]).build();
    (0..3_000).for_each(|_| unsorted.record(1.5, &[]));
    meter.f64_histogram("nan").with_boundaries(vec![f64::NAN]).build().record(1.5, &[]);
    meter.u64_counter("right").build().add(1, &[]);
    // Another type: that in force stays in force.
    other.f64_counter("right").build().add(0.5, &[]);
    other.i64_gauge("right_total").build().record(5, &[]);
    other.u64_counter("right").build().add(1, &[KeyValue::new("", ""), KeyValue::new("a b", "c")]);
    let many: Vec<KeyValue> = (0..61).map(|n| KeyValue::new(format!("k{n}"), "v")).collect();
    other.u64_counter("right").build().add(1, &many);
    let huge = KeyValue::new("x".repeat(5_000), "y".repeat(5_000));
    other.u64_counter("right").build().add(1, &[huge]);
    other.f64_counter("floats").build().add(f64::NAN, &[KeyValue::new("nan", f64::NAN)]);
    other.f64_counter("floats").build().add(-1.0, &[]);
    print!("{}", page());
}

/// Counts when its thread ends.
struct Last(&'static str);

impl Drop for Last {
    fn drop(&mut self) {
        let ended = global::meter("misused").u64_counter("ended").build();
        ended.add(1, &[KeyValue::new("when", self.0)]);
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Counts what it logs.
struct Counting;

impl log::Log for Counting {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let lines = global::meter("misused").u64_counter("log.lines").build();
        lines.add(1, &[KeyValue::new("level", record.level().as_str())]);
    }

    fn flush(&self) {}
}

fn misused() {
    log::set_logger(&Counting).expect("the first");
    log::set_max_level(log::LevelFilter::Warn);
    let meter = global::meter("misused");
    // The logger hears of this one.
    meter.u64_counter("").build().add(1, &[]);

    // The message would stand in the middle of the page.
    std::panic::set_hook(Box::new(|_| {}));
    // One callback panics, one collects, one makes an instrument; the others go on.
    let _ = meter
        .u64_observable_counter("panics")
        .with_callback(|_| panic!("on purpose"))
        .with_callback(|panics| panics.observe(1, &[]))
        .build();
    let _ = meter
        .i64_observable_gauge("collects")
        .with_callback(|collects| {
            let page = Collector::new().collect().expect("a snapshot").to_text();
            collects.observe(i64::from(page.contains("headcount_processes")), &[]);
        })
        .build();
    let inner = global::meter("inner");
    let is_made = AtomicBool::new(false);
    let _ = meter
        .u64_observable_counter("makes")
        .with_callback(move |makes| {
            makes.observe(3, &[]);
            if !is_made.swap(true, Ordering::Relaxed) {
                let made = inner.u64_observable_counter("made.inside");
                let _ = made.with_callback(|made| made.observe(4, &[])).build();
            }
        })
        .build();

    for _ in 0..10 {
        let thread = std::thread::spawn(|| {
            BEFORE.replace(Some(Last("before")));
            global::meter("misused").u64_counter("began").build().add(1, &[]);
            AFTER.replace(Some(Last("after")));
        });
        thread.join().expect("it ends well");
        let thread = std::thread::spawn(|| drop(BEFORE.replace(Some(Last("only")))));
        thread.join().expect("it ends well");
    }

    let values = meter.u64_counter("values").build();
    let texts = Value::Array(Array::String(vec!["a\0b".into(), "c\n".into()]));
    for value in [Value::from("\0"), "a\nb".into(), "\"".into(), "".into(), true.into(), texts] {
        values.add(1, &[KeyValue::new("v", value)]);
    }
    values.add(1, &[KeyValue::new("v\0w", "x")]);
    // The second round has the instrument that the first one made.
    let _ = page();
    print!("page:\n{}", page());
}

fn exits() {
    let done: &AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
    for thread in 0..4_i64 {
        std::thread::spawn(move || {
            let meter = global::meter("exits");
            for number in 0.. {
                meter.u64_counter(format!("made.{thread}.{number}")).build().add(1, &[]);
                let made = meter.u64_counter("made").build();
                made.add(1, &[KeyValue::new("thread", thread)]);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while done.load(Ordering::Relaxed) < 200 {
        std::thread::yield_now();
    }
    println!("done: {}", done.load(Ordering::Relaxed));
}
