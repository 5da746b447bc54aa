//! The example `prefork` as a server under test.

use std::env::current_exe;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::child::{Child, exists};
use crate::http::{Connection, Response};
use crate::page::Page;
use crate::{built_before, eventually};

/// Builds an example in this test's own profile and target directory, and says where it is.
///
/// Cargo itself says where, so a program left over from another build is never taken. It is asked
/// for the workspace and not for one package: then it settles on the same features as for the
/// tests, and finds everything built.
pub fn example(name: &str) -> PathBuf {
    built("example", name)
}

/// Builds a program of another package of the workspace, in the same way.
pub fn program(name: &str) -> PathBuf {
    built("bin", name)
}

fn built(kind: &str, name: &str) -> PathBuf {
    if let Some(program) = built_before(name) {
        return program;
    }
    // <target directory>/<profile>/../<this test>: how many folders are between depends on cargo,
    // which has a lock in the profile's.
    let test = current_exe().expect("a test knows its path");
    let is_profile = |path: &&Path| path.join(".cargo-lock").is_file();
    let profile = test.ancestors().find(is_profile).expect("a test is below a profile");
    let target = profile.parent().expect("a profile is in a target directory");
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => panic!("{} is no profile", profile.display()),
    };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--workspace", &format!("--{kind}"), name, "--profile", profile])
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let executable = String::from_utf8_lossy(&output.stdout).lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == name && message["target"]["kind"][0] == kind;
        // A library is among the files only.
        let file = message["executable"].as_str().or(message["filenames"][0].as_str());
        if ours { file.map(PathBuf::from) } else { None }
    });
    executable.expect("cargo says what it has built")
}

/// A running server: the parent and its workers.
#[derive(Debug)]
pub struct Server {
    /// The parent, the leader of the group of all.
    pub parent: Child,
    /// Where all workers listen.
    pub address: SocketAddr,
    /// Where the segments are.
    pub directory: PathBuf,
}

impl Server {
    /// Starts the example and waits until it has said where it is, and all its workers have been
    /// started.
    pub fn start(arguments: &[&str]) -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| example("prefork"));
        // It finds its directory by itself: what the environment says must not matter. Its panics
        // are wanted, and their backtraces are not.
        let parent = Child::start(
            Command::new(program)
                .args(arguments)
                .env("RUST_BACKTRACE", "0")
                .env_remove("HEADCOUNT_DIR")
                .env_remove("PROMETHEUS_MULTIPROC_DIR")
                .env_remove("prometheus_multiproc_dir"),
        );
        let (address, directory) = eventually("the server says where it is", || {
            let output = parent.output();
            let (_, rest) = output.split_once(" on http://")?;
            let (address, rest) = rest.split_once(", segments in ")?;
            let (directory, rest) = rest.split_once('\n')?;
            rest.contains("kill -9")
                .then(|| (address.parse().expect("an address"), PathBuf::from(directory)))
        });
        let server = Self { parent, address, directory };
        let count = arguments.get(1).map_or(4, |count| count.parse().expect("a number"));
        eventually("all workers are started", || (server.workers().len() == count).then_some(()));
        server
    }

    /// The workers that the parent has started and not yet seen ending, in the order of their
    /// start.
    pub fn workers(&self) -> Vec<Pid> {
        let mut workers = Vec::new();
        for line in self.parent.output().lines() {
            let Some((pid, event)) =
                line.strip_prefix("worker ").and_then(|rest| rest.split_once(' '))
            else {
                continue;
            };
            let pid = Pid::from_raw(pid.parse().expect("a pid"));
            if event == "started" {
                workers.push(pid);
            } else if event.starts_with("ended") {
                workers.retain(|worker| *worker != pid);
            }
        }
        workers
    }

    /// Kills workers without warning. Returns when they are gone and as many others have taken
    /// their places.
    pub fn kill_workers(&self, victims: &[Pid]) {
        let count = self.workers().len();
        for victim in victims {
            assert!(self.workers().contains(victim), "{victim} is a worker");
            kill(*victim, Signal::SIGKILL).expect("the worker is there");
        }
        eventually("killed workers are gone and replaced", || {
            let workers = self.workers();
            let gone = victims.iter().all(|victim| !workers.contains(victim) && !exists(*victim));
            (gone && workers.len() == count).then_some(())
        });
    }

    /// A new connection, to a worker of the kernel's choice.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("a worker accepts")
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str) -> Response {
        self.connect().get(path).expect("a worker answers")
    }

    /// The exposition, as any worker gives it.
    pub fn page(&self) -> Page {
        let response = self.get("/metrics");
        assert_eq!(response.status, 200, "{}", response.body);
        Page::parse(&response.body).unwrap_or_else(|error| panic!("{error}\n{}", response.body))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A killed parent can't remove its directory.
        self.parent.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The worker that has answered.
pub fn worker(response: &Response) -> Pid {
    let worker = response.header("x-worker").expect("every answer names its worker");
    Pid::from_raw(worker.parse().expect("a pid"))
}
