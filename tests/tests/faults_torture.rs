//! The rig `torture` for a short time, in memory and on disk. `cargo run -p headcount-tests --bin
//! torture` runs it for longer.

#![allow(clippy::print_stdout, reason = "the figures")]

use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::{Medium, for_as_long_as, temporary_directory, within};

fn nothing_is_lost_or_doubled(medium: Medium) {
    let folder = temporary_directory(medium);
    let mut rig = Command::new(env!("CARGO_BIN_EXE_torture"));
    let time = for_as_long_as(Duration::from_secs(30), Duration::from_secs(20 * 60));
    let seconds = time.as_secs().to_string();
    let mut rig = Child::start(rig.arg(folder.path()).args(["--seconds", &seconds]));
    let deadline = time + Duration::from_secs(120);
    let status = within(deadline, "the rig has ended", || rig.ended());
    let output = rig.all_output();
    println!("{medium:?}: {output}");
    assert!(status.success() && !output.contains("WRONG"), "{status:?}:\n{output}");
    assert!(output.contains(" 0 haunted, 0 lost, 0 doubled"), "{output}");
    // It did something: on a slow machine, too.
    for nothing in
        [" 0 kills,", " 0 scrapes,", " 0 exemplars,", " 0 forks in handlers,", " 0 series removed,"]
    {
        assert!(!output.contains(nothing), "{output}");
    }
}

#[test]
fn nothing_is_lost_or_doubled_in_memory() {
    nothing_is_lost_or_doubled(Medium::Memory);
}

#[test]
fn nothing_is_lost_or_doubled_on_disk() {
    nothing_is_lost_or_doubled(Medium::Disk);
}
