//! A directory that a group shares: workers of one user, an exporter of another, and strangers.
//! Needs root, to be other users; everyone else has one user only, and passes.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use headcount::Collector;
use headcount_tests::child::Child;
use headcount_tests::files::segments;
use headcount_tests::namespaces::are_namespaces_allowed;
use headcount_tests::{Medium, temporary_directory};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

const GROUP: u32 = 54_321;
/// Files that a stranger creates.
const PLANTED: u32 = 2_000;

fn output_of(program: &Path, user: u32, group: u32, arguments: &[&str]) -> String {
    let mut child = Child::start(Command::new(program).args(arguments).uid(user).gid(group));
    let status = child.wait();
    let output = child.all_output();
    assert!(status.success(), "{status}: {output}");
    output
}

/// In a directory such as `/tmp`.
#[test]
fn what_strangers_plant_is_reported_and_not_used() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o1777)).expect("ours");
    let plant = |name: &str| {
        let path = directory.join(name);
        fs::write(&path, "").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("ours");
        std::os::unix::fs::chown(&path, Some(1_234), Some(1_234)).expect("we are root");
    };
    (0..PLANTED).for_each(|n| plant(&format!("{n}-{n:032x}.hc")));
    plant(".compact.lock");
    let opened = Inotify::init(InitFlags::IN_NONBLOCK).expect("inotify");
    opened.add_watch(directory, AddWatchFlags::IN_OPEN).expect("a watch");
    let collector = Collector::from_directory(directory);
    let page = collector.collect().expect("a snapshot").to_text();
    // Opening a file may cost far more than looking at its name, and may wait.
    let events = opened.read_events().unwrap_or_default();
    let names = events.into_iter().filter_map(|event| event.name);
    assert_eq!(names.filter(|name| name.as_bytes().ends_with(b".hc")).count(), 0);
    let reported = format!("headcount_files_skipped{{reason=\"foreign\"}} {PLANTED}\n");
    assert!(page.contains(&reported), "{page}");
    let why = collector.compact().expect_err("the lock is a stranger's");
    assert_eq!((why.path(), why.reason()), (Some(&*directory.join(".compact.lock")), "foreign"));
}

#[test]
fn a_user_namespace_does_not_make_a_stranger_the_directorys_owner() {
    if !nix::unistd::geteuid().is_root() || !are_namespaces_allowed(&["--user"]) {
        return;
    }
    let folder = temporary_directory(Medium::Memory);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let program = folder.path().join("remains");
    fs::copy(env!("CARGO_BIN_EXE_remains"), &program).expect("a copy");
    let directory = folder.path().join("open");
    fs::create_dir(&directory).expect("a directory");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o1777)).expect("ours");
    let directory_text = directory.to_str().expect("UTF-8");
    output_of(&program, 0, 0, &["count", directory_text, "1"]);
    let segment = directory.join(&segments(&directory)[0]);
    fs::set_permissions(&segment, fs::Permissions::from_mode(0o644)).expect("ours");

    let program_text = program.to_str().expect("UTF-8");
    let arguments = ["--user", "--map-root-user", program_text, "page-text", directory_text];
    let seen_inside = || output_of(Path::new("unshare"), 1_000, 1_000, &arguments);
    let refused = "headcount_files_skipped{reason=\"foreign\"} 1\n";
    // Root's file, and a stranger's: from inside, both look like the directory's.
    for owner in [0, 1_234] {
        std::os::unix::fs::chown(&segment, Some(owner), Some(owner)).expect("we are root");
        let page = seen_inside();
        assert!(page.contains(refused) && !page.contains("\nmade_total "), "{page}");
    }
    // Where strangers can't create files, it is the owner's.
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("ours");
    let page = seen_inside();
    assert!(!page.contains(refused) && page.contains("\nmade_total "), "{page}");
}

#[test]
fn members_of_the_group_count_read_and_compact_together_and_strangers_count_alone() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        // Other users must find their way to the program and to the directory.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let program = folder.path().join("worker");
        fs::copy(env!("CARGO_BIN_EXE_worker"), &program).expect("a copy");
        let directory = folder.path().join("shared");
        let directory_text = directory.to_str().expect("UTF-8");
        let group = GROUP.to_string();
        let arguments = ["init-group", directory_text, &group, "10"];

        let text = output_of(&program, 0, 0, &arguments);
        assert!(text.contains("no problem") && text.contains("work_total 10\n"), "{text}");
        let made = fs::metadata(&directory).expect("made");
        assert_eq!((made.mode() & 0o7777, made.gid()), (0o2770, GROUP));

        let text = output_of(&program, 1_234, GROUP, &arguments);
        assert!(text.contains("shared: true") && text.contains("work_total 20\n"), "{text}");
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let file = entry.metadata().expect("a file");
            assert_eq!((file.mode() & 0o777, file.gid()), (0o640, GROUP), "{entry:?}");
        }

        // A third user reads and compacts what root and the second have left.
        let text = output_of(&program, 2_345, GROUP, &["compact", directory_text]);
        assert!(text.contains("compacted 2\n") && text.contains("work_total 20\n"), "{text}");
        let text = output_of(&program, 1_234, GROUP, &["compact", directory_text]);
        assert!(text.contains("compacted 0\n") && text.contains("work_total 20\n"), "{text}");

        let text = output_of(&program, 3_456, 3_456, &arguments);
        assert!(text.contains("shared: false") && text.contains("work_total 10\n"), "{text}");
        assert!(text.contains("ermission denied"), "{text}");
    }
}
