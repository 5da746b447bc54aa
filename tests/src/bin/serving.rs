//! A candidate that serves a page: `serving <directory> <address> [alone|worker|panics]`. It counts
//! once, starts the server, and prints where it serves as soon as it does. `worker` also forks a
//! child that does nothing; `alone` names no directory; `panics` supplies families by a function
//! that panics. `page_server.rs` starts it.

use std::error::Error;
use std::io::{Write, stdout};
use std::thread;
use std::time::Duration;

use headcount::{Collector, Config, Counter, Server, metric};
use nix::unistd::{ForkResult, fork};

/// Candidates that started.
#[metric(name = "candidates_total")]
static CANDIDATES: Counter;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, address, how @ ..] = &arguments[..] else {
        return Err("serving <directory> <address> [alone|worker|panics]".into());
    };
    let how = how.first().map_or("", String::as_str);
    let mut server = Server::new(address);
    if how == "alone" {
        server = server.collector(Collector::from_directory(directory)).metrics_path("/m/metrics");
    } else {
        headcount::init(Config::new().directory(directory))?;
        CANDIDATES.inc();
    }
    if how == "panics" {
        server = server.collector(Collector::new().with_families(|| panic!("on purpose")));
    }
    let serving = server.start()?;
    if how == "worker" {
        #[expect(unsafe_code, reason = "a worker of a server")]
        // SAFETY: the child calls only what an own process may call: it sleeps.
        match unsafe { fork() }? {
            ForkResult::Child => {
                // In the child there is no server, and nothing to stop.
                assert!(serving.addresses().is_empty());
                serving.stop();
                loop {
                    thread::sleep(Duration::from_secs(60));
                }
            }
            ForkResult::Parent { child } => writeln!(stdout(), "worker {child}")?,
        }
    }
    let mut reported = false;
    loop {
        if let (false, [address, ..]) = (reported, &serving.addresses()[..]) {
            writeln!(stdout(), "serving {address}")?;
            reported = true;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
