//! A sidecar: a program that counts nothing reads the directory of another program, and serves its
//! page. Nothing of that program has to serve, to run, or to be alive.
//!
//! ```text
//! cargo run -p headcount-example-sidecar --example sidecar
//! ```
//!
//! Here the sidecar starts the other program too, which is this file's `worker`, and kills it, to
//! show what the page says then. `headcount serve` is such a sidecar, with more options.

#![expect(clippy::print_stdout, reason = "says what happens")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{self, Child, Command, Stdio};
use std::{env, fs, thread};

use headcount::{Collector, Config, Counter, Gauge, Server, metric};

/// Jobs done.
#[metric(name = "jobs_done_total")]
static DONE: Counter;

/// Jobs that a worker has taken.
#[metric(name = "jobs_taken", mode = "livesum")]
static TAKEN: Gauge;

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(directory) => worker(&directory),
        None => sidecar(),
    }
}

/// Does three jobs, and never ends the fourth.
fn worker(directory: &str) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    for _ in 0..3 {
        TAKEN.set(1.0);
        DONE.inc();
        TAKEN.set(0.0);
    }
    TAKEN.set(1.0);
    println!("taken");
    loop {
        thread::park();
    }
}

fn sidecar() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("headcount-sidecar-{}", process::id()));
    let start = || -> Result<Child, Box<dyn Error>> {
        let mut worker = Command::new(env::current_exe()?);
        let mut worker = worker.arg(&directory).stdout(Stdio::piped()).spawn()?;
        let said = worker.stdout.take().ok_or("it has a pipe")?;
        BufReader::new(said).read_line(&mut String::new())?;
        Ok(worker)
    };
    let mut workers = [start()?, start()?];

    // A directory of another program: this process neither writes there nor counts.
    let collector = Collector::from_directory(&directory);
    let serving = Server::new("127.0.0.1:0").collector(collector).start()?;
    let address = serving.addresses().first().cloned().ok_or("nobody else has this port")?;
    println!("two workers, at http://{address}/metrics:");
    show(&address)?;

    workers[0].kill()?;
    workers[0].wait()?;
    println!("one of them was killed:");
    show(&address)?;

    workers[1].kill()?;
    workers[1].wait()?;
    println!("both were killed:");
    show(&address)?;
    serving.stop();
    Ok(fs::remove_dir_all(directory)?)
}

/// Scrapes the page, and prints what is of interest here.
fn show(address: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    for line in response.lines() {
        if ["jobs_", "headcount_processes"].iter().any(|name| line.starts_with(name)) {
            println!("  {line}");
        }
    }
    Ok(())
}
