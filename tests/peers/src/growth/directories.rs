//! What scraping a directory costs, and what lies in it.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headcount::Collector;
use headcount_peers::grouped;
use headcount_peers::measure::running;
use headcount_peers::place::Place;

use crate::plot::{Expected, Line, Plot};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What this program does in a process of its own.
fn own(command: &str, place: &Place, many: u32, series: u32) -> Result<Command> {
    let mut own = Command::new(env::current_exe()?);
    own.arg(command).arg(place.path()).args([many.to_string(), series.to_string()]);
    Ok(own)
}

fn run(command: &str, place: &Place, many: u32, series: u32) -> Result<()> {
    let status = own(command, place, many, series)?.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command}: {status}").into()) }
}

/// Processes that live until this is dropped.
struct Living(Child);

impl Living {
    fn start(place: &Place, processes: u32, series: u32) -> Result<Self> {
        let mut command = own("live", place, processes, series)?;
        let living = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        Ok(living)
    }

    fn wait_until_counted(&mut self) -> Result<()> {
        let says = self.0.stdout.as_mut().ok_or("it has an output")?;
        let mut line = String::new();
        BufReader::new(says).read_line(&mut line)?;
        if line == "counted\n" { Ok(()) } else { Err("the living ended".into()) }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // That it ended is all that matters.
        let _ = self.0.wait();
    }
}

/// Milliseconds of running time that a scrape takes by a collector that has scraped before:
/// collecting, and writing the text. The least of some.
fn scrape(directory: &Path) -> Result<f64> {
    let collector = Collector::from_directory(directory).auto_compact(false);
    let mut least = Duration::MAX;
    let all = Instant::now();
    // The first is left out.
    for turn in 0.. {
        let began = running();
        collector.collect()?.to_text();
        if turn > 0 {
            least = least.min(running().saturating_sub(began));
        }
        if turn >= 3 && all.elapsed() > Duration::from_millis(500) || turn >= 50 {
            break;
        }
    }
    Ok(milliseconds(least))
}

/// Opens each file of a directory, and reads so much of it as a scrape does of a segment with 1,000
/// series: what that takes the kernel.
fn read_some(directory: &Path) -> Result<f64> {
    let mut buffer = vec![0; 24 << 10];
    let mut least = Duration::MAX;
    for _ in 0..20 {
        let began = running();
        for entry in fs::read_dir(directory)? {
            File::open(entry?.path())?.read_at(&mut buffer, 0)?;
        }
        least = least.min(running().saturating_sub(began));
    }
    Ok(milliseconds(least))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn sizes(is_quick: bool, all: &[u32]) -> Vec<u32> {
    let many = if is_quick { 3 } else { all.len() };
    all.iter().copied().take(many).collect()
}

/// Processes that live, and as many that are dead and not compacted.
pub fn processes(is_quick: bool) -> Result<Plot> {
    const SERIES: u32 = 1000;
    let mut living = Line::new("living", Expected::LinearButForCaches);
    let mut dead = Line::new("dead, not compacted", Expected::LinearButForCaches);
    let mut read = Line::new("for scale: reading 24 KiB of each file", Expected::Nothing);
    for many in sizes(is_quick, &[1, 3, 10, 30, 100, 300, 1000]) {
        let place = Place::in_memory()?;
        let mut processes = Living::start(&place, many, SERIES)?;
        processes.wait_until_counted()?;
        living.point(many, scrape(place.path())?);
        drop(processes);
        let place = Place::in_memory()?;
        run("fill", &place, many, SERIES)?;
        dead.point(many, scrape(place.path())?);
        read.point(many, read_some(place.path())?);
    }
    Ok(Plot {
        file: "processes",
        title: "A scrape, by processes of 1,000 series each",
        x: "processes",
        y: "ms of running time",
        lines: vec![living, dead, read],
        further: Vec::new(),
    })
}

/// Processes that came and went: each counted in a few series.
pub fn dead(is_quick: bool) -> Result<Plot> {
    const SERIES: u32 = 10;
    let mut before = Line::new("not compacted", Expected::Linear);
    let mut just = Line::new("just compacted, a tombstone for each", Expected::Linear);
    let mut after = Line::new("five compactions later", Expected::Flat);
    let mut compaction = Line::new("the compaction itself", Expected::Linear);
    let mut further = ["files", "KiB", "files, compacted", "KiB, just compacted", "KiB, later"]
        .map(|name| (name, vec![]));
    for many in sizes(is_quick, &[10, 30, 100, 300, 1000, 3000, 10_000]) {
        let place = Place::in_memory()?;
        run("fill", &place, many, SERIES)?;
        before.point(many, scrape(place.path())?);
        let (files, kib) = place.files()?;
        let began = running();
        compact(&place)?;
        compaction.point(many, milliseconds(running().saturating_sub(began)));
        just.point(many, scrape(place.path())?);
        let (compacted_files, just_kib) = place.files()?;
        // In a program whose processes come and go these come by themselves.
        for _ in 0..5 {
            run("fill", &place, 1, SERIES)?;
            compact(&place)?;
        }
        after.point(many, scrape(place.path())?);
        let (_, later_kib) = place.files()?;
        let figures = [files.into(), kib, compacted_files.into(), just_kib, later_kib];
        further
            .iter_mut()
            .zip(figures)
            .for_each(|((_, column), figure)| column.push(grouped(figure)));
    }
    Ok(Plot {
        file: "dead",
        title: "A scrape, by processes that are dead, of 10 series each",
        x: "dead processes",
        y: "ms of running time",
        lines: vec![before, just, after, compaction],
        further: further.into(),
    })
}

fn compact(place: &Place) -> Result<()> {
    let collector = Collector::from_directory(place.path());
    while collector.compact()?.segments() > 0 {}
    Ok(())
}

/// One process with many series.
pub fn series(is_quick: bool) -> Result<Plot> {
    let mut line = Line::new("one process", Expected::LinearButForCaches);
    for many in sizes(is_quick, &[10, 100, 1000, 10_000, 30_000, 100_000]) {
        let place = Place::in_memory()?;
        run("fill", &place, 1, many)?;
        line.point(many, scrape(place.path())?);
    }
    Ok(Plot {
        file: "series-scrape",
        title: "A scrape, by series",
        x: "series",
        y: "ms of running time",
        lines: vec![line],
        further: Vec::new(),
    })
}

/// What a process has on disk when all its threads count in all its series.
pub fn threads(is_quick: bool) -> Result<Plot> {
    let mut lines = Vec::new();
    for (name, series) in [("10 series", 10), ("1,000 series", 1000), ("10,000 series", 10_000)] {
        let mut line = Line::new(name, Expected::Linear);
        for many in sizes(is_quick, &[1, 2, 4, 8, 16, 32, 64]) {
            let place = Place::in_memory()?;
            run("threads", &place, many, series)?;
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            line.point(many, place.files()?.1 as f64);
        }
        lines.push(line);
    }
    Ok(Plot {
        file: "threads-memory",
        title: "A process's segment, by threads that touch all series",
        x: "threads",
        y: "KiB on disk",
        lines,
        further: Vec::new(),
    })
}
