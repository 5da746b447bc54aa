//! A batch job of several processes, of which one is killed in the middle. What it had counted
//! arrives with the rest: at a Pushgateway, or in a textfile for `node_exporter`.
//!
//! ```text
//! cargo run -p headcount-example-batch --example batch                           a textfile
//! cargo run -p headcount-example-batch --example batch -- http://gateway:9091    a push
//! ```

#![expect(clippy::print_stdout, reason = "says what happens")]

use std::error::Error;
use std::process::Command;
use std::{env, fs, process};

use headcount::{Collector, Config, Counter, Gauge, Pusher, metric};

/// The rows of each part.
const ROWS_OF_A_PART: u32 = 100;
/// The part whose process is killed, and behind how many rows.
const KILLED: (u32, u32) = (1, 50);

/// Rows copied.
#[metric(name = "rows_copied_total")]
static ROWS: Counter;

/// When the job was at its end. `max` shows it although the process that set it has ended.
#[metric(name = "job_end_timestamp_seconds", mode = "max")]
static END: Gauge;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => job(None),
        [part, number] if part == "part" => {
            copy(number.parse()?);
            Ok(())
        }
        [gateway, ..] => job(Some(gateway)),
    }
}

/// Copies one part. Its process counts in the directory that its environment names.
fn copy(part: u32) {
    for row in 0..ROWS_OF_A_PART {
        if (part, row) == KILLED {
            process::abort(); // as the kernel ends a process that has no memory
        }
        ROWS.inc();
    }
}

fn job(gateway: Option<&str>) -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("headcount-batch-{}", process::id()));
    headcount::init(Config::new().directory(&directory))?;
    let mut parts = Vec::new();
    for number in 0..3_u32 {
        let mut part = Command::new(env::current_exe()?);
        part.args(["part", &number.to_string()]).envs(headcount::child_env());
        parts.push((number, part.spawn()?));
    }
    for (number, mut part) in parts {
        println!("part {number}: {}", part.wait()?);
    }
    END.set_to_current_time();

    let snapshot = Collector::new().collect()?;
    let rows = snapshot.value("rows_copied_total", &[]).unwrap_or_default();
    println!("{rows} rows are copied");
    if let Some(gateway) = gateway {
        Pusher::new(gateway, "nightly").push()?;
        println!("pushed to {gateway}");
    } else {
        let path = directory.with_extension("prom");
        snapshot.write_to_textfile(&path)?;
        println!("written to {}", path.display());
    }
    // The next run counts on from here, if the directory stays.
    Ok(fs::remove_dir_all(directory)?)
}
