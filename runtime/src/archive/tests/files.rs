//! Compaction of files that no process has.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::archive::{Compactor, Limits};
use crate::declare::descriptor::Descriptor;
use crate::directory::Directory;
use crate::kernel::lock;
use crate::model::kind::Kind;
use crate::segment::format::{
    Header, LADDER, LIMITS_OFF, LIVENESS_OFD, LIVENESS_WEAK, LOG_OFF, PAGE, Word,
};
use crate::segment::records::{LogWriter, text};

/// An empty directory, in memory if the system has such a filesystem.
pub(crate) fn empty(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = parent.join(format!("headcount-{name}-{}", std::process::id()));
    fs::create_dir(&path).unwrap();
    path
}

/// A dead process's segment, with one counter that has this label value, and a shard of zeros.
pub(crate) fn bury(directory: &Path, number: u8, value: &str) -> File {
    bury_with(directory, number, value, LIVENESS_OFD)
}

fn bury_with(directory: &Path, number: u8, value: &str, liveness: u32) -> File {
    let descriptor = Descriptor::new(Kind::Counter, "buried_total", "Buried.", "a.rs", 1);
    let mut log = Vec::new();
    LogWriter::new(&mut log).family(0, &descriptor, &["queue"]);
    LogWriter::new(&mut log).series(0, 1, 1, 0, &[vec![value]]);
    let header = Header {
        minor: 0,
        instance: [number; 16],
        boot_id: crate::process::boot_id(),
        pid_namespace: crate::process::pid_namespace(),
        pid: 1,
        uid: 0,
        start_ticks: 1,
        created_ns: 1,
        log_epoch_ns: 1,
        parent: [0; 16],
        liveness,
        geometry: LADDER[2],
        booted_ns: 0,
        time_namespace: 0,
    };
    let options = File::options().create_new(true).read(true).write(true).to_owned();
    let file = options.open(directory.join(format!("{number}.hc"))).unwrap();
    file.set_len(header.geometry.logical_len()).unwrap();
    file.write_all_at(header.encode().as_slice(), 0).unwrap();
    file.write_all_at(&log, LOG_OFF).unwrap();
    file.write_all_at(&[0; 8192], header.geometry.shard_off(0)).unwrap();
    let used = [(Word::LogUsed, log.len() as u64), (Word::SlotsUsed, 2), (Word::ShardsUsed, 1)];
    let words = used.map(|(word, value)| (word.offset(), value));
    for (at, value) in words.into_iter().chain([(Word::Ready.offset(), 1), (LIMITS_OFF, 1024)]) {
        file.write_all_at(&value.to_le_bytes(), at).unwrap();
    }
    file
}

#[test]
fn what_is_too_much_text_for_one_generation_waits_for_the_next() {
    let path = empty("crowded");
    for (number, value) in [(1, "mail"), (2, "news"), (3, "jobs"), (4, "mail")] {
        bury(&path, number, value);
    }
    let directory = Directory::open(&path).unwrap();
    let compactor = Compactor::new(&directory, crate::store::FORKS).unwrap().unwrap();
    // Space for two; the fourth has the same log as the first.
    let one = text(&["queue"], 1, &[vec!["mail"]]);
    let limits = Limits { text: 2 * one, ..Limits::WIDEST };
    let mut skipped = Vec::new();
    let first = compactor.generation(limits, &mut skipped).unwrap();
    assert_eq!((first.compacted, first.has_more), (3, true));
    let next = compactor.generation(limits, &mut skipped).unwrap();
    assert_eq!((next.compacted, next.has_more, next.number), (1, false, 2));
    assert!(skipped.is_empty(), "{skipped:?}");
    let archive = crate::archive::read(&directory).unwrap();
    assert_eq!((archive.segments, archive.families[0].series.len()), (4, 3));
    assert_eq!(directory.names().unwrap().segments.len(), 0);

    // Too much by itself, without any other segment: it is reported.
    bury(&path, 5, "more");
    let limits = Limits { text: one - 1, ..limits };
    let done = compactor.generation(limits, &mut skipped).unwrap();
    assert_eq!((done.compacted, done.has_more, skipped.len()), (0, false, 1));
    assert_eq!(directory.names().unwrap().segments, ["5.hc"]);

    // So is one of which an older copy would fit: that has less.
    bury(&path, 6, "m");
    fs::rename(path.join("6.hc"), path.join("copy.hc")).unwrap();
    bury(&path, 6, "more, and much more");
    fs::remove_file(path.join("5.hc")).unwrap();
    let limits = Limits { text: text(&["queue"], 1, &[vec!["m"]]), ..limits };
    skipped.clear();
    let done = compactor.generation(limits, &mut skipped).unwrap();
    assert_eq!((done.compacted, skipped.len()), (0, 1));
    let mut left = directory.names().unwrap().segments;
    left.sort();
    assert_eq!(left, ["6.hc", "copy.hc"]);
    drop(compactor);
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn zeros_of_the_dead_are_given_back_and_nothing_else() {
    let path = empty("zeros");
    let dead = bury(&path, 1, "mail");
    let held = bury(&path, 2, "news");
    // A process may still write to this one.
    lock::take(&held).unwrap();
    let weak = bury_with(&path, 3, "jobs", LIVENESS_WEAK);
    // A page of zeros and one word.
    let shard = LADDER[2].shard_off(0);
    dead.write_all_at(&7_u64.to_le_bytes(), shard + PAGE + 8).unwrap();
    let bytes = |file: &File| {
        let mut bytes = vec![0; 3 << 20];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    };
    let blocks = |file: &File| file.metadata().unwrap().blocks();
    let files = [&dead, &held, &weak];
    let (before, had) = (files.map(bytes), files.map(blocks));

    let directory = Directory::open(&path).unwrap();
    let compactor = Compactor::new(&directory, crate::store::FORKS).unwrap().unwrap();
    assert!(compactor.give_back_zeros(Limits::WIDEST).unwrap());
    assert!(files.map(bytes) == before, "what is read is the same");
    assert_eq!(files.map(blocks), [had[0] - PAGE / 512, had[1], had[2]]);
    assert!(!compactor.give_back_zeros(Limits::WIDEST).unwrap(), "there are no more");
    drop(compactor);
    fs::remove_dir_all(path).unwrap();
}
