//! What `fork` costs, and the first operation in the child.
//!
//! ```text
//! life fork bare                     without metrics
//! life fork pages PRIVATE SHARED     without metrics, with so many KiB of private memory, and of a
//!                                    file that is mapped and shared
//! life fork headcount ROWS           with a family of so many rows
//! life fork write KIB                without metrics; the child writes a file of so many KiB
//! ```
//!
//! Each prints: microseconds of the fork in the parent, of the child's first operation, and KiB of
//! private memory and of shared memory that the parent has, and of blocks of the child's segment.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write, pipe};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process;

use headcount::{Config, Counter, metric};
use headcount_peers::grouped;
use headcount_peers::measure::{Choice, running};
use headcount_peers::place::Place;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::{Result, Variant, by_turns, figure, head, row};

/// Counted by parent and child.
#[metric(name = "life_total")]
static COUNTER: Counter;

/// Counted in so many rows.
#[metric(name = "life_rows_total", max_series = 200_000)]
fn rows(row: u32) -> Counter;

pub fn print(python: &Path, turns: u32, is_quick: bool) -> Result<()> {
    let numbers: &[u32] = if is_quick { &[0, 100] } else { &[0, 1_000, 10_000, 100_000] };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/life.py");
    head(&[
        "rows",
        "private, KiB",
        "shared, KiB",
        "`fork`: bare, us",
        "as many pages, us",
        "headcount, us",
        "headcount : as many pages",
        "first operation of the child, us",
        "for scale: writing a file of its segment's size, us",
        "Python's client, us",
        "the segment, KiB",
    ]);
    for number in numbers {
        let rows = number.to_string();
        let ours = ["fork", "headcount", &rows];
        let bare = Variant::own(&["fork", "bare"])?;
        // Once, for what the others must have.
        let (has, without) = (Variant::own(&ours)?.run()?, bare.run()?);
        let [.., private, shared, segment] = has[..] else { return Err("five figures".into()) };
        let more = [private - without[2], shared - without[3]].map(|kib| kib.max(0.0).to_string());
        let variants = [
            bare,
            Variant::own(&["fork", "pages", &more[0], &more[1]])?,
            Variant::own(&ours)?,
            Variant::own(&["fork", "write", &segment.to_string()])?,
        ];
        let took = by_turns(turns, &variants, Choice::Median)?;
        // It takes seconds where the rest takes milliseconds.
        let theirs =
            by_turns(turns.min(3), &[Variant::new(python, &[script, &rows])], Choice::Median)?;
        row([
            grouped(u64::from(*number)),
            figure(private),
            figure(shared),
            figure(took[0][0]),
            figure(took[1][0]),
            figure(took[2][0]),
            format!("{:.2}", took[2][0] / took[1][0]),
            figure(took[2][1]),
            figure(took[3][1]),
            figure(theirs[0][0]),
            figure(segment),
        ]);
    }
    println!("{NOTES}");
    Ok(())
}

const NOTES: &str = "
Each process forks once. The time is that of the parent, until `fork` returns; the child waits for
that, and then counts in a counter that is no row. The parent has counted in it and in each row.
Private memory is what the whole process has touched of its own, and shared is what it has touched
of its segment. As many pages: a process without metrics that has touched as much private memory,
and as much of a file that it has mapped and shares. The scale is a child that makes a file of as
many blocks as the child's segment has, by one write, and maps it. Python's client is
prometheus_client in multiprocess mode, whose parent has as many series. The figures are CPU time,
the median of all turns, of Python's client of 3 at most: what a fork takes depends on which pages
the kernel had, twice as much in one turn as in another.";

/// What the child does, after the parent has taken its time.
type First = Box<dyn FnOnce() -> Result<()>>;

pub fn fork_once(arguments: &[&str]) -> Result<()> {
    let place = Place::in_memory()?;
    let first: First = match *arguments {
        ["bare"] => Box::new(|| Ok(())),
        ["pages", private, shared] => {
            touch_private(kib(private)?)?;
            map(&place.path().join("as many"), kib(shared)?, true)?;
            Box::new(|| Ok(()))
        }
        ["headcount", number] => {
            headcount::init(Config::new().directory(place.path()))?;
            COUNTER.inc();
            (0..number.parse()?).for_each(|row| rows(row).inc());
            Box::new(|| {
                COUNTER.inc();
                Ok(())
            })
        }
        ["write", size] => {
            let (path, size) = (place.path().join("written"), kib(size)?);
            let bytes = vec![1; size];
            Box::new(move || {
                let file =
                    OpenOptions::new().create_new(true).write(true).read(true).open(&path)?;
                file.write_all_at(&bytes, 0)?;
                mapped(&file, size, false)
            })
        }
        _ => return Err("see the top of this file".into()),
    };
    let (private, shared) = (resident("RssAnon:")?, resident("RssShmem:")?);
    let before = blocks(place.path())?;
    let (mut go, mut says_go) = pipe()?;
    let (mut took, mut says_took) = pipe()?;
    let began = running();
    // SAFETY: this process has one thread of its own, so the child finds no lock held by a thread
    // that it does not have.
    let forked = unsafe { fork() }?;
    let forking = running().saturating_sub(began);
    let ForkResult::Parent { child } = forked else {
        go.read_exact(&mut [0])?;
        let began = running();
        first()?;
        write!(says_took, "{}", running().saturating_sub(began).as_secs_f64() * 1e6)?;
        // Without what the parent's end would do.
        process::exit(0);
    };
    drop(says_took);
    says_go.write_all(b".")?;
    let mut first = String::new();
    took.read_to_string(&mut first)?;
    if waitpid(child, None)? != WaitStatus::Exited(child, 0) {
        return Err("the child did not end well".into());
    }
    let segment = blocks(place.path())?.saturating_sub(before);
    println!("{} {first} {private} {shared} {segment}", forking.as_secs_f64() * 1e6);
    Ok(())
}

/// As many whole KiB in bytes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some megabytes")]
fn kib(text: &str) -> Result<usize> {
    Ok(text.parse::<f64>()? as usize * 1024)
}

fn touch_private(size: usize) -> Result<()> {
    let Some(length) = size.try_into().ok() else { return Ok(()) };
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: new memory, which nothing else refers to.
    let memory = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE) }?;
    for at in (0..size).step_by(4096) {
        // SAFETY: within the mapping.
        let byte = unsafe { memory.cast::<u8>().add(at) };
        // SAFETY: mapped, writable, and nobody else's.
        unsafe { byte.write_volatile(1) };
    }
    Ok(())
}

fn map(path: &Path, size: usize, touches: bool) -> Result<()> {
    let file = OpenOptions::new().create_new(true).write(true).read(true).open(path)?;
    file.set_len(size as u64)?;
    mapped(&file, size, touches)
}

/// Maps a file and touches its pages. It stays mapped.
fn mapped(file: &File, size: usize, touches: bool) -> Result<()> {
    let Some(length) = size.try_into().ok() else { return Ok(()) };
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: new memory, which nothing else refers to; nobody shortens the file.
    let memory = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) }?;
    let end = if touches { size } else { 1 };
    for at in (0..end).step_by(4096) {
        // SAFETY: within the mapping.
        let byte = unsafe { memory.cast::<u8>().add(at) };
        // SAFETY: mapped, writable, and nobody else's.
        unsafe { byte.write_volatile(1) };
    }
    Ok(())
}

/// A line of this process's status, in KiB.
fn resident(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// KiB of blocks of all files of a directory.
fn blocks(directory: &Path) -> Result<u64> {
    let mut blocks = 0;
    for entry in fs::read_dir(directory)? {
        blocks += entry?.metadata()?.blocks();
    }
    Ok(blocks / 2)
}
