//! A graceful upgrade: a new generation of a server starts beside the old one, which finishes what
//! it has begun, and ends. Clients that never pause lose no request, and no count is lost.
//!
//! ```text
//! cargo run --example graceful_upgrade
//! ```
//!
//! Both generations are programs of their own, started by `exec`, as after an update. They share
//! the listener, which is their standard input, and find the directory by their environment.

#![expect(clippy::print_stdout, reason = "says what happens")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use std::{env, fs, thread};

use headcount::{Collector, Config, counted, in_progress};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    match env::args().nth(1) {
        Some(generation) => serve(generation.parse()?),
        None => upgrade(),
    }
}

// ---- a server ----

/// Says who answers, waits for the request, and answers.
#[counted(name = "requests_total", help = "Requests.", labels(generation), outcome)]
#[in_progress(name = "requests_in_flight", help = "Requests.", labels(generation))]
fn answer(generation: u32, stream: &TcpStream) -> io::Result<()> {
    let (mut to, mut from) = (stream, BufReader::new(stream));
    writeln!(to, "{generation}")?;
    from.read_line(&mut String::new())?;
    writeln!(to, "done")
}

/// Serves until it is told to end. Then it accepts nothing more, and finishes what it has begun.
fn serve(generation: u32) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    let told = SigSet::from(Signal::SIGTERM);
    told.thread_block()?;
    let told = SignalFd::new(&told)?;
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    println!("ready");
    // The end of the scope waits for its threads.
    thread::scope(|scope| {
        loop {
            let ready = PollFlags::POLLIN;
            let mut both = [PollFd::new(told.as_fd(), ready), PollFd::new(listener.as_fd(), ready)];
            poll(&mut both, PollTimeout::NONE)?;
            if both[0].any() == Some(true) {
                return Ok(());
            }
            // The other generation may have been faster.
            if let Ok((stream, _)) = listener.accept() {
                // The client sees it, if this fails.
                scope.spawn(move || drop(answer(generation, &stream)));
            }
        }
    })
}

/// A generation, which ends with this value at the latest.
struct Server(Child);

impl Server {
    /// Starts it, and returns when it serves.
    fn start(generation: u32, listener: &TcpListener) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let input = Stdio::from(OwnedFd::from(listener.try_clone()?));
        command.arg(generation.to_string()).stdin(input).stdout(Stdio::piped());
        let mut server = Self(command.envs(headcount::child_env()).spawn()?);
        let said = server.0.stdout.take().ok_or("it has a pipe")?;
        BufReader::new(said).read_line(&mut String::new())?;
        println!("generation {generation} serves");
        Ok(server)
    }

    /// Tells it to end.
    fn end(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGTERM)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill(); // nothing, if it has ended
        let _ = self.0.wait();
    }
}

// ---- a client ----

/// A request that was begun, and who answers it.
struct Begun {
    stream: BufReader<TcpStream>,
    by: u32,
}

fn begin(address: SocketAddr) -> Result<Begun> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    let mut by = String::new();
    stream.read_line(&mut by)?;
    Ok(Begun { stream, by: by.trim().parse()? })
}

/// Returns who has answered.
fn finish(mut begun: Begun) -> Result<u32> {
    writeln!(begun.stream.get_mut(), "please")?;
    let mut answer = String::new();
    begun.stream.read_line(&mut answer)?;
    if answer == "done\n" { Ok(begun.by) } else { Err("a request is lost".into()) }
}

// ---- the upgrade ----

fn upgrade() -> Result<()> {
    let directory = env::temp_dir().join(format!("headcount-upgrade-{}", process::id()));
    headcount::init(Config::new().directory(&directory))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let answered = [const { AtomicU32::new(0) }; 2];
    let is_over = AtomicBool::new(false);
    let old = Server::start(1, &listener)?;
    let mut new = thread::scope(|scope| {
        let client = || -> Result<()> {
            while !is_over.load(Relaxed) {
                answered[usize::from(finish(begin(address)?)? == 2)].fetch_add(1, Relaxed);
            }
            Ok(())
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        let new = replace(old, &listener, &answered);
        is_over.store(true, Relaxed);
        for client in clients {
            client.join().map_err(|_| "a client has panicked")??;
        }
        new
    })?;
    new.end()?;
    new.0.wait()?;

    let [first, second] = answered.map(AtomicU32::into_inner);
    let counted = [counted_by("1", "ok")?, counted_by("2", "ok")?];
    println!("answered by generation 1: {first}, counted: {}", counted[0]);
    println!("answered by generation 2: {second}, counted: {}", counted[1]);
    fs::remove_dir_all(directory)?;
    let are_lost = (counted[0] + counted[1] - f64::from(first + second)).abs() > 0.5;
    if are_lost { Err("requests are lost".into()) } else { Ok(()) }
}

/// Replaces the first generation by a second one while it has a request in flight.
fn replace(mut old: Server, listener: &TcpListener, answered: &[AtomicU32; 2]) -> Result<Server> {
    wait_until(|| Ok(answered[0].load(Relaxed) >= 100))?;
    let slow = begin(listener.local_addr()?)?;
    let new = Server::start(2, listener)?;
    old.end()?;
    // Others of its requests end; only the slow one stays.
    wait_until(|| Ok(in_flight("1")? == Some(1.0) && answered[1].load(Relaxed) >= 100))?;
    println!("generation 1 accepts nothing more, and has 1 request in flight");
    let by = finish(slow)?;
    answered[0].fetch_add(1, Relaxed);
    old.0.wait()?;
    println!("generation {by} has answered it, and has ended");
    let before = answered[1].load(Relaxed);
    wait_until(|| Ok(answered[1].load(Relaxed) >= before + 100))?;
    Ok(new)
}

fn in_flight(generation: &str) -> Result<Option<f64>> {
    let now = Collector::new().collect()?;
    Ok(now.value("requests_in_flight", &[("generation", generation)]))
}

fn counted_by(generation: &str, outcome: &str) -> Result<f64> {
    let now = Collector::new().collect()?;
    let labels = [("generation", generation), ("outcome", outcome)];
    Ok(now.value("requests_total", &labels).unwrap_or_default())
}

fn wait_until(mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    while !condition()? {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
