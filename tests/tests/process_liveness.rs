//! Who is alive: by the kernel's word, whatever ended a process, wherever it runs, and whatever its
//! filesystem makes of locks.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::path::Path;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::files::text;
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::signal::Signal;

fn page_of(directory: &Path) -> Page {
    let text =
        headcount::Collector::from_directory(directory).collect().expect("a snapshot").to_text();
    Page::parse(&text).expect("a page")
}

#[test]
fn whatever_ends_a_process_its_live_gauges_end_with_it() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let directory = folder.path();
        for (dead, signal) in
            (0_u8..).zip([Signal::SIGKILL, Signal::SIGTERM, Signal::SIGABRT, Signal::SIGILL])
        {
            let mut child = Child::start(Command::new(env!("CARGO_BIN_EXE_worker")).args([
                "gauges",
                text(directory),
                "5",
            ]));
            eventually("it counts", || child.output().contains("ready").then_some(()));
            let page = page_of(directory);
            assert_eq!(page.at("depth_livesum"), 5.0);
            assert_eq!(page.at("depth_added"), 5.0 * f64::from(dead + 1));
            child.signal(signal);
            let status = child.wait();
            assert!(!status.success(), "{status}");
            // By the time its parent knows, so does the kernel.
            let page = page_of(directory);
            assert_eq!(page.value("depth_livesum"), None, "{signal}");
            assert_eq!(page.at("headcount_processes{state=\"dead\"}"), f64::from(dead + 1));
            assert_eq!(page.at("depth_added"), 5.0 * f64::from(dead + 1));
        }
    }
}

#[test]
fn processes_with_the_same_pid_in_two_namespaces_are_two() {
    const KINDS: [&str; 3] = ["--pid", "--fork", "--kill-child"];
    if !are_namespaces_allowed(&KINDS) {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let worker = env!("CARGO_BIN_EXE_worker");
    let start = |value| {
        let arguments = [worker, "gauges", text(directory), value];
        Child::start(&mut in_namespaces(&KINDS, &arguments))
    };
    let (mut one, two) = (start("5"), start("7"));
    for child in [&one, &two] {
        eventually("it counts", || child.output().contains("ready").then_some(()));
    }
    let page = page_of(directory);
    // Both are pid 1 where they are.
    assert_eq!(page.at("depth_livesum"), 12.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 2.0);
    let of_pid_1 = page.at("depth_liveall{pid=\"1\"}");
    assert!(of_pid_1 == 5.0 || of_pid_1 == 7.0, "one of the two, and not both: {of_pid_1}");
    one.kill();
    eventually("its namespace is gone with it", || {
        (page_of(directory).at("depth_livesum") == 7.0).then_some(())
    });
    assert_eq!(page_of(directory).at("depth_added"), 12.0);
    assert_eq!(
        headcount::Collector::from_directory(directory).compact().expect("compacted").segments(),
        1
    );
    let page = page_of(directory);
    assert_eq!((page.at("depth_livesum"), page.at("depth_added")), (7.0, 12.0));
}

/// There a lock goes when the descriptor does, although the mapping can still write.
#[test]
fn on_an_overlay_a_daemon_that_closed_its_descriptors_is_alive_until_it_ends() {
    const KINDS: [&str; 1] = ["--mount"];
    const SCRIPT: &str = r#"
        set -e
        mkdir upper work lower all
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work all || { echo "no overlay"; exit 0; }
        mkdir all/metrics all/files
        "$1" close-all all/metrics all/files > said & daemon=$!
        # The deadline is the test's.
        until grep -q ready said || ! kill -0 $daemon; do sleep 0.1; done
        "$1" collect all/metrics > alive
        kill -9 $daemon; wait $daemon || true
        "$1" collect all/metrics > dead
        echo done
    "#;
    if !are_namespaces_allowed(&KINDS) {
        return;
    }
    let folder = temporary_directory(Medium::Disk);
    let misbehaving = env!("CARGO_BIN_EXE_misbehaving");
    let mut command = in_namespaces(&KINDS, &["sh", "-c", SCRIPT, "sh", misbehaving]);
    let mut script = Child::start(command.current_dir(folder.path()));
    let status = script.wait();
    let output = script.all_output();
    assert!(status.success(), "{status}: {output}");
    if output.contains("no overlay") {
        eprintln!("no overlay to be had here: {output}");
        return;
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    let (alive, dead) = (read("alive"), read("dead"));
    assert!(alive.contains("headcount_processes{state=\"live\"} 1\n"), "{alive}");
    assert!(dead.contains("headcount_processes{state=\"live\"} 0\n"), "{dead}");
    let work =
        |page: &str| page.lines().find(|line| line.starts_with("work_total ")).map(str::to_owned);
    assert!(work(&alive).is_some() && work(&alive) == work(&dead), "{alive}\n{dead}");
}

#[test]
fn a_directory_mounted_read_only_is_read_and_neither_compacted_nor_written() {
    const KINDS: [&str; 1] = ["--mount"];
    const SCRIPT: &str = r#"
        set -e
        mkdir metrics only
        for i in 1 2 3; do HEADCOUNT_DIR=metrics "$1" count 10 > counted; done
        mount --bind metrics only && mount -o remount,bind,ro only || { echo "no mount"; exit 0; }
        "$2" collect only > page
        if "$1" compact only > compacted 2>&1; then exit 3; fi
        HEADCOUNT_DIR=only "$1" count 5 > private
        echo done
    "#;
    if !are_namespaces_allowed(&KINDS) {
        return;
    }
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let programs = [env!("CARGO_BIN_EXE_worker"), env!("CARGO_BIN_EXE_misbehaving")];
        let arguments = ["sh", "-c", SCRIPT, "sh", programs[0], programs[1]];
        let mut script = Child::start(in_namespaces(&KINDS, &arguments).current_dir(folder.path()));
        let status = script.wait();
        let output = script.all_output();
        assert!(status.success(), "{status}: {output}");
        if output.contains("no mount") {
            return;
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
        let (page, compacted, private) = (read("page"), read("compacted"), read("private"));
        assert!(page.contains("work_total 30\n"), "{page}");
        assert!(compacted.contains("not this user's to write"), "{compacted}");
        assert!(
            private.contains("shared: false") && private.contains("work_total 35\n"),
            "{private}"
        );
        assert_eq!(
            std::fs::read_dir(folder.path().join("metrics")).expect("a directory").count(),
            3
        );
    }
}
