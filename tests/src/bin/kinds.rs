//! One of several processes with a metric of each kind that a process sets for itself. `kinds
//! <number>` sets them to what belongs to the number from 0 to 2, says so, and waits to be killed.
//! `metrics_kinds.rs` starts it.

use std::error::Error;
use std::io::{Write, stdout};
use std::thread;
use std::time::Duration;

use headcount::{Counter, Gauge, Info, LabelValue, StateSet, metric};

#[derive(Clone, Copy, Debug, LabelValue)]
enum Phase {
    Starting,
    Serving,
    Draining,
}

const PHASES: [Phase; 3] = [Phase::Starting, Phase::Serving, Phase::Draining];

/// Energy.
#[metric(namespace = "kinds", name = "energy_joules_total", unit = "joules")]
static ENERGY: Counter<f64>;

/// The level that was set last.
#[metric(namespace = "kinds", name = "level", mode = "mostrecent")]
static LEVEL: Gauge;

/// The level that was set last, by the living.
#[metric(namespace = "kinds", name = "live_level", mode = "livemostrecent")]
fn live_level(of: &str) -> Gauge;

/// How many are in each phase.
#[metric(namespace = "kinds", name = "phase", mode = "livesum")]
static PHASE: StateSet<Phase>;

/// The phase that was set last.
#[metric(namespace = "kinds", name = "last_phase", mode = "mostrecent")]
fn last_phase(of: bool) -> StateSet<Phase>;

/// Which one it is.
#[metric(namespace = "kinds", name = "info")]
fn which(number: u8) -> Info;

/// What all of them are.
#[metric(namespace = "kinds", name = "constant_info", labels(edition = 2024))]
static CONSTANT: Info;

fn main() -> Result<(), Box<dyn Error>> {
    let number: u8 = std::env::args().nth(1).ok_or("kinds <number>")?.parse()?;
    let phase = *PHASES.get(usize::from(number)).ok_or("a number from 0 to 2")?;
    ENERGY.inc_by(0.1);
    LEVEL.set(f64::from(number));
    live_level("all").set(f64::from(number));
    PHASE.set(Phase::Starting);
    PHASE.set(if number == 0 { Phase::Starting } else { Phase::Serving });
    last_phase(true).set(phase);
    which(number).set();
    writeln!(stdout(), "set")?;
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}
