//! Programs in namespaces of their own, as containers run them.

#![allow(clippy::print_stderr, reason = "says what this machine does not allow")]

use std::process::Command;

/// Runs a program in namespaces of its own: as root, or as one who is root there.
pub fn in_namespaces(kinds: &[&str], program: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(kinds).args(program);
    command
}

/// Some machines let nobody make namespaces.
pub fn are_namespaces_allowed(kinds: &[&str]) -> bool {
    let output = in_namespaces(kinds, &["true"]).output();
    let is_allowed = output.as_ref().is_ok_and(|output| output.status.success());
    if !is_allowed {
        eprintln!("no namespaces {kinds:?} to be had here: {output:?}");
    }
    is_allowed
}
