//! A batch job: `batch <directory> <gateway> <how>`. It counts one run and three rows, and pushes
//! at its end by the one line that the documentation shows. `ends` returns, `fails` returns an
//! error, `panics` panics, `waits` says `ready` and waits to be killed, `forks` has a child that
//! drops the guard too. `page_push.rs` starts it.

#![expect(unsafe_code, reason = "fork")]
#![allow(clippy::print_stdout, reason = "says when it can be killed")]

use std::error::Error;
use std::thread;
use std::time::Duration;

use headcount::{Config, Counter, Pusher, metric};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

headcount::build_info!(mode = "max", of = "batch");

/// Runs begun.
#[metric(name = "runs_total")]
static RUNS: Counter;
/// Rows copied.
#[metric(name = "rows_total")]
static ROWS: Counter;

/// Prints what the library reports.
struct Printed;

impl log::Log for Printed {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, gateway, how] = &arguments[..] else {
        return Err("batch <directory> <gateway> <how>".into());
    };
    log::set_logger(&Printed).map(|()| log::set_max_level(log::LevelFilter::Warn))?;
    headcount::init(Config::new().directory(directory))?;
    let _push = Pusher::new(gateway, "nightly").grouping("instance", "web/1").push_on_drop();
    RUNS.inc();
    ROWS.inc_by(3);
    match how.as_str() {
        "fails" => return Err("on purpose".into()),
        "panics" => panic!("on purpose"),
        "waits" => {
            println!("ready");
            thread::sleep(Duration::from_secs(600));
        }
        // SAFETY: this process has one thread.
        "forks" => match unsafe { fork() }? {
            ForkResult::Child => return Ok(()),
            ForkResult::Parent { child } => drop(waitpid(child, None)?),
        },
        _ => {}
    }
    Ok(())
}
