//! Files that earlier versions have written are read as they were meant, for as long as their major
//! version is; and what a later one adds is left alone. See `golden/README.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount::Collector;
use headcount_tests::files::{ARCHIVE, from_hex, names};
use headcount_tests::{Medium, temporary_directory};
use tempfile::TempDir;

const SEGMENT: &str = "1-segment.hc";
/// The folders of all versions.
fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let versions: Vec<PathBuf> =
        names(&folder).into_iter().map(|name| folder.join(name)).filter(|f| f.is_dir()).collect();
    assert!(!versions.is_empty(), "{} has files", folder.display());
    versions
}

fn read(version: &Path, name: &str) -> String {
    fs::read_to_string(version.join(name)).expect("it is there")
}

/// A directory with the two files.
fn expanded(version: &Path) -> TempDir {
    let folder = temporary_directory(Medium::Memory);
    for (hex, file) in [("segment.hex", SEGMENT), ("archive.hex", ARCHIVE)] {
        let bytes = from_hex(&read(version, hex));
        fs::write(folder.path().join(file), bytes).expect("ours");
    }
    folder
}

/// What a collection finds, and since when it was counted.
fn page(directory: &Path) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_remains"));
    let output = program.arg("page").arg(directory).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn compact(directory: &Path) -> headcount::Compacted {
    Collector::from_directory(directory).compact().expect("ours")
}

#[test]
fn what_was_written_once_is_read_as_it_was_meant() {
    for version in versions() {
        let recorded = read(&version, "page.txt");
        for kind in ["Counter ", "Gauge ", "Histogram ", "Summary ", "StateSet "] {
            assert!(recorded.contains(kind), "{kind} in {}", version.display());
        }
        let folder = expanded(&version);
        assert_eq!(page(folder.path()), recorded, "{}", version.display());
        assert_eq!(compact(folder.path()).segments(), 1);
        assert_eq!(page(folder.path()), recorded, "{}, compacted", version.display());
    }
}

/// Changes a byte of a file's header, and makes its checksums right.
fn change(file: &Path, at: usize, to: u8) {
    let mut bytes = fs::read(file).expect("ours");
    bytes[at] = to;
    let is_segment = file.ends_with(SEGMENT);
    let crc_at = if is_segment { 4092 } else { 124 };
    let crc = crc32fast::hash(&bytes[..crc_at]);
    bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
    if !is_segment {
        let body = bytes.len() - 16;
        let crc = crc32fast::hash(&bytes[..body]);
        bytes[body + 8..body + 12].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(file, bytes).expect("ours");
}

#[test]
fn a_later_minor_version_and_flags_that_may_be_ignored_are_ignored() {
    for version in versions() {
        let folder = expanded(&version);
        for file in [SEGMENT, ARCHIVE] {
            for at in [10, 24, 31] {
                change(&folder.path().join(file), at, 0xff);
            }
        }
        assert_eq!(page(folder.path()), read(&version, "page.txt"), "{}", version.display());
    }
}

#[test]
fn what_must_be_known_and_is_not_is_left_alone() {
    for version in versions() {
        for at in [8, 16, 23] {
            for file in [SEGMENT, ARCHIVE] {
                let folder = expanded(&version);
                let path = folder.path().join(file);
                change(&path, at, 0x40);
                let before = fs::read(&path).expect("ours");
                let snapshot =
                    Collector::from_directory(folder.path()).collect().expect("a snapshot");
                let [skipped] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
                assert!(skipped.is_version() && skipped.path() == Some(&*path), "{skipped}");
                if file == SEGMENT {
                    let compacted = compact(folder.path());
                    assert!(compacted.segments() == 0 && compacted.skipped()[0].is_version());
                } else {
                    let error = Collector::from_directory(folder.path()).compact();
                    assert!(error.is_err(), "it can't be written over");
                }
                assert_eq!(fs::read(&path).expect("ours"), before);
                assert!(names(folder.path()).contains(&SEGMENT.to_owned()));
            }
        }
    }
}
