//! An axum server of several processes: a layer counts the requests of all, and any of them serves
//! the page.
//!
//! ```text
//! cargo run --release -p headcount-example-axum --example axum [-- PORT WORKERS [exec]]
//! ```
//!
//! Without arguments it listens on port 9464, and forks 4 workers. With `exec` they are exec'd.
//!
//! Workers share the listener, so the kernel chooses one for each connection. An exec'd worker
//! finds the directory by its environment (`headcount::child_env`), and the listener as its input.

#![expect(clippy::print_stdout, reason = "says on the terminal where to look")]

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, exit};
use std::time::Duration;
use std::{env, fs, io, process};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use headcount::Config;
use headcount_tower::{MetricsLayer, metrics};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork};

fn routes() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(|Path(name): Path<String>| async move { format!("Hello, {name}!\n") }),
        )
        .route("/slow/{millis}", get(slow))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        // Counts what is above it, unknown paths included, and not the scrapes below.
        .layer(MetricsLayer::new())
        .route("/metrics", get(metrics))
}

async fn slow(Path(millis): Path<u64>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(millis.min(60_000))).await;
    "at last\n"
}

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let argument = |n: usize| arguments.get(n).map(String::as_str);
    if argument(0) == Some("worker") {
        // The environment says where to count.
        return serve(TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?));
    }
    let port = argument(0).map_or(Ok(9464), str::parse)?;
    let workers = argument(1).map_or(Ok(4), str::parse)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("http://{}/metrics", listener.local_addr()?);

    let directory = env::temp_dir().join(format!("headcount-axum-{}", process::id()));
    headcount::init(Config::new().directory(&directory))?;
    for _ in 0..workers {
        let pid = if argument(2) == Some("exec") { exec(&listener)? } else { forked(&listener)? };
        println!("worker {pid}");
    }
    while nix::sys::wait::wait().is_ok() {}
    Ok(fs::remove_dir_all(directory)?)
}

fn exec(listener: &TcpListener) -> Result<u32> {
    let input = Stdio::from(OwnedFd::from(listener.try_clone()?));
    let mut worker = Command::new(env::current_exe()?);
    worker.arg("worker").stdin(input).envs(headcount::child_env()).process_group(0);
    Ok(worker.spawn()?.id())
}

fn forked(listener: &TcpListener) -> Result<u32> {
    #[expect(unsafe_code, reason = "prefork servers fork")]
    // SAFETY: this process has one thread, so in the child no lock is held by a thread that exists
    // only in the parent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child.as_raw().unsigned_abs()),
        ForkResult::Child => exit(i32::from(serve(listener.try_clone()?).is_err())),
    }
}

/// The life of a worker. Its runtime is made here, after the fork: tokio must not be used in a
/// child of a process that has used it.
fn serve(listener: TcpListener) -> Result<()> {
    // A worker does not outlive the one who started it.
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        axum::serve(tokio::net::TcpListener::from_std(listener)?, routes()).await?;
        Ok(())
    })
}
