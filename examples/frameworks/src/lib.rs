//! What the programs share: a parent with workers that are forked or exec'd, on one listener.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio, exit};
use std::{env, io};

use headcount::Config;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork};

/// The result of a program.
pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// `PROGRAM <directory> <workers> fork|exec`: starts workers that serve on one port, and waits for
/// them. Prints the address, and a line for each worker.
pub fn run(serve: fn(TcpListener) -> Result<()>) -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [directory, workers, how] = &arguments[..] else {
        // Exec'd: the environment says where to count, and the input is the listener.
        if arguments == ["worker"] {
            end_with_parent()?;
        }
        return serve(TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?));
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    headcount::init(Config::new().directory(directory))?;
    for _ in 0..workers.parse()? {
        let pid =
            if how == "exec" { exec(&listener, "worker")? } else { forked(&listener, serve)? };
        println!("worker {pid}");
    }
    while nix::sys::wait::wait().is_ok() {}
    Ok(())
}

/// Starts this program anew, as a `worker` that ends with its parent, or as its parent's
/// `successor`.
pub fn exec(listener: &TcpListener, role: &str) -> Result<u32> {
    let input = Stdio::from(OwnedFd::from(listener.try_clone()?));
    let mut worker = Command::new(env::current_exe()?);
    worker.arg(role).stdin(input).envs(headcount::child_env());
    Ok(worker.spawn()?.id())
}

fn forked(listener: &TcpListener, serve: fn(TcpListener) -> Result<()>) -> Result<u32> {
    // SAFETY: this process has one thread, so in the child no lock is held by a thread that exists
    // only in the parent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child.as_raw().unsigned_abs()),
        ForkResult::Child => {
            end_with_parent()?;
            exit(i32::from(serve(listener.try_clone()?).is_err()))
        }
    }
}

fn end_with_parent() -> Result<()> {
    Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)
}
