//! Directories that are unfit and files that aren't segments: recording goes on, the rest is read,
//! and someone learns what and why, with the path.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use headcount_tests::files::copy_sparsely;
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

/// Runs the worker as root would be refused as well as anyone: permissions don't hold root back.
fn worker(arguments: &[&str], directory: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command.args(arguments);
    for name in ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"] {
        command.env_remove(name);
    }
    if let Some(directory) = directory {
        command.env("HEADCOUNT_DIR", directory);
    }
    let output = command.output().expect("the worker runs");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "the library says nothing by itself: {output:?}");
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The page that the worker printed, from its own collector.
fn reported_page(text: &str) -> Page {
    let (_, page) = text.split_once("page:\n").unwrap_or_else(|| panic!("no page in {text}"));
    Page::parse(page).expect("a page")
}

fn counts_privately(directory: &Path, why: &str) {
    let reported = text(&worker(&["count", "100"], Some(directory)));
    let problem = reported.lines().find_map(|line| line.strip_prefix("problem: "));
    let problem = problem.unwrap_or_else(|| panic!("no problem in {reported}"));
    assert!(problem.contains(why), "{problem}");
    // Slashes and dots at the end may be left out.
    let plain: PathBuf = directory.components().collect();
    assert!(problem.starts_with(plain.to_str().expect("UTF-8")), "{problem}");
    assert!(reported.contains("shared: false"), "{reported}");
    assert!(reported.contains("dropped: 0 0"), "{reported}");
    assert_eq!(reported_page(&reported).at("work_total"), 100.0);
    // `init` says the same, and counting goes on all the same.
    let reported = text(&worker(&["init", directory.to_str().expect("UTF-8"), "7"], None));
    assert!(reported.starts_with(&format!("init: {}", plain.display())), "{reported}");
    assert_eq!(reported_page(&reported).at("work_total"), 7.0);
}

#[test]
fn without_a_directory_a_process_counts_for_itself() {
    let reported = text(&worker(&["count", "12"], None));
    assert!(reported.contains("shared: false"), "{reported}");
    assert!(reported.contains("problem: no directory was named"), "{reported}");
    let page = reported_page(&reported);
    assert_eq!((page.at("work_total"), page.at("headcount_shared")), (12.0, 0.0));
}

#[test]
fn a_missing_directory_is_made_for_its_owner_alone() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("a/b/c");
    let reported = text(&worker(&["count", "12"], Some(&directory)));
    assert!(reported.contains("shared: true") && reported.contains("no problem"), "{reported}");
    let mode = fs::metadata(&directory).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(&directory).expect("readable").collect();
    assert_eq!(files.len(), 1);
    let mode =
        files[0].as_ref().expect("a file").metadata().expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_environment_is_asked_in_this_order() {
    let folder = temporary_directory(Medium::Memory);
    let names = ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"];
    for first in 0..names.len() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.args(["count", "1"]);
        for (i, name) in names.iter().enumerate() {
            // Empty is as good as not there.
            let value =
                if i < first { PathBuf::new() } else { folder.path().join(format!("{first}-{i}")) };
            command.env(name, value);
        }
        assert!(command.output().expect("it runs").status.success());
        for i in 0..names.len() {
            let used = folder.path().join(format!("{first}-{i}")).exists();
            assert_eq!(used, i == first, "{first} {i}");
        }
    }
}

#[test]
fn a_directory_that_cant_be_made_leaves_counting_private() {
    let folder = temporary_directory(Medium::Memory);
    fs::write(folder.path().join("file"), "").expect("a file");
    counts_privately(&folder.path().join("file/below"), "not a directory");
    counts_privately(Path::new("/proc/no-such-thing"), "can't make the directory");
}

#[test]
fn a_file_in_the_directorys_place_leaves_counting_private() {
    let folder = temporary_directory(Medium::Memory);
    let file = folder.path().join("file");
    fs::write(&file, "mine").expect("a file");
    counts_privately(&file, "not a directory");
    assert_eq!(fs::read(&file).expect("still there"), b"mine");
}

#[test]
fn a_link_in_the_directorys_place_leaves_counting_private() {
    let folder = temporary_directory(Medium::Memory);
    let link = folder.path().join("link");
    fs::create_dir(folder.path().join("real")).expect("a directory");
    symlink(folder.path().join("real"), &link).expect("a link");
    counts_privately(&link, "not a directory");
    // Behind these a link would be followed.
    for behind in ["link/", "link//", "link/.", "link/./"] {
        counts_privately(&folder.path().join(behind), "not a directory");
        let error = headcount::Collector::from_directory(folder.path().join(behind)).collect();
        assert!(error.expect_err("refused").is_unfit_directory());
    }
    assert_eq!(fs::read_dir(folder.path().join("real")).expect("ours").count(), 0);
}

#[test]
fn a_directory_that_everyone_may_write_to_leaves_counting_private() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("open");
    fs::create_dir(&directory).expect("a directory");
    fs::set_permissions(&directory, Permissions::from_mode(0o777)).expect("ours");
    counts_privately(&directory, "everyone may write");
    fs::set_permissions(&directory, Permissions::from_mode(0o1777)).expect("ours");
    let reported = text(&worker(&["count", "3"], Some(&directory)));
    assert!(reported.contains("shared: true"), "sticky is fine: {reported}");
}

#[test]
fn a_directory_of_another_user_leaves_counting_private() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("theirs");
    fs::create_dir(&directory).expect("a directory");
    if let Err(error) = std::os::unix::fs::chown(&directory, Some(12_345), None) {
        // Only root can give a directory away. Everybody else has one of another user's nearby.
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        let reported = text(&worker(&["count", "3"], Some(Path::new("/"))));
        assert!(
            reported.contains("shared: false") && reported.contains("problem: /"),
            "{reported}"
        );
        return;
    }
    counts_privately(&directory, "belongs to another user");
}

#[test]
fn a_collector_says_that_there_is_no_directory() {
    let folder = temporary_directory(Medium::Memory);
    let missing = folder.path().join("missing");
    let error =
        headcount::Collector::from_directory(&missing).collect().expect_err("nothing is there");
    assert!(error.is_io());
    assert_eq!(error.path(), Some(missing.as_path()));
    assert!(!missing.exists(), "reading makes nothing");
}

#[test]
fn init_after_the_first_count_says_where_counting_is_and_changes_nothing() {
    let folder = temporary_directory(Medium::Memory);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let init = |begun: Option<&Path>| {
        let reported = text(&worker(&["late", second.to_str().expect("UTF-8")], begun));
        assert_eq!(reported_page(&reported).at("work_total"), 10.0);
        let said: Vec<_> =
            reported.lines().filter_map(|line| line.strip_prefix("init: ")).collect();
        assert_eq!(said[0], said[1]);
        said[0].to_owned()
    };
    assert_eq!(init(None), "recording has already begun in private memory, and can't be moved");
    let elsewhere = init(Some(&first));
    assert!(elsewhere.starts_with(first.to_str().expect("UTF-8")), "{elsewhere}");
    assert!(elsewhere.ends_with("has already begun in this directory, and can't be moved"));
    assert!(!second.exists());
    // The same directory again is no contradiction.
    assert_eq!(init(Some(&second)), "fine");
}

/// A directory with one good segment, in which 100 were counted, and its path.
fn with_one_segment() -> (tempfile::TempDir, PathBuf) {
    let folder = temporary_directory(Medium::Memory);
    worker(&["count", "100"], Some(folder.path()));
    let mut files = fs::read_dir(folder.path()).expect("readable");
    let file = files.next().expect("a segment").expect("an entry").path();
    (folder, file)
}

/// Collects, and asserts that the good segment's numbers are intact and what was skipped is
/// `reason`, once, with its path.
fn skips(directory: &Path, bad: &Path, reason: &str, says: &str) {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.at("work_total"), 100.0);
    assert_eq!(page.at(&format!("headcount_files_skipped{{reason=\"{reason}\"}}")), 1.0);
    let [skipped] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    assert_eq!(skipped.path(), Some(bad));
    assert!(skipped.to_string().contains(says), "{skipped}");
}

#[test]
fn files_that_are_no_segments_are_skipped_and_counted() {
    let (folder, good) = with_one_segment();
    let bad = folder.path().join("1-00.hc");
    // Not all of it: a segment is gigabytes long and kilobytes large.
    let mut segment = vec![0; 0x3000];
    File::open(&good).expect("ours").read_exact_at(&mut segment, 0).expect("readable");
    let cases: [(&str, Vec<u8>, &str, &str); 6] = [
        ("empty", vec![], "not_a_segment", "empty"),
        ("text", b"hello".to_vec(), "not_a_segment", "doesn't begin with HCSEG"),
        ("zeros", vec![0; 8192], "not_a_segment", "doesn't begin with HCSEG"),
        ("cut in the header", segment[..100].to_vec(), "not_a_segment", "cut off"),
        ("cut behind the log", segment.clone(), "not_a_segment", "cut off"),
        ("header only", segment[..4096].to_vec(), "not_a_segment", "cut off"),
    ];
    for (case, bytes, reason, says) in cases {
        fs::write(&bad, bytes).expect("written");
        println!("{case}");
        skips(folder.path(), &bad, reason, says);
    }
}

#[test]
fn segments_of_another_version_or_damaged_ones_are_skipped_and_left_alone() {
    let (folder, good) = with_one_segment();
    let bad = folder.path().join("1-00.hc");
    for (at, reason, says) in [
        (8, "version", "in format 3."),        // major
        (32, "corrupt", "header's checksum"),  // instance
        (0x1000, "corrupt", "never finished"), // ready
        (0x1040, "corrupt", "length of the log"),
        (0x2020, "corrupt", "record's checksum"),
    ] {
        copy_sparsely(&good, &bad);
        let file = File::options().read(true).write(true).open(&bad).expect("ours");
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("there");
        file.write_all_at(&[byte[0] ^ 1], at).expect("there");
        let before = file.metadata().expect("metadata").modified().expect("a time");
        skips(folder.path(), &bad, reason, says);
        let after = file.metadata().expect("metadata").modified().expect("a time");
        assert_eq!(before, after);
    }
}

#[test]
fn a_copy_of_a_segment_counts_once() {
    let (folder, good) = with_one_segment();
    copy_sparsely(&good, &folder.path().join("1-00.hc"));
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    assert_eq!(Page::parse(&snapshot.to_text()).expect("a page").at("work_total"), 100.0);
}

#[test]
fn what_is_no_regular_file_is_skipped_without_waiting_for_it() {
    let (folder, good) = with_one_segment();
    let bad = folder.path().join("1-00.hc");

    symlink(&good, &bad).expect("a link");
    skips(folder.path(), &bad, "foreign", "symbolic link");
    fs::remove_file(&bad).expect("ours");

    nix::unistd::mkfifo(&bad, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    skips(folder.path(), &bad, "foreign", "not a regular file");
    fs::remove_file(&bad).expect("ours");

    fs::create_dir(&bad).expect("a directory");
    skips(folder.path(), &bad, "foreign", "not a regular file");
    fs::remove_dir(&bad).expect("ours");

    let socket = UnixListener::bind(&bad).expect("a socket");
    skips(folder.path(), &bad, "foreign", "a socket");
    drop(socket);
    fs::remove_file(&bad).expect("ours");

    fs::hard_link(&good, folder.path().join("elsewhere")).expect("a second name");
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    assert!(snapshot.skipped()[0].to_string().contains("hard link"), "{:?}", snapshot.skipped());
}

#[test]
fn other_files_in_the_directory_are_none_of_our_business() {
    let (folder, _) = with_one_segment();
    fs::write(folder.path().join("counter_1.dbx"), "python's").expect("written");
    fs::write(folder.path().join("README"), "hello").expect("written");
    fs::write(folder.path().join(".tmp-1.hc"), "unfinished").expect("written");
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
}

#[test]
fn a_declaration_that_contradicts_the_majority_is_left_out_and_reported() {
    // Made by hand, as another program in the same directory would: `work_total` as a gauge.
    let (folder, good) = with_one_segment();
    worker(&["count", "100"], Some(folder.path()));
    let other = folder.path().join("1-00.hc");
    copy_sparsely(&good, &other);
    let file = File::options().read(true).write(true).open(&other).expect("ours");
    rewrite(&file, |record| {
        let named = record.windows(10).any(|window| window == b"work_total");
        if record[4] == 1 && named {
            // metric: gauge; value: f64; mode: sum.
            record[20..23].copy_from_slice(&[2, 2, 7]);
        }
    });
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.at("work_total"), 200.0);
    assert_eq!(page.types["work_total"], "counter");
    assert_eq!(page.at("headcount_files_skipped{reason=\"conflict\"}"), 1.0);
    let [skipped] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    assert!(skipped.is_conflict());
    assert!(skipped.to_string().contains("worker.rs:"), "{skipped}");
}

/// Changes a segment's records and makes its checksums right again, under a new instance.
fn rewrite(file: &File, mut change: impl FnMut(&mut [u8])) {
    let mut header = vec![0; 4096];
    file.read_exact_at(&mut header, 0).expect("a header");
    header[32] ^= 1;
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&header, 0).expect("written");
    let mut used = [0; 8];
    file.read_exact_at(&mut used, 0x1040).expect("a word");
    let mut log = vec![0; usize::try_from(u64::from_le_bytes(used)).expect("small")];
    file.read_exact_at(&mut log, 0x2000).expect("a log");
    let mut at = 0;
    while at < log.len() {
        let len = u32::from_le_bytes(log[at..at + 4].try_into().expect("four"));
        let record = &mut log[at..at + usize::try_from(len).expect("small")];
        change(record);
        record[12..16].fill(0);
        let crc = crc32fast::hash(record);
        record[12..16].copy_from_slice(&crc.to_le_bytes());
        at += record.len();
    }
    file.write_all_at(&log, 0x2000).expect("written");
    (&*file).flush().expect("flushed");
}
