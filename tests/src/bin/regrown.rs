//! A program whose directory is full when it makes a row, and has space again later.
//!
//! ```text
//! regrown <directory>      a filesystem in memory is mounted there, for this program only
//! ```

#![allow(clippy::print_stdout, reason = "what it has found is printed")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use headcount::{Collector, Config, Counter, Gauge, metric};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Rows that take much of the log.
#[metric(name = "rows_total", max_series = 100_000)]
fn rows(id: &str) -> Counter;
/// The same of a gauge.
#[metric(name = "depths", mode = "sum", max_series = 100_000)]
fn depths(id: &str) -> Gauge;

fn long(id: u32) -> String {
    format!("{id:0900}")
}

fn is_mounted(directory: &str) -> nix::Result<()> {
    let me = nix::unistd::getuid();
    if me.is_root() {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        let write = |file: &str, text: String| {
            fs::write(Path::new("/proc/self").join(file), text).map_err(|_| Errno::EPERM)
        };
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("0 {me} 1"))?;
    }
    let none = MsFlags::empty();
    mount(Some("tmpfs"), directory, Some("tmpfs"), none, Some("size=1m,mode=0700"))
}

fn main() {
    let directory = std::env::args().nth(1).expect("a directory");
    if let Err(error) = is_mounted(&directory) {
        println!("refused: {error}");
        return;
    }
    headcount::init(Config::new().directory(&directory)).expect("the directory is fit");
    rows("first").inc();
    let mut filler = File::create(Path::new(&directory).join("filler")).expect("a file");
    while filler.write_all(&[1; 512]).is_ok() {}
    // Rows, until there is no space for one.
    let mut id = 0;
    while headcount::health().problem().is_none() {
        id += 1;
        rows(&long(id)).inc();
        assert!(id < 10_000, "the directory is full");
    }
    // In another second, as a program would that is not told of the first refusal.
    thread::sleep(Duration::from_millis(1_100));
    let (kept, depth) = (rows(&long(900_000)), depths(&long(900_001)));
    let full = Instant::now();
    while full.elapsed() < Duration::from_millis(1_100) {
        kept.inc();
        depth.set(1.0);
        thread::sleep(Duration::from_millis(20));
    }
    let remount = MsFlags::MS_REMOUNT;
    mount(None::<&str>, directory.as_str(), None::<&str>, remount, Some("size=16m"))
        .expect("it is ours");
    // Refusals last a second.
    let grown = Instant::now();
    while grown.elapsed() < Duration::from_millis(1_100) {
        kept.inc();
        depth.set(2.0);
        thread::sleep(Duration::from_millis(20));
    }
    let before = page_value(&Collector::new(), &long(900_000));
    let mut new = Vec::new();
    for id in 0..50 {
        kept.inc();
        depth.set(f64::from(id));
        new.push(long(1_000_000 + id));
        rows(new.last().expect("it was pushed")).inc();
    }
    let collector = Collector::new();
    let page = collector.collect().expect("a snapshot").to_text();
    let there = new.iter().filter(|id| page.contains(&format!("rows_total{{id=\"{id}\"}} 1\n")));
    println!("new rows: {}", there.count());
    println!("kept: {}", page_value(&collector, &long(900_000)) - before);
    let depth_line = format!("depths{{id=\"{}\"}} 49\n", long(900_001));
    println!("gauge: {}", page.contains(&depth_line));
}

fn page_value(collector: &Collector, id: &str) -> u64 {
    let page = collector.collect().expect("a snapshot").to_text();
    let start = format!("rows_total{{id=\"{id}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |value| value.parse().expect("a number"))
}
