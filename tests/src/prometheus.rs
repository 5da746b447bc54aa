//! Programs that store what they scrape or are sent: `Prometheus` and `VictoriaMetrics`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::child::Child;
use crate::http::{Connection, percent_encoded};
use crate::{Medium, eventually, peer, temporary_directory};

/// A running program with Prometheus' interface for queries.
#[derive(Debug)]
pub struct Store {
    /// Where it listens.
    pub address: SocketAddr,
    // In this order: the program ends before its directory goes.
    process: Child,
    folder: TempDir,
}

impl Store {
    /// Starts a Prometheus with files, of which the first is its configuration. `in agent mode`, it
    /// keeps nothing.
    pub fn prometheus(files: &[(&str, String)], more: &[&str]) -> Self {
        Self::of(&peer("prometheus"), files, more)
    }

    /// The same of a version: see [`versions`].
    pub fn of(program: &Path, files: &[(&str, String)], more: &[&str]) -> Self {
        let storage = if more.contains(&"--enable-feature=agent") { "agent" } else { "tsdb" };
        Self::start(files, |folder, address| {
            let mut command = Command::new(program);
            command
                .arg(format!("--config.file={}", folder.join(files[0].0).display()))
                .arg(format!("--storage.{storage}.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .args(more);
            command
        })
    }

    /// Starts a `VictoriaMetrics`.
    pub fn victoria() -> Self {
        Self::start(&[], |folder, address| {
            let mut command = Command::new(peer("victoria-metrics"));
            command
                .arg(format!("-storageDataPath={}", folder.join("data").display()))
                .arg(format!("-httpListenAddr={address}"))
                // What was stored is found at once.
                .arg("-search.latencyOffset=0s");
            command
        })
    }

    fn start(files: &[(&str, String)], command: impl Fn(&Path, SocketAddr) -> Command) -> Self {
        let folder = temporary_directory(Medium::Memory);
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("ours");
            fs::write(path, text).expect("ours");
        }
        // It takes no listener from us, so the port may be taken before it binds it.
        for _ in 0..10 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let mut process =
                Child::start(command(folder.path(), address).current_dir(folder.path()));
            let is_there = eventually("it listens, or has ended", || {
                if process.ended().is_some() {
                    return Some(false);
                }
                TcpStream::connect(address).is_ok().then_some(true)
            });
            if is_there {
                return Self { address, process, folder };
            }
            assert!(process.all_output().contains("address already in use"));
        }
        panic!("no port is free");
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn pid(&self) -> nix::unistd::Pid {
        self.process.pid()
    }

    /// What it has logged.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// What its interface answers; `None` if it is not ready.
    pub fn get(&self, path: &str) -> Option<serde_json::Value> {
        let response = Connection::open(self.address).ok()?.get(path).ok()?;
        serde_json::from_str(&response.body).ok()
    }

    /// The values of an instant query; `None` if it is not ready to answer.
    pub fn query(&self, query: &str) -> Option<Vec<f64>> {
        let answer = self.get(&format!("/api/v1/query?query={}", percent_encoded(query)))?;
        let result = answer["data"]["result"].as_array()?;
        result.iter().map(|series| series["value"][1].as_str()?.parse().ok()).collect()
    }

    /// The traces of the exemplars of these series; `None` if it is not ready to answer.
    pub fn traces(&self, query: &str) -> Option<Vec<String>> {
        let query = percent_encoded(query);
        let path = format!("/api/v1/query_exemplars?query={query}&start=0&end=99999999999");
        let response = Connection::open(self.address).ok()?.get(&path).ok()?;
        let answer: serde_json::Value = serde_json::from_str(&response.body).ok()?;
        let series = answer["data"].as_array()?.iter();
        let exemplars = series.filter_map(|series| series["exemplars"].as_array()).flatten();
        let traces = exemplars.filter_map(|one| one["labels"]["trace_id"].as_str());
        Some(traces.map(str::to_owned).collect())
    }

    /// Waits until a query has these values, in any order.
    pub fn wait_for(&self, query: &str, expected: &[f64]) {
        let mut last = None;
        let sorted = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        let wanted = sorted(expected.to_vec());
        let started = std::time::Instant::now();
        while started.elapsed() < crate::SOON {
            last = self.query(query).map(sorted);
            if last.as_ref() == Some(&wanted) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{query} is {last:?} and not {wanted:?}: {}", self.output());
    }
}

/// The servers that are there, and their major versions: that of this Debian, and later ones. What
/// they ask for and accept differs.
#[expect(clippy::print_stdout, reason = "tells what is tested")]
pub fn versions() -> Vec<(PathBuf, u32)> {
    let first = peer("prometheus");
    let others = ["prometheus-trixie", "prometheus-sid"].map(|name| first.with_file_name(name));
    let there = [first].into_iter().chain(others).filter(|program| {
        let is_there = program.is_file();
        if !is_there {
            println!("not tested, since it is not there: {}", program.display());
        }
        is_there
    });
    there
        .map(|program| {
            let said = Command::new(&program).arg("--version").output().expect("it runs");
            let said = String::from_utf8([said.stdout, said.stderr].concat()).expect("UTF-8");
            let (_, version) = said.split_once("version ").expect("a version");
            println!("Prometheus {}", version.split([',', ' ']).next().expect("a word"));
            let major = version.split('.').next().and_then(|number| number.parse().ok());
            (program, major.expect("a number"))
        })
        .collect()
}
