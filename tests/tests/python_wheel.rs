//! The wheel of the Python package, as users install it.

use headcount_tests::python::run;

#[test]
#[ignore = "needs Python with maturin: tests/run prepares it"]
fn a_fresh_venv_counts_with_the_wheel() {
    run("test_wheel.py");
}
