//! An earlier version of the library in a directory in which this one has written: it leaves out
//! the families of kinds that it does not know, shows the others, and leaves the files as they are.
//! The earlier version is built from the repository's history: the commit before the one that wrote
//! the version of the format down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount::Collector;
use headcount_tests::child::Child;
use headcount_tests::files::{names, segments};
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::{Medium, is_long, temporary_directory};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The program `headcount` of the commit before this line came into the format's constants.
fn program_before(line: &str) -> PathBuf {
    let mut git = Command::new("git");
    let log = ["log", "--format=%H", "-S", line, "--", "runtime/src/segment/format.rs"];
    let commits = output(git.current_dir(repository()).args(log));
    let commit = format!("{}^", commits.lines().last().expect("a commit of this repository"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("earlier");
    let sources = folder.join("sources");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(&sources).expect("ours");
    // No second work tree of this repository, which would have to be given back.
    let archive = folder.join("sources.tar");
    let mut git = Command::new("git");
    output(git.current_dir(repository()).args(["archive", &commit, "-o"]).arg(&archive));
    output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&sources));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&sources).args(["build", "--quiet", "--offline", "--locked"]);
    output(cargo.args(["--package", "headcount-cli", "--target-dir"]).arg(folder.join("target")));
    folder.join("target/debug/headcount")
}

/// A version, by the line of the next one, and parts of the names of what it does not know.
const EARLIER: [(&str, &[&str]); 2] =
    [("MINOR: u16 = 3;", &["_oldest_start_", "native_"]), ("MINOR: u16 = 4;", &["native_"])];

#[test]
#[ignore = "needs the repository's history: tests/run --long"]
fn what_is_new_is_left_out_by_a_reader_of_before_and_its_files_are_left_alone() {
    if !is_long() {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = Obedient::start(env!("CARGO_BIN_EXE_in_flight"), directory);
    living.tell("stay a");
    living.tell("fork");
    let mut remains = Command::new(env!("CARGO_BIN_EXE_remains"));
    assert!(Child::start(remains.arg("count").arg(directory).arg("5")).wait().success());
    let page = || {
        let text = Collector::from_directory(directory).collect().expect("a snapshot").to_text();
        let mut page = Page::parse(&text).expect("a page");
        page.samples.retain(|name, _| !name.starts_with("headcount_"));
        page.samples
    };
    let ours = page();
    let before: Vec<String> = segments(directory);
    assert!(before.len() >= 2, "{before:?}");
    for (line, unknown) in EARLIER {
        let earlier = program_before(line);
        let shown = Command::new(&earlier).args(["show", "--dir"]).arg(directory).output();
        let shown = shown.expect("it runs");
        let [page_of_theirs, told] =
            [shown.stdout, shown.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        assert!(told.contains("newer version"), "{told}");
        let mut theirs = Page::parse(&page_of_theirs).expect("a page").samples;
        theirs.retain(|name, _| !name.starts_with("headcount_"));
        let mut expected = ours.clone();
        expected.retain(|name, _| !unknown.iter().any(|part| name.contains(part)));
        assert!(expected.len() < ours.len(), "{ours:?}");
        assert_eq!(theirs, expected, "{line}");

        let mut compact = Command::new(&earlier);
        let _ = compact.args(["compact", "--dir"]).arg(directory).output().expect("it runs");
        assert_eq!(segments(directory), before, "{:?}", names(directory));
        assert_eq!(page(), ours);
    }
}
