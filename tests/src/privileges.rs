//! Tests that only root can make.

use std::process::Command;

use nix::unistd::geteuid;

/// Makes a test that only root can make: here if this is root, else by `sudo` in a process of its
/// own, where that asks nothing.
///
/// `body` is a closure in the test, whose name tells the name of the test.
pub fn as_root<Body: FnOnce()>(body: Body) {
    if geteuid().is_root() {
        return body();
    }
    let closure = std::any::type_name::<Body>();
    let test = closure.split_once("::").and_then(|(_, path)| path.strip_suffix("::{{closure}}"));
    let test = test.unwrap_or_else(|| panic!("{closure} is no closure in a test"));
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
