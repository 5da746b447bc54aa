//! The server of feature `serve` under load: 2,000 scrapes on 50 connections while workers count
//! and die, beside clients that are slow, send too much, close one half, or are 10,000. Every
//! scrape is answered, no counter falls, and the memory stays as it was.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use headcount_tests::child::Child;
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const SCRAPERS: usize = 50;
const SCRAPES: usize = 2_000;
const CONNECTIONS: usize = 10_000;
/// What a worker counts before it ends: see the program `remains`.
const PER_WORKER: u64 = 6;

fn server(directory: &Path) -> (Child, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut command = Command::new(env!("CARGO_BIN_EXE_serving"));
    let child = Child::start(command.arg(directory).arg(address.to_string()));
    eventually("it serves", || child.output().contains("serving ").then_some(()));
    (child, address)
}

/// A worker that counts, and ends by itself or by a kill.
fn worker(directory: &Path, number: u64) {
    let how = if number % 2 == 0 { "count" } else { "hold" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_remains"));
    let mut worker = Child::start(command.arg(how).arg(directory).arg("5"));
    if how == "hold" {
        eventually("it has counted", || worker.output().contains("ready").then_some(()));
        worker.kill();
    } else {
        assert!(worker.wait().success());
    }
}

/// Memory of a process in KiB: now, and at most.
fn memory(child: &Child) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{}/status", child.pid())).expect("it lives");
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel's");
        line.split_whitespace().next().expect("a number").parse().expect("a number")
    })
}

/// One scrape, on a connection that is kept. A server with too many connections closes the one that
/// has waited longest, so a client opens another, as Prometheus does.
fn scrape(address: SocketAddr, connection: &mut Option<Connection>) -> Page {
    eventually("a scrape is answered", || {
        if connection.is_none() {
            *connection = Connection::open(address).ok();
        }
        let answer = connection.as_mut()?.get("/metrics").ok();
        if answer.is_none() {
            *connection = None;
        }
        let answer = answer?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Some(Page::parse(&answer.body).expect("a page"))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
fn made(page: &Page) -> u64 {
    page.value("made_total").unwrap_or(0.0) as u64
}

/// Goes on with a nuisance until the scrapes are done; counts how often.
fn until(done: &AtomicBool, mut nuisance: impl FnMut()) -> u64 {
    let mut times = 0;
    while !done.load(Ordering::Acquire) {
        nuisance();
        times += 1;
    }
    times
}

#[test]
#[expect(clippy::too_many_lines, reason = "all at once is the point")]
fn scrapes_go_on_and_memory_stays_whatever_other_clients_do() {
    let folder = temporary_directory(Medium::Memory);
    let (server, address) = server(folder.path());
    worker(folder.path(), 0);
    let (done, workers) = (AtomicBool::new(false), AtomicU64::new(1));
    // What a server needs for as many connections as it takes.
    let mut connections: Vec<Option<Connection>> = (0..SCRAPERS).map(|_| None).collect();
    for connection in &mut connections {
        scrape(address, connection);
    }
    let before = memory(&server);
    let began = Instant::now();
    let [slow, large, half] = thread::scope(|scope| {
        let scrapers: Vec<_> = connections
            .iter_mut()
            .map(|connection| {
                let workers = &workers;
                scope.spawn(move || {
                    let mut last = 0;
                    for _ in 0..SCRAPES / SCRAPERS {
                        let ended = workers.load(Ordering::Acquire);
                        let page = scrape(address, connection);
                        let now = made(&page);
                        assert!(now >= last, "{now} after {last}");
                        assert!(now >= ended * PER_WORKER, "{now} of {ended} workers");
                        last = now;
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            until(&done, || {
                worker(folder.path(), workers.load(Ordering::Relaxed));
                workers.fetch_add(1, Ordering::Release);
            })
        });
        let slow = scope.spawn(|| {
            let mut held: Vec<TcpStream> = Vec::new();
            until(&done, || {
                held.retain_mut(|stream| stream.write_all(b"G").is_ok());
                if held.len() < 40 {
                    held.extend(TcpStream::connect(address));
                }
                thread::sleep(Duration::from_millis(5));
            })
        });
        let large = scope.spawn(|| {
            let header = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n", "a".repeat(100_000));
            until(&done, || {
                let Ok(mut stream) = TcpStream::connect(address) else { return };
                let _ = stream.set_read_timeout(Some(SOON));
                let _ = stream.write_all(header.as_bytes());
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                let answer = String::from_utf8_lossy(&answer);
                // Or the connection was broken before the answer could be read.
                assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
                thread::sleep(Duration::from_millis(5));
            })
        });
        let half = scope.spawn(|| {
            until(&done, || {
                let Ok(mut stream) = TcpStream::connect(address) else { return };
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: me\r\n");
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.set_read_timeout(Some(SOON));
                let _ = stream.read_to_end(&mut Vec::new());
                thread::sleep(Duration::from_millis(5));
            })
        });
        let failed = scrapers.into_iter().find_map(|scraper| scraper.join().err());
        done.store(true, Ordering::Release);
        assert!(failed.is_none(), "a scraper failed");
        [slow, large, half].map(|nuisance| nuisance.join().expect("it can't fail"))
    });
    let took = began.elapsed();

    // All at once, as many as this process may have.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit");
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(200);
    let wanted = CONNECTIONS.min(most);
    let (is_full, mut longest) = (AtomicBool::new(false), Duration::ZERO);
    let crowd: Vec<TcpStream> = thread::scope(|scope| {
        // The kernel's queue may be full for a second: several at a time do not wait one by one.
        let connect = || (0..wanted / 20).filter_map(|_| TcpStream::connect(address).ok());
        let crowds: Vec<_> =
            (0..20).map(|_| scope.spawn(move || connect().collect::<Vec<_>>())).collect();
        let scraper = scope.spawn(|| {
            until(&is_full, || {
                let asked = Instant::now();
                scrape(address, &mut None);
                longest = longest.max(asked.elapsed());
            })
        });
        let crowd = crowds.into_iter().flat_map(|crowd| crowd.join().expect("it can't fail"));
        let crowd = crowd.collect();
        is_full.store(true, Ordering::Release);
        scraper.join().expect("a scrape is answered");
        crowd
    });
    assert!(crowd.len() * 10 > wanted * 9, "{} connections", crowd.len());
    scrape(address, &mut None);
    let after = memory(&server);
    drop(crowd);
    println!(
        "{SCRAPES} scrapes in {took:?}, beside {} workers, {slow} slow bytes, {large} large headers, \
         {half} half-closed; {wanted} connections, the longest scrape meanwhile {longest:?}; KiB \
         {before:?} before and {after:?} after",
        workers.load(Ordering::Relaxed),
    );
    // A page of hundreds of workers is longer than one of one, and so is what is cached of them.
    assert!(after[1] < before[1] + (24 << 10), "{before:?} before and {after:?} KiB after");
}
