//! What was made while there was no space comes back when there is some, whoever kept it.

use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::{Medium, temporary_directory, within};

#[test]
fn a_handle_of_a_refused_row_counts_once_there_is_space() {
    let directory = temporary_directory(Medium::Memory);
    let mut program = Command::new(env!("CARGO_BIN_EXE_regrown"));
    let mut child = Child::start(program.arg(directory.path()));
    let status = within(Duration::from_secs(60), "the program has ended", || child.ended());
    let output = child.all_output();
    assert!(status.success(), "{status:?}:\n{output}");
    if output.contains("refused: ") {
        eprintln!("not tested: no filesystem can be mounted here: {output}");
        return;
    }
    for line in ["new rows: 50\n", "kept: 50\n", "gauge: true\n"] {
        assert!(output.contains(line), "{output}");
    }
}
