//! The command line: what an operator does to a directory.
//!
//! Ends with 0, with 1 if it failed, with 2 if it was called wrongly.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use headcount::{Clean, Collector, Config, Error, Format, SegmentInfo};

/// Reads and tends the directory in which the processes of a program count.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The directory. Without it, what `HEADCOUNT_DIR` or else `PROMETHEUS_MULTIPROC_DIR` names, or
    /// else `headcount` in systemd's `RUNTIME_DIRECTORY`.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints what all processes have counted, living and dead, as a scraper gets it.
    ///
    /// What could not be read is told on the standard error.
    Show,
    /// Lists the processes that have a segment, whether each lives, and how that is known.
    Ps,
    /// Folds what the dead have left into the archive. No number changes.
    Compact,
    /// Forgets what is no longer wanted. Nothing of living processes is touched.
    Clean(What),
    /// Folds what this process has left, if it has ended.
    MarkDead {
        /// The process.
        pid: u32,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct What {
    /// Series of the dead to which nobody has added for so long: 30d, 12h.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Damaged segments that were set aside: files that end in `.bad`.
    #[arg(long)]
    bad: bool,
    /// Everything that the dead have counted.
    #[arg(long)]
    dead: bool,
}

/// Why it ended.
enum Failure {
    Headcount(Error),
    /// The output was refused.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Headcount(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    let Arguments { command, dir } = Arguments::parse();
    let config = dir.map_or_else(Config::new, |dir| Config::new().directory(dir));
    let Some(directory) = config.resolved_directory() else {
        let message = "no directory: give --dir, or set HEADCOUNT_DIR";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit()
    };
    let collector = Collector::open(directory);
    match collector.__look().map_err(Failure::from).and_then(|()| run(&command, &collector)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough: `headcount show | head`.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(e)) => failed(&e),
        Err(Failure::Headcount(e)) => failed(&e),
    }
}

fn failed(why: &dyn Display) -> ExitCode {
    tell(why);
    ExitCode::FAILURE
}

/// To the standard error; where that is closed, there is nobody to tell.
fn tell(what: &dyn Display) {
    let _ = writeln!(io::stderr(), "headcount: {what}");
}

fn run(command: &Command, collector: &Collector) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match command {
        Command::Show => {
            let snapshot = collector.collect()?;
            snapshot.skipped().iter().for_each(|skipped| tell(skipped));
            snapshot.encode(Format::Text, &mut out)?;
        }
        Command::Ps => table(&mut out, &collector.segments()?)?,
        Command::Compact => {
            let done = collector.compact()?;
            done.skipped().iter().for_each(|skipped| tell(skipped));
            let (folded, generation) = (done.folded(), done.generation());
            writeln!(out, "{}; the archive's generation is {generation}", folded_words(folded))?;
        }
        Command::Clean(What { older_than, bad, dead }) => {
            let mut what = Clean::new();
            if let Some(age) = older_than {
                what = what.older_than(*age);
            }
            if *bad {
                what = what.set_aside();
            }
            if *dead {
                what = what.dead();
            }
            let done = collector.clean(&what)?;
            done.skipped().iter().for_each(|skipped| tell(skipped));
            writeln!(out, "{} series forgotten", done.series())?;
            if *bad {
                writeln!(out, "{} damaged files removed", done.set_aside())?;
            }
        }
        Command::MarkDead { pid } => {
            writeln!(out, "{}", folded_words(collector.mark_process_dead(*pid)?))?;
        }
    }
    Ok(out.flush()?)
}

fn folded_words(folded: usize) -> String {
    format!("{folded} segment{} folded", if folded == 1 { "" } else { "s" })
}

/// Columns as wide as what stands in them; numbers to the right.
fn table(out: &mut impl Write, segments: &[SegmentInfo]) -> io::Result<()> {
    const HEAD: [&str; 7] = ["PID", "STATE", "AGE", "SERIES", "BYTES", "FILE", "WHY"];
    const RIGHT: [bool; 7] = [true, false, true, true, true, false, false];
    let now = SystemTime::now();
    let rows: Vec<[String; 7]> = segments.iter().map(|segment| row(segment, now)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let head = HEAD.map(str::to_owned);
    for row in std::iter::once(&head).chain(&rows) {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(widths).zip(RIGHT) {
            let cell =
                if right { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            line.push_str(&cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A file's name as a terminal can show it: whoever may write to the directory chooses it.
fn escaped(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let escape = |c: char| if plain(c) { c.to_string() } else { c.escape_default().to_string() };
    name.chars().map(escape).collect()
}

fn row(segment: &SegmentInfo, now: SystemTime) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let age = segment.created().map(|created| {
        let age = now.duration_since(created).unwrap_or_default();
        // To the second, and no more than its two greatest units.
        let age = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
        age.split(' ').take(2).collect::<Vec<_>>().join(" ")
    });
    [
        or_dash(segment.pid().map(|pid| pid.to_string())),
        segment.state().to_string(),
        or_dash(age),
        segment.series().to_string(),
        segment.bytes().to_string(),
        escaped(segment.file_name()),
        segment.error().map_or_else(|| segment.why().to_owned(), ToString::to_string),
    ]
}
