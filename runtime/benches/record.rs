//! What recording costs in this process, in one thread and in several.
//!
//! `fork.rs` measures the first operation after a fork, and `tests/peers/run` compares with other
//! libraries. `tests/tests/cost_instructions.rs` counts instructions and holds them to limits.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use headcount::{
    Config, Counter, Gauge, Histogram, LabelValue, StateSet, Summary, count_exceptions, counted,
    in_progress, metric, timed,
};

// What is not public is measured as it stands.
#[allow(dead_code, reason = "one function of it is measured")]
#[path = "../src/model/native_schema.rs"]
mod native_schema;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory =
        std::path::Path::new("/dev/shm").join(format!("headcount-bench-{}", std::process::id()));
    headcount::init(Config::new().directory(&directory))?;
    // Until durations are taken from the processor's counter.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let _ = is_timed(1);
    }
    divan::main();
    Ok(std::fs::remove_dir_all(directory)?)
}

const THREADS: [usize; 4] = [1, 2, 4, 8];

#[derive(LabelValue, Clone, Copy)]
#[expect(dead_code, reason = "a label has more values than one")]
enum Method {
    Get,
    Post,
}

#[derive(LabelValue, Clone, Copy)]
enum Status {
    Fine,
    Broken,
}

/// Whole numbers.
#[metric(name = "bench_total")]
static COUNTER: Counter;
/// Numbers.
#[metric(name = "bench_sum_total")]
static FLOAT: Counter<f64>;
/// A level.
#[metric(name = "bench_level", mode = "livesum")]
static GAUGE: Gauge;
/// The last level.
#[metric(name = "bench_last_level", mode = "mostrecent")]
static RECENT: Gauge;
/// Durations, in 14 buckets.
#[metric(name = "bench_seconds")]
static HISTOGRAM: Histogram;
/// Sizes, in native buckets.
#[metric(name = "bench_native_bytes", native)]
static NATIVE: Histogram;
/// Sizes.
#[metric(name = "bench_weight")]
static SUMMARY: Summary;
/// A state.
#[metric(name = "bench_status", mode = "liveall")]
static STATUS: StateSet<Status>;
/// Closed labels.
#[metric(name = "bench_closed_total")]
fn closed(method: Method, status: Status) -> Counter;
/// Open labels.
#[metric(name = "bench_open_total")]
fn open(queue: &str, tenant: &str) -> Counter;
/// More of them.
#[metric(name = "bench_open_3_total")]
fn open_3(queue: &str, tenant: &str, region: &str) -> Counter;
/// A number among the labels.
#[metric(name = "bench_number_total")]
fn number(queue: &str, status: u16) -> Counter;
/// Series that are new.
#[metric(name = "bench_new_total", max_series = 1_000_000)]
fn new(row: u32) -> Counter;

#[divan::bench(threads = THREADS)]
fn inc() {
    COUNTER.inc();
}

#[divan::bench(threads = THREADS)]
fn inc_by() {
    COUNTER.inc_by(black_box(3));
}

#[divan::bench(threads = THREADS)]
fn inc_by_float() {
    FLOAT.inc_by(black_box(0.5));
}

#[divan::bench(threads = THREADS)]
fn gauge_set() {
    GAUGE.set(black_box(4.5));
}

#[divan::bench(threads = THREADS)]
fn gauge_add() {
    GAUGE.add(black_box(0.5));
}

#[divan::bench(threads = THREADS)]
fn gauge_track_in_progress() {
    drop(GAUGE.track_in_progress());
}

#[divan::bench(threads = THREADS)]
fn gauge_mostrecent_set() {
    RECENT.set(black_box(4.5));
}

#[divan::bench(threads = THREADS)]
fn observe() {
    HISTOGRAM.observe(black_box(0.3));
}

#[divan::bench(threads = THREADS)]
fn observe_native() {
    NATIVE.observe(black_box(0.3));
}

/// The bit patterns of 64 values from 1 to 1.2 million.
fn native_values() -> Vec<u64> {
    (0..64).map(|n| (f64::from(n) * 0.32).exp2().to_bits()).collect()
}

/// The index of a native bucket alone, for 64 values that do not wait for each other.
#[divan::bench]
fn native_index_of_64(bencher: Bencher<'_, '_>) {
    let values = native_values();
    bencher.counter(ItemsCount::new(values.len())).bench_local(|| {
        for bits in &values {
            black_box(native_schema::finest(black_box(*bits)));
        }
    });
}

/// The same, where each index waits for the one before.
#[divan::bench]
fn native_index_of_64_in_a_chain(bencher: Bencher<'_, '_>) {
    let (values, zero) = (native_values(), black_box(0));
    bencher.counter(ItemsCount::new(values.len())).bench_local(|| {
        values.iter().fold(0, |last, bits| native_schema::finest(bits + (u64::from(last) & zero)))
    });
}

#[divan::bench(threads = THREADS)]
fn observe_summary() {
    SUMMARY.observe(black_box(0.3));
}

#[divan::bench(threads = THREADS)]
fn timer() {
    drop(HISTOGRAM.start_timer());
}

#[divan::bench(threads = THREADS)]
fn time() -> u64 {
    HISTOGRAM.time(|| black_box(1))
}

#[divan::bench(threads = THREADS)]
fn state() {
    STATUS.set(black_box(Status::Broken));
}

#[divan::bench(threads = THREADS)]
fn labels_closed() {
    closed(black_box(Method::Post), black_box(Status::Fine)).inc();
}

#[divan::bench(threads = THREADS)]
fn labels_two_strings() {
    open(black_box("mail"), black_box("tenant-7")).inc();
}

#[divan::bench(threads = THREADS)]
fn labels_three_strings() {
    open_3(black_box("mail"), black_box("tenant-7"), black_box("eu-central-1")).inc();
}

#[divan::bench(threads = THREADS)]
fn labels_string_and_number() {
    number(black_box("mail"), black_box(404)).inc();
}

#[divan::bench(threads = THREADS)]
fn labels_kept(bencher: Bencher<'_, '_>) {
    let handle = open("mail", "tenant-7");
    bencher.bench(|| black_box(handle).inc());
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn labels_new_series(bencher: Bencher<'_, '_>) {
    static ROW: AtomicU32 = AtomicU32::new(0);
    bencher.with_inputs(|| ROW.fetch_add(1, Ordering::Relaxed)).bench_values(|row| new(row).inc());
}

#[counted]
#[inline(never)]
fn is_counted(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[timed]
#[inline(never)]
fn is_timed(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
#[inline(never)]
fn has_all_four(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted(outcome)]
#[timed(outcome)]
#[in_progress]
#[count_exceptions]
#[inline(never)]
fn has_all_four_by_outcome(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[in_progress]
#[inline(never)]
fn is_in_progress(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[count_exceptions]
#[inline(never)]
fn has_exceptions(value: u64) -> Result<u64, u64> {
    black_box(Err(value))
}

#[counted(name = "bench_calls_total", labels(queue), outcome)]
#[inline(never)]
fn is_labelled(queue: &str) -> Result<usize, ()> {
    black_box(Ok(queue.len()))
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
async fn future_has_all_four(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[divan::bench(threads = THREADS)]
fn attribute_counted() -> Result<u64, ()> {
    is_counted(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attribute_timed() -> Result<u64, ()> {
    is_timed(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attribute_in_progress() -> Result<u64, ()> {
    is_in_progress(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attribute_count_exceptions() -> Result<u64, u64> {
    has_exceptions(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attribute_counted_label_outcome() -> Result<usize, ()> {
    is_labelled(black_box("mail"))
}

#[divan::bench(threads = THREADS)]
fn attributes_all_four() -> Result<u64, ()> {
    has_all_four(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attributes_all_four_by_outcome() -> Result<u64, ()> {
    has_all_four_by_outcome(black_box(1))
}

#[divan::bench(threads = THREADS)]
fn attributes_all_four_on_a_future() -> Poll<Result<u64, ()>> {
    let future = pin!(future_has_all_four(black_box(1)));
    future.poll(&mut Context::from_waker(Waker::noop()))
}
