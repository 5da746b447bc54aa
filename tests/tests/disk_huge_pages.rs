//! Filesystems in memory that give huge pages where they may: a page of counters must not become
//! two megabytes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use headcount::Collector;
use headcount_tests::files::segments;
use headcount_tests::interactive::Interactive;
use headcount_tests::page::Page;
use headcount_tests::privileges::as_root;
use headcount_tests::{Medium, temporary_directory};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Mounts a tmpfs that only this thread and its programs see.
fn mount_tmpfs(at: &Path, options: &str) {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may");
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("root may");
    mount(Some("none"), at, Some("tmpfs"), MsFlags::empty(), Some(options)).expect("root may");
}

/// What all segments take.
fn taken(directory: &Path) -> u64 {
    segments(directory)
        .iter()
        .map(|name| fs::metadata(directory.join(name)).expect("a file").blocks() * 512)
        .sum()
}

fn takes_small_pages(options: &str) {
    let folder = temporary_directory(Medium::Memory);
    // As a kernel without huge pages does: then there is nothing to see.
    let knows = Path::new("/sys/kernel/mm/transparent_hugepage/shmem_enabled").exists();
    mount_tmpfs(folder.path(), if knows { options } else { "size=64m" });
    let directory = folder.path().join("metrics");
    let mut process =
        Interactive::in_directory(env!("CARGO_BIN_EXE_interactive"), "one", &directory);
    process.tell("work 3");
    for _ in 0..8 {
        process.tell("thread 1");
    }
    process.tell("threads 8");
    process.tell("rows 0 100");
    let kib = taken(&directory) >> 10;
    // Of rows of 1,000 bytes, and a page or two for each of nine shards.
    assert!(kib < 512, "{kib} KiB");
    process.tell("fork 5");
    let snapshot = Collector::from_directory(&directory).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.value("done_total{who=\"one\"}"), Some(24.0));

    // Full: what is new is dropped, and reported.
    let filler = folder.path().join("filler");
    let full = fs::write(&filler, vec![1; 80 << 20]).expect_err("64 MiB");
    assert_eq!(full.raw_os_error(), Some(nix::libc::ENOSPC));
    process.tell("rows 100 3000");
    process.tell("work 1");
    assert!(process.dropped() > 0);
    assert!(process.ask("health").contains("No space left on device"));
    fs::remove_file(&filler).expect("it is there");
    let snapshot = Collector::from_directory(&directory).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.value("done_total{who=\"one\"}"), Some(25.0));
}

#[test]
#[ignore = "needs root: tests/run"]
fn no_segment_takes_huge_pages_from_a_tmpfs_that_always_gives_them() {
    as_root(|| {
        takes_small_pages("size=64m,huge=always");
    });
}

#[test]
#[ignore = "needs root: tests/run"]
fn no_segment_takes_huge_pages_from_a_tmpfs_that_gives_them_to_large_files() {
    as_root(|| {
        takes_small_pages("size=64m,huge=within_size");
    });
}
