//! What goes wrong with compaction: no space, limits, archives that are damaged, newer, or no files
//! at all, damaged segments. Nothing is lost, nothing that isn't understood is written over, and it
//! is reported.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use headcount::{Collector, Error, SegmentState};
use headcount_tests::child::{Child, output_of};
use headcount_tests::files::{
    ARCHIVE, LOCK, copy_sparsely, names, seal_archive, seal_archive_header, segments, text,
};
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::{Medium, eventually, for_as_long_as, temporary_directory};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

fn remains(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_remains")).args(arguments))
}

#[track_caller]
fn run(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_remains");
    output_of(Command::new(program).args(arguments), Duration::from_secs(60))
}

fn count(directory: &Path, n: u32) {
    run(&["count", text(directory), &n.to_string()]);
}

/// A collection's page, and what it skipped.
fn collected(directory: &Path) -> (Page, Vec<String>) {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let mut page = Page::parse(&snapshot.to_text()).expect("a page");
    // The one thing that is never the same.
    page.samples.remove("headcount_scrape_duration_seconds");
    (page, snapshot.skipped().iter().map(ToString::to_string).collect())
}

fn compact(directory: &Path) -> Result<usize, Error> {
    Collector::from_directory(directory).compact().map(|compacted| compacted.segments())
}

/// An archive of three, and one dead segment beside it.
fn with_an_archive() -> TempDir {
    let folder = temporary_directory(Medium::Memory);
    for n in [1, 2, 3] {
        count(folder.path(), n);
    }
    assert_eq!(compact(folder.path()).expect("ours"), 3);
    count(folder.path(), 10);
    folder
}

#[test]
fn without_space_nothing_is_compacted_and_nothing_lost() {
    let folder = temporary_directory(Medium::Memory);
    let output = run(&["compact-full", text(folder.path())]);
    if let Some(why) = output.strip_prefix("refused: ") {
        eprintln!("not tested: no filesystem can be mounted here: {why}");
        return;
    }
    let lines: Vec<&str> = output.lines().collect();
    let [refused, made, files, done, made_again, files_again] = lines[..] else {
        panic!("{output}")
    };
    assert!(refused.starts_with("error: ") && refused.contains("No space left"), "{output}");
    assert_eq!(made, "made_total 5");
    let files: Vec<&str> = files.split(' ').skip(1).collect();
    assert_eq!(files.len(), 6, "the segments, the lock, and no half archive: {output}");
    assert_eq!(done, "compacted: 5");
    assert_eq!(made_again, "made_total 5");
    assert_eq!(files_again, format!("files: {LOCK} {ARCHIVE}"));
}

#[test]
fn an_archive_beyond_the_limit_of_files_is_refused_without_a_signal() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 1);
    let before = names(directory);
    let output = run(&["compact-limited", text(directory), "1000"]);
    assert!(output.starts_with("error: ") && output.contains("File too large"), "{output}");
    let mut after = names(directory);
    after.retain(|name| name != LOCK);
    assert_eq!(after, before);
    assert_eq!(run(&["compact-limited", text(directory), "1000000"]), "compacted: 1\n");
}

/// A collection goes on without it, a compaction refuses, and it stays as it is.
#[track_caller]
fn stays_as_it_is(directory: &Path, says: &str) {
    let before = names(directory);
    let (page, skipped) = collected(directory);
    let [skipped] = &skipped[..] else { panic!("{skipped:?}") };
    assert!(skipped.contains(ARCHIVE) && skipped.contains(says), "{skipped}");
    // The one that isn't in the archive.
    page.assert(&[("made_total", 11.0)]);
    let error = compact(directory).expect_err("it isn't written over");
    assert!(error.to_string().contains(ARCHIVE), "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!(names(directory), before);
}

#[test]
fn an_archive_that_is_damaged_is_not_written_over() {
    let folder = with_an_archive();
    let archive = folder.path().join(ARCHIVE);
    let good = fs::read(&archive).expect("ours");
    let (whole, _) = collected(folder.path());
    whole.assert(&[("made_total", 20.0)]);
    for at in [200, good.len() - 40, good.len() - 3] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&archive, &bad).expect("ours");
        stays_as_it_is(folder.path(), "damaged: the archive's checksum is wrong");
        assert_eq!(fs::read(&archive).expect("ours"), bad);
    }
    let mut bad = good.clone();
    bad[100] ^= 1;
    fs::write(&archive, &bad).expect("ours");
    stays_as_it_is(folder.path(), "damaged: the archive's header's checksum is wrong");
    for len in [0, 8, 127, 128, good.len() - 1] {
        fs::write(&archive, &good[..len]).expect("ours");
        stays_as_it_is(folder.path(), "");
        assert_eq!(fs::read(&archive).expect("ours"), good[..len]);
    }
    // Mended, it is all there again.
    fs::write(&archive, good).expect("ours");
    assert_eq!(collected(folder.path()), (whole, vec![]));
}

#[test]
fn generations_that_nobody_has_come_to_are_damage() {
    let folder = with_an_archive();
    let archive = folder.path().join(ARCHIVE);
    let good = fs::read(&archive).expect("ours");
    // The archive's, and that in which a folder last found the first tombstone's file.
    for (at, says) in [(32, "the archive's generation"), (128 + 16, "seen after the archive")] {
        let mut bad = good.clone();
        bad[at..at + 8].fill(0xff);
        let generation: [u8; 8] = bad[32..40].try_into().expect("eight bytes");
        let end = bad.len() - 16;
        bad[end..end + 8].copy_from_slice(&generation);
        seal_archive_header(&mut bad);
        let crc = crc32fast::hash(&bad[..end]);
        bad[end + 8..end + 12].copy_from_slice(&crc.to_le_bytes());
        fs::write(&archive, &bad).expect("ours");
        stays_as_it_is(folder.path(), says);
    }
}

#[test]
fn an_archive_of_a_newer_version_is_not_written_over() {
    let folder = with_an_archive();
    let archive = folder.path().join(ARCHIVE);
    let good = fs::read(&archive).expect("ours");
    // The major version, and a flag that a reader must know.
    for (at, says) in [(8, "written in format 3.4"), (16, "written in format 1.4")] {
        let mut newer = good.clone();
        newer[at] ^= 2;
        seal_archive_header(&mut newer);
        fs::write(&archive, &newer).expect("ours");
        stays_as_it_is(folder.path(), says);
        assert_eq!(fs::read(&archive).expect("ours"), newer);
    }
}

#[test]
fn an_archive_that_is_no_file_is_neither_followed_nor_written_over() {
    let folder = with_an_archive();
    let archive = folder.path().join(ARCHIVE);
    let elsewhere = temporary_directory(Medium::Memory);
    let target = elsewhere.path().join("target");
    fs::rename(&archive, &target).expect("ours");
    let good = fs::read(&target).expect("ours");

    symlink(&target, &archive).expect("ours");
    stays_as_it_is(folder.path(), "a symbolic link");
    assert!(archive.is_symlink());
    assert_eq!(fs::read(&target).expect("ours"), good);
    fs::remove_file(&archive).expect("ours");

    fs::hard_link(&target, &archive).expect("ours");
    stays_as_it_is(folder.path(), "a second name");
    fs::remove_file(&archive).expect("ours");

    mkfifo(&archive, Mode::S_IRWXU).expect("ours");
    stays_as_it_is(folder.path(), "not a regular file");
    fs::remove_file(&archive).expect("ours");

    fs::create_dir(&archive).expect("ours");
    stays_as_it_is(folder.path(), "not a regular file");
    fs::remove_dir(&archive).expect("ours");
}

#[test]
fn a_lock_that_is_no_file_stops_compaction_and_nothing_else() {
    let folder = with_an_archive();
    let directory = folder.path();
    fs::remove_file(directory.join(LOCK)).expect("ours");
    let elsewhere = directory.join("elsewhere");
    symlink(&elsewhere, directory.join(LOCK)).expect("ours");
    compact(directory).expect_err("it isn't followed");
    assert!(!elsewhere.exists());
    let (page, skipped) = collected(directory);
    assert_eq!(skipped, [""; 0]);
    page.assert(&[("made_total", 20.0)]);
}

#[test]
fn what_killed_compactors_left_half_done_is_removed() {
    let folder = with_an_archive();
    let directory = folder.path();
    fs::write(directory.join(".archive-0123456789abcdef0123456789abcdef"), b"half").expect("ours");
    fs::write(directory.join(".tmp-0123456789abcdef0123456789abcdef"), b"half").expect("ours");
    fs::write(directory.join(".mine"), b"another's").expect("ours");
    assert_eq!(compact(directory).expect("ours"), 1);
    assert_eq!(names(directory), [LOCK, ".mine", ARCHIVE]);
}

/// Spoils what checksums guard.
fn damage(segment: &Path, at: u64) {
    let file = File::options().write(true).open(segment).expect("ours");
    file.write_all_at(b"damaged!", at).expect("written");
}

#[test]
fn a_damaged_segment_is_set_aside_and_never_removed() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 1);
    let bad = segments(directory).remove(0);
    damage(&directory.join(&bad), 0x2040);
    let damaged = fs::metadata(directory.join(&bad)).expect("ours").len();
    count(directory, 2);
    let (page, skipped) = collected(directory);
    assert_eq!(skipped.len(), 1);
    page.assert(&[
        ("made_total", 3.0),
        ("headcount_files_skipped{reason=\"corrupt\"}", 1.0),
        ("headcount_files_skipped{reason=\"set_aside\"}", 0.0),
    ]);
    let states: Vec<_> = Collector::from_directory(directory)
        .segments()
        .expect("readable")
        .iter()
        .map(|segment| (segment.state(), segment.error().map(ToString::to_string)))
        .collect();
    assert!(states.contains(&(SegmentState::Dead, None)), "{states:?}");
    assert!(
        states.contains(&(SegmentState::Unreadable, Some(skipped[0].clone()))),
        "{states:?}, {skipped:?}"
    );

    let done = Collector::from_directory(directory).compact().expect("ours");
    assert_eq!(done.segments(), 1);
    let reported: Vec<String> = done.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(reported, skipped);
    let aside = format!("{bad}.bad");
    assert_eq!(names(directory).len(), 3);
    assert_eq!(fs::metadata(directory.join(&aside)).expect("it is there").len(), damaged);
    let (page, skipped) = collected(directory);
    assert_eq!(skipped, [""; 0]);
    page.assert(&[
        ("made_total", 3.0),
        ("headcount_files_skipped{reason=\"corrupt\"}", 0.0),
        ("headcount_files_skipped{reason=\"set_aside\"}", 1.0),
    ]);
    // It stays until somebody says so.
    count(directory, 3);
    assert_eq!(compact(directory).expect("ours"), 1);
    assert!(directory.join(&aside).exists());
}

#[test]
fn a_damaged_segment_whose_lock_is_held_stays() {
    // In its log; and in its header, which then says nothing of its process.
    for at in [0x2040, 64] {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path();
        let mut living = remains(&["hold", text(directory), "1"]);
        eventually("it has counted", || living.output().contains("ready").then_some(()));
        let before = segments(directory);
        damage(&directory.join(&before[0]), at);
        count(directory, 2);
        assert_eq!(compact(directory).expect("ours"), 1);
        assert_eq!(segments(directory), before);
        living.kill();
        assert_eq!(compact(directory).expect("ours"), 0);
        assert_eq!(names(directory), [LOCK, &format!("{}.bad", before[0]), ARCHIVE]);
    }
}

#[test]
fn a_segment_from_the_future_is_left_alone() {
    let folder = with_an_archive();
    let directory = folder.path();
    let name = segments(directory).remove(0);
    let path = directory.join(&name);
    let mut header = vec![0; 4096];
    let file = File::options().read(true).write(true).open(&path).expect("ours");
    file.read_exact_at(&mut header, 0).expect("a header");
    // A flag that a reader must know.
    header[23] = 0x80;
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&header, 0).expect("written");
    count(directory, 4);
    let done = Collector::from_directory(directory).compact().expect("ours");
    assert_eq!((done.segments(), done.skipped().len()), (1, 1));
    assert!(done.skipped()[0].is_version());
    assert_eq!(segments(directory), [name]);
}

#[test]
fn whatever_is_changed_in_an_archive_harms_nobody_else() {
    let mut random = Random::seeded();
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for n in [3, 4, 14] {
        count(directory, n);
    }
    assert_eq!(compact(directory).expect("ours"), 3);
    // What a living process counts is always there.
    let _living = {
        let living = remains(&["hold", text(directory), "7"]);
        eventually("it has counted", || living.output().contains("ready").then_some(()));
        living
    };
    let archive = directory.join(ARCHIVE);
    let good = fs::read(&archive).expect("ours");
    let mut sealed = good.clone();
    seal_archive(&mut sealed);
    assert_eq!(sealed, good, "this test seals as the library does");

    let elsewhere = temporary_directory(Medium::Memory);
    let (mut cases, mut taken) = (0, 0);
    let started = Instant::now();
    let enough = for_as_long_as(Duration::from_secs(4), Duration::from_secs(60));
    while started.elapsed() < enough {
        let mut bad = good.clone();
        for _ in 0..=random.below(4) {
            match random.below(12) {
                // The header's counts.
                0 => {
                    let (head, _) = bad.split_at_mut(128);
                    random.spoil(head, 12);
                }
                1 => {
                    let len = random.index(bad.len());
                    bad.truncate(len.max(144));
                }
                2 => {
                    let at = random.index(bad.len());
                    let again = bad[at..].to_vec();
                    bad.extend(again);
                }
                _ => random.spoil(&mut bad, 128),
            }
        }
        // Most times nothing is left for the checksum to find.
        if random.below(16) > 0 {
            seal_archive(&mut bad);
        }
        fs::write(&archive, &bad).expect("ours");
        let snapshot = Collector::from_directory(directory).auto_compact(false).collect();
        let snapshot = snapshot.unwrap_or_else(|error| panic!("case {cases}: {error}"));
        let page = Page::parse(&snapshot.to_text());
        let page = page.unwrap_or_else(|error| panic!("case {cases}: {error}"));
        let is_taken = !snapshot.skipped().iter().any(|e| e.path() == Some(&*archive));
        assert!(page.value("level_livesum").is_some(), "case {cases}: {:?}", snapshot.skipped());
        taken += u32::from(is_taken);
        // What is read can be compacted with, and what comes of that can be read; what isn't stays.
        if is_taken && cases % 8 == 0 {
            let copy = elsewhere.path().join(ARCHIVE);
            fs::write(&copy, &bad).expect("ours");
            count(elsewhere.path(), 2);
            compact(elsewhere.path()).unwrap_or_else(|error| panic!("case {cases}: {error}"));
            let (_, skipped) = collected(elsewhere.path());
            assert!(!skipped.iter().any(|why| why.contains(ARCHIVE)), "case {cases}: {skipped:?}");
        }
        cases += 1;
    }
    assert!(cases > 100 && taken > cases / 20, "{cases} cases, {taken} taken");
}

#[test]
fn gigabytes_that_an_archive_claims_are_not_made() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 1);
    let archive = directory.join(ARCHIVE);
    // More than an archive may be, and not there.
    let file = File::create(&archive).expect("ours");
    file.set_len(1 << 40).expect("space");
    let (page, skipped) = collected(directory);
    page.assert(&[("made_total", 2.0)]);
    assert!(skipped[0].contains("an archive of more than 256 MiB"), "{skipped:?}");
    // Counts of things that would be made in advance.
    let mut bytes = vec![0; 144];
    bytes[..8].copy_from_slice(b"HCARC\r\n\x1a");
    bytes[8] = 1;
    bytes[12] = 128;
    for tombstones in [true, false] {
        bytes[80..88].fill(0);
        let at = if tombstones { 80 } else { 84 };
        bytes[at..at + 4].fill(0xff);
        seal_archive(&mut bytes);
        fs::write(&archive, &bytes).expect("ours");
        let (page, skipped) = collected(directory);
        page.assert(&[("made_total", 2.0)]);
        assert!(skipped[0].contains("damaged: the archive"), "{skipped:?}");
    }
    let copy = temporary_directory(Medium::Memory);
    copy_sparsely(&archive, &copy.path().join(ARCHIVE));
    assert!(compact(copy.path()).is_err());
}
