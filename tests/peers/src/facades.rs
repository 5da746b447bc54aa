//! Recording through a facade, with headcount behind it and with what else can be: the same work,
//! in one process, in turns. And what it costs to declare a metric at run time, and to make a
//! series.
//!
//! `facades [--quick]` prints two tables in Markdown; `tests/peers/run` calls it. `facades families
//! NUMBER` is what it starts for the second one.

use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use headcount::{Config, Counter, Gauge, Histogram, dynamic, metric};
use headcount_peers::machine;
use headcount_peers::measure::{Choice, Effort, Turn, in_turns, pin, running, threads, turn};
use headcount_peers::place::{Place, files};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_util::registry::{AtomicStorage, Registry};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// Counted.
#[metric(name = "beside_total")]
static COUNTER: Counter;
/// A level.
#[metric(name = "beside_level", mode = "livesum")]
static GAUGE: Gauge;
/// Durations.
#[metric(name = "beside_seconds")]
static HISTOGRAM: Histogram;
/// Counted.
#[metric(name = "beside_open_total")]
fn open(queue: &str, tenant: &str) -> Counter;

const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The values of two labels, by turns.
const LABELS: [(&str, &str); 8] = [
    ("mail", "acme"),
    ("mail", "globex"),
    ("images", "initech"),
    ("images", "acme"),
    ("reports", "umbrella-north"),
    ("reports", "umbrella-south"),
    ("billing-retries", "hooli"),
    ("billing-retries", "acme"),
];

const METADATA: Metadata<'_> = Metadata::new("beside", Level::INFO, None);

static OURS: LazyLock<headcount_metrics::Recorder> =
    LazyLock::new(|| headcount_metrics::Builder::new().build());

static EXPORTER: LazyLock<PrometheusRecorder> = LazyLock::new(|| {
    PrometheusBuilder::new().set_buckets(&BOUNDS).expect("bounds").build_recorder()
});

/// The registry that `metrics` offers to recorders, with its atomics and nothing else.
struct Plain(Registry<Key, AtomicStorage>);

static PLAIN: LazyLock<Plain> = LazyLock::new(|| Plain(Registry::atomic()));

impl Recorder for Plain {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        self.0.get_or_create_counter(key, |counter| metrics::Counter::from_arc(counter.clone()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        self.0.get_or_create_gauge(key, |gauge| metrics::Gauge::from_arc(gauge.clone()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        self.0.get_or_create_histogram(key, |histogram| {
            metrics::Histogram::from_arc(histogram.clone())
        })
    }
}

/// OpenTelemetry's meters: ours, and that of the SDK with the exporter for Prometheus.
struct Meters {
    ours: Meter,
    sdk: Meter,
    /// Else the SDK's instruments record nothing.
    _provider: SdkMeterProvider,
}

fn meters() -> Result<Meters, Box<dyn Error>> {
    let exporter = opentelemetry_prometheus::exporter();
    let exporter = exporter.with_registry(prometheus::Registry::new()).build()?;
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let ours = headcount_opentelemetry::Builder::new().build();
    Ok(Meters { ours: ours.meter("beside"), sdk: provider.meter("beside"), _provider: provider })
}

/// What does the same work in a row of the table, in the order of the columns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Facade,
    Macros,
    Registry,
    Exporter,
    Sdk,
    Prometheus,
}

const COLUMNS: [(Column, &str); 6] = [
    (Column::Facade, "headcount"),
    (Column::Macros, "its macros"),
    (Column::Registry, "metrics-util's registry"),
    (Column::Exporter, "metrics-exporter-prometheus"),
    (Column::Sdk, "OpenTelemetry's SDK"),
    (Column::Prometheus, "prometheus"),
];

struct Row {
    name: &'static str,
    choice: Choice,
    turns: Vec<(Column, Turn<'static>)>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, choice: Choice::Least, turns: Vec::new() }
    }

    fn with(mut self, column: Column, turn: Turn<'static>) -> Self {
        self.turns.push((column, turn));
        self
    }

    /// Measures the row, and prints it.
    fn print(self, effort: Effort) {
        let (columns, mut turns): (Vec<_>, Vec<_>) = self.turns.into_iter().unzip();
        let took = in_turns(effort, self.choice, &mut turns);
        let of = |column| Some(took[columns.iter().position(|known| *known == column)?]);
        let figure = |took: Option<f64>| match took {
            None => String::new(),
            Some(took) if took < 10.0 => format!("{took:.2}"),
            Some(took) if took < 100.0 => format!("{took:.1}"),
            Some(took) => format!("{took:.0}"),
        };
        let cells: Vec<String> = COLUMNS.iter().map(|(column, _)| figure(of(*column))).collect();
        let peers = columns.iter().zip(&took);
        let peers = peers.filter(|(column, _)| !matches!(column, Column::Facade | Column::Macros));
        let best = peers.map(|(_, took)| *took).reduce(f64::min);
        let ratio = best.zip(of(Column::Facade)).map(|(best, ours)| best / ours);
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.1}"));
        println!("| {} | {} | {ratio} |", self.name, cells.join(" | "));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let effort = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Effort::FULL,
        ["--quick"] => Effort::QUICK,
        ["families", number] => return families(number.parse()?),
        _ => return Err("facades [--quick]".into()),
    };
    let place = Place::in_memory()?;
    headcount::init(Config::new().directory(place.path()))?;
    println!("{};\n{} turns\n", machine::describe(), effort.rounds());
    let names: Vec<&str> = COLUMNS.iter().map(|(_, name)| *name).collect();
    println!("| operation, ns | {} | best peer : headcount |", names.join(" | "));
    println!("| --- |{}", " ---: |".repeat(COLUMNS.len() + 1));
    // By itself: threads, pinned to processors of their own, must not inherit this one's.
    kept_in_threads().print(effort);
    pin(0);
    let meters = meters()?;
    let rows = [
        kept(),
        level(),
        observed(),
        literals(),
        strings(),
        added(&meters),
        added_with_attributes(&meters),
        bound(&meters),
        recorded(&meters),
    ];
    for row in rows {
        row.print(effort);
    }
    // They stay for ever, and there may be 100,000 families.
    for row in [declared(), series()?] {
        row.print(effort.at_most(Effort::SHORT));
    }
    println!("\n{NOTES}\n");
    print_families()
}

/// What a forked child pays for families that were declared at run time: the least of five runs, as
/// they print it.
fn print_families() -> Result<(), Box<dyn Error>> {
    const NUMBERS: [u32; 3] = [10, 1_000, 10_000];
    const ROWS: [&str; 5] = [
        "a declaration before the first operation, us",
        "first operation of a child that is forked then, ms",
        "private memory that it takes, KiB",
        "blocks of its segment, KiB",
        "first operation of a child of a process that counts, ms",
    ];
    let mut columns = Vec::new();
    for number in NUMBERS {
        let mut least = [f64::INFINITY; ROWS.len()];
        for _ in 0..5 {
            let place = Place::in_memory()?;
            let mut program = Command::new(env::current_exe()?);
            program.args(["families", &number.to_string()]).env("HEADCOUNT_DIR", place.path());
            let output = String::from_utf8(program.output()?.stdout)?;
            let figures: Vec<f64> =
                output.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            if figures.len() != ROWS.len() {
                return Err(format!("{} figures", figures.len()).into());
            }
            least.iter_mut().zip(figures).for_each(|(least, figure)| *least = least.min(figure));
        }
        columns.push(least);
    }
    let numbers = NUMBERS.map(|number| headcount_peers::grouped(number.into()));
    println!("| families declared at run time | {} |", numbers.join(" | "));
    println!("| --- |{}", " ---: |".repeat(NUMBERS.len()));
    for (row, name) in ROWS.iter().enumerate() {
        let figures: Vec<String> =
            columns.iter().map(|column| format!("{:.3}", column[row])).collect();
        println!("| {name} | {} |", figures.join(" | "));
    }
    println!(
        "\nTimes are CPU time, the least of five runs. Each family is a counter without labels."
    );
    Ok(())
}

fn families(number: u32) -> Result<(), Box<dyn Error>> {
    let began = running();
    let counters: Vec<Counter> = (0..number)
        .map(|number| dynamic::counter(format!("family_{number}_total"), "Counted.").register())
        .collect::<Result<_, _>>()?;
    let each = running().saturating_sub(began).as_secs_f64() * 1e6 / f64::from(number);
    let first_operation = || {
        let began = running();
        counters[0].inc();
        running().saturating_sub(began).as_secs_f64() * 1e3
    };
    print!("{each} ");
    in_a_child(|| {
        let before = private_memory();
        let took = first_operation();
        let directory = Config::new().resolved_directory().expect("HEADCOUNT_DIR");
        let (_, blocks) = files(&directory).expect("a readable directory");
        print!("{took} {} {blocks} ", private_memory() - before);
    })?;
    first_operation();
    in_a_child(|| print!("{} ", first_operation()))?;
    Ok(())
}

/// In KiB.
fn private_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

fn in_a_child(what: impl FnOnce()) -> Result<(), Box<dyn Error>> {
    std::io::stdout().flush()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            what();
            std::process::exit(0);
        }
        ForkResult::Parent { child } => drop(waitpid(child, None)?),
    }
    Ok(())
}

const NOTES: &str = "\
The figures are CPU nanoseconds of the calling thread per operation: the least of all turns, with
two threads the median. Of the last two rows there are 9 turns. The column headcount is what a
program gets that is instrumented with the facade, or that declares its metrics at run time; the
column beside it is the same work through headcount's own macros. A histogram of
metrics-exporter-prometheus only keeps its values; sorting them into buckets, for whoever scrapes,
is measured with it. A declaration and a new series include making their names and values; ours are
in the segment when the call returns. The peers count within one process.";

fn which(n: u64) -> (&'static str, &'static str) {
    LABELS[(n % 8) as usize]
}

fn value(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 16")]
    let value = (n % 16) as f64;
    value * 0.75
}

fn key(name: &'static str) -> Key {
    let (queue, tenant) = LABELS[0];
    let labels = [("queue", queue), ("tenant", tenant)];
    let label = |(name, value)| Label::from_static_parts(name, value);
    Key::from_parts(name, labels.map(label).to_vec())
}

fn kept_in_threads() -> Row {
    fn in_threads(counter: &metrics::Counter) -> Turn<'static> {
        threads(2, || {
            let counter = counter.clone();
            move |_| counter.increment(1)
        })
    }
    let key = key("threads_total");
    let ours = open("threads", "two");
    let row = Row::new("`metrics`: a kept counter, two threads");
    Row { choice: Choice::Median, ..row }
        .with(Column::Facade, in_threads(&OURS.register_counter(&key, &METADATA)))
        .with(Column::Macros, threads(2, || move |_| ours.inc()))
        .with(Column::Registry, in_threads(&PLAIN.register_counter(&key, &METADATA)))
        .with(Column::Exporter, in_threads(&EXPORTER.register_counter(&key, &METADATA)))
}

fn kept() -> Row {
    let key = key("kept_total");
    let counter = |recorder: &dyn Recorder| {
        let counter = recorder.register_counter(&key, &METADATA);
        turn(move |_| counter.increment(1))
    };
    let (queue, tenant) = LABELS[0];
    let ours = open(queue, tenant);
    Row::new("`metrics`: a kept counter")
        .with(Column::Facade, counter(&*OURS))
        .with(Column::Macros, turn(move |_| ours.inc()))
        .with(Column::Registry, counter(&*PLAIN))
        .with(Column::Exporter, counter(&*EXPORTER))
}

fn level() -> Row {
    let key = key("level");
    let gauge = |recorder: &dyn Recorder| {
        let gauge = recorder.register_gauge(&key, &METADATA);
        turn(move |n| gauge.set(value(n)))
    };
    Row::new("`metrics`: a kept gauge, `set`")
        .with(Column::Facade, gauge(&*OURS))
        .with(Column::Macros, turn(|n| GAUGE.set(value(n))))
        .with(Column::Registry, gauge(&*PLAIN))
        .with(Column::Exporter, gauge(&*EXPORTER))
}

fn observed() -> Row {
    let key = key("took_seconds");
    let ours = OURS.register_histogram(&key, &METADATA);
    let theirs = EXPORTER.register_histogram(&key, &METADATA);
    let mut record = turn(move |n| theirs.record(value(n)));
    Row::new("`metrics`: a kept histogram, 14 buckets")
        .with(Column::Facade, turn(move |n| ours.record(value(n))))
        .with(Column::Macros, turn(|n| HISTOGRAM.observe(value(n))))
        .with(
            Column::Exporter,
            Box::new(move |times| {
                let began = running();
                let _ = record(times);
                EXPORTER.handle().run_upkeep();
                running().saturating_sub(began)
            }),
        )
}

/// With this recorder as that of the program.
fn within<T: 'static>(
    recorder: &'static (dyn Recorder + Sync),
    operation: impl FnMut(u64) -> T + 'static,
) -> Turn<'static> {
    let mut turn = turn(operation);
    Box::new(move |times| metrics::with_local_recorder(&recorder, || turn(times)))
}

fn literals() -> Row {
    fn count(_: u64) {
        metrics::counter!("literals_total", "queue" => "mail", "tenant" => "acme").increment(1);
    }
    let (queue, tenant) = LABELS[0];
    Row::new("`counter!`, two labels that are literals")
        .with(Column::Facade, within(&*OURS, count))
        .with(Column::Macros, turn(move |_| open(queue, tenant).inc()))
        .with(Column::Registry, within(&*PLAIN, count))
        .with(Column::Exporter, within(&*EXPORTER, count))
}

fn strings() -> Row {
    fn count(n: u64) {
        let (queue, tenant) = which(n);
        metrics::counter!("strings_total", "queue" => queue.to_owned(), "tenant" => tenant.to_owned())
            .increment(1);
    }
    Row::new("`counter!`, two labels that are strings")
        .with(Column::Facade, within(&*OURS, count))
        .with(
            Column::Macros,
            turn(|n| {
                let (queue, tenant) = which(n);
                open(queue, tenant).inc();
            }),
        )
        .with(Column::Registry, within(&*PLAIN, count))
        .with(Column::Exporter, within(&*EXPORTER, count))
}

fn attributes(n: u64) -> [KeyValue; 2] {
    let (queue, tenant) = which(n);
    [KeyValue::new("queue", queue), KeyValue::new("tenant", tenant)]
}

fn added(meters: &Meters) -> Row {
    let add = |meter: &Meter| {
        let counter = meter.u64_counter("added").build();
        turn(move |_| counter.add(1, &[]))
    };
    Row::new("OpenTelemetry: `add` without attributes")
        .with(Column::Facade, add(&meters.ours))
        .with(Column::Macros, turn(|_| COUNTER.inc()))
        .with(Column::Sdk, add(&meters.sdk))
}

fn added_with_attributes(meters: &Meters) -> Row {
    let add = |meter: &Meter| {
        let counter = meter.u64_counter("added.with").build();
        turn(move |n| counter.add(1, &attributes(n)))
    };
    Row::new("OpenTelemetry: `add`, two attributes")
        .with(Column::Facade, add(&meters.ours))
        .with(
            Column::Macros,
            turn(|n| {
                let (queue, tenant) = which(n);
                open(queue, tenant).inc();
            }),
        )
        .with(Column::Sdk, add(&meters.sdk))
}

fn bound(meters: &Meters) -> Row {
    let add = |meter: &Meter| {
        let counter = meter.u64_counter("bound").build().bind(&attributes(0));
        turn(move |_| counter.add(1))
    };
    let (queue, tenant) = LABELS[0];
    let ours = open(queue, tenant);
    Row::new("OpenTelemetry: a bound counter, `add`")
        .with(Column::Facade, add(&meters.ours))
        .with(Column::Macros, turn(move |_| ours.inc()))
        .with(Column::Sdk, add(&meters.sdk))
}

fn recorded(meters: &Meters) -> Row {
    let record = |meter: &Meter| {
        let histogram = meter.f64_histogram("recorded").with_boundaries(BOUNDS.to_vec()).build();
        turn(move |n| histogram.record(value(n), &attributes(n)))
    };
    Row::new("OpenTelemetry: `record`, two attributes, 14 buckets")
        .with(Column::Facade, record(&meters.ours))
        .with(Column::Sdk, record(&meters.sdk))
}

fn declared() -> Row {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = || format!("declared_{}_total", NUMBER.fetch_add(1, Ordering::Relaxed));
    let registry = prometheus::Registry::new();
    Row::new("a declaration at run time: `register`")
        .with(
            Column::Facade,
            turn(move |_| dynamic::counter(name(), "Counted.").register().expect("not too many")),
        )
        .with(
            Column::Prometheus,
            turn(move |_| {
                let counter = prometheus::IntCounter::new(name(), "Counted.").expect("valid");
                registry.register(Box::new(counter.clone())).expect("a new name");
                counter
            }),
        )
}

fn series() -> Result<Row, Box<dyn Error>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let value = || NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    let family = dynamic::counter("series_total", "Counted.").labels(["id", "of"]);
    let family = family.max_series(1_000_000).register_family()?;
    let options = prometheus::Opts::new("series_total", "Counted.");
    let vector = prometheus::IntCounterVec::new(options, &["id", "of"])?;
    Ok(Row::new("a new series: `with_label_values`")
        .with(Column::Facade, turn(move |_| family.with_label_values(&[&value(), "beside"]).inc()))
        .with(
            Column::Prometheus,
            turn(move |_| vector.with_label_values(&[&value(), "beside"]).inc()),
        ))
}
