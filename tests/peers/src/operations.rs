//! Recording, in each library as its documentation does it: metrics that are there already, found
//! again by what the caller has.

use std::cell::UnsafeCell;
use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use headcount::Config;
use headcount_peers::opentelemetry::exponential;
use headcount_peers::place::Place;
use measured::CounterVec;
use measured::metric::histogram::Thresholds;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::NativeHistogramConfig;

use crate::case::{Case, Row};
use crate::metrics::{
    BOUNDS, ClientClosed, ClientOpen, MeasuredClosed, MeasuredOpen, Method, QUEUES, RECORDER,
    Status, metrics_counter, metrics_gauge, metrics_histogram, ours, prometheus_histogram,
    prometheus_vector,
};
use crate::{table, timed as functions};
use headcount_peers::machine;
use headcount_peers::measure::{Choice, Effort, Turn, pin, running, threads, turn};

type ClientCounter = prometheus_client::metrics::counter::Counter;
type ClientGauge = prometheus_client::metrics::gauge::Gauge<f64, AtomicU64>;
type ClientHistogram = prometheus_client::metrics::histogram::Histogram;

/// Measures everything and prints it.
pub fn print(effort: Effort) -> Result<(), Box<dyn Error>> {
    let place = Place::in_memory()?;
    headcount::init(Config::new().directory(place.path()))?;
    metrics::set_global_recorder(&*RECORDER)?;
    black_box(&INDEX);
    functions::warm_up();
    tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
    println!("{};\n{} turns\n", machine::describe(), effort.rounds());
    // By itself: threads, pinned to processors of their own, must not inherit this one's.
    let mut rows: Vec<Row> = [1, 2, 4].into_iter().map(|n| counting(n).measure(effort)).collect();
    rows.extend([1, 2].map(|count| native(count).measure(effort)));
    pin(0);
    let cases = [observing(), setting(), closed(), open(), handle(), timing(), attributes()];
    rows.extend(cases.map(|case| case.measure(effort)));
    print!("{}", table::markdown(&rows));
    println!("\n{NOTES}");
    Ok(())
}

const NOTES: &str = "\
The figures are CPU nanoseconds of the calling thread per operation: the least of all turns, with
several threads the median. Every metric is a `static`, and each operation finds it there, as its
library documents it, except for a kept handle.

The floor is what no library can do without: a volatile `u64 += 1` of a word that belongs to the
thread and whose index is read each time, preceded by the choice of a value or of label values where
the row has one. For a kept handle the word's address is kept too. For `set` the floor is a volatile
store of the value; for calls, a plain call between two reads of the clock.

metriken counts with its sharded counters, and its gauges are whole numbers; its histograms have
other buckets and no sum, so that row is empty for it. Native histograms have schema 3, and 64
values from 1 to 1.3 million by turns; OpenTelemetry's exponential histogram has the same buckets.
`tracing` opens and closes a span for a registry that nobody reads, and makes no metric of it.";

/// Sizes for all buckets, by turns.
fn size(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 16")]
    let size = (n % 16) as f64;
    size * 0.75
}

fn which<T: Copy>(of: &[T], n: u64) -> T {
    #[expect(clippy::cast_possible_truncation, reason = "below the length")]
    let index = (n % of.len() as u64) as usize;
    black_box(of[index])
}

thread_local! {
    static ROW: UnsafeCell<[u64; 8]> = const { UnsafeCell::new([0; 8]) };
}

/// 0, which the compiler doesn't know.
static INDEX: AtomicUsize = AtomicUsize::new(0);

/// The thread's own word, by an index that is read each time, as a metric's cell is found.
fn word() -> *mut u64 {
    let index = INDEX.load(Ordering::Relaxed) % 8;
    ROW.with(|row| row.get().cast::<u64>().wrapping_add(index))
}

/// The addition that all counting comes down to.
fn bare() {
    add(word());
}

fn add(place: *mut u64) {
    // SAFETY: this thread's own word, which outlives the call; nobody refers to it.
    let now = unsafe { place.read_volatile() };
    // SAFETY: as above.
    unsafe { place.write_volatile(now.wrapping_add(1)) };
}

fn bare_set(value: f64) {
    // SAFETY: as in `add`.
    unsafe { word().write_volatile(value.to_bits()) };
}

/// One thread as the other operations are measured; several, beside each other.
fn counted<T: 'static>(
    count: u32,
    operation: impl Fn(u64) -> T + Copy + Send + 'static,
) -> Turn<'static> {
    if count == 1 { turn(operation) } else { threads(count, || operation) }
}

/// The addition in memory of a thread's own, as far from everything else as a shard is.
fn bare_counted(count: u32) -> Turn<'static> {
    #[repr(align(4096))]
    struct Page(UnsafeCell<u64>);
    let own = || {
        let page: &'static mut Page = Box::leak(Box::new(Page(UnsafeCell::new(0))));
        move |_| add(black_box(page.0.get_mut()))
    };
    if count == 1 { turn(own()) } else { threads(count, own) }
}

fn counting(count: u32) -> Case<'static> {
    static PROMETHEUS: LazyLock<prometheus::IntCounter> = LazyLock::new(|| {
        prometheus::IntCounter::new("beside_total", "Counted.").expect("a counter")
    });
    static CLIENT: LazyLock<ClientCounter> = LazyLock::new(ClientCounter::default);
    static METRICS: LazyLock<metrics::Counter> = LazyLock::new(|| metrics_counter("beside_total"));
    static MEASURED: LazyLock<measured::Counter> = LazyLock::new(measured::Counter::new);
    static METRIKEN: metriken::ShardedCounterGroup = metriken::ShardedCounterGroup::new(1);
    let name = match count {
        1 => "`inc`, one thread",
        2 => "`inc`, two threads on one counter",
        _ => "`inc`, four threads on one counter",
    };
    let choice = if count == 1 { Choice::Least } else { Choice::Median };
    Case::new(name, counted(count, |_| ours::COUNTER.inc()))
        .choose(choice)
        .floor(bare_counted(count))
        .peer("prometheus", counted(count, |_| PROMETHEUS.inc()))
        .peer("prometheus-client", counted(count, |_| CLIENT.inc()))
        .peer("metrics", counted(count, |_| METRICS.increment(1)))
        .peer("measured", counted(count, |_| MEASURED.inc()))
        .peer("metriken", counted(count, |_| METRIKEN.increment(0)))
}

fn observing() -> Case<'static> {
    static PROMETHEUS: LazyLock<prometheus::Histogram> = LazyLock::new(prometheus_histogram);
    static CLIENT: LazyLock<ClientHistogram> = LazyLock::new(|| ClientHistogram::new(BOUNDS));
    static METRICS: LazyLock<metrics::Histogram> =
        LazyLock::new(|| metrics_histogram("beside_size"));
    static MEASURED: LazyLock<measured::Histogram<14>> =
        LazyLock::new(|| measured::Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)));
    let mut observe_metrics = turn(|n| METRICS.record(size(n)));
    Case::new("`observe`, 14 buckets", turn(|n| ours::HISTOGRAM.observe(size(n))))
        .floor(turn(|n| {
            let _ = black_box(size(n));
            bare();
        }))
        .peer("prometheus", turn(|n| PROMETHEUS.observe(size(n))))
        .peer("prometheus-client", turn(|n| CLIENT.observe(size(n))))
        .peer(
            "metrics",
            Box::new(move |times| {
                // It only keeps the values; sorting them into buckets is for whoever scrapes, and
                // is measured with it.
                let began = running();
                let _ = observe_metrics(times);
                RECORDER.handle().run_upkeep();
                running().saturating_sub(began)
            }),
        )
        .peer("measured", turn(|n| MEASURED.observe(size(n))))
}

/// Sizes of many magnitudes, by turns.
const SPREAD: [f64; 64] = {
    let mut all = [1.0; 64];
    let mut at = 1;
    while at < all.len() {
        all[at] = all[at - 1] * 1.25;
        at += 1;
    }
    all
};

#[expect(clippy::cast_possible_truncation, reason = "below the length")]
fn spread(n: u64) -> f64 {
    SPREAD[(n % SPREAD.len() as u64) as usize]
}

/// Native histograms of schema 3, and OpenTelemetry's exponential one of as many buckets.
fn native(count: u32) -> Case<'static> {
    static CLIENT: LazyLock<ClientHistogram> =
        LazyLock::new(|| ClientHistogram::new_native(NativeHistogramConfig::with_schema(3)));
    static OPENTELEMETRY: LazyLock<(SdkMeterProvider, opentelemetry::metrics::Histogram<f64>)> =
        LazyLock::new(|| exponential(1));
    let name = match count {
        1 => "`observe`, native, one thread",
        _ => "`observe`, native, two threads on one histogram",
    };
    let choice = if count == 1 { Choice::Least } else { Choice::Median };
    Case::new(name, counted(count, |n| ours::NATIVE.observe(spread(n))))
        .choose(choice)
        .floor(bare_counted(count))
        .peer("prometheus-client", counted(count, |n| CLIENT.observe(spread(n))))
        .peer("opentelemetry", counted(count, |n| OPENTELEMETRY.1.record(spread(n), &[])))
}

fn setting() -> Case<'static> {
    type MeasuredGauge = measured::metric::Metric<measured::metric::gauge::FloatGaugeState>;
    static PROMETHEUS: LazyLock<prometheus::Gauge> =
        LazyLock::new(|| prometheus::Gauge::new("beside_level", "A level.").expect("a gauge"));
    static CLIENT: LazyLock<ClientGauge> = LazyLock::new(ClientGauge::default);
    static METRICS: LazyLock<metrics::Gauge> = LazyLock::new(|| metrics_gauge("beside_level"));
    static MEASURED: LazyLock<MeasuredGauge> = LazyLock::new(MeasuredGauge::new);
    static METRIKEN: metriken::Gauge = metriken::Gauge::new();
    Case::new("gauge `set`", turn(|n| ours::GAUGE.set(size(n))))
        .floor(turn(|n| bare_set(size(n))))
        .peer("prometheus", turn(|n| PROMETHEUS.set(size(n))))
        .peer("prometheus-client", turn(|n| CLIENT.set(size(n))))
        .peer("metrics", turn(|n| METRICS.set(size(n))))
        .peer("measured", turn(|n| MEASURED.set(size(n))))
        .peer("metriken", turn(|n| METRIKEN.set(n.cast_signed())))
}

fn closed() -> Case<'static> {
    let labels = |n| (which(&Method::ALL, n), which(&Status::ALL, n));
    let prometheus = prometheus_vector(["method", "status"]);
    let client = Family::<ClientClosed, ClientCounter>::default();
    let measured = CounterVec::<crate::metrics::MeasuredClosedSet>::new();
    Case::new(
        "`inc`, two labels that are enums",
        turn(move |n| {
            let (method, status) = labels(n);
            ours::closed(method, status).inc();
        }),
    )
    .floor(turn(move |n| {
        let _ = labels(n);
        bare();
    }))
    .peer(
        "prometheus",
        turn(move |n| {
            let (method, status) = labels(n);
            prometheus.with_label_values(&[method.as_str(), status.as_str()]).inc();
        }),
    )
    .peer(
        "prometheus-client",
        turn(move |n| {
            let (method, status) = labels(n);
            client.get_or_create(&ClientClosed { method, status }).inc();
        }),
    )
    .peer(
        "metrics",
        turn(move |n| {
            let (method, status) = labels(n);
            metrics::counter!("closed", "method" => method.as_str(), "status" => status.as_str())
                .increment(1);
        }),
    )
    .peer(
        "measured",
        turn(move |n| {
            let (method, status) = labels(n);
            measured.inc(MeasuredClosed { method, status });
        }),
    )
}

fn open() -> Case<'static> {
    let prometheus = prometheus_vector(["queue", "tenant"]);
    let client = Family::<ClientOpen, ClientCounter>::default();
    let measured = CounterVec::<crate::metrics::MeasuredOpenSet>::new();
    Case::new(
        "`inc`, two labels that are strings",
        turn(|n| {
            let (queue, tenant) = which(&QUEUES, n);
            ours::open(queue, tenant).inc();
        }),
    )
    .floor(turn(|n| {
        let _ = which(&QUEUES, n);
        bare();
    }))
    .peer(
        "prometheus",
        turn(move |n| {
            let (queue, tenant) = which(&QUEUES, n);
            prometheus.with_label_values(&[queue, tenant]).inc();
        }),
    )
    .peer(
        "prometheus-client",
        turn(move |n| {
            let (queue, tenant) = which(&QUEUES, n);
            let labels = ClientOpen { queue: queue.to_owned(), tenant: tenant.to_owned() };
            client.get_or_create(&labels).inc();
        }),
    )
    .peer(
        "metrics",
        turn(|n| {
            let (queue, tenant) = which(&QUEUES, n);
            metrics::counter!("open", "queue" => queue.to_owned(), "tenant" => tenant.to_owned())
                .increment(1);
        }),
    )
    .peer(
        "measured",
        turn(move |n| {
            let (queue, tenant) = which(&QUEUES, n);
            measured.inc(MeasuredOpen { queue, tenant });
        }),
    )
}

fn handle() -> Case<'static> {
    static METRIKEN: metriken::CounterFamily = metriken::CounterFamily::new();
    let (queue, tenant) = ("mail", "acme");
    let ours = ours::open(queue, tenant);
    let prometheus = prometheus_vector(["queue", "tenant"]).with_label_values(&[queue, tenant]);
    let client = Family::<ClientOpen, ClientCounter>::default();
    let labels = ClientOpen { queue: queue.into(), tenant: tenant.into() };
    let client = client.get_or_create_owned(&labels);
    let metrics = metrics::counter!("handle", "queue" => queue, "tenant" => tenant);
    let measured = CounterVec::<crate::metrics::MeasuredOpenSet>::new();
    let id = measured.with_labels(MeasuredOpen { queue, tenant });
    let metriken = METRIKEN.member([("queue", queue), ("tenant", tenant)]);
    let mut word = 0;
    Case::new("`inc`, a kept handle", turn(move |_| ours.inc()))
        .floor(turn(move |_| add(&raw mut word)))
        .peer("prometheus", turn(move |_| prometheus.inc()))
        .peer("prometheus-client", turn(move |_| client.inc()))
        .peer("metrics", turn(move |_| metrics.increment(1)))
        .peer("measured", turn(move |_| measured.get_metric(id).inc()))
        .peer("metriken", turn(move |_| metriken.increment()))
}

fn timing() -> Case<'static> {
    static PROMETHEUS: LazyLock<prometheus::Histogram> = LazyLock::new(prometheus_histogram);
    static CLIENT: LazyLock<ClientHistogram> = LazyLock::new(|| ClientHistogram::new(BOUNDS));
    static MEASURED: LazyLock<measured::Histogram<14>> =
        LazyLock::new(|| measured::Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)));
    Case::new("a timed call", turn(functions::ours))
        .floor(turn(functions::between_two_reads))
        .peer(
            "prometheus",
            turn(|n| {
                let _timer = PROMETHEUS.start_timer();
                functions::plain(n)
            }),
        )
        .peer(
            "prometheus-client",
            turn(|n| {
                let (result, took) = functions::between_two_reads(n);
                CLIENT.observe(took.as_secs_f64());
                result
            }),
        )
        .peer(
            "measured",
            turn(|n| {
                let (result, took) = functions::between_two_reads(n);
                MEASURED.observe(took.as_secs_f64());
                result
            }),
        )
}

fn attributes() -> Case<'static> {
    Case::new("an annotated call, all four", turn(functions::ours_with_all_four))
        .floor(turn(functions::between_two_reads))
        .peer("autometrics", turn(functions::autometrics))
        .peer("tracing", turn(functions::tracing))
}
