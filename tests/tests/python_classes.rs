//! `from headcount import Counter`: the classes of `prometheus_client`'s API, in Rust.

use headcount_tests::python::{python, run, workspace};
use headcount_tests::{Medium, peer, temporary_directory};

#[test]
#[ignore = "needs Python: tests/run prepares it"]
fn metrics_count_as_those_of_prometheus_client_and_in_many_processes() {
    run("test_classes.py");
}

/// Its own tests, with `headcount` under its name. The list of those that do not pass, with the
/// reasons, is `yardstick_expected.py`.
#[test]
#[ignore = "needs Python with pytest and prometheus-client's tests: tests/run prepares them"]
fn the_tests_of_prometheus_client_pass_but_for_those_that_are_listed() {
    let venv = peer("python-with-servers");
    let peers = venv.ancestors().nth(3).expect("the peers");
    let directory = temporary_directory(Medium::Memory);
    let output = python()
        .arg(workspace().join("tests/python/yardstick.py"))
        .arg(peers.join("python-client-tests"))
        .args(["test_core.py", "test_exposition.py"])
        .env("TMPDIR", directory.path())
        .output()
        .expect("python runs");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}

#[test]
#[ignore = "needs Python with mypy: tests/run prepares it"]
fn the_types_are_those_that_programs_use() {
    run("test_types.py");
}
