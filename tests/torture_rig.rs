//! The rig `torture` for a short time, in memory and on disk. `cargo run -p headcount-tests --bin torture` runs it for longer.

#![expect(clippy::print_stdout, reason = "the figures")]

use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::{Medium, temporary_directory, within};

fn nothing_is_lost_or_doubled(medium: Medium) {
    let folder = temporary_directory(medium);
    let mut rig = Command::new(env!("CARGO_BIN_EXE_torture"));
    let mut rig = Child::start(rig.arg(folder.path()).args(["--seconds", "10"]));
    let status = within(Duration::from_secs(120), "the rig has ended", || rig.ended());
    let output = rig.all_output();
    println!("{medium:?}: {output}");
    assert!(status.success() && !output.contains("WRONG"), "{status:?}:\n{output}");
    assert!(output.contains(" 0 lost, 0 doubled"), "{output}");
    // It did something: on a slow machine, too.
    assert!(!output.contains(" 0 kills,") && !output.contains(" 0 scrapes,"), "{output}");
}

#[test]
fn nothing_is_lost_or_doubled_in_memory() {
    nothing_is_lost_or_doubled(Medium::Memory);
}

#[test]
fn nothing_is_lost_or_doubled_on_disk() {
    nothing_is_lost_or_doubled(Medium::Disk);
}
