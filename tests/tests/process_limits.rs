//! What a program or its system takes away: lengths of files, addresses, descriptors, the
//! directory, space on the disk. Counting goes on, at worst in private memory, and nobody's files
//! are touched.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::{Child, output_of};
use headcount_tests::collected::page_of;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};

fn misbehaving(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_misbehaving")).args(arguments))
}

fn run(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_misbehaving");
    output_of(Command::new(program).args(arguments), Duration::from_secs(60))
}

/// The page that the program printed of itself, first or only.
fn reported_page(output: &str) -> Page {
    let (_, page) = output.split_once("page:\n").unwrap_or_else(|| panic!("no page in {output}"));
    let page = page.split_once("again:\n").map_or(page, |(page, _)| page);
    Page::parse(page).unwrap_or_else(|error| panic!("{error} in {output}"))
}

fn reported<'a>(output: &'a str, what: &str) -> Vec<&'a str> {
    output.lines().filter_map(|line| line.strip_prefix(what)).collect()
}

/// Everything that `work()` in the program counts, so many times.
#[track_caller]
fn assert_worked(page: &Page, times: f64) {
    assert_eq!(page.at("work_total"), 1_007.0 * times, "{page:#?}");
    assert_eq!(page.at("work_size_count"), 1_007.0 * times);
    assert_eq!(page.at("work_size_sum"), 1_007.0 * times);
    let hits = page.samples.iter().filter(|(key, _)| key.starts_with("hits_total{"));
    assert_eq!(hits.map(|(_, value)| value).sum::<f64>(), 1_007.0 * times);
}

/// Where it was limited, nothing was lost; and what it says of sharing is true.
#[track_caller]
fn counts_under(resource: &str, limit: u64, is_shared: bool) {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().to_str().expect("UTF-8");
    let output = run(&["limited", path, resource, &limit.to_string()]);
    assert_eq!(reported(&output, "dropped: "), ["0 0"], "{output}");
    assert_eq!(reported(&output, "shared: "), [is_shared.to_string()], "{output}");
    assert_eq!(output.contains("init: fine"), is_shared, "{output}");
    assert_worked(&reported_page(&output), 1.0);
    let others = page_of(directory.path());
    if is_shared {
        assert_worked(&others, 1.0);
    } else {
        assert_eq!(others.value("work_total"), None);
    }
}

#[test]
fn a_process_that_may_write_no_files_counts_in_private_memory() {
    counts_under("file-size", 0, false);
    counts_under("file-size", 4_096, false);
}

#[test]
fn a_process_that_may_write_short_files_only_has_a_short_segment() {
    counts_under("file-size", 3 << 20, true);
    counts_under("file-size", 36 << 20, true);
}

#[test]
fn a_process_with_few_addresses_has_a_short_segment() {
    counts_under("address-space", 400_000_000, true);
    counts_under("address-space", 30_000_000, true);
}

#[test]
fn a_process_without_descriptors_at_its_first_use_counts_in_private_memory() {
    let directory = temporary_directory(Medium::Memory);
    let output = run(&["no-descriptors", directory.path().to_str().expect("UTF-8")]);
    assert!(output.contains("init: ") && output.contains("problem: "), "{output}");
    assert_eq!(reported(&output, "dropped: "), ["0 0"], "{output}");
    assert_worked(&reported_page(&output), 2.0);
}

#[test]
fn a_child_without_descriptors_for_a_moment_counts() {
    let directory = temporary_directory(Medium::Memory);
    let output = run(&["no-descriptors-in-child", directory.path().to_str().expect("UTF-8")]);
    assert_eq!(reported(&output, "dropped: "), ["0 0"], "{output}");
    // Its parent's beside its own.
    assert_eq!(reported_page(&output).at("work_total"), 1_007.0 + 100_001.0);
}

/// How many samples begin so.
fn series(page: &Page, prefix: &str) -> usize {
    page.samples.keys().filter(|key| key.starts_with(prefix)).count()
}

/// Bytes on disk of all segments.
fn blocks(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).expect("readable");
    files.map(|file| file.expect("a file").metadata().expect("metadata").blocks() * 512).sum()
}

/// `None` where memory can't be locked for want of a privilege.
fn locked_memory(directory: &Path, when: &str) -> Option<String> {
    let output = run(&["lock-memory", directory.to_str().expect("UTF-8"), when]);
    if let [why] = reported(&output, "refused: ")[..] {
        #[allow(clippy::print_stderr, reason = "a test that couldn't be made says so")]
        {
            eprintln!("not tested: memory can't be locked here: {why}");
        }
        return None;
    }
    Some(output)
}

#[test]
fn locked_memory_does_not_fill_the_segment() {
    for when in ["before", "after"] {
        for medium in [Medium::Memory, Medium::Disk] {
            let directory = temporary_directory(medium);
            let Some(output) = locked_memory(directory.path(), when) else { return };
            assert_worked_but_for_one(&page_of(directory.path()));
            let blocks = blocks(directory.path());
            assert!(blocks < 200 << 10, "{when} {medium:?}: {blocks} bytes on disk: {output}");
        }
    }
}

fn assert_worked_but_for_one(page: &Page) {
    assert_eq!(page.at("work_total"), 1_008.0);
    assert_eq!(page.at("work_size_count"), 1_007.0);
}

#[test]
fn a_child_that_locks_its_memory_before_it_counts_stays_small() {
    let directory = temporary_directory(Medium::Memory);
    let Some(output) = locked_memory(directory.path(), "in-child") else { return };
    let resident = reported(&output, "resident: ");
    assert_eq!(resident.len(), 2, "{output}");
    for resident in resident {
        assert!(resident.parse::<u64>().expect("a number") < 64 << 10, "{output}");
    }
    assert_worked_but_for_one(&page_of(directory.path()));
}

#[test]
fn a_daemon_that_closes_everything_is_alive_and_its_files_are_its_own() {
    let folder = temporary_directory(Medium::Memory);
    let (directory, files) = (folder.path().join("metrics"), folder.path().join("files"));
    fs::create_dir(&files).expect("a directory");
    let name = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let mut child = misbehaving(&["close-all", &name(&directory), &name(&files)]);
    within(Duration::from_secs(30), "it has counted", || {
        assert!(child.ended().is_none_or(|status| status.success()), "{}", child.output());
        child.output().contains("ready").then_some(())
    });
    let page = page_of(&directory);
    assert_eq!(page.at("work_total"), 3.0 * 1_007.0);
    assert_eq!(series(&page, "hits_total{"), 990);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 1.0);
    assert_eq!(page.at("headcount_dropped_operations_total"), 0.0);
    for file in fs::read_dir(&files).expect("readable") {
        let metadata = file.expect("a file").metadata().expect("metadata");
        assert_eq!((metadata.len(), metadata.blocks()), (0, 0));
    }
}

#[test]
fn a_directory_that_was_removed_is_made_anew_by_a_child() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    let output = run(&["remove", directory.to_str().expect("UTF-8")]);
    assert_eq!(reported(&output, "shared: "), ["false"], "nobody can see it: {output}");
    assert_eq!(reported(&output, "dropped: "), ["0 0"], "{output}");
    assert_worked(&reported_page(&output), 2.0);
    assert_worked(&page_of(&directory), 1.0);
}

#[test]
fn a_relative_directory_stays_where_it_was() {
    let folder = temporary_directory(Medium::Memory);
    run(&["relative", folder.path().to_str().expect("UTF-8")]);
    let page = page_of(&folder.path().join("metrics"));
    assert_worked(&page, 2.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 2.0);
}

#[test]
fn a_full_disk_costs_new_series_only() {
    let folder = temporary_directory(Medium::Memory);
    let output = run(&["full", folder.path().to_str().expect("UTF-8")]);
    if let [why] = reported(&output, "refused: ")[..] {
        eprintln!("not tested: no filesystem can be mounted here: {why}");
        return;
    }
    let hits = |page: &Page| -> f64 {
        let hits = page.samples.iter().filter(|(key, _)| key.starts_with("hits_total{"));
        hits.map(|(_, value)| value).sum()
    };
    let page = reported_page(&output);
    // The child's 100 are its own, in private memory: its segment found no space.
    assert_eq!(page.at("work_total"), 100.0, "{output}");
    let dropped = page.at("headcount_dropped_operations_total");
    assert!(dropped > 0.0, "the disk was full");
    assert_eq!(hits(&page) + dropped, 900.0);
    // With space again there are new series again.
    let (_, again) = output.split_once("again:\n").expect("a second page");
    let page = reported_page(again);
    let dropped = page.at("headcount_dropped_operations_total");
    assert_eq!(hits(&page) + dropped, 20_900.0);
    assert!(dropped < 10_000.0, "{dropped}");
}

#[test]
fn what_is_beyond_the_cap_is_counted_together_and_without_allocating() {
    let output = run(&["over-cap"]);
    assert_eq!(reported(&output, "dropped: "), ["0 0"]);
    let page = reported_page(&output);
    assert_eq!(series(&page, "hits_total{"), 1_001);
    assert_eq!(page.at("hits_total{id=\"_other\"}"), 500.0 * 3.0 + 20_000.0 + 1.0);
    assert_eq!(page.at("hits_total{id=\"0\"}"), 4.0);
    assert_eq!(page.at("hits_total{id=\"999\"}"), 3.0);
    // In the thread that made `_other`, and in another.
    assert_eq!(reported(&output, "allocations: "), ["0", "0"]);
}

#[test]
fn observations_that_are_no_numbers_are_reported_at_once() {
    let output = run(&["not-a-number"]);
    let page = reported_page(&output);
    assert_eq!(page.at("headcount_dropped_operations_total"), 10.0);
    assert_eq!(page.at("work_size_count"), 1.0);
    assert_eq!(page.at("work_size_sum"), 1.0);
    assert_eq!(reported(&output, "dropped: "), ["0 10"]);
}

#[test]
fn a_program_that_replaced_itself_is_dead() {
    let directory = temporary_directory(Medium::Memory);
    let child = misbehaving(&["exec", directory.path().to_str().expect("UTF-8")]);
    eventually("it has replaced itself", || child.output().contains("ready").then_some(()));
    let page = page_of(directory.path());
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 0.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 1.0);
    assert_eq!(page.value("depth_livesum"), None);
    assert_eq!(page.at("work_total"), 10.0);
}
