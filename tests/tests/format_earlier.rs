//! An earlier version of the library in a directory in which this one has written: it leaves out
//! the families of kinds that it does not know, shows the others, and leaves the files as they are.
//! The earlier version is built from the repository's history: the commit before the one that wrote
//! the version of the format down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use headcount::Collector;
use headcount_tests::child::Child;
use headcount_tests::exemplars::numbers;
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

/// One is built at a time: they share a directory.
static BUILDS: Mutex<()> = Mutex::new(());

/// The program `headcount` of the commit before this line came into the format's constants.
fn program_before(line: &str) -> PathBuf {
    let _turn = BUILDS.lock();
    let mut git = Command::new("git");
    let log = ["log", "--format=%H", "-S", line, "--", "runtime/src/segment/format.rs"];
    let commits = output(git.current_dir(repository()).args(log));
    let commit = format!("{}^", commits.lines().last().expect("a commit of this repository"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("earlier");
    let program = folder.join(format!("before-{}", commit.trim_end_matches('^')));
    if program.exists() {
        return program;
    }
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
    // The next one is built in the same place.
    fs::copy(folder.join("target/debug/headcount"), folder.join("copied")).expect("it was built");
    fs::rename(folder.join("copied"), &program).expect("ours");
    program
}

/// What a page says, but for what it says of processes and files.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut samples = Page::parse(page).expect("a page").samples;
    samples.retain(|name, _| !name.starts_with("headcount_"));
    samples
}

fn our_samples(directory: &Path) -> BTreeMap<String, f64> {
    let collector = Collector::from_directory(directory).auto_compact(false);
    samples(&collector.collect().expect("a snapshot").to_text())
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
    let mut remains = Child::start(remains.arg("count").arg(directory).arg("5"));
    assert!(remains.wait().success());
    let native = format!("{}-", remains.pid());
    let ours = our_samples(directory);
    let before: Vec<String> = segments(directory);
    assert!(before.len() >= 2, "{before:?}");
    for (line, unknown) in EARLIER {
        let earlier = program_before(line);
        let shown = Command::new(&earlier).args(["show", "--dir"]).arg(directory).output();
        let shown = shown.expect("it runs");
        let [page_of_theirs, told] =
            [shown.stdout, shown.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        assert!(told.contains("newer version"), "{told}");
        let theirs = samples(&page_of_theirs);
        let mut expected = ours.clone();
        expected.retain(|name, _| !unknown.iter().any(|part| name.contains(part)));
        assert!(expected.len() < ours.len(), "{ours:?}");
        assert_eq!(theirs, expected, "{line}");

        let mut compact = Command::new(&earlier);
        let _ = compact.args(["compact", "--dir"]).arg(directory).output().expect("it runs");
        // A file in which it knows everything it may take: that of the child of `in_flight`, once
        // only native histograms are unknown.
        let mut left = before.clone();
        left.retain(|name| unknown.len() > 1 || name.starts_with(&native));
        let found = segments(directory);
        assert!(left.iter().all(|name| found.contains(name)), "{left:?}: {:?}", names(directory));
        assert_eq!(our_samples(directory), ours);
    }
}

/// Exemplars are no part of any sum: without them everything else is right, so an earlier compactor
/// may take a dead process's file, and the exemplars in it are lost.
#[test]
#[ignore = "needs the repository's history: tests/run --long"]
fn a_reader_of_before_exemplars_shows_and_compacts_everything_else() {
    if !is_long() {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let start = || Obedient::start(env!("CARGO_BIN_EXE_exemplary"), directory);
    // In the archive, in the segment of somebody dead, and in that of somebody who lives.
    let mut dead = start();
    dead.tell("record 0 700");
    drop(dead);
    Collector::from_directory(directory).compact().expect("ours");
    assert_eq!(segments(directory), Vec::<String>::new());
    let mut dead = start();
    dead.tell("record 700 800");
    drop(dead);
    let mut living = start();
    living.tell("record 800 900");
    let ours = our_samples(directory);
    assert_eq!(numbers(directory, "jobs_total", &[]), [899]);
    let of_all = numbers(directory, "native_sizes", &[]);
    let before = segments(directory);
    assert_eq!(before.len(), 2, "{before:?}");

    let earlier = program_before("MINOR: u16 = 5;");
    let shown = Command::new(&earlier).args(["show", "--dir"]).arg(directory).output();
    let shown = shown.expect("it runs");
    assert!(shown.status.success() && shown.stderr.is_empty(), "{shown:?}");
    assert_eq!(samples(&String::from_utf8(shown.stdout).expect("UTF-8")), ours);
    // Whoever only reads changes nothing.
    assert_eq!(segments(directory), before);
    assert_eq!(numbers(directory, "native_sizes", &[]), of_all);

    output(Command::new(&earlier).args(["compact", "--dir"]).arg(directory));
    assert_eq!(segments(directory).len(), 1, "{:?}", names(directory));
    assert_eq!(our_samples(directory), ours);
    assert_eq!(numbers(directory, "jobs_total", &[]), [899]);
    living.tell("record 900 901");
    assert_eq!(numbers(directory, "jobs_total", &[]), [900]);
}
