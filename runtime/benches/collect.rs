//! What reading a directory costs: by processes and series, of the living and of the dead; turning
//! what was read into each format; compacting the dead.

#![expect(unsafe_code, reason = "forks")]

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use divan::Bencher;
use headcount::{Collector, Config, Counter, Format, Snapshot, metric};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

/// Counted by every process.
#[metric(name = "bench_rows_total", max_series = 10_000)]
fn rows(row: u32) -> Counter;

/// Segments of so many processes with so many series each. They are made before anything is
/// measured, by processes that this one forks while it has one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    processes: u32,
    series: u32,
    are_alive: bool,
}

const SIZES: [Size; 9] = [
    Size { processes: 10, series: 100, are_alive: true },
    Size { processes: 10, series: 1_000, are_alive: true },
    Size { processes: 100, series: 100, are_alive: true },
    Size { processes: 100, series: 1_000, are_alive: true },
    Size { processes: 10, series: 100, are_alive: false },
    Size { processes: 10, series: 1_000, are_alive: false },
    Size { processes: 100, series: 100, are_alive: false },
    Size { processes: 100, series: 1_000, are_alive: false },
    // Beside 10 of 1,000: what a series costs where it is one of many.
    Size { processes: 1, series: 10_000, are_alive: true },
];

/// The dead, in 10 and 100 processes of 1,000 series.
const COMPACTED: [Size; 2] = [SIZES[5], SIZES[7]];
const COMPACTIONS: u32 = 10;

fn root() -> PathBuf {
    // The parent's: a benchmark never forks.
    PathBuf::from(format!("/dev/shm/headcount-bench-{}", std::process::id()))
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = if self.are_alive { "living" } else { "dead" };
        write!(f, "{} {state} x {}", self.processes, self.series)
    }
}

impl Size {
    fn directory(self) -> PathBuf {
        root().join(format!("{}-{}-{}", self.processes, self.series, self.are_alive))
    }

    /// Directories whose dead are compacted: each once.
    fn to_compact(self, number: u32) -> PathBuf {
        root().join(format!("compact-{}-{}-{number}", self.processes, self.series))
    }

    /// The processes that stay, until the other end of their socket is closed.
    fn fill(
        self,
        directory: &Path,
        stay: &UnixStream,
    ) -> Result<Vec<Pid>, Box<dyn std::error::Error>> {
        let mut children = Vec::new();
        for _ in 0..self.processes {
            let (mut here, there) = UnixStream::pair()?;
            // SAFETY: this process has one thread, so the child finds no lock held by a thread that
            // it does not have.
            match unsafe { fork() }? {
                ForkResult::Child => {
                    headcount::init(Config::new().directory(directory))?;
                    (0..self.series).for_each(|row| rows(row).inc());
                    drop((here, there));
                    if self.are_alive {
                        let _ = (&*stay).read(&mut [0]);
                    }
                    std::process::exit(0);
                }
                ForkResult::Parent { child } => {
                    drop(there);
                    // It has counted when its end is closed.
                    let _ = here.read(&mut [0]);
                    if self.are_alive {
                        children.push(child);
                    } else {
                        waitpid(child, None)?;
                    }
                }
            }
        }
        Ok(children)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir(root())?;
    let (ours, theirs) = UnixStream::pair()?;
    let mut children = BTreeMap::new();
    for size in SIZES {
        children.insert(size, size.fill(&size.directory(), &theirs)?);
    }
    for size in COMPACTED {
        for number in 0..COMPACTIONS {
            size.fill(&size.to_compact(number), &theirs)?;
        }
    }
    divan::main();
    ours.shutdown(std::net::Shutdown::Both)?;
    for child in children.into_values().flatten() {
        waitpid(child, None)?;
    }
    Ok(std::fs::remove_dir_all(root())?)
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn collect(bencher: Bencher<'_, '_>, size: Size) {
    let collector = Collector::from_directory(size.directory()).auto_compact(false);
    bencher.bench(|| collector.collect());
}

fn snapshot(size: Size) -> Snapshot {
    Collector::from_directory(size.directory())
        .auto_compact(false)
        .collect()
        .expect("the directory is there")
}

#[divan::bench(args = COMPACTED, sample_count = 20)]
fn text(bencher: Bencher<'_, '_>, size: Size) {
    let snapshot = snapshot(size);
    bencher.bench(|| snapshot.to_text());
}

#[divan::bench(args = COMPACTED, sample_count = 20)]
fn openmetrics(bencher: Bencher<'_, '_>, size: Size) {
    let snapshot = snapshot(size);
    bencher.bench(|| encoded(&snapshot, Format::OpenMetrics));
}

#[divan::bench(args = COMPACTED, sample_count = 20)]
fn protobuf(bencher: Bencher<'_, '_>, size: Size) {
    let snapshot = snapshot(size);
    bencher.bench(|| encoded(&snapshot, Format::Protobuf));
}

fn encoded(snapshot: &Snapshot, format: Format) -> Vec<u8> {
    let mut page = Vec::new();
    snapshot.encode(format, &mut page).expect("memory takes all");
    page
}

#[divan::bench(args = COMPACTED, sample_count = COMPACTIONS, sample_size = 1)]
fn compact(bencher: Bencher<'_, '_>, size: Size) {
    let mut number = 0..COMPACTIONS;
    bencher
        .with_inputs(|| {
            Collector::from_directory(size.to_compact(number.next().expect("one for each sample")))
        })
        .bench_local_values(|collector| {
            let compacted = collector.compact().expect("the directory is there").segments();
            assert!(compacted > 0, "measures nothing");
        });
}
