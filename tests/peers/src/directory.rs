//! Directories of many processes, and what collecting one takes. A program of its own: what a
//! program declares is in each of its segments.
//!
//! ```text
//! directories fill DIRECTORY PROCESSES VALUES        forks processes that record, and end; each
//!                                                    meets its series in an order of its own
//! directories fill-alike DIRECTORY PROCESSES VALUES  the same, all in one order
//! directories scrape DIRECTORY TIMES                 collects and writes each format, and prints
//!                                                    how long that took
//! directories replace DIRECTORY PROCESSES VALUES TIMES
//!                                                    forks processes that record and stay, and
//!                                                    prints how long a scrape takes, and how long
//!                                                    after one of them was replaced
//! directories memory DIRECTORY VALUES THREADS        what one process needs, on disk and in memory
//! ```
//!
//! Of 100 values that a process writes into a Python client's files, 64 are of histograms (16
//! each), 4 of summaries (2 each), 2 of gauges, 30 of counters: `scrapes.py` makes the same there.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use headcount::{Collector, Config, Counter, Format, Gauge, Histogram, Limit, Summary, metric};
use headcount_peers::measure::running;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Requests served.
#[metric(name = "requests_total", max_series = 100_000)]
fn requests(route: &str) -> Counter;
/// Connections.
#[metric(name = "connections", mode = "livesum", max_series = 100_000)]
fn connections(pool: &str) -> Gauge;
/// Sizes.
#[metric(name = "size_bytes", max_series = 100_000)]
fn sizes(route: &str) -> Summary;
/// Latencies: 14 bounds, and with +Inf and the sum 16 values.
#[metric(name = "latency_seconds", max_series = 100_000)]
fn latencies(route: &str) -> Histogram;

/// Records in as many series as come to so many values. Each process may meet them in an order of
/// its own, as a server's workers do where labels come from outside: where the orders are alike, so
/// are the logs, and are read once.
fn record(values: u32, process: u32) {
    let each = |of_hundred: u32, mut record: Box<dyn FnMut(&str)>| {
        let many = u64::from(values * of_hundred / 100);
        for number in 0..many {
            // A prime that divides none of the numbers of series here: each comes once.
            let number = (number * 7919 + u64::from(process) * 31) % many;
            record(&format!("/route/{number}"));
        }
    };
    each(30, Box::new(|route| requests(route).inc()));
    each(2, Box::new(|pool| connections(pool).set(1.0)));
    each(2, Box::new(|route| sizes(route).observe(100.0)));
    each(4, Box::new(|route| latencies(route).observe(0.3)));
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [how @ ("fill" | "fill-alike"), directory, processes, values] => {
            fill(directory, processes.parse()?, values.parse()?, how == "fill-alike")
        }
        ["scrape", directory, times] => scrape(directory, times.parse()?),
        ["replace", directory, processes, values, times] => {
            replace(directory, processes.parse()?, values.parse()?, times.parse()?)
        }
        ["scrape-python", directory, times] => scrape_python(directory, times.parse()?),
        ["memory", directory, values, threads] => {
            memory(directory, values.parse()?, threads.parse()?)
        }
        _ => Err("fill, scrape, replace or memory: see the top of this file".into()),
    }
}

/// Forks processes that record, one after the other, and end.
fn fill(
    directory: &str,
    processes: u32,
    values: u32,
    are_alike: bool,
) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    for process in 0..processes {
        // SAFETY: this process has one thread, so the child finds no lock held by a thread that it
        // does not have.
        match unsafe { fork() }? {
            ForkResult::Child => {
                record(values, if are_alike { 0 } else { process });
                std::process::exit(0);
            }
            ForkResult::Parent { child } => {
                let status = waitpid(child, None)?;
                if status != WaitStatus::Exited(child, 0) {
                    return Err(format!("a process ended with {status:?}").into());
                }
            }
        }
    }
    Ok(())
}

/// The formats that a collector writes.
const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("openmetrics", Format::OpenMetrics)];

/// Collects and writes each format, so many times. Tells as JSON what the first time took, the
/// least of the others, and what came out.
fn scrape(directory: &str, times: u32) -> Result<(), Box<dyn Error>> {
    // What was written in the last 50 milliseconds may change yet, so a collector reads it again.
    // Whoever scrapes for the second time comes later.
    thread::sleep(Duration::from_millis(100));
    let collector = Collector::from_directory(directory).auto_compact(false).limit(LIMIT);
    let timed_from = |began: Duration| running().saturating_sub(began).as_secs_f64();
    let began = running();
    let text = collector.collect()?.to_text();
    let cold = timed_from(began);
    let mut collecting = f64::INFINITY;
    let mut formatting = FORMATS.map(|(name, _)| (name, f64::INFINITY, 0));
    for _ in 0..times {
        let began = running();
        let snapshot = collector.collect()?;
        collecting = collecting.min(timed_from(began));
        if let Some(skipped) = snapshot.skipped().first() {
            return Err(skipped.to_string().into());
        }
        for ((_, format), (_, least, bytes)) in FORMATS.iter().zip(&mut formatting) {
            let began = running();
            let mut page = Vec::new();
            snapshot.encode(*format, &mut page)?;
            *bytes = page.len();
            *least = least.min(timed_from(began));
        }
    }
    let peak = status("VmHWM:")?;
    let floor = read_segments(directory, times.max(9))?;
    // What the collector tells of itself is not what the other side has.
    let samples = text.lines().filter(|l| !l.starts_with('#') && !l.starts_with("headcount_"));
    let samples: Vec<f64> = samples.filter_map(|l| l.rsplit_once(' ')?.1.parse().ok()).collect();
    let formats = formatting.map(|(name, seconds, bytes)| {
        format!("\"{name}\": {{\"seconds\": {seconds}, \"bytes\": {bytes}}}")
    });
    println!(
        "{{\"cold\": {cold}, \"collect\": {collecting}, \"formats\": {{{}}}, \"floor\": {floor}, \"disk_kib\": {}, \"peak_kib\": {peak}, \"samples\": {}, \"sum\": {}}}",
        formats.join(", "),
        blocks(Path::new(directory))? / 2,
        samples.len(),
        samples.iter().sum::<f64>(),
    );
    Ok(())
}

/// Collects files of Python's client and writes the text, so many times. Tells as JSON what that
/// takes a collector that keeps nothing between its collections, and one that keeps what it can.
fn scrape_python(directory: &str, times: u32) -> Result<(), Box<dyn Error>> {
    let least = |collector: &dyn Fn() -> Collector| -> Result<(f64, String), Box<dyn Error>> {
        let (mut least, mut text) = (f64::INFINITY, String::new());
        for _ in 0..times {
            let began = running();
            let snapshot = collector().collect()?;
            text = snapshot.to_text();
            least = least.min(running().saturating_sub(began).as_secs_f64());
            if let Some(skipped) = snapshot.skipped().first() {
                return Err(skipped.to_string().into());
            }
        }
        Ok((least, text))
    };
    let new = || Collector::from_directory(directory);
    let (fresh, _) = least(&new)?;
    let keeps = new();
    for _ in 0..2 {
        keeps.collect()?;
    }
    let (kept, text) = least(&|| keeps.clone())?;
    let samples = text.lines().filter(|l| !l.starts_with('#') && !l.starts_with("headcount_"));
    let samples: Vec<f64> = samples.filter_map(|l| l.rsplit_once(' ')?.1.parse().ok()).collect();
    println!(
        "{{\"fresh\": {fresh}, \"kept\": {kept}, \"peak_kib\": {}, \"samples\": {}, \"sum\": {}}}",
        status("VmHWM:")?,
        samples.len(),
        samples.iter().sum::<f64>(),
    );
    Ok(())
}

/// So much that all of the greatest directory is read.
const LIMIT: Limit = Limit::bytes(4 << 30);

/// Seconds that opening each segment and reading the bytes takes that any reader needs which knows
/// the logs: the header and the words, and the cells of each shard. Nothing is done with them.
fn read_segments(directory: &str, times: u32) -> Result<f64, Box<dyn Error>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "hc") {
            let places = cells(&File::open(&path)?)?;
            all.push((path, places));
        }
    }
    let longest = all.iter().flat_map(|(_, places)| places).map(|(_, len)| *len).max();
    let mut buffer = vec![0; longest.unwrap_or(0).max(FRONT)];
    let mut least = Duration::MAX;
    for _ in 0..times {
        let began = running();
        for (path, places) in &all {
            let file = File::open(path)?;
            file.read_exact_at(&mut buffer[..FRONT], 0)?;
            for (offset, len) in places {
                file.read_exact_at(&mut buffer[..*len], *offset)?;
            }
            black_box(&buffer);
        }
        least = least.min(running().saturating_sub(began));
    }
    Ok(least.as_secs_f64())
}

/// The header, the words and the limits of shards.
const FRONT: usize = 0x2000;

/// Where the cells of each shard are, by `runtime/FORMAT.md`: offsets and lengths in bytes.
fn cells(file: &File) -> Result<Vec<(u64, usize)>, Box<dyn Error>> {
    let mut front = vec![0; FRONT];
    file.read_exact_at(&mut front, 0)?;
    let u64_at = |at: usize| -> Result<u64, Box<dyn Error>> {
        Ok(u64::from_le_bytes(front[at..at + 8].try_into()?))
    };
    let (cells_off, stride) = (u64_at(160)?, u64_at(168)?);
    let (slots_used, shards_used) = (u64_at(0x1080)?, u64_at(0x10c0)?);
    let mut places = Vec::new();
    for shard in 0..shards_used {
        let at = 0x1800 + 4 * usize::try_from(shard)?;
        let limit = u32::from_le_bytes(front[at..at + 4].try_into()?);
        let cells = u64::from(limit).min(slots_used);
        places.push((cells_off + shard * stride, 8 * usize::try_from(cells)?));
    }
    Ok(places)
}

/// A process that records and stays.
struct Worker {
    pid: Pid,
    stay: UnixStream,
}

impl Worker {
    fn start(values: u32, number: u32) -> Result<Self, Box<dyn Error>> {
        let (mut here, mut there) = UnixStream::pair()?;
        // SAFETY: this process has one thread, so the child finds no lock held by a thread that it
        // does not have.
        match unsafe { fork() }? {
            ForkResult::Child => {
                record(values, number);
                there.write_all(b".")?;
                // Until it is told to end.
                there.read_exact(&mut [0])?;
                std::process::exit(0);
            }
            ForkResult::Parent { child } => {
                here.read_exact(&mut [0])?;
                Ok(Self { pid: child, stay: here })
            }
        }
    }

    fn end(mut self) -> Result<(), Box<dyn Error>> {
        self.stay.write_all(b".")?;
        match waitpid(self.pid, None)? {
            WaitStatus::Exited(_, 0) => Ok(()),
            status => Err(format!("a process ended with {status:?}").into()),
        }
    }
}

/// A process that has workers, and replaces the oldest one each time it is told to. The collector
/// does not fork them itself: after a fork each page that it writes to is copied.
fn master(
    directory: &str,
    processes: u32,
    values: u32,
    mut told: UnixStream,
) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    let mut workers = VecDeque::new();
    for number in 0..processes {
        workers.push_back(Worker::start(values, number)?);
    }
    told.write_all(b".")?;
    let mut command = [0];
    for number in processes.. {
        told.read_exact(&mut command)?;
        if command != *b"r" {
            break;
        }
        workers.pop_front().ok_or("one")?.end()?;
        workers.push_back(Worker::start(values, number)?);
        told.write_all(b".")?;
    }
    workers.into_iter().try_for_each(Worker::end)
}

/// Scrapes so many living processes, each with its series in an order of its own: again and again,
/// and after one of them was replaced by a new one. Tells as JSON the medians.
fn replace(
    directory: &str,
    processes: u32,
    values: u32,
    times: usize,
) -> Result<(), Box<dyn Error>> {
    let (mut stay, told) = UnixStream::pair()?;
    // SAFETY: as in `fill`.
    let ForkResult::Parent { child: pid } = unsafe { fork() }? else {
        master(directory, processes, values, told)?;
        std::process::exit(0);
    };
    stay.read_exact(&mut [0])?;
    let master = Worker { pid, stay };
    let collector = Collector::from_directory(directory).auto_compact(false).limit(LIMIT);
    let scrape = || -> Result<f64, Box<dyn Error>> {
        let began = running();
        let snapshot = collector.collect()?;
        black_box(snapshot.to_text());
        let took = running().saturating_sub(began).as_secs_f64();
        match snapshot.skipped().first() {
            None => Ok(took),
            Some(skipped) => Err(skipped.to_string().into()),
        }
    };
    scrape()?;
    let (mut steady, mut after, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..times {
        (&master.stay).write_all(b"r")?;
        (&master.stay).read_exact(&mut [0])?;
        after.push(scrape()?);
        steady.push(scrape()?);
        floor.push(read_segments(directory, 1)?);
        // As a program's collector does, which compacts when many have died. Not measured: it is
        // the same work for all.
        if number % 32 == 31 {
            collector.compact()?;
            scrape()?;
        }
    }
    let median = |all: &mut Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!(
        "{{\"steady\": {}, \"replaced\": {}, \"floor\": {}}}",
        median(&mut steady),
        median(&mut after),
        median(&mut floor),
    );
    master.end()
}

/// Records in this process, in so many threads, and tells as JSON what its segment has on disk, and
/// what was added to its memory.
fn memory(directory: &str, values: u32, threads: u32) -> Result<(), Box<dyn Error>> {
    // What printing and threads take by themselves is there before.
    println!();
    std::io::stdout().flush()?;
    let run = |values: u32| {
        let end = Barrier::new(threads as usize);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    if values > 0 {
                        record(values, 0);
                    }
                    end.wait();
                });
            }
        });
    };
    run(0);
    let before = (resident()?, status("RssAnon:")?);
    headcount::init(Config::new().directory(directory))?;
    run(values);
    let after = (resident()?, status("RssAnon:")?);
    println!(
        "{{\"disk_kib\": {}, \"resident_kib\": {}, \"added_kib\": {}, \"own_kib\": {}}}",
        blocks(Path::new(directory))? / 2,
        after.0,
        after.0.saturating_sub(before.0),
        after.1.saturating_sub(before.1),
    );
    Ok(())
}

/// Pages of this process that lie in memory, those of its segment too, in KiB.
fn resident() -> Result<u64, Box<dyn Error>> {
    status("VmRSS:")
}

/// What the kernel says of this process, in KiB. Not `getrusage`: the greatest size that it knows
/// may be of the program that started this one.
fn status(of: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(of)).ok_or("not in status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Blocks of 512 bytes that the files of a directory have.
fn blocks(directory: &Path) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        sum += entry?.metadata()?.blocks();
    }
    Ok(sum)
}
