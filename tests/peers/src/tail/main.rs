//! How long single operations take at worst: when pages are touched for the first time, and while a
//! disk writes back what the operations have written.
//!
//! ```text
//! tail DISK [--quick]                     measures with files in memory and below DISK, and prints
//!                                         a table in Markdown
//! tail ours|peer FILES steady|new NUMBER  one row of it, in a process of its own
//! ```

mod disturbance;
mod pattern;
mod ticks;

use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use headcount_peers::machine;
use headcount_peers::place::Place;
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC,
    statfs,
};

use crate::disturbance::Disturbance;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [library @ ("ours" | "peer"), files, pattern @ ("steady" | "new"), number] => {
            pattern::measure(library == "ours", files, pattern == "new", number.parse()?)
        }
        [disk] => print(Path::new(disk), false),
        [disk, "--quick"] => print(Path::new(disk), true),
        _ => Err("see the top of this file".into()),
    }
}

/// A library, and where its files are, if it has some.
struct Contender<'a> {
    name: &'static str,
    argument: &'static str,
    parent: Option<&'a Path>,
}

fn print(disk: &Path, is_quick: bool) -> Result<()> {
    let memory = Place::in_memory()?;
    let disk = Place::within(disk)?;
    let contenders = [
        Contender { name: "prometheus-client", argument: "peer", parent: None },
        Contender { name: "headcount", argument: "ours", parent: Some(memory.path()) },
        Contender { name: "headcount", argument: "ours", parent: Some(disk.path()) },
    ];
    println!("{}\n", machine::describe());
    println!(
        "| `inc` of | in files on | the disk | number | p50, ns | p99, ns | p99.99, ns | greatest, ns | page faults |"
    );
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (pattern, series, number) in
        [("steady", "series that are there", 2_000_000), ("new", "a new series each", 400_000)]
    {
        let number = if is_quick { number / 100 } else { number };
        for contender in &contenders {
            for is_disturbed in [false, true] {
                let place = contender.parent.map(Place::within).transpose()?;
                let path = place.as_ref().map_or(Path::new(""), Place::path);
                let disturbance =
                    is_disturbed.then(|| Disturbance::start(disk.path(), path)).transpose()?;
                let output = Command::new(env::current_exe()?)
                    .arg(contender.argument)
                    .arg(path)
                    .args([pattern, &number.to_string()])
                    .output()?;
                if let Some(disturbance) = disturbance {
                    disturbance.stop()?;
                }
                if !output.status.success() {
                    return Err(String::from_utf8_lossy(&output.stderr).into());
                }
                let figures = String::from_utf8(output.stdout)?;
                println!(
                    "| {}, {series} | {} | {} | {} |",
                    contender.name,
                    contender.parent.map_or(Ok("none".to_owned()), filesystem)?,
                    if is_disturbed { "busy" } else { "idle" },
                    figures.trim(),
                );
            }
        }
    }
    println!("\n{NOTES}\n\n{}", stable_pages(disk.path())?);
    Ok(())
}

/// Whether whoever writes to a page waits while the disk reads it: what the kernel says of the
/// device.
fn stable_pages(path: &Path) -> Result<&'static str> {
    let device = fs::metadata(path)?.dev();
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00);
    // A partition has its disk's queue, one folder up.
    let folder = format!("/sys/dev/block/{major}:{minor}");
    let says = ["queue", "../queue"]
        .iter()
        .find_map(|queue| fs::read_to_string(format!("{folder}/{queue}/stable_writes")).ok());
    Ok(match says.as_deref().map(str::trim) {
        Some("0") => {
            "This disk does not need pages to be stable while it writes them back: no operation waits for that."
        }
        Some(_) => {
            "This disk needs pages to be stable while it writes them back: an operation on such a page waits."
        }
        None => {
            "Whether this disk needs pages to be stable while it writes them back is not known."
        }
    })
}

const NOTES: &str = "\
The figures are nanoseconds by the processor's counter (which some processors advance by several at
a time), without the cost of reading it. Nothing is left out: they include what else the machine did
in between, and the rows of a library that has no files show how much that is. One thread does an
operation every 5 microseconds, on new series every 20. Of the series that exist there are 16,384,
so that each operation uses another page than the one before. Busy: one thread writes a file of 256
MiB on that disk again and again, and another asks the kernel without a pause to write back the
segments and everything else on it.";

fn filesystem(path: &Path) -> Result<String> {
    let kind = statfs(path)?.filesystem_type();
    let known = [
        (TMPFS_MAGIC, "tmpfs"),
        (EXT4_SUPER_MAGIC, "ext4"),
        (XFS_SUPER_MAGIC, "xfs"),
        (BTRFS_SUPER_MAGIC, "btrfs"),
        (OVERLAYFS_SUPER_MAGIC, "overlayfs"),
    ];
    let known = known.into_iter().find(|(magic, _)| *magic == kind);
    Ok(known.map_or_else(|| format!("{kind:?}"), |(_, name)| name.to_owned()))
}
