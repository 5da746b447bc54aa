//! Tests that only root can make.

use std::process::Command;

use nix::unistd::geteuid;

/// Makes a test that only root can make: here if this is root, else by `sudo` in a process of its
/// own, where that asks nothing.
///
/// `test` is the test's name, as the test runner has it.
pub fn as_root(test: &str, body: impl FnOnce()) {
    if geteuid().is_root() {
        return body();
    }
    let me = std::env::current_exe().expect("this program");
    let kept = "--preserve-env=HEADCOUNT_PEERS,HEADCOUNT_SEED,HEADCOUNT_LONG";
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", kept, "--"]).arg(me).args([test, "--exact", "--ignored", "--nocapture"]);
    let needs = "this needs root, or a `sudo` that asks for no password";
    let output = sudo.output().unwrap_or_else(|error| panic!("{needs}: {error}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && said[0].contains("1 passed"), "{needs}:\n{}", said.concat());
}
