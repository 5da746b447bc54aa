//! Metrics of every kind, and what one process counts in them.

use std::thread;

use headcount::{
    Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary, counted, in_progress, metric,
    timed,
};

/// Things made.
#[metric(name = "made_total")]
pub(crate) static MADE: Counter;

/// Money spent: "much", of \ kinds.
#[metric(name = "spent_euros_total", unit = "euros")]
static SPENT: Counter<f64>;

#[derive(Debug, Clone, Copy, LabelValue)]
enum Method {
    Get,
    Post,
}

/// Requests served.
#[metric(name = "requests_total")]
fn requests(method: Method, path: &str) -> Counter;

/// Calls of one tenant each.
#[metric(name = "tenant_calls_total")]
pub(crate) fn tenant_calls(tenant: &str) -> Counter;

/// Money of one tenant each.
#[metric(name = "tenant_euros_total", unit = "euros")]
pub(crate) fn tenant_euros(tenant: &str) -> Counter<f64>;

/// Of each process.
#[metric(name = "level_all", mode = "all")]
static ALL: Gauge;

/// Of each living process.
#[metric(name = "level_liveall", mode = "liveall")]
static LIVE_ALL: Gauge;

/// The least.
#[metric(name = "level_min", mode = "min")]
static MIN: Gauge;

/// The least of the living.
#[metric(name = "level_livemin", mode = "livemin")]
static LIVE_MIN: Gauge;

/// The greatest.
#[metric(name = "level_max", mode = "max")]
static MAX: Gauge;

/// The greatest of the living.
#[metric(name = "level_livemax", mode = "livemax")]
static LIVE_MAX: Gauge;

/// All together.
#[metric(name = "level_added", mode = "sum")]
pub(crate) static ADDED: Gauge;

/// All living together.
#[metric(name = "level_livesum", mode = "livesum")]
static LIVE_SUM: Gauge;

/// Set last.
#[metric(name = "level_mostrecent", mode = "mostrecent")]
pub(crate) static MOST_RECENT: Gauge;

/// Set last by the living.
#[metric(name = "level_livemostrecent", mode = "livemostrecent")]
static LIVE_MOST_RECENT: Gauge;

/// Set by nobody.
#[metric(name = "level_unset", mode = "max")]
static UNSET: Gauge;

/// Jobs done, by queue.
#[metric(name = "queue_level", mode = "sum")]
pub(crate) fn queue_level(queue: &str) -> Gauge;

/// Sizes.
#[metric(name = "size_bytes", buckets = [0.1, 10.0, 1e3], unit = "bytes")]
pub(crate) static SIZE: Histogram;
/// Sizes in buckets of their own.
#[metric(name = "native_bytes", native)]
static NATIVE: Histogram;
/// Durations in buckets of their own.
#[metric(name = "native_seconds", native(schema = 1))]
fn native(queue: &str) -> Histogram;

/// What was traced.
#[metric(name = "traced_total", exemplars)]
pub(crate) static TRACED: Counter;
/// Sizes of what was traced.
#[metric(name = "traced_bytes", buckets = [1.0, 10.0], exemplars)]
pub(crate) static TRACED_SIZE: Histogram;

/// Sizes by queue.
#[metric(name = "queue_size_bytes", buckets = [1.0, 2.0])]
pub(crate) fn queue_size(queue: &str) -> Histogram;

/// Weights.
#[metric(name = "weight_grams")]
static WEIGHT: Summary;

/// What was built.
#[metric(name = "remains_build_info")]
fn build(version: &str) -> Info;

/// What was done.
#[metric(name = "remains_job_info", mode = "max")]
fn job(number: &str) -> Info;

#[derive(LabelValue)]
enum Phase {
    Starting,
    Serving,
}

/// What each process does.
#[metric(name = "phase_all", mode = "all")]
static PHASE_OF_ALL: StateSet<Phase>;

/// What the last one began to do.
#[metric(name = "phase_mostrecent", mode = "mostrecent")]
static LAST_PHASE: StateSet<Phase>;

/// How many living ones do what.
#[metric(name = "phase_livesum", mode = "livesum")]
static PHASES: StateSet<Phase>;

#[counted(name = "steps_total", labels(queue), outcome)]
#[timed(name = "step_seconds", buckets = [1e-9, 0.001, 1.0])]
#[in_progress(name = "steps_now", oldest)]
fn step(queue: &str, fails: bool) -> Result<(), ()> {
    inner_step();
    if fails { Err(()) } else { Ok(()) }
}

#[timed(name = "inner_step_seconds", summary)]
fn inner_step() {
    thread::yield_now();
}

/// Something of every kind, and something else for each `n`.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(crate) fn count(n: u64) {
    let x = n as f64 / 7.0;
    MADE.inc_by(n);
    // Parts that a sum in another order would round otherwise.
    for part in [0.1 * x, 1e16 / x, 1e-9, 3.3 * x] {
        SPENT.inc_by(part);
        NATIVE.observe(part);
        // Infinities of both signs would come to a sum that equals nothing.
        NATIVE.observe(-part.min(f64::MAX));
        native("a").observe(part * 1e-3);
        SIZE.observe(part);
        WEIGHT.observe(part / 3.0);
        tenant_euros("acme").inc_by(part);
    }
    requests(Method::Get, "/").inc_by(n);
    requests(Method::Post, "/a \"b\"\\\n").inc();
    requests(Method::Post, if n % 2 == 0 { "/even" } else { "/odd" }).inc();
    tenant_calls("acme").inc();
    for gauge in [
        ALL,
        LIVE_ALL,
        MIN,
        LIVE_MIN,
        MAX,
        LIVE_MAX,
        ADDED,
        LIVE_SUM,
        MOST_RECENT,
        LIVE_MOST_RECENT,
    ] {
        gauge.set(x - 2.0);
    }
    let _ = UNSET;
    queue_level(if n % 3 == 0 { "mail" } else { "print" }).add(x);
    queue_size("mail").observe(x);
    build("1.2.3").set();
    job(if n % 2 == 0 { "even" } else { "odd" }).set();
    for phases in [PHASE_OF_ALL, LAST_PHASE, PHASES] {
        phases.set(Phase::Starting);
        if n % 2 == 0 {
            phases.set(Phase::Serving);
        }
    }
    for i in 0..n % 5 {
        let _ = step("mail", i == 2);
    }
    // In a shard of another thread.
    thread::spawn(|| MADE.inc()).join().expect("it ends well");
}
