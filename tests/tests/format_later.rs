//! Files in which a newer version has written what this one doesn't know: a type of metric, of
//! value, a gauge's mode, a record that must be known, a greater minor version. None of it is
//! damage: it is reported, and the file stays where it is and as it is.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount::{Collector, SegmentState};
use headcount_tests::child::Child;
use headcount_tests::files::{ARCHIVE, copy_sparsely, names, segments};
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};
use tempfile::TempDir;

const LOG: usize = 0x2000;
const LOG_USED: usize = 0x1040;
const FAMILY: u8 = 1;

/// A directory with what one dead process has left, and its segment.
fn of_one_dead() -> (TempDir, PathBuf) {
    let folder = temporary_directory(Medium::Memory);
    let mut remains = Command::new(env!("CARGO_BIN_EXE_remains"));
    let mut child = Child::start(remains.arg("count").arg(folder.path()).arg("5"));
    assert!(child.wait().success(), "{}", child.output());
    let [segment] = &segments(folder.path())[..] else { panic!("one segment") };
    let path = folder.path().join(segment);
    (folder, path)
}

/// A segment is gigabytes long, and nearly all of it is holes: header, words and log stand in
/// front.
fn front(path: &Path) -> Vec<u8> {
    let mut bytes = vec![0; 256 << 10];
    File::open(path).expect("it has its name").read_exact_at(&mut bytes, 0).expect("longer");
    bytes
}

fn write_front(path: &Path, bytes: &[u8]) {
    let file = File::options().write(true).open(path).expect("ours");
    file.write_all_at(bytes, 0).expect("written");
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    usize::try_from(u32::from_le_bytes(word)).expect("small")
}

/// Changes the record of this kind that has `text` in it, and makes its checksum right.
fn change_record(path: &Path, kind: u8, text: &str, change: impl FnOnce(&mut [u8])) {
    let mut bytes = front(path);
    let end = LOG + u32_at(&bytes, LOG_USED);
    let mut at = LOG;
    while at < end {
        let len = u32_at(&bytes, at);
        let record = &mut bytes[at..at + len];
        let has_text = record.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        if record[4] == kind && has_text {
            change(record);
            record[12..16].fill(0);
            let crc = crc32fast::hash(record);
            record[12..16].copy_from_slice(&crc.to_le_bytes());
            write_front(path, &bytes);
            return;
        }
        at += len;
    }
    panic!("no record {kind} with {text}");
}

/// Makes the file one of a later minor version.
fn make_later(path: &Path) {
    let mut bytes = front(path);
    bytes[10] = 9;
    let crc = crc32fast::hash(&bytes[..4092]);
    bytes[4092..4096].copy_from_slice(&crc.to_le_bytes());
    write_front(path, &bytes);
}

fn page(directory: &Path) -> (Page, Vec<String>) {
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    let mut page = Page::parse(&snapshot.to_text()).expect("a page");
    page.samples.retain(|name, _| !name.starts_with("headcount_"));
    for skipped in snapshot.skipped() {
        assert!(skipped.is_version() && !skipped.is_corrupt(), "{skipped}");
        assert_eq!(skipped.path().map(Path::to_owned), segment_path(directory), "{skipped}");
    }
    (page, snapshot.skipped().iter().map(ToString::to_string).collect())
}

fn segment_path(directory: &Path) -> Option<PathBuf> {
    segments(directory).first().map(|name| directory.join(name))
}

/// Neither a collection nor a compaction changes anything of it; both tell.
#[track_caller]
fn is_left_alone(directory: &Path, path: &Path, says: &str) -> Page {
    let before = front(path);
    let (page, skipped) = page(directory);
    let [skipped] = &skipped[..] else { panic!("{skipped:?}") };
    assert!(skipped.contains("newer version") && skipped.contains(says), "{skipped}");
    let compacted = Collector::from_directory(directory).compact().expect("ours");
    assert_eq!(compacted.segments(), 0);
    let [skipped] = compacted.skipped() else { panic!("{:?}", compacted.skipped()) };
    assert!(skipped.is_version(), "{skipped}");
    assert!(!format!("{:?}", names(directory)).contains(".bad"), "{:?}", names(directory));
    assert_eq!(front(path), before);
    page
}

#[test]
fn a_family_of_an_unknown_type_is_left_out_and_its_file_is_not_compacted() {
    // Metric, value and mode stand behind the family's number.
    let unknown = [
        ("made_total", 20, 7),
        ("made_total", 20, 0),
        ("made_total", 21, 5),
        // A counter of nanoseconds: both are known, and not together.
        ("made_total", 21, 3),
        // A counter with a mode.
        ("made_total", 22, 1),
        ("level_max", 22, 11),
        ("level_max", 22, 255),
        ("level_max", 21, 9),
    ];
    for (name, at, to) in unknown {
        let (folder, path) = of_one_dead();
        let directory = folder.path();
        let (mut whole, skipped) = page(directory);
        assert!(skipped.is_empty(), "{skipped:?}");
        change_record(&path, FAMILY, name, |record| record[at] = to);
        let left = is_left_alone(directory, &path, "metrics of a type");
        assert!(whole.samples.contains_key(name), "{:?}", whole.samples);
        whole.samples.remove(name);
        assert_eq!(left.samples, whole.samples, "{name}, {at}: {to}");
        let [found] = &Collector::from_directory(directory).segments().expect("readable")[..]
        else {
            panic!("one segment")
        };
        assert_eq!((found.state(), found.error().is_none()), (SegmentState::Dead, true));
        assert!(found.why().contains("newer version"), "{}", found.why());
    }
}

#[test]
fn a_family_of_an_unknown_type_may_say_the_rest_in_another_way() {
    let (folder, path) = of_one_dead();
    change_record(&path, FAMILY, "made_total", |record| {
        record[20] = 9;
        // Numbers of labels and bounds, and what follows them.
        record[24..].fill(0xff);
    });
    is_left_alone(folder.path(), &path, "metrics of a type");
}

#[test]
fn a_record_that_must_be_known_keeps_its_file_out() {
    let (folder, path) = of_one_dead();
    change_record(&path, FAMILY, "level_max", |record| {
        record[4] = 9;
        record[5] = 0x80;
    });
    let page =
        is_left_alone(folder.path(), &path, "a record that must be known, of an unknown kind");
    assert!(page.samples.is_empty(), "{:?}", page.samples);
}

#[test]
fn what_looks_like_damage_in_a_later_version_is_none() {
    // More labels than a family of this version has.
    let too_many = |record: &mut [u8]| record[24] = 65;
    let (folder, path) = of_one_dead();
    change_record(&path, FAMILY, "made_total", too_many);
    make_later(&path);
    is_left_alone(folder.path(), &path, "more labels");

    // In this version it is damage.
    let (folder, path) = of_one_dead();
    change_record(&path, FAMILY, "made_total", too_many);
    let compacted = Collector::from_directory(folder.path()).compact().expect("ours");
    assert!(compacted.skipped()[0].is_corrupt(), "{:?}", compacted.skipped());
    assert!(!path.exists());
}

#[test]
fn a_gauge_without_a_mode_is_damaged() {
    let (folder, path) = of_one_dead();
    change_record(&path, FAMILY, "level_max", |record| record[22] = 0);
    let compacted = Collector::from_directory(folder.path()).compact().expect("ours");
    assert!(compacted.skipped()[0].to_string().contains("without a mode"));
    assert!(!path.exists());
}

#[test]
fn the_original_of_a_copy_with_unknown_records_is_not_compacted_either() {
    let (folder, path) = of_one_dead();
    let copy = folder.path().join("1-copy.hc");
    copy_sparsely(&path, &copy);
    change_record(&copy, FAMILY, "made_total", |record| record[20] = 7);
    let compacted = Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!(compacted.segments(), 0);
    assert!(path.exists() && copy.exists());
}

#[test]
fn an_archive_with_a_family_of_an_unknown_type_is_not_written_over() {
    for (at, to) in [(0, 9), (1, 6), (2, 11)] {
        let (folder, _) = of_one_dead();
        let directory = folder.path();
        assert_eq!(Collector::from_directory(directory).compact().expect("ours").segments(), 1);
        let path = directory.join(ARCHIVE);
        let mut bytes = fs::read(&path).expect("ours");
        // Behind the header and one tombstone.
        bytes[128 + 32 + at] = to;
        let body = bytes.len() - 16;
        let crc = crc32fast::hash(&bytes[..body]);
        bytes[body + 8..body + 12].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, &bytes).expect("ours");
        let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
        let [skipped] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
        assert!(skipped.is_version(), "{at}: {skipped}");
        let error = Collector::from_directory(directory).compact().expect_err("not over it");
        assert!(error.is_version(), "{at}: {error}");
        assert_eq!(fs::read(&path).expect("ours"), bytes);
    }
}
