//! `headcount.bridge`: `prometheus_client` counts in segments. The tests are Python's, one file
//! each, since what they hold is what a Python program sees.

use headcount_tests::python::run;

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn every_kind_counts() {
    run("test_kinds.py");
}
