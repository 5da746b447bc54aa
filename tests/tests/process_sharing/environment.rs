//! What the environment of a process says, and which directory is chosen.

use std::fs;

use headcount_tests::files::text;
use headcount_tests::{Medium, temporary_directory};

use crate::{count, has, reports_of, sharer};

#[test]
fn a_worker_that_was_started_without_the_directory_says_that_it_is_alone() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["exec", text(&folder.path().join("d")), "false"], &[]);
    let worker = reports_of(&output, "worker");
    has(&worker, "init fine");
    has(&worker, "shared false 0");
    has(&worker, "work 5");
    assert_eq!(count(&worker, "problem no directory was named"), 1, "{output}");
    assert_eq!(count(&worker, "log "), 1, "once, at the first collection: {output}");
    assert_eq!(count(&worker, "log counts of this process are not shared: no directory"), 1);
    let master = reports_of(&output, "master");
    has(&master, "shared true 1");
    has(&master, "work 1");
    has(&master, "no problem");
    assert_eq!(count(&master, "log "), 0, "{output}");
}

#[test]
fn a_worker_that_was_started_with_the_masters_environment_shares() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["exec", text(&folder.path().join("d")), "true"], &[]);
    let worker = reports_of(&output, "worker");
    has(&worker, "shared true 1");
    has(&worker, "work 6");
    has(&worker, "no problem");
    has(&reports_of(&output, "master"), "work 6");
    assert_eq!(count(&worker, "log "), 0, "{output}");
}

#[test]
fn who_requires_a_directory_gets_an_error_without_one() {
    for (arguments, environment) in [
        (&["required", "true"][..], &[][..]),
        (&["worker"], &[("HEADCOUNT_REQUIRED", "1")]),
        (&["required", "true"], &[("HEADCOUNT_REQUIRED", "0")]),
    ] {
        let output = sharer(arguments, environment);
        let worker = reports_of(&output, "worker");
        assert_eq!(count(&worker, "init true no directory was named"), 1, "{output}");
        has(&worker, "work 5");
        has(&worker, "shared false 0");
    }
}

#[test]
fn a_process_that_wants_to_be_alone_gets_no_warning() {
    for (arguments, environment) in
        [(&["required", "false"][..], &[][..]), (&["worker"], &[("HEADCOUNT_REQUIRED", "no")])]
    {
        let output = sharer(arguments, environment);
        let worker = reports_of(&output, "worker");
        has(&worker, "init fine");
        has(&worker, "no problem");
        has(&worker, "shared false 0");
        assert_eq!(count(&worker, "log "), 0, "{output}");
    }
}

#[test]
fn nonsense_in_the_environment_is_reported_and_the_rest_is_done() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    for (name, value) in [
        ("HEADCOUNT_GROUP", "no such group"),
        ("HEADCOUNT_REQUIRED", "maybe"),
        ("HEADCOUNT_SEGMENT_SIZE", "huge"),
    ] {
        let environment = [("HEADCOUNT_DIR", text(&directory)), (name, value)];
        let output = sharer(&["worker"], &environment);
        let worker = reports_of(&output, "worker");
        assert_eq!(count(&worker, &format!("init false {name} is \"{value}\"")), 1, "{output}");
        assert_eq!(count(&worker, &format!("problem {name} is")), 1, "{output}");
        has(&worker, "shared true 1");
        let output = sharer(&["first-use"], &environment);
        assert_eq!(count(&reports_of(&output, "worker"), &format!("log {name} is")), 1, "{output}");
    }
}

#[test]
fn the_directory_that_systemd_makes_for_a_service_is_the_last_choice() {
    let folder = temporary_directory(Medium::Memory);
    let at = |name: &str| folder.path().join(name);
    let both = format!("{}:{}", text(&at("first")), text(&at("second")));
    let output = sharer(&["worker"], &[("RUNTIME_DIRECTORY", &both)]);
    has(&reports_of(&output, "worker"), "shared true 1");
    let files = fs::read_dir(at("first/headcount")).expect("it was made").count();
    assert_eq!(files, 1);
    assert!(!at("second").exists());

    let named = at("named");
    let both = [("RUNTIME_DIRECTORY", both.as_str()), ("prometheus_multiproc_dir", text(&named))];
    let output = sharer(&["worker"], &both);
    has(&reports_of(&output, "worker"), "work 5");
    assert!(named.exists());

    let output = sharer(&["worker"], &[("RUNTIME_DIRECTORY", "relative:/run/x")]);
    has(&reports_of(&output, "worker"), "shared false 0");
}

#[test]
fn a_smaller_segment_can_be_chosen() {
    for (size, bytes) in
        [("tiny", 256 << 10), ("small", 3 << 20), ("medium", 36 << 20), ("large", 4160 << 20)]
    {
        for by_environment in [false, true] {
            let folder = temporary_directory(Medium::Memory);
            let arguments = ["size", if by_environment { "-" } else { size }, text(folder.path())];
            let variable = [("HEADCOUNT_SEGMENT_SIZE", size)];
            let output = sharer(&arguments, if by_environment { &variable } else { &[] });
            has(&reports_of(&output, "master"), "work 2");
            let files = fs::read_dir(folder.path()).expect("a directory").flatten();
            let lengths: Vec<u64> =
                files.map(|file| file.metadata().expect("a file").len()).collect();
            assert_eq!(lengths, [bytes, bytes], "{size}");
        }
    }
}
