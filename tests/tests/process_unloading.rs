//! Shared libraries that count, in a program that loads and closes them while it runs.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs;
use std::path::Path;
use std::process::Command;

use headcount::Collector;
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::server::example;
use headcount_tests::{Medium, eventually, temporary_directory};

fn loader(arguments: &[&Path], what: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loader"));
    command.arg(what).args(arguments);
    command.env_remove("GUEST_COUNTS_LOADS").env_remove("HEADCOUNT_DIR");
    command
}

/// Once it says that it is ready.
fn ready(command: &mut Command) -> Child {
    let mut child = Child::start(command);
    eventually("it is ready", || {
        if let Some(status) = child.ended() {
            panic!("{status}");
        }
        child.output().contains("ready\n").then_some(())
    });
    child
}

fn reported(child: &Child, what: &str) -> u64 {
    let output = child.output();
    let line = output.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("no `{what}` in {output}"))
}

fn page(directory: &Path) -> Page {
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

/// A copy is another library to the loader, with statics of its own.
fn copy(guest: &Path, folder: &Path) -> std::path::PathBuf {
    let copy = folder.join("libother.so");
    fs::copy(guest, &copy).expect("a copy");
    copy
}

#[test]
fn a_library_that_is_loaded_and_closed_again_and_again_is_one_process_that_counts_all() {
    let guest = example("guest");
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let directory = folder.path().join("segments");
        let child = ready(&mut loader(&[&guest, &directory], "again"));
        let page = page(&directory);
        // 200 times, and in 10 children.
        assert_eq!(page.at("guest_work_total"), 420.0);
        assert_eq!(page.at("guest_named_total{name=\"a\"}"), 210.0);
        assert_eq!(page.at("guest_seconds_count"), 210.0);
        assert_eq!(page.at("guest_calls_total{outcome=\"ok\"}"), 210.0);
        assert_eq!(page.at("guest_calls_failed_total"), 210.0);
        // A thread's destructors run although the library was closed, but not those of a child that
        // ends by `_exit`.
        assert_eq!(page.at("guest_ends_total"), 200.0);
        assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0);
        eventually("its function is still asked", || {
            (self::page(&directory).value("guest_depth") == Some(1.0)).then_some(())
        });
        let more = reported(&child, "descriptors:") - reported(&child, "descriptors before:");
        assert!(more <= 4, "{more} descriptors");
        // 4 GiB for the segment, and what the system's library keeps for threads.
        let more = reported(&child, "mebibytes:") - reported(&child, "mebibytes before:");
        assert!(more < 6 << 10, "{more} MiB of addresses");
    }
}

#[test]
fn a_library_whose_function_is_asked_outlives_being_closed() {
    let guest = example("guest");
    let folder = temporary_directory(Medium::Memory);
    // The moment matters, so several times.
    for run in 0..20 {
        let directory = folder.path().join(run.to_string());
        let _child = ready(&mut loader(&[&guest, &directory], "asked"));
        eventually("its function is still asked", || {
            (page(&directory).value("guest_depth") == Some(1.0)).then_some(())
        });
    }
}

#[test]
fn two_libraries_in_one_program_both_count() {
    let guest = example("guest");
    let folder = temporary_directory(Medium::Memory);
    let other = copy(&guest, folder.path());
    let directory = folder.path().join("segments");
    let _child = ready(&mut loader(&[&guest, &other, &directory], "two"));
    let page = page(&directory);
    assert_eq!(page.at("guest_work_total"), 120.0);
    assert_eq!(
        page.at("guest_ends_total"),
        40.0,
        "each call ends what the one before began, and the thread the last"
    );
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 2.0);
    eventually("the functions of both are asked", || {
        (self::page(&directory).value("guest_depth") == Some(2.0)).then_some(())
    });
}

#[test]
fn the_first_use_may_be_in_a_constructor() {
    let guest = example("guest");
    let folder = temporary_directory(Medium::Memory);
    let other = copy(&guest, folder.path());
    let directory = folder.path().join("segments");
    let mut command = loader(&[&guest, &other], "constructors");
    command.env("GUEST_COUNTS_LOADS", "1").env("HEADCOUNT_DIR", &directory);
    let child = ready(&mut command);
    assert!(reported(&child, "descriptors:") > 0);
    let page = page(&directory);
    assert_eq!(page.at("guest_loads_total"), 2.0, "each was loaded once, and stayed");
    assert!(page.at("guest_work_total") >= 50.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 2.0);
}

/// A static library in a program in C: what is declared is there at 0 where all of it was linked.
#[test]
fn a_static_library_that_is_linked_whole_has_all_that_it_declares() {
    let library = example("guest").with_file_name("libguest.a");
    let folder = temporary_directory(Medium::Disk);
    let main = folder.path().join("main.c");
    fs::write(&main, "void guest_inc(void);\nint main(void) { guest_inc(); return 0; }\n")
        .expect("C");
    let program = folder.path().join("program");
    let mut cc = Command::new("cc");
    cc.arg(&main).arg("-Wl,--whole-archive").arg(&library).arg("-Wl,--no-whole-archive");
    let linked = cc.args(["-lpthread", "-ldl", "-lm", "-lgcc_s", "-o"]).arg(&program).output();
    let linked = linked.expect("a linker, which Rust needs too");
    assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));
    let directory = folder.path().join("segments");
    let mut program = Command::new(&program);
    program.env("HEADCOUNT_DIR", &directory).env_remove("GUEST_COUNTS_LOADS");
    assert!(program.status().expect("it runs").success());
    let page = page(&directory);
    assert_eq!(page.at("guest_work_total"), 1.0);
    for declared in ["guest_loads_total", "guest_calls_failed_total", "guest_seconds_count"] {
        assert_eq!(page.at(declared), 0.0, "{declared}");
    }
}
