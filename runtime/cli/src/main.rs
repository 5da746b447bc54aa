//! The program `headcount`, with which an operator serves, looks at and tends a directory.
//!
//! Exit status: 0; 1 if the command failed; 2 if its arguments are wrong.
//! Most wrong arguments are refused while they are read, the rest by the library.

mod arguments;
mod catalog;
mod dashboard;
mod panels;
mod print;
mod progress;
mod promql;
mod push;
mod rules;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::{CommandFactory, Parser, error::ErrorKind};
use headcount::{
    Clean, Collector, Config, Error, MarkedDead, ProcessMetrics, Server, Serving, Snapshot,
};
use listenfd::ListenFd;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};

use arguments::{Arguments, Command, Serve, Show, What};
use catalog::Catalog;
use print::escaped;

/// Why the command failed.
enum Failure {
    Headcount(Error),
    /// The output could not be written.
    Output(io::Error),
    /// `check` found problems, which it has printed.
    Unwell,
    /// The directory is not what the person thinks it is.
    NothingHere,
    /// A gateway could not be reached, or took nothing.
    NotPushed(Error),
    /// A file that an argument names could not be read.
    File(PathBuf, io::Error),
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

/// Prints what the library logs: why a web configuration cannot be used, or what `serve` waits for.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("headcount");
        metadata.level() <= if is_ours { log::Level::Info } else { log::Level::Warn }
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            tell(&escaped(text.strip_prefix("headcount: ").unwrap_or(&text)));
        }
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    log::set_max_level(log::LevelFilter::Info);
    // There is no other logger.
    let _ = log::set_logger(&Log);
    let Arguments { command, dir } = Arguments::parse();
    // These need no directory.
    let written = match &command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "headcount", &mut script);
            Some(io::stdout().write_all(&script))
        }
        Command::Man { command } => Some(manual(command.as_deref())),
        _ => None,
    };
    if let Some(written) = written {
        return ended(written.map_err(Failure::from), "");
    }
    if let Command::Push(how) = &command {
        if how.delete {
            return ended(push::delete(how), "");
        }
    }
    let config = dir.map_or_else(Config::new, |dir| Config::new().directory(dir));
    let Some(directory) = config.resolved_directory() else {
        wrong_call("no directory: give --dir, or set HEADCOUNT_DIR")
    };
    // Looking at a directory must not change it, and compacting is a command.
    let collector = Collector::from_directory(&directory).auto_compact(false);
    let done = match &command {
        Command::Serve(how) => {
            serve(Collector::from_directory(&directory), how).map_err(Failure::from)
        }
        command => match collector.is_used() {
            Ok(true) => run(command, &collector, &directory),
            Ok(false) => Err(Failure::NothingHere),
            Err(e) => Err(e.into()),
        },
    };
    ended(done, &directory.display().to_string())
}

fn ended(done: Result<(), Failure>, directory: &str) -> ExitCode {
    match done {
        Ok(()) => return ExitCode::SUCCESS,
        // The reader has closed the pipe, and needs no more: `headcount show | head`.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(Failure::Unwell) => {}
        Err(Failure::Output(e)) => tell(&e),
        Err(Failure::Headcount(e)) => {
            tell(&escaped(&e.to_string()));
            if is_wrong_call(&e) {
                return ExitCode::from(WRONG_CALL);
            }
        }
        Err(Failure::NotPushed(e)) => {
            tell(&e);
            tell(&"nothing is lost: the counts stay in the directory, for the next push");
        }
        Err(Failure::File(path, e)) => {
            tell(&format!("{}: can't read the file: {e}", escaped(&path.display().to_string())));
        }
        Err(Failure::NothingHere) => {
            tell(&format!("{}: there is nothing of headcount's here", escaped(directory)));
        }
    }
    ExitCode::FAILURE
}

/// The status with which clap ends, too.
const WRONG_CALL: u8 = 2;

/// Whether the library has refused an argument itself, such as an address, and not what is in a
/// file that an argument names.
fn is_wrong_call(error: &Error) -> bool {
    error.is_invalid() && error.path().is_none()
}

/// Ends with status 2.
fn wrong_call(message: &str) -> ! {
    Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit()
}

/// Prints to the standard error. If that is closed, nobody can be told.
fn tell(what: &dyn Display) {
    let _ = writeln!(io::stderr(), "headcount: {what}");
}

fn tell_skipped(skipped: &[Error]) {
    for error in skipped {
        tell(&escaped(&error.to_string()));
    }
}

fn run(command: &Command, collector: &Collector, directory: &Path) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match command {
        Command::Show(how) => show(collector, how)?,
        Command::Ps { sort } => print::processes(&mut out, &mut collector.segments()?, *sort)?,
        Command::Compact { python } => {
            if *python {
                let done = progress::shown(directory, || collector.compact_python_files())?;
                tell_skipped(done.skipped());
                let files = done.segments();
                let plural = if files == 1 { "" } else { "s" };
                writeln!(out, "{files} file{plural} of Python's compacted")?;
            }
            let done = progress::shown(directory, || collector.compact())?;
            tell_skipped(done.skipped());
            let (segments, generation) = (done.segments(), done.generation());
            let words = compacted_words(segments);
            writeln!(out, "{words}; the archive's generation is {generation}")?;
        }
        Command::Clean(what) => {
            progress::shown(directory, || clean(&mut out, collector, what))?;
        }
        Command::Check { min_live } => check(&mut out, collector, *min_live)?,
        Command::Catalog { format, prefix } => {
            let snapshot = collector.clone().prefix(prefix).collect()?;
            tell_skipped(snapshot.skipped());
            let catalog = Catalog::new(collector.declarations()?, &snapshot, prefix);
            catalog.write(&mut out, *format)?;
        }
        Command::Push(how) => push::push(&mut out, collector, how)?,
        Command::MarkDead { pid } => match collector.mark_process_dead(*pid)? {
            MarkedDead::Compacted(segments) => writeln!(out, "{}", compacted_words(segments))?,
            MarkedDead::Removed(files) => {
                let plural = if files == 1 { "" } else { "s" };
                writeln!(out, "{files} file{plural} of live gauges of Python's removed")?;
            }
            MarkedDead::Alive => writeln!(out, "nothing done: process {pid} is alive")?,
            _ => writeln!(
                out,
                "nothing done: there is no segment of process {pid} whose process is known to have ended"
            )?,
        },
        Command::Serve(_) | Command::Completions { .. } | Command::Man { .. } => {}
    }
    Ok(out.flush()?)
}

fn compacted_words(compacted: usize) -> String {
    format!("{compacted} segment{} compacted", if compacted == 1 { "" } else { "s" })
}

/// Serves until a signal asks for the end.
fn serve(collector: Collector, how: &Serve) -> Result<(), Error> {
    let mut server = if how.systemd_socket {
        Server::from_listeners(systemd_sockets())
    } else {
        let mut addresses = how.addresses.iter();
        let first = Server::new(addresses.next().map_or("", String::as_str));
        addresses.fold(first, Server::listen)
    };
    if let Some(path) = &how.web_config {
        server = server.web_config(path);
    }
    match collector.is_used() {
        Ok(true) => {}
        Ok(false) => tell(&"nothing counts here yet: the page is empty until something does"),
        Err(e) => tell(&format!("{e}; serving that until it can be read")),
    }
    let collector = if how.no_process_metrics {
        collector
    } else {
        collector.process_metrics(ProcessMetrics::Sum)
    };
    let collector = with_constants(collector, &how.labels, &how.prefix);
    let collector = collector.self_metrics(!how.no_self_metrics);
    let signals = block_ends();
    let serving = server.collector(collector).metrics_path(&how.path).start()?;
    let handle = serving.clone();
    let (path, has_config) = (how.path.clone(), how.web_config.is_some());
    thread::spawn(move || tell_addresses(&handle, &path, has_config));
    while signals.wait() == Err(Errno::EINTR) {}
    // A second one ends the process at once.
    let _ = signals.thread_unblock();
    serving.stop();
    Ok(())
}

/// Blocks the signals that ask for the end, also in the threads that are started from here on. The
/// kernel gives them no default action in process 1 of a container, so they must be waited for.
fn block_ends() -> SigSet {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    // It fails only if its arguments are wrong.
    let _ = signals.thread_block();
    signals
}

/// Prints where it serves, as soon as it does.
fn tell_addresses(serving: &Serving, path: &str, has_config: bool) {
    while serving.addresses().is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    for address in serving.addresses() {
        let scheme = match (address.starts_with("unix:"), has_config) {
            (true, _) => "",
            // With TLS or without it, as the file says.
            (false, true) => "at ",
            (false, false) => "http://",
        };
        tell(&format!("serving {scheme}{address}{path}"));
    }
}

/// Adds labels and a prefix to all families.
fn with_constants(collector: Collector, labels: &[(String, String)], prefix: &str) -> Collector {
    let add = |collector: Collector, (name, value): &(String, String)| collector.label(name, value);
    labels.iter().fold(collector, add).prefix(prefix)
}

/// The sockets that systemd hands over to this process.
fn systemd_sockets() -> Vec<OwnedFd> {
    let mut sockets = ListenFd::from_env();
    let mut all = Vec::new();
    for index in 0..sockets.len() {
        // Whatever family it is of: the server looks at it.
        let tcp = sockets.take_tcp_listener(index).ok().flatten().map(OwnedFd::from);
        let unix = || sockets.take_unix_listener(index).ok().flatten().map(OwnedFd::from);
        all.extend(tcp.or_else(unix));
    }
    if all.is_empty() {
        wrong_call("--web.systemd-socket: systemd has handed no socket to this process");
    }
    all
}

fn show(collector: &Collector, how: &Show) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let on_terminal = out.is_terminal();
    let collector = collector.clone().names(&how.names);
    loop {
        let snapshot = collector.collect()?;
        tell_skipped(snapshot.skipped());
        if on_terminal && how.watch.is_some() {
            // Clears the screen, and goes to its first line.
            out.write_all(b"\x1b[2J\x1b[H")?;
        }
        write_page(&mut out, &snapshot, how, on_terminal)?;
        out.flush()?;
        let Some(pause) = how.watch else { return Ok(()) };
        thread::sleep(pause);
    }
}

fn write_page(
    out: &mut impl Write,
    snapshot: &Snapshot,
    how: &Show,
    on_terminal: bool,
) -> io::Result<()> {
    if !on_terminal {
        return snapshot.encode(how.format.into(), out);
    }
    let mut page = Vec::new();
    snapshot.encode(how.format.into(), &mut page)?;
    print::page(out, &page, true)
}

fn clean(out: &mut impl Write, collector: &Collector, what: &What) -> Result<(), Failure> {
    let mut selected = Clean::new().unreadable(what.unreadable).dead(what.dead);
    if let Some(age) = what.older_than {
        selected = selected.older_than(age);
    }
    let done = collector.clean(&selected.dry_run(what.dry_run))?;
    tell_skipped(done.skipped());
    let [deleted, removed] = if what.dry_run {
        for name in done.series().iter().chain(done.files()) {
            writeln!(out, "{}", escaped(name))?;
        }
        ["would be deleted", "would be removed"]
    } else {
        ["deleted", "removed"]
    };
    writeln!(out, "{} series {deleted}", done.series().len())?;
    if !done.files().is_empty() || what.unreadable {
        let files = done.files().len();
        writeln!(out, "{files} file{} {removed}", if files == 1 { "" } else { "s" })?;
    }
    Ok(())
}

fn check(out: &mut impl Write, collector: &Collector, min_live: usize) -> Result<(), Failure> {
    let snapshot = collector.collect()?;
    let live = collector.segments()?.iter().filter(|segment| segment.is_live()).count();
    let mut problems: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
    if live < min_live {
        problems.push(format!("{live} living processes, and there should be {min_live}"));
    }
    if problems.is_empty() {
        writeln!(out, "ok: {live} living process{}", if live == 1 { "" } else { "es" })?;
        return Ok(out.flush()?);
    }
    for problem in problems {
        writeln!(out, "{}", escaped(&problem))?;
    }
    out.flush()?;
    Err(Failure::Unwell)
}

/// Prints the manual page of a command, or that of the program.
fn manual(of: Option<&str>) -> io::Result<()> {
    let mut whole = Arguments::command();
    whole.build();
    let mut out = io::stdout().lock();
    match of {
        None => clap_mangen::Man::new(whole.clone()).render(&mut out)?,
        Some(name) => match whole.find_subcommand(name) {
            Some(command) => clap_mangen::Man::new(command.clone()).render(&mut out)?,
            None => wrong_call(&format!("there is no command `{name}`")),
        },
    }
    out.flush()
}
