//! Every kind of metric, as a `static` and as a family, and every way to name one.

#![deny(warnings)]
#![forbid(dead_code)]

use headcount::{
    Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary, count_exceptions, counted,
    exponential_buckets, in_progress, linear_buckets, metric, timed,
};

pub const NAMESPACE: &str = "shop";
const NOTHING: &str = "";
const COMMIT: &str = "abc123";

mod names {
    pub const SUBSYSTEM: &str = "till";
    pub const BOUNDS: &[f64] = &[1.0, 2.0];

    pub const fn bounds() -> [f64; 2] {
        [1.0, 2.0]
    }
}

#[derive(Clone, Copy, Debug, LabelValue)]
pub enum Phase {
    Starting,
    Serving,
}

/// Energy.
#[metric(name = "energy_joules_total", unit = "joules")]
static ENERGY: Counter<f64>;

/// Energy by room.
#[metric(name = "room_joules_total")]
fn room(name: &str) -> Counter<f64>;

/// Phases.
#[metric(name = "phase", mode = "livesum")]
static PHASE: StateSet<Phase>;

/// Phases by floor.
#[metric(name = "floor_phase", mode = "livemostrecent")]
fn floor(floor: u8, closed: bool) -> headcount::StateSet<Phase>;

/// A type under another name is asked what it is.
type Phases = StateSet<Phase>;

/// Phases.
#[metric(name = "renamed_phase", mode = "all")]
static RENAMED: Phases;

type Said = Info;

/// Nothing has to touch what is there from the start.
#[metric(name = "shop_info", labels(version = env!("CARGO_PKG_VERSION"), commit = COMMIT, floors = 3, open = true))]
static SHOP: Info;

/// The same.
#[metric(name = "renamed_info", labels(r#type = "x"))]
static SAID: Said;

/// What is known when it runs.
#[metric(name = "host_info")]
fn host(name: &str, cores: u16) -> Info;

headcount::build_info!(commit = COMMIT, target = "any",);
headcount::build_info!(mode = "max");
headcount::build_info!(mode = "livemax", commit = COMMIT, r#mode = "release",);

/// What was done.
#[metric(name = "job_info", mode = "max")]
fn job(file: &str) -> Said;

/// Depth.
#[metric(name = "depth", mode = "mostrecent")]
static DEPTH: Gauge;

/// Depth.
#[metric(name = "depth_of", mode = "livemostrecent")]
fn depth_of(queue: &str) -> Gauge;

/// In parts.
#[metric(namespace = "shop", subsystem = "till", name = "coins_total")]
static COINS: Counter;

/// In parts that are constants.
#[metric(namespace = NAMESPACE, subsystem = names::SUBSYSTEM, name = "notes_total")]
static NOTES: Counter;

/// An empty constant is left out.
#[metric(namespace = NOTHING, subsystem = NOTHING, name = "cards_total")]
fn cards(of: &str) -> Counter;

/// With a digit.
#[metric(namespace = crate::NAMESPACE, name = "1st_gauge", mode = "max")]
static FIRST: Gauge;

/// Steps.
#[metric(name = "steps", buckets = linear_buckets::<10>(0.0, 0.1))]
static STEPS: Histogram;

/// Powers.
#[metric(name = "powers", buckets = headcount::exponential_buckets::<10>(1.0, 2.0))]
fn powers(of: &str) -> Histogram;

/// Bounds.
#[metric(name = "bounds", buckets = names::BOUNDS)]
static BOUNDS: Histogram;

/// Bounds by reference, and by a function of the program's own.
#[metric(name = "more_bounds", buckets = &names::BOUNDS)]
static MORE: Histogram;

/// Bounds.
#[metric(name = "own_bounds", buckets = names::bounds())]
static OWN: Histogram;

/// Sums.
#[metric(name = "sums", namespace = NAMESPACE)]
static SUMS: Summary;

#[counted(name = "calls_total", namespace = "shop")]
#[counted(name = "calls_total", namespace = NAMESPACE, subsystem = "till", labels(n))]
#[timed(name = "call_seconds", namespace = NAMESPACE, buckets = exponential_buckets::<8>(0.001, 2.0), labels(n))]
#[timed(name = "other_seconds", buckets = linear_buckets::<3>(0.5, 0.5))]
#[in_progress(name = "calls", subsystem = names::SUBSYSTEM)]
#[count_exceptions(name = "failures_total", subsystem = "till")]
fn call(n: u8) -> Result<u8, u8> {
    Ok(n)
}

struct Till;

#[counted(namespace = NAMESPACE, prefix = "till", outcome)]
#[timed(namespace = "shop", subsystem = "desk", prefix = "till", buckets = [1])]
impl Till {
    fn sell(&self) {}
}

fn main() {
    headcount::build_info!();
    ENERGY.inc_by(0.5);
    room("kitchen").inc();
    PHASE.set(Phase::Starting);
    RENAMED.set(Phase::Serving);
    floor(1, true).set(Phase::Serving);
    host("here", 2).set();
    DEPTH.set(1.0);
    depth_of("mail").set(1.0);
    COINS.inc();
    NOTES.inc();
    cards("x").inc();
    FIRST.set(1.0);
    for histogram in [STEPS, powers("x"), BOUNDS, MORE, OWN] {
        histogram.observe(1.0);
    }
    SUMS.observe(1.0);
    let _ = call(1);
    Till.sell();
}
