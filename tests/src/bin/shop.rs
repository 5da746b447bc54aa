//! A program that the page for people shows: `shop <directory> <workers> <items>`. Its master
//! serves the page, and prints `serving <address>` and the pid of each worker. Its workers call
//! annotated functions, sell `items` items, and use label values that would like to be markup.
//! `page_people.rs` starts it.

use std::error::Error;
use std::fmt;
use std::io::{Write, stdout};
use std::thread;
use std::time::Duration;

use headcount::{
    Config, Counter, Gauge, Histogram, LabelValue, ProcessMetrics, Server, StateSet,
    count_exceptions, counted, in_progress, metric, timed,
};
use nix::libc::{PR_SET_PDEATHSIG, SIGKILL, prctl};
use nix::unistd::{ForkResult, Pid, fork};

/// Items sold.
#[metric(name = "items_sold_total", max_series = 5000)]
fn sold(item: u32) -> Counter;

/// Searches by their first word. The values come from users: they are text, and no markup.
#[metric(name = "search_terms_total")]
fn searched(term: &str) -> Counter;

/// Bytes sent to clients.
#[metric(name = "sent_bytes_total", unit = "bytes")]
static SENT: Counter;

/// Orders that wait for their payment.
#[metric(name = "orders_waiting", mode = "livesum")]
static WAITING: Gauge;

/// Sizes of what was uploaded.
#[metric(name = "upload_size_bytes", buckets = [1e3, 1e4, 1e5, 1e6])]
static UPLOADS: Histogram;

/// Weights of baskets, between 300 and 330 grams.
#[metric(name = "basket_grams", native)]
static BASKETS: Histogram;

#[derive(LabelValue)]
enum Breaker {
    Closed,
    Open,
}

/// The circuit breaker before the payment provider.
#[metric(name = "payment_breaker", mode = "mostrecent")]
static BREAKER: StateSet<Breaker>;

headcount::build_info!();

/// Label values of hostile users.
const TERMS: [&str; 9] = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\u{202e}gnp.exe",
    "line\nbreak",
    "quote\"}",
    "zero\u{200b}width",
    "javascript:alert(3)",
    "{{7*7}}",
    "tea",
];

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl Error for Refused {}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn checkout(order: u32) -> Result<(), Refused> {
    thread::sleep(Duration::from_millis(u64::from(order % 7)));
    if order % 20 == 0 { Err(Refused) } else { Ok(()) }
}

#[counted]
#[timed]
#[in_progress]
fn render(item: u32) -> u32 {
    thread::sleep(Duration::from_micros(u64::from(item % 5) * 300));
    item.rotate_left(3)
}

#[counted]
#[timed]
fn lookup(item: u32) -> u32 {
    item.wrapping_mul(2_654_435_761)
}

fn work(number: u32, items: u32, workers: u32) -> ! {
    for item in 0..items {
        let _ = sold(item);
    }
    // Many workers do less each: the machine has other work.
    let pause = Duration::from_millis(u64::from(5 + workers * 2));
    BREAKER.set(Breaker::Closed);
    for round in number.. {
        if round % 400 == 3 {
            BREAKER.set(Breaker::Open);
        }
        let _ = checkout(round);
        render(round);
        for item in 0..8 {
            sold(lookup(round + item) % items.max(1)).inc();
        }
        searched(TERMS[round as usize % TERMS.len()]).inc();
        SENT.inc_by(u64::from(round % 90) * 400);
        UPLOADS.observe(f64::from(lookup(round) % 900_000));
        BASKETS.observe(f64::from(300 + lookup(round) % 30));
        WAITING.set(f64::from(round % 9));
        thread::sleep(pause);
    }
    unreachable!("the rounds have no end")
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, workers, items] = &arguments[..] else {
        return Err("shop <directory> <workers> <items>".into());
    };
    headcount::init(Config::new().directory(directory))?;
    let (workers, items): (u32, u32) = (workers.parse()?, items.parse()?);
    for number in 0..workers {
        #[expect(unsafe_code, reason = "a prefork server")]
        // SAFETY: the master has one thread, so a child finds no lock held.
        match unsafe { fork() }? {
            ForkResult::Child => {
                #[expect(unsafe_code, reason = "a worker ends with its master")]
                // SAFETY: the call reads its arguments only.
                unsafe {
                    prctl(PR_SET_PDEATHSIG, SIGKILL)
                };
                work(number, items, workers)
            }
            ForkResult::Parent { child } => writeln!(stdout(), "worker {child}")?,
        }
    }
    let collector = headcount::Collector::new().process_metrics(ProcessMetrics::Sum);
    let serving = Server::new("127.0.0.1:0").collector(collector).start()?;
    writeln!(stdout(), "serving {}", serving.addresses()[0])?;
    // Reaps the workers that a test kills.
    while nix::sys::wait::waitpid(Pid::from_raw(-1), None).is_ok() {}
    loop {
        thread::park();
    }
}
