//! What programs may do although few of them do it: labels without end, two declarations of one
//! family, functions and loggers that take locks, containers with a boot id of their own. Each once
//! broke the library, and is held here to what the documentation promises.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use headcount::{Collector, Number, Value};
use headcount_tests::child::Child;
use headcount_tests::files::{names, segments};
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};

const UNUSUAL: &str = env!("CARGO_BIN_EXE_unusual");

/// Runs a scenario, which checks for itself, to its end.
#[track_caller]
fn run(scenario: &str, directory: &Path) {
    let mut child = Child::start(Command::new(UNUSUAL).arg(scenario).arg(directory));
    let status = child.wait();
    // What it said is shown when it is dropped, with all that it has left running.
    assert!(status.success(), "{scenario}: {status}");
}

#[track_caller]
fn page(directory: &Path) -> Page {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

/// A container can have a boot id of its own.
#[test]
fn a_living_process_is_alive_whatever_its_boot_is_called() {
    const KINDS: [&str; 1] = ["--mount"];
    const SCRIPT: &str = r#"
        set -e
        cat /proc/sys/kernel/random/uuid > boot_id
        mount --bind boot_id /proc/sys/kernel/random/boot_id || { echo "no mount"; exit 0; }
        cmp boot_id /proc/sys/kernel/random/boot_id
        exec "$1" obey metrics
    "#;
    if !are_namespaces_allowed(&KINDS) {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    let mut command = in_namespaces(&KINDS, &["sh", "-c", SCRIPT, "sh", UNUSUAL]);
    let (mut child, mut input) = Child::start_with_input(command.current_dir(folder.path()));
    let output = eventually("it counts, or can't", || {
        let output = child.output();
        (output.contains("ready") || child.ended().is_some()).then(|| child.output())
    });
    if output.contains("no mount") {
        eprintln!("no mount to be had here: {output}");
        return;
    }
    assert!(output.contains("ready"), "{output}");

    let compacted = Collector::from_directory(&directory).compact().expect("nothing to do");
    assert_eq!(compacted.segments(), 0);
    assert_eq!(segments(&directory).len(), 1);
    page(&directory).assert(&[("work_total", 5.0), ("headcount_processes{state=\"live\"}", 1.0)]);
    input.write_all(b"more\n").expect("it listens");
    eventually("it has counted more", || child.output().contains("counted").then_some(()));
    assert_eq!(page(&directory).at("work_total"), 12.0);

    child.kill();
    assert_eq!(Collector::from_directory(&directory).compact().expect("compacted").segments(), 1);
    assert_eq!(page(&directory).at("work_total"), 12.0);
}

/// Whoever may write there could name any file so, and root compacts for all.
#[test]
fn a_lock_that_is_another_name_of_a_file_leaves_that_file_as_it_was() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    run("work", &directory);
    let file = folder.path().join("precious");
    fs::write(&file, "precious").expect("written");
    fs::set_permissions(&file, Permissions::from_mode(0o606)).expect("ours");
    let lock = directory.join(".compact.lock");
    // The scenario compacted nothing, but may have looked.
    let _ = fs::remove_file(&lock);
    fs::hard_link(&file, &lock).expect("one filesystem");
    if nix::unistd::geteuid().is_root() {
        // Files there are given to whom the directory belongs.
        std::os::unix::fs::chown(&directory, Some(65_534), Some(65_534)).expect("root may");
    }
    let before = fs::metadata(&file).expect("it is there");

    let error = Collector::from_directory(&directory).compact().expect_err("no lock to be had");
    assert!(error.to_string().contains("not a regular file with one name"), "{error}");
    let after = fs::metadata(&file).expect("it is there");
    let known = |of: &fs::Metadata| (of.mode(), of.uid(), of.gid(), of.len());
    assert_eq!(known(&after), known(&before));
    assert_eq!(page(&directory).at("work_total"), 100.0, "who only reads needs no lock");

    fs::remove_file(&lock).expect("ours");
    assert_eq!(Collector::from_directory(&directory).compact().expect("compacted").segments(), 1);
}

#[test]
fn labels_beyond_what_a_reader_takes_cost_new_series_and_nothing_else() {
    /// Work that was counted, and how many long series there are. The page would have 256 MiB.
    #[track_caller]
    fn counted(directory: &Path) -> (Number, usize) {
        let snapshot =
            Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
        assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
        let family = |name: &str| {
            let mut families = snapshot.families().iter();
            families.find(|family| family.name == name).expect("it is declared")
        };
        let Value::Counter(work) = family("work_total").series[0].value else {
            panic!("a counter");
        };
        (work, family("wordy").series.len())
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    run("wordy", directory);
    let (work, series) = counted(directory);
    assert_eq!(work, Number::Integer(7));
    assert!((100..1000).contains(&series), "some, and not all: {series}");

    let compacted = Collector::from_directory(directory).compact().expect("compacted");
    assert!(compacted.skipped().is_empty(), "{:?}", compacted.skipped());
    assert_eq!(compacted.segments(), 1);
    assert_eq!(counted(directory), (work, series));
    let names = names(directory);
    assert!(!names.iter().any(|name| name.contains(".bad")), "set aside: {names:?}");
}

#[test]
fn sites_whose_labels_only_read_the_same_share_no_cells() {
    let folder = temporary_directory(Medium::Memory);
    run("sites", folder.path());
    page(folder.path()).assert(&[
        ("square_total{x=\"a\",y=\"b\"}", 1.0),
        ("square_total{x=\"a\",y=\"c\"}", 11.0),
        ("square_total{x=\"b\",y=\"c\"}", 4.0),
        ("oblong_total{x=\"a\",y=\"b\"}", 1.0),
        ("oblong_total{x=\"a\",y=\"c\"}", 1.0),
        ("oblong_total{x=\"a\",y=\"d\"}", 1.0),
        ("oblong_total{x=\"b\",y=\"c\"}", 1.0),
        ("oblong_total{x=\"b\",y=\"d\"}", 100.0),
        ("tenant_calls_total{tenant=\"bystander\"}", 1.0),
    ]);
}

#[test]
fn a_collection_without_descriptors_is_an_error_and_not_a_smaller_page() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for _ in 0..2 {
        run("work", directory);
    }
    Collector::from_directory(directory).compact().expect("an archive");
    run("work", directory);
    assert_eq!(page(directory).at("work_total"), 300.0);
    run("few-descriptors", directory);
    assert_eq!(page(directory).at("work_total"), 301.0);
}

#[test]
fn a_child_does_not_bring_back_what_its_parent_removed() {
    for scenario in ["remove-in-parent", "remove-and-make-again"] {
        run(scenario, temporary_directory(Medium::Memory).path());
    }
}

#[test]
fn two_declarations_of_an_open_family_are_one_family() {
    run("two-declarations", temporary_directory(Medium::Memory).path());
}

#[test]
fn one_cell_without_a_number_does_not_stop_compaction() {
    const CELLS: u64 = 0x400_0000;
    const STRIDE: u64 = 8 << 20;
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    run("energy", directory);
    let segment = directory.join(&segments(directory)[0]);
    let file = File::options().read(true).write(true).open(segment).expect("ours");
    let mut cells = 0;
    // The process's shard, and its thread's.
    for at in (0..2).flat_map(|shard| (0..512).map(move |slot| CELLS + shard * STRIDE + slot * 8)) {
        let mut cell = [0; 8];
        if file.read_exact_at(&mut cell, at).is_ok() && f64::from_le_bytes(cell) == 1234.5678 {
            file.write_all_at(&f64::NAN.to_le_bytes(), at).expect("written");
            cells += 1;
        }
    }
    assert_eq!(cells, 1, "the cell of energy_total");
    run("energy", directory);

    let compacted = Collector::from_directory(directory).compact().expect("compacted");
    assert!(compacted.skipped().is_empty(), "{:?}", compacted.skipped());
    assert_eq!(compacted.segments(), 2);
    assert_eq!(segments(directory), [""; 0]);
    page(directory).assert(&[("energy_total", 1234.5678), ("work_total", 2.0)]);
}

#[test]
fn a_function_can_be_set_while_a_lock_is_held_that_another_function_takes() {
    run("function-with-lock", temporary_directory(Medium::Memory).path());
}

#[test]
fn a_function_that_takes_anothers_place_does_not_count_everything_again() {
    run("function-twice", temporary_directory(Medium::Memory).path());
}

#[test]
fn a_child_counts_all_that_its_first_function_says() {
    run("function-in-child", temporary_directory(Medium::Memory).path());
}

#[test]
fn a_logger_may_count_and_wait_and_panic() {
    let folder = temporary_directory(Medium::Memory);
    // No directory: there is something to tell.
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    for scenario in ["logger-with-lock", "logger-that-panics"] {
        let mut command = Command::new(UNUSUAL);
        let mut child = Child::start(command.arg(scenario).env("HEADCOUNT_DIR", &file));
        let status = child.wait();
        assert!(status.success(), "{scenario}: {status}");
    }
}
