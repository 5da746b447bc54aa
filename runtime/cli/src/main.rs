//! The command line, with which an operator tends a directory.
//!
//! Exit status: 0; 1 if the command failed; 2 if its arguments are wrong.

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
    /// The directory. The default is the one that `HEADCOUNT_DIR` or else
    /// `PROMETHEUS_MULTIPROC_DIR` names, or else `headcount` in systemd's `RUNTIME_DIRECTORY`.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the merged page of all processes, living and dead, as a scraper gets it.
    ///
    /// Reports what could not be read on the standard error.
    Show,
    /// Lists the processes that have a segment, whether each is alive, and how that is known.
    Ps,
    /// Compacts the segments of dead processes into the archive. No number changes.
    Compact,
    /// Deletes what is no longer wanted. Numbers of living processes are never touched.
    Clean(What),
    /// Compacts the segments of this process, if it has ended.
    MarkDead {
        /// The pid of the process.
        pid: u32,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct What {
    /// Deletes series of dead processes to which nobody has added for this time: 30d, 12h.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Deletes damaged segments that were set aside: files that end in `.bad`.
    #[arg(long)]
    bad: bool,
    /// Deletes all numbers of dead processes.
    #[arg(long)]
    dead: bool,
}

/// Why the command failed.
enum Failure {
    Headcount(Error),
    /// The output could not be written.
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
    let collector = Collector::from_directory(directory);
    match collector.__look().map_err(Failure::from).and_then(|()| run(&command, &collector)) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has closed the pipe, and needs no more: `headcount show | head`.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(e)) => failed(&e),
        Err(Failure::Headcount(e)) => failed(&e),
    }
}

fn failed(why: &dyn Display) -> ExitCode {
    tell(why);
    ExitCode::FAILURE
}

/// Prints to the standard error. If that is closed, nobody can be told.
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
            let (segments, generation) = (done.segments(), done.generation());
            let words = compacted_words(segments);
            writeln!(out, "{words}; the archive's generation is {generation}")?;
        }
        Command::Clean(What { older_than, bad, dead }) => {
            let mut what = Clean::new();
            if let Some(age) = older_than {
                what = what.older_than(*age);
            }
            if *bad {
                what = what.set_aside(true);
            }
            if *dead {
                what = what.dead(true);
            }
            let done = collector.clean(&what)?;
            done.skipped().iter().for_each(|skipped| tell(skipped));
            writeln!(out, "{} series deleted", done.series())?;
            if *bad {
                writeln!(out, "{} damaged files removed", done.set_aside())?;
            }
        }
        Command::MarkDead { pid } => {
            writeln!(out, "{}", compacted_words(collector.mark_process_dead(*pid)?))?;
        }
    }
    Ok(out.flush()?)
}

fn compacted_words(compacted: usize) -> String {
    format!("{compacted} segment{} compacted", if compacted == 1 { "" } else { "s" })
}

/// Prints a table whose columns are as wide as their contents, with numbers aligned to the right.
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

/// A file's name without characters that a terminal would interpret: whoever may write to the
/// directory chooses the name.
fn escaped(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let escape = |c: char| if plain(c) { c.to_string() } else { c.escape_default().to_string() };
    name.chars().map(escape).collect()
}

fn row(segment: &SegmentInfo, now: SystemTime) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let age = segment.created().map(|created| {
        let age = now.duration_since(created).unwrap_or_default();
        // To the second, in at most two units.
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
