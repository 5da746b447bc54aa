//! The program `headcount`, as an operator calls it: what it says, what it does, and how it ends.

mod calls;
mod catalog;
mod dashboards;
mod dashboards_asked;
mod dead;
mod serve;
mod serve_turns;
mod show;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use headcount_tests::child::Child;
use headcount_tests::eventually;

/// Builds it once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| headcount_tests::server::program("headcount"))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for variable in ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"] {
        command.env_remove(variable);
    }
    command
}

/// Its exit code, and what it says on both outputs.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn succeeds(arguments: &[&str], directory: &Path) -> String {
    let (code, out, err) = run(command(arguments).arg("--dir").arg(directory));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

fn count(directory: &Path, n: u32) {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let status = worker.arg("count").arg(directory).arg(n.to_string()).status();
    assert!(status.expect("it runs").success());
}

fn hold(directory: &Path, n: u32) -> Child {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let child = Child::start(worker.arg("hold").arg(directory).arg(n.to_string()));
    eventually("it has counted", || child.output().contains("ready").then_some(()));
    child
}
