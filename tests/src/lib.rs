//! What the tests share: waiting by condition, child processes, HTTP, a strict reader of the
//! exposition, and the example `prefork` as a server under test.
//!
//! The tests judge the library from outside: of the helpers only `collected` and `program` use it.

#![expect(clippy::missing_panics_doc, reason = "a helper panics because that is how a test fails")]
#![expect(clippy::missing_errors_doc, reason = "that a connection breaks needs no words")]

pub mod allocating;
pub mod browser;
pub mod calls;
pub mod child;
pub mod collected;
pub mod contract;
pub mod exact;
pub mod exemplars;
pub mod files;
pub mod gateway;
pub mod grafana;
pub mod http;
pub mod interactive;
pub mod load;
pub mod mounted;
pub mod namespaces;
pub mod native;
pub mod obedient;
pub mod oracle;
pub mod page;
pub mod planted;
pub mod privileges;
pub mod program;
pub mod prometheus;
pub mod python;
pub mod random;
pub mod scripted;
pub mod server;
pub mod victim;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for anything that should happen, on a machine that is busy with other work too. A
/// test that passes never waits for so long.
pub const SOON: Duration = Duration::from_secs(60);

/// What `condition` yields as soon as it yields something; fails the test after [`SOON`].
pub fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(SOON, what, condition)
}

/// What `condition` yields as soon as it yields something; fails the test after `deadline`.
pub fn within<T>(deadline: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < deadline, "not within {deadline:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Where a test's files lie: in memory, as a server's segments do, or on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A tmpfs, where the system has one.
    Memory,
    /// The system's directory for temporary files.
    Disk,
}

/// A directory that is removed when it is dropped.
pub fn temporary_directory(medium: Medium) -> TempDir {
    let memory = Path::new("/dev/shm");
    let mut name = tempfile::Builder::new();
    name.prefix("headcount-test-");
    match medium {
        Medium::Memory if memory.is_dir() => name.tempdir_in(memory),
        Medium::Memory | Medium::Disk => name.tempdir(),
    }
    .expect("a temporary directory")
}

/// A program that a test compares us with, or `python` with what it needs for that. `tests/run`
/// prepares them and says where they are.
pub fn peer(program: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "says where the test's peers are")]
    let folder = std::env::var_os("HEADCOUNT_PEERS");
    let folder = folder.expect("HEADCOUNT_PEERS names the folder of the peers: run tests/run");
    let folder = Path::new(&folder);
    // A Python knows its packages by the folder that it is called in.
    let path = match program {
        "python" => folder.with_file_name("venv").join("bin/python"),
        "python-with-servers" => folder.with_file_name("python-venv").join("bin/python"),
        _ => folder.join(program),
    };
    assert!(path.is_file(), "{} is missing: run tests/run", path.display());
    path
}

/// A program that was built beforehand, where a test can't build it: for another processor
/// (`tests/systems/arm64`).
pub fn built_before(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "says where the programs are")]
    let folder = std::env::var_os("HEADCOUNT_PROGRAMS")?;
    let program = Path::new(&folder).join(name);
    assert!(program.is_file(), "{} was not built", program.display());
    Some(program)
}

/// Builds a program of this package with other features, and says where it is. In a folder of its
/// own, below `temporary`: features of one build are united. All variants share that folder, so
/// that what they depend on is built once.
pub fn built_with(cargo: &str, temporary: &Path, name: &str, features: &[&str]) -> PathBuf {
    let target = temporary.join("variants");
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--package", "headcount-tests", "--bin", name])
        .args(features)
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(status.expect("cargo runs").success());
    target.join("debug").join(name)
}

/// How long something goes on that could go on for ever: `short` in the ordinary run, `long` in
/// `tests/run --long`, which says so by `HEADCOUNT_LONG`.
pub fn for_as_long_as(short: Duration, long: Duration) -> Duration {
    if is_long() { long } else { short }
}

/// Whether this is `tests/run --long`.
pub fn is_long() -> bool {
    #[expect(clippy::disallowed_methods, reason = "says how thorough the tests are to be")]
    std::env::var_os("HEADCOUNT_LONG").is_some()
}
