//! Everything at once, for as long as it is told: processes that count with threads and children
//! and are killed at any moment, rival compactors that are killed and stopped, scrapers that check
//! each number they see. Signal handlers fork in the middle of operations, a fork handler of
//! somebody else's records in each child, and series come and go.
//!
//! ```text
//! torture <directory> --seconds N      or --minutes N; HEADCOUNT_SEED repeats a run's choices
//! ```
//!
//! Whatever is recorded is announced in memory that outlives its process before, and acknowledged
//! after. So a scraper knows bounds for every number at every moment. When all processes of a
//! *gang* are dead its numbers are final: then they are taken down, and must never change again,
//! whatever is compacted.

#![allow(clippy::print_stdout, reason = "the figures, and what is wrong")]
#![expect(unsafe_code, reason = "fork, and handlers of signals and forks")]

mod cast;
mod exemplars;
mod interrupted;
mod kinds;
mod presence;
mod rig;
mod rounds;
mod watchers;
mod writers;

use std::path::Path;
use std::process::exit;
use std::time::Duration;

use headcount_tests::allocating::Marking;
use headcount_tests::random::Random;
use rig::Rig;

#[global_allocator]
static ALLOCATOR: Marking = Marking;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [directory, unit @ ("--seconds" | "--minutes"), amount] = *arguments else {
        println!("torture <directory> --seconds N | --minutes N");
        exit(2);
    };
    let amount: u64 = amount.parse().expect("a number");
    let time = Duration::from_secs(if unit == "--minutes" { amount * 60 } else { amount });
    // Before the library registers its own handlers.
    interrupted::arm();
    let rig = Rig::new(Path::new(directory), Random::seeded().seed());
    let is_well = rig.torture(time);
    exit(i32::from(!is_well));
}
