//! A prefork web server: a parent, four worker processes on one port, and one `/metrics` page.
//!
//! ```text
//! cargo run --release -p headcount-example-prefork --example prefork [-- PORT WORKERS]
//! ```
//!
//! Without arguments it has 4 workers on port 9464, or on the next port that is free.
//!
//! Ask any worker for `/metrics`: its answer includes all workers, the parent, and workers that
//! have ended. Kill one with `kill -9`: the parent starts another, and no count is lost. Ctrl-C
//! ends the server.

#![expect(clippy::print_stdout, reason = "says on the terminal where to look")]

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;
use std::{env, fs, io, process};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use headcount::{Counter, Gauge, Histogram, count_exceptions, counted, in_progress, metric, timed};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork, mkdtemp};
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;

type Workers = BTreeSet<Pid>;
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

// ---- what is measured ----

/// Workers started since the beginning, those that replaced another included.
#[metric(name = "workers_started_total")]
static WORKERS_STARTED: Counter;

/// Workers that are serving now.
#[metric(name = "workers_serving", mode = "livesum")]
static WORKERS_SERVING: Gauge;

/// Prices of the orders served.
#[metric(name = "order_price_cents", buckets = [250.0, 500.0, 1000.0])]
static ORDER_PRICE: Histogram;

/// Attributes without a name count in four families that all such functions share.
#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
async fn greet() -> &'static str {
    "Try /order/coffee/2, /order/tea/1, /order/cold-brew/1, /brew/250, /spill and /metrics.\n"
}

struct Shop {
    name: &'static str,
}

#[derive(Debug)]
struct SoldOut;

impl Shop {
    /// Attributes with a name have their own family, whose labels are arguments, expressions or
    /// constants.
    #[counted(
        name = "orders_total",
        help = "Orders, and how they ended.",
        labels(drink, shop = self.name, till = "front"),
        outcome
    )]
    #[timed(
        name = "order_duration_seconds",
        help = "Time to serve an order.",
        labels(drink),
        buckets = [0.001, 0.1, 10.0]
    )]
    #[in_progress(
        name = "orders_in_progress",
        help = "Orders being served.",
        labels(drink),
        oldest
    )]
    #[count_exceptions(name = "order_failures_total", help = "Orders not served.", labels(drink))]
    async fn order(&self, drink: &str, cups: u32) -> Result<String, SoldOut> {
        let cents = price(drink)? * cups;
        brew(if drink == "cold-brew" { 20_000 } else { 20 }).await;
        ORDER_PRICE.observe(f64::from(cents));
        Ok(format!("{cups} x {drink}: {cents} cents\n"))
    }
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn price(drink: &str) -> Result<u32, SoldOut> {
    match drink {
        "coffee" => Ok(250),
        "cold-brew" => Ok(400),
        _ => Err(SoldOut),
    }
}

/// The future is measured, not its creation: it is in progress until it is ready or dropped. While
/// one is, the page says when the oldest of them began.
#[counted]
#[timed]
#[in_progress(oldest)]
#[count_exceptions]
async fn brew(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn spill() {
    panic!("spilt");
}

// ---- what is served ----

/// Routes call the functions above. They narrow what a client sends, since a label needs few
/// values.
fn routes() -> Router {
    let order = |Path((drink, cups)): Path<(String, u32)>| async move {
        let known = ["coffee", "cold-brew", "tea"].into_iter().find(|known| *known == drink);
        Shop { name: "corner" }.order(known.unwrap_or("other"), cups.min(100)).await
    };
    let slow = |Path(millis): Path<u64>| async move {
        brew(millis.min(60_000)).await;
        "brewed\n"
    };
    let me = HeaderValue::from(process::id());
    Router::new()
        .route("/", get(greet))
        .route("/order/{drink}/{cups}", get(order))
        .route("/brew/{millis}", get(slow))
        .route("/spill", get(|| async { spill() }))
        .route("/metrics", get(metrics))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::map_response(move |mut response: Response| {
            response.headers_mut().insert("x-worker", me.clone());
            async { response }
        }))
}

/// Serves the exposition. It reads a few small files in memory, which is short enough to block on.
async fn metrics(request: HeaderMap) -> Response {
    let accept = request.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    match headcount::render(accept.unwrap_or_default()) {
        Ok(page) => {
            ([(header::CONTENT_TYPE, page.content_type())], page.into_body()).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl IntoResponse for SoldOut {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, "sold out\n").into_response()
    }
}

// ---- the processes ----

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let port = arguments.next().map_or(Ok(9464), |port| port.parse())?;
    let count = arguments.next().map_or(Ok(4), |count| count.parse())?;

    // Blocked signals wait until the program asks for them: there is no handler and no race, and no
    // signal arrives during a fork.
    let signals =
        SigSet::from_iter([Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGALRM]);
    signals.thread_block()?;

    let listener = bind(port)?;
    let address = listener.local_addr()?;
    let directory = directory()?;
    println!("parent {} on http://{address}, segments in {}", process::id(), directory.display());
    headcount::init(headcount::Config::new().directory(&directory))?;

    println!("try:  curl http://{address}/order/coffee/2");
    println!("      curl http://{address}/metrics");
    println!("      kill -9 <a worker>, and look again");
    let mut workers = Workers::new();
    let result = supervise(&mut workers, count, &listener, signals);
    tell(&workers, Signal::SIGKILL); // no worker is left, unless supervising failed
    fs::remove_dir_all(&directory)?;
    println!("ended");
    result
}

/// The first free port from `first` on.
fn bind(first: u16) -> io::Result<TcpListener> {
    for port in (first..=u16::MAX).take(100) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// A directory that no other run uses, in memory if the system offers that.
fn directory() -> Result<PathBuf> {
    let memory = FilePath::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { env::temp_dir() };
    Ok(mkdtemp(&parent.join("headcount-prefork-XXXXXX"))?)
}

/// Keeps `count` workers running until a signal ends it: then it ends them and waits for them.
fn supervise(
    workers: &mut Workers,
    count: usize,
    listener: &TcpListener,
    signals: SigSet,
) -> Result<()> {
    let mut result = Ok(());
    let mut stopping = false;
    while !(stopping && workers.is_empty()) {
        while !stopping && workers.len() < count {
            workers.insert(start(listener, signals)?);
        }
        match signals.wait()? {
            Signal::SIGCHLD => {
                while let Some((pid, status)) = ended() {
                    workers.remove(&pid);
                    println!("worker {pid} ended: {status:?}");
                    if matches!(status, WaitStatus::Exited(_, code) if code != 0) {
                        // A worker that fails by itself would fail again, for ever.
                        result = Err(format!("worker {pid} has failed").into());
                        if !stopping {
                            kill(Pid::this(), Signal::SIGTERM)?;
                        }
                    }
                }
            }
            // Workers may finish their requests. After ten seconds, or at a second signal, the
            // parent kills them.
            Signal::SIGINT | Signal::SIGTERM if !stopping => {
                stopping = true;
                tell(workers, Signal::SIGTERM);
                alarm::set(10);
            }
            _ => tell(workers, Signal::SIGKILL),
        }
    }
    result
}

/// A child that has ended.
fn ended() -> Option<(Pid, WaitStatus)> {
    let status = waitpid(None, Some(WaitPidFlag::WNOHANG)).ok()?;
    Some((status.pid()?, status))
}

fn tell(workers: &Workers, signal: Signal) {
    for worker in workers {
        let _ = kill(*worker, signal); // fails if the worker has just ended
    }
}

fn start(listener: &TcpListener, blocked: SigSet) -> Result<Pid> {
    WORKERS_STARTED.inc();
    #[expect(unsafe_code, reason = "prefork servers fork")]
    // SAFETY: this process has one thread, so in the child no lock is held by a thread that exists
    // only in the parent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            println!("worker {child} started");
            Ok(child)
        }
        ForkResult::Child => process::exit(match work(listener, blocked) {
            Ok(()) => 0,
            Err(error) => {
                println!("worker {}: {error}", process::id());
                1
            }
        }),
    }
}

/// The life of a worker: it creates its own runtime after the fork, and serves on the listener that
/// all workers share.
fn work(listener: &TcpListener, blocked: SigSet) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = listener.try_clone()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        blocked.thread_unblock()?;

        let listener = tokio::net::TcpListener::from_std(listener)?;
        let server = axum::serve(listener, routes()).with_graceful_shutdown(async move {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        });
        WORKERS_SERVING.set(1.0);
        Ok(server.await?)
    })
}
