//! Archives that lie with checksums that are right. Unlike a segment, an archive is one file of all
//! the dead: it is skipped whole, and never written over.

use std::fs;
use std::path::Path;

use headcount::Collector;
use headcount_tests::files::{ARCHIVE, seal_archive};
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};

/// How many files are shown as damaged.
const DAMAGED: &str = "headcount_files_skipped{reason=\"corrupt\"}";

/// A page, and what was skipped for it.
fn collected(directory: &Path) -> (Page, Vec<String>) {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    (page, snapshot.skipped().iter().map(ToString::to_string).collect())
}

/// What an archive says of buckets: how many, and the index and the count of each.
fn buckets(n: u32, all: &[(i32, u64)]) -> Vec<u8> {
    let mut bytes = n.to_le_bytes().to_vec();
    for (index, count) in all {
        bytes.extend(index.to_le_bytes());
        bytes.extend(count.to_le_bytes());
    }
    bytes
}

#[test]
fn archived_buckets_of_native_histograms_that_lie_are_skipped_with_their_archive() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let program = env!("CARGO_BIN_EXE_native");
    let mut process = Obedient::start(program, directory);
    // In the finest schema, of 32 buckets for each power of two.
    for value in ["2.0", "4.0", "8.0"] {
        process.tell(&format!("queue dead {value}"));
    }
    drop(process);
    eventually("it is compacted", || {
        let done = Collector::from_directory(directory).compact().expect("ours");
        (done.segments() > 0).then_some(())
    });
    let mut living = Obedient::start(program, directory);
    living.tell("queue living 3.0");
    // A dead one that is not in the archive, so that there is something to compact.
    Obedient::start(program, directory).tell("queue later 3.0");
    let archive = directory.join(ARCHIVE);
    let good = fs::read(&archive).expect("ours");
    let honest = buckets(3, &[(32, 1), (64, 1), (96, 1)]);
    let at = {
        let mut found = (0..good.len()).filter(|at| good[*at..].starts_with(&honest));
        let at = found.next().expect("the archive has the buckets");
        assert_eq!(found.next(), None, "and has them once");
        at
    };
    let most = u32::MAX;
    for (n, lie) in [
        (3, [(64, 1), (32, 1), (96, 1)]),
        (3, [(32, 1), (96, 1), (64, 1)]),
        (3, [(32, 1), (64, 1), (64, 1)]),
        (3, [(32, 1), (64, 0), (96, 1)]),
        (3, [(i32::MIN, 1), (64, 1), (96, 1)]),
        (3, [(32, 1), (64, 1), (i32::MAX, 1)]),
        (4, [(32, 1), (64, 1), (96, 1)]),
        (most, [(32, 1), (64, 1), (96, 1)]),
    ] {
        let mut bad = good.clone();
        bad[at..at + honest.len()].copy_from_slice(&buckets(n, &lie));
        seal_archive(&mut bad);
        fs::write(&archive, &bad).expect("ours");
        let (page, skipped) = collected(directory);
        let [skipped] = &skipped[..] else { panic!("{n} of {lie:?}: {skipped:?}") };
        assert!(skipped.contains(ARCHIVE) && skipped.contains("damaged"), "{lie:?}: {skipped}");
        for queue in ["living", "later"] {
            page.assert(&[(&format!("fine_bytes_count{{queue=\"{queue}\"}}"), 1.0)]);
        }
        page.assert(&[(DAMAGED, 1.0)]);
        assert_eq!(page.value("fine_bytes_count{queue=\"dead\"}"), None, "{n} of {lie:?}");
        Collector::from_directory(directory).compact().expect_err("it isn't written over");
        assert_eq!(fs::read(&archive).expect("ours"), bad);
    }
    fs::write(&archive, &good).expect("ours");
    let (page, skipped) = collected(directory);
    assert_eq!(skipped, [""; 0]);
    page.assert(&[("fine_bytes_count{queue=\"dead\"}", 3.0), (DAMAGED, 0.0)]);
}
