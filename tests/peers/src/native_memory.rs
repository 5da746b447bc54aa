//! What a series of a native histogram needs in memory, beside other libraries. A program of its
//! own: what it declares is in each of its segments, and each figure is that of a new process.
//!
//! ```text
//! native_memory [--quick]                        prints the table
//! native_memory LIBRARY SERIES THREADS VALUES    prints the bytes that so many series took
//! ```

use std::error::Error;
use std::fs;
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use headcount::{Config, Histogram, metric};
use headcount_peers::machine;
use headcount_peers::opentelemetry::exponential;
use headcount_peers::place::Place;
use opentelemetry::KeyValue;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram as ClientHistogram, NativeHistogramConfig};

/// Sizes by queue.
#[metric(name = "beside_bytes", native, max_series = 1_000_000)]
fn ours(queue: &str) -> Histogram;

const LIBRARIES: [&str; 3] = ["headcount", "prometheus-client", "opentelemetry"];

/// The values that each thread observes in each series: their name, and the greatest as a power of
/// two. Each power has eight buckets, and one value in each.
const SPREADS: [(&str, u32); 3] = [("one value", 0), ("1 to 16", 4), ("1 to 1,048,576", 20)];

const NOTES: &str = "\
Bytes for a series: private memory and, for headcount, the blocks of the segment, less what the
process had before the first series, divided by their number. All libraries use schema 3. Each
thread observes each value in each series, one value in each bucket of the range. Every figure is
that of a new process.";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => print(5_000),
        ["--quick"] => print(20),
        [library, series, threads, powers] => {
            println!("{}", bytes(library, series.parse()?, threads.parse()?, powers.parse()?)?);
            Ok(())
        }
        _ => Err("see the top of this file".into()),
    }
}

fn print(series: u32) -> Result<(), Box<dyn Error>> {
    println!("{};\n{series} series\n", machine::describe());
    println!("| bytes a series | threads | {} |", LIBRARIES.join(" | "));
    println!("| --- |{}", " ---: |".repeat(LIBRARIES.len() + 1));
    for (name, powers) in SPREADS {
        for threads in [1, 2, 8] {
            let of = |library: &&str| measured(library, series, threads, powers);
            let figures = LIBRARIES.iter().map(of).collect::<Result<Vec<String>, _>>()?;
            println!("| {name} | {threads} | {} |", figures.join(" | "));
        }
    }
    println!("\n{NOTES}");
    Ok(())
}

/// The figure of a new process.
fn measured(
    library: &str,
    series: u32,
    threads: u32,
    powers: u32,
) -> Result<String, Box<dyn Error>> {
    let numbers = [series, threads, powers].map(|number| number.to_string());
    let output = Command::new(std::env::current_exe()?).arg(library).args(numbers).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(headcount_peers::grouped(String::from_utf8(output.stdout)?.trim().parse()?))
}

fn bytes(library: &str, series: u32, threads: u32, powers: u32) -> Result<u64, Box<dyn Error>> {
    match library {
        "headcount" => {
            let place = Place::in_memory()?;
            headcount::init(Config::new().directory(place.path()))?;
            let blocks = || Ok(place.files()?.1);
            each(series, threads, powers, &blocks, |queue, value| ours(queue).observe(value))
        }
        "prometheus-client" => {
            type Labels = [(&'static str, String); 1];
            let new = || ClientHistogram::new_native(NativeHistogramConfig::with_schema(3));
            let family = Family::<Labels, ClientHistogram, _>::new_with_constructor(new);
            each(series, threads, powers, &|| Ok(0), |queue, value| {
                family.get_or_create(&[("queue", queue.to_owned())]).observe(value);
            })
        }
        "opentelemetry" => {
            let (_provider, histogram) = exponential(series as usize);
            each(series, threads, powers, &|| Ok(0), |queue, value| {
                histogram.record(value, &[KeyValue::new("queue", queue.to_owned())]);
            })
        }
        _ => Err(format!("no library {library}").into()),
    }
}

/// The bytes that a series took on average. All threads live until the end, as those of a server
/// do.
fn each(
    series: u32,
    threads: u32,
    powers: u32,
    files_kib: &dyn Fn() -> Result<u64, std::io::Error>,
    observe: impl Fn(&str, f64) + Sync,
) -> Result<u64, Box<dyn Error>> {
    // The first series, and each thread's first value, bring what does not depend on their number.
    let warm = Barrier::new(threads as usize + 1);
    let go = Barrier::new(threads as usize + 1);
    let end = Barrier::new(threads as usize + 1);
    let stay = Barrier::new(threads as usize + 1);
    let took = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                observe("the first", 1.0);
                warm.wait();
                go.wait();
                for number in 0..series {
                    let queue = format!("queue {number}");
                    // In the middle of a bucket, of which a power of two has eight.
                    for bucket in 0..=powers * 8 {
                        observe(&queue, ((f64::from(bucket) - 0.5) / 8.0).exp2());
                    }
                }
                end.wait();
                stay.wait();
            });
        }
        let now = || Ok::<u64, std::io::Error>(own_kib()? + files_kib()?);
        warm.wait();
        let before = now();
        go.wait();
        end.wait();
        let after = now();
        stay.wait();
        Ok::<u64, std::io::Error>(after?.saturating_sub(before?))
    })?;
    Ok(took * 1024 / u64::from(series))
}

/// The memory of this process that is no file's.
fn own_kib() -> Result<u64, std::io::Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.ok_or_else(|| std::io::Error::other("RssAnon is not in status"))
}
