//! Each run of this program is a process of its own, and all runs count together.
//!
//! ```text
//! cargo run --example counter
//! ```

#![expect(clippy::print_stdout, reason = "shows the exposition")]

use headcount::{Collector, Config, Counter, metric};

/// Runs of this program.
#[metric(name = "runs_total")]
static RUNS: Counter;

fn main() -> Result<(), headcount::Error> {
    let directory = std::env::temp_dir().join("headcount-counter");
    headcount::init(Config::new().directory(directory))?;
    RUNS.inc();
    print!("{}", Collector::new().names(["runs_total"]).collect()?.to_text());
    Ok(())
}
