//! A program under test whose series come and go, as it is told: see `metrics_churn.rs`.

#![allow(clippy::print_stdout, reason = "it answers")]
#![expect(unsafe_code, reason = "fork, and a call of the allocator")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::time::{Duration, UNIX_EPOCH};

use headcount::{Config, Counter, Gauge, Histogram, metric};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Of one guest each.
#[metric(name = "guest_calls_total", max_series = 1_000_000)]
fn calls(guest: &str) -> Counter;
/// Of one guest each.
#[metric(name = "guest_size", buckets = [1.0, 2.0, 4.0, 8.0], max_series = 1_000_000)]
fn sizes(guest: &str) -> Histogram;
/// Of one guest each.
#[metric(name = "guest_level", mode = "livesum", max_series = 1_000_000)]
fn level(guest: &str) -> Gauge;
/// Money of one guest each.
#[metric(name = "guest_euros_total", unit = "euros")]
fn euros(guest: &str) -> Counter<f64>;
/// Of one guest each, for a while.
#[metric(name = "guest_visits_total", idle_timeout = "2s")]
fn visits(guest: &str) -> Counter;
/// Of the house.
#[metric(name = "house_total")]
static HOUSE: Counter;

/// What the kernel has given this process that is no file's, in KiB.
fn own_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a number")
}

/// Some that come and go, one after the other, with one that stays for each `stay` of them.
fn turn(from: u64, many: u64, stay: u64) {
    for number in from..from + many {
        let guest = format!("guest number {number}");
        let (calls, level) = (calls(&guest), level(&guest));
        calls.inc();
        level.set(1.0);
        if number % 8 == 0 {
            let sizes = sizes(&guest);
            sizes.observe(3.0);
            assert!(sizes.remove());
        }
        assert!(level.remove());
        if stay == 0 || number % stay != 0 {
            assert!(calls.remove());
        }
    }
}

/// Waits until nothing that was removed before is kept: for five seconds of the clock, in each of
/// which a row comes and goes. A removed row's memory and cells rest for three such seconds.
fn settle(from: u64) {
    let mut seconds = BTreeSet::new();
    while seconds.len() < 6 {
        seconds.insert(UNIX_EPOCH.elapsed().expect("after 1970").as_secs());
        turn(from, 1, 0);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The child's memory before and behind its first operation.
fn child() -> String {
    let (mut read, mut write) = UnixStream::pair().expect("two");
    // SAFETY: the child runs this program's own code and exits.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => {
            drop(write);
            let mut said = String::new();
            read.read_to_string(&mut said).expect("it says something");
            waitpid(child, None).expect("our child");
            said
        }
        ForkResult::Child => {
            let before = own_memory();
            HOUSE.inc();
            let grown = own_memory().saturating_sub(before);
            let segments =
                headcount::Collector::new().auto_compact(false).segments().expect("ours");
            let own = segments.iter().find(|one| one.pid() == Some(std::process::id()));
            let bytes = own.expect("there").bytes();
            write!(write, "{} {grown}", bytes >> 10).expect("it listens");
            exit(0);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [_, directory] = arguments.as_slice() else { panic!("obey <directory>") };
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    HOUSE.inc();
    let mut kept = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let said = match words[0] {
            "turn" => {
                turn(number(1), number(2), number(3));
                "done".to_owned()
            }
            "settle" => {
                settle(number(1));
                "done".to_owned()
            }
            "inc" => {
                calls(words[1]).inc_by(number(2));
                "done".to_owned()
            }
            "visit" => {
                visits(words[1]).inc();
                "done".to_owned()
            }
            "pay" => {
                euros(words[1]).inc_by(words[2].parse().expect("a number"));
                "done".to_owned()
            }
            // One series of each family comes and goes: its name, how often, and how much it
            // counts.
            "come-and-go" => {
                for _ in 0..number(2) {
                    let (calls, euros, sizes) = (calls(words[1]), euros(words[1]), sizes(words[1]));
                    let amount: f64 = words[3].parse().expect("a number");
                    calls.inc();
                    euros.inc_by(amount);
                    sizes.observe(amount);
                    assert!(calls.remove() && euros.remove() && sizes.remove());
                }
                "done".to_owned()
            }
            "observe" => {
                sizes(words[1]).observe(words[2].parse::<f64>().expect("a number"));
                "done".to_owned()
            }
            "keep" => {
                for n in number(2)..number(2) + number(3) {
                    let handle = calls(&format!("{}{n}", words[1]));
                    handle.inc();
                    kept.push(handle);
                }
                "done".to_owned()
            }
            "use" => {
                for handle in &kept {
                    handle.inc_by(1_000);
                }
                "done".to_owned()
            }
            "remove" => headcount::remove_matching(words[1], &[("guest", words[2])]).to_string(),
            "clear" => headcount::remove_matching(words[1], &[]).to_string(),
            "memory" => {
                // SAFETY: it gives back what was freed and nothing else.
                #[cfg(target_env = "gnu")]
                unsafe {
                    nix::libc::malloc_trim(0)
                };
                own_memory().to_string()
            }
            "dropped" => headcount::health().dropped_operations().to_string(),
            "problem" => format!("{:?}", headcount::health().problem()),
            "child" => child(),
            "page" => {
                let snapshot = headcount::Collector::new().collect().expect("a snapshot");
                let family = snapshot.families().iter().find(|one| one.name == words[1]);
                family.map_or(0, |family| family.series.len()).to_string()
            }
            other => panic!("{other}"),
        };
        println!("{said}");
    }
}
