//! `headcount.bridge`: `prometheus_client` counts in segments. The tests are Python's, one file
//! each, since what they hold is what a Python program sees.

use headcount_tests::python::run;

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn every_kind_counts() {
    run("test_kinds.py");
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn processes_are_added_up() {
    run("test_processes.py");
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn the_limits_of_multiprocess_mode_are_gone() {
    run("test_limits.py");
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn pages_are_those_of_all_processes() {
    run("test_pages.py");
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it, and root to mount"]
fn the_environment_names_the_directory() {
    run("test_environment.py");
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn what_the_bridge_relies_on_is_in_each_version() {
    run("test_versions.py");
}
