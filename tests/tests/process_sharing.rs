//! Processes of one program count together, whatever they do between the start of the first and
//! their own first use; and one that counts for itself alone says so wherever a person looks.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use headcount_tests::child::Child;
use headcount_tests::privileges::as_root;
use headcount_tests::{Medium, temporary_directory};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

const VARIABLES: [&str; 7] = [
    "HEADCOUNT_DIR",
    "PROMETHEUS_MULTIPROC_DIR",
    "prometheus_multiproc_dir",
    "RUNTIME_DIRECTORY",
    "HEADCOUNT_GROUP",
    "HEADCOUNT_REQUIRED",
    "HEADCOUNT_SEGMENT_SIZE",
];

fn sharer(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    run(Command::new(env!("CARGO_BIN_EXE_sharer")).args(arguments), environment)
}

fn run(command: &mut Command, environment: &[(&str, &str)]) -> String {
    for name in VARIABLES {
        command.env_remove(name);
    }
    let mut child = Child::start(command.envs(environment.iter().copied()));
    let status = child.wait();
    let output = child.all_output();
    assert!(status.success(), "{status}: {output}");
    output
}

fn path_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What this process said of itself, without its name.
fn said<'a>(output: &'a str, who: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix(who)?.strip_prefix(": ");
    output.lines().filter_map(of).collect()
}

#[track_caller]
fn has(lines: &[&str], line: &str) {
    assert!(lines.contains(&line), "no {line:?} in {lines:#?}");
}

/// How many lines begin so.
fn count(lines: &[&str], start: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(start)).count()
}

#[test]
fn a_worker_that_was_started_without_the_directory_says_that_it_is_alone() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["exec", path_of(&folder.path().join("d")), "false"], &[]);
    let worker = said(&output, "worker");
    has(&worker, "init fine");
    has(&worker, "shared false 0");
    has(&worker, "work 5");
    assert_eq!(count(&worker, "problem no directory was named"), 1, "{output}");
    assert_eq!(count(&worker, "log "), 1, "once, at the first collection: {output}");
    assert_eq!(count(&worker, "log counts of this process are not shared: no directory"), 1);
    let master = said(&output, "master");
    has(&master, "shared true 1");
    has(&master, "work 1");
    has(&master, "no problem");
    assert_eq!(count(&master, "log "), 0, "{output}");
}

#[test]
fn a_worker_that_was_started_with_the_masters_environment_shares() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["exec", path_of(&folder.path().join("d")), "true"], &[]);
    let worker = said(&output, "worker");
    has(&worker, "shared true 1");
    has(&worker, "work 6");
    has(&worker, "no problem");
    has(&said(&output, "master"), "work 6");
    assert_eq!(count(&worker, "log "), 0, "{output}");
}

#[test]
fn who_requires_a_directory_gets_an_error_without_one() {
    for (arguments, environment) in [
        (&["required", "true"][..], &[][..]),
        (&["worker"], &[("HEADCOUNT_REQUIRED", "1")]),
        (&["required", "true"], &[("HEADCOUNT_REQUIRED", "0")]),
    ] {
        let output = sharer(arguments, environment);
        let worker = said(&output, "worker");
        assert_eq!(count(&worker, "init true no directory was named"), 1, "{output}");
        has(&worker, "work 5");
        has(&worker, "shared false 0");
    }
}

#[test]
fn a_process_that_wants_to_be_alone_gets_no_warning() {
    for (arguments, environment) in
        [(&["required", "false"][..], &[][..]), (&["worker"], &[("HEADCOUNT_REQUIRED", "no")])]
    {
        let output = sharer(arguments, environment);
        let worker = said(&output, "worker");
        has(&worker, "init fine");
        has(&worker, "no problem");
        has(&worker, "shared false 0");
        assert_eq!(count(&worker, "log "), 0, "{output}");
    }
}

#[test]
fn nonsense_in_the_environment_is_reported_and_the_rest_is_done() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    for (name, value) in [
        ("HEADCOUNT_GROUP", "no such group"),
        ("HEADCOUNT_REQUIRED", "maybe"),
        ("HEADCOUNT_SEGMENT_SIZE", "huge"),
    ] {
        let environment = [("HEADCOUNT_DIR", path_of(&directory)), (name, value)];
        let output = sharer(&["worker"], &environment);
        let worker = said(&output, "worker");
        assert_eq!(count(&worker, &format!("init false {name} is \"{value}\"")), 1, "{output}");
        assert_eq!(count(&worker, &format!("problem {name} is")), 1, "{output}");
        has(&worker, "shared true 1");
        let output = sharer(&["first-use"], &environment);
        assert_eq!(count(&said(&output, "worker"), &format!("log {name} is")), 1, "{output}");
    }
}

#[test]
fn the_directory_that_systemd_makes_for_a_service_is_the_last_choice() {
    let folder = temporary_directory(Medium::Memory);
    let at = |name: &str| folder.path().join(name);
    let both = format!("{}:{}", path_of(&at("first")), path_of(&at("second")));
    let output = sharer(&["worker"], &[("RUNTIME_DIRECTORY", &both)]);
    has(&said(&output, "worker"), "shared true 1");
    let files = fs::read_dir(at("first/headcount")).expect("it was made").count();
    assert_eq!(files, 1);
    assert!(!at("second").exists());

    let named = at("named");
    let both =
        [("RUNTIME_DIRECTORY", both.as_str()), ("prometheus_multiproc_dir", path_of(&named))];
    let output = sharer(&["worker"], &both);
    has(&said(&output, "worker"), "work 5");
    assert!(named.exists());

    let output = sharer(&["worker"], &[("RUNTIME_DIRECTORY", "relative:/run/x")]);
    has(&said(&output, "worker"), "shared false 0");
}

#[test]
fn a_directory_that_was_renamed_stays_the_processes_own() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let (directory, renamed) = (folder.path().join("d"), folder.path().join("renamed"));
        let output = sharer(&["rename", path_of(&directory), path_of(&renamed)], &[]);
        for who in ["worker", "master"] {
            has(&said(&output, who), "shared true 1");
            has(&said(&output, who), "work 11");
        }
        assert_eq!(fs::read_dir(&directory).expect("the other").count(), 0);
    }
}

#[test]
fn a_directory_that_was_removed_is_made_anew_by_children_and_the_parent_tells() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["remove", path_of(&folder.path().join("d"))], &[]);
    let (worker, master) = (said(&output, "worker"), said(&output, "master"));
    has(&worker, "shared true 1");
    has(&worker, "work 10");
    has(&worker, "no problem");
    has(&master, "shared false 0");
    let problem = master.iter().find(|line| line.starts_with("problem "));
    assert!(problem.is_some_and(|line| line.contains("removed this process's file")), "{output}");
    assert_eq!(count(&master, "log counts of this process are not shared"), 1, "{output}");
}

#[test]
fn a_daemon_that_closes_every_descriptor_and_its_children_share() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let output = sharer(&["daemon", path_of(&folder.path().join("d")), "here"], &[]);
        let (worker, master) = (said(&output, "worker"), said(&output, "master"));
        has(&worker, "shared true 1");
        has(&worker, "work 11");
        has(&worker, "no problem");
        has(&master, "work 11");
    }
}

#[test]
fn a_directory_that_cannot_be_reopened_is_reported() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    let output = sharer(&["daemon", path_of(&directory), "elsewhere"], &[]);
    let worker = said(&output, "worker");
    has(&worker, "shared false 0");
    has(&worker, "work 10");
    let problem = format!("problem {}: the directory's descriptor was closed", directory.display());
    assert_eq!(count(&worker, &problem), 1, "{output}");
    assert_eq!(count(&worker, "log counting in private memory"), 1, "{output}");
    assert_eq!(fs::read_dir(&directory).expect("the other").count(), 0);
}

#[test]
fn a_smaller_segment_can_be_chosen() {
    for (size, bytes) in
        [("tiny", 256 << 10), ("small", 3 << 20), ("medium", 36 << 20), ("large", 4160 << 20)]
    {
        for by_environment in [false, true] {
            let folder = temporary_directory(Medium::Memory);
            let arguments =
                ["size", if by_environment { "-" } else { size }, path_of(folder.path())];
            let variable = [("HEADCOUNT_SEGMENT_SIZE", size)];
            let output = sharer(&arguments, if by_environment { &variable } else { &[] });
            has(&said(&output, "master"), "work 2");
            let files = fs::read_dir(folder.path()).expect("a directory").flatten();
            let lengths: Vec<u64> =
                files.map(|file| file.metadata().expect("a file").len()).collect();
            assert_eq!(lengths, [bytes, bytes], "{size}");
        }
    }
}

#[test]
fn without_the_kernels_random_numbers_a_process_counts() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["without-random", path_of(&folder.path().join("d"))], &[]);
    let (worker, child) = (said(&output, "worker"), said(&output, "child"));
    has(&worker, "init fine");
    has(&worker, "shared true 1");
    has(&worker, "work 10");
    has(&child, "shared true 1");
    has(&child, "work 10");
    let output = sharer(&["without-any-random"], &[]);
    has(&said(&output, "worker"), "true 0");
}

#[test]
fn where_the_directory_cant_be_listed_a_process_shows_its_own_numbers_and_says_why() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    let output = sharer(&["unlisted", path_of(&directory)], &[]);
    let worker = said(&output, "worker");
    has(&worker, "work 5");
    let why = format!("{}: can't list the directory: Permission denied", directory.display());
    assert_eq!(count(&worker, &format!("skipped {why}")), 1, "{output}");
    assert_eq!(count(&worker, &format!("error {why}")), 1, "{output}");
}

#[test]
fn limits_set_later_leave_space_where_the_segment_is_small() {
    for (size, is_fine) in [("large", false), ("small", true), ("tiny", true)] {
        let folder = temporary_directory(Medium::Memory);
        let output = sharer(&["limited-after", size, path_of(folder.path())], &[]);
        let worker = said(&output, "worker");
        has(&worker, &format!("thread {is_fine}"));
        // Said where the limit that is to be tried can be set.
        let other = format!("locked {}", !is_fine);
        assert!(!worker.contains(&&*other), "{size}: {output}");
    }
}

/// A directory that others may enter, as they may enter `/run`.
fn world_writable_directory(medium: Medium) -> TempDir {
    let folder = temporary_directory(medium);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
    folder
}

/// By another program: a child that another thread forks meanwhile would have the file open for
/// writing, and it couldn't be started.
fn copy_to(program: &Path) {
    let mut copy = Command::new("cp");
    assert!(copy.arg(env!("CARGO_BIN_EXE_sharer")).arg(program).status().expect("cp").success());
}

#[test]
fn a_process_that_may_lock_two_mebibytes_counts() {
    let folder = world_writable_directory(Medium::Memory);
    let program = folder.path().join("sharer");
    copy_to(&program);
    let directory = folder.path().join("d");
    fs::create_dir(&directory).expect("a directory");
    if nix::unistd::geteuid().is_root() {
        chown(&directory, Some(65_534), Some(65_534)).expect("root may");
    }
    let output = run(Command::new(&program).args(["locked", path_of(&directory)]), &[]);
    let worker = said(&output, "worker");
    has(&worker, "true 0");
    has(&worker, "work 5");
    has(&worker, "init fine");
}

const GROUP: u32 = 54_321;

#[test]
#[ignore = "needs root"]
fn workers_without_the_masters_rights_count_with_it_by_one_setting() {
    as_root("workers_without_the_masters_rights_count_with_it_by_one_setting", || {
        let group = GROUP.to_string();
        let user = format!("{GROUP}:1234");
        for medium in [Medium::Memory, Medium::Disk] {
            for (by_code, environment) in
                [(group.as_str(), vec![]), ("-", vec![("HEADCOUNT_GROUP", group.as_str())])]
            {
                // Nobody but root can reach it by its path.
                let folder = temporary_directory(medium);
                let directory = folder.path().join("above/d");
                let output =
                    sharer(&["prefork", path_of(&directory), by_code, &user], &environment);
                let (worker, master) = (said(&output, "worker"), said(&output, "master"));
                assert_eq!(count(&worker, "shared true 1"), 3, "{output}");
                assert_eq!(count(&worker, "no problem"), 3, "{output}");
                has(&worker, "work 3");
                has(&master, "work 3");
                let made = fs::metadata(&directory).expect("made");
                assert_eq!((made.mode() & 0o7777, made.gid()), (0o2770, GROUP));
                let beside = fs::read_dir(directory.parent().expect("above")).expect("ours");
                assert_eq!(beside.count(), 1, "nothing unfinished is left");
            }
        }
    });
}

#[test]
#[ignore = "needs root"]
fn workers_without_the_masters_rights_and_the_setting_say_so() {
    as_root("workers_without_the_masters_rights_and_the_setting_say_so", || {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path().join("d");
        let user = format!("{GROUP}:1234");
        let output = sharer(&["prefork", path_of(&directory), "-", &user], &[]);
        let worker = said(&output, "worker");
        assert_eq!(count(&worker, "shared false 0"), 3, "{output}");
        assert_eq!(count(&worker, "problem "), 3, "{output}");
        assert_eq!(count(&worker, "log counting in private memory"), 3, "{output}");
        assert_eq!(count(&worker, "log "), 3, "{output}");
        // The directory is there now, for root alone: whoever wants to share it is told at once.
        let group = GROUP.to_string();
        let output = sharer(&["prefork", path_of(&directory), &group, &user], &[]);
        let told = format!("init false {}: group {GROUP} can't write", directory.display());
        assert_eq!(count(&said(&output, "master"), &told), 1, "{output}");
        let there = fs::metadata(&directory).expect("it is there");
        assert_eq!((there.mode() & 0o7777, there.gid()), (0o700, 0), "nothing was changed");
    });
}

#[test]
#[ignore = "needs root"]
fn a_child_with_another_root_directory_counts_with_its_parent() {
    as_root("a_child_with_another_root_directory_counts_with_its_parent", || {
        for medium in [Medium::Memory, Medium::Disk] {
            let folder = temporary_directory(medium);
            let (directory, jail) = (folder.path().join("d"), folder.path().join("jail"));
            fs::create_dir(&jail).expect("a directory");
            let output = sharer(&["chroot", path_of(&directory), path_of(&jail)], &[]);
            for who in ["worker", "master"] {
                has(&said(&output, who), "shared true 1");
                has(&said(&output, who), "work 11");
                has(&said(&output, who), "no problem");
            }
            assert_eq!(fs::read_dir(&jail).expect("ours").count(), 0, "nothing in the jail");

            // As another user too; and where what should be the kernel's is a pipe that nobody
            // writes to.
            let (random, group) = (jail.join("proc/sys/kernel/random"), GROUP.to_string());
            fs::create_dir_all(&random).expect("a directory");
            mkfifo(&random.join("boot_id"), Mode::S_IRWXU | Mode::S_IRWXO).expect("a pipe");
            let shared = folder.path().join("shared");
            let output = sharer(&["jailed", path_of(&shared), path_of(&jail), &group], &[]);
            for who in ["worker", "master"] {
                has(&said(&output, who), "shared true 1");
                has(&said(&output, who), "work 11");
                has(&said(&output, who), "no problem");
            }
            fs::remove_dir_all(jail.join("proc")).expect("ours");

            let output = sharer(&["chroot-too-late", path_of(&directory), path_of(&jail)], &[]);
            let worker = said(&output, "worker");
            has(&worker, "shared false 0");
            has(&worker, "work 10");
            let problem = worker.iter().find(|line| line.starts_with("problem "));
            assert!(problem.is_some_and(|line| line.contains("root directory")), "{output}");
            assert_eq!(fs::read_dir(&jail).expect("ours").count(), 0, "nothing in the jail");
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_child_that_sees_other_mounts_counts_with_its_parent() {
    as_root("a_child_that_sees_other_mounts_counts_with_its_parent", || {
        let folder = temporary_directory(Medium::Memory);
        let output = sharer(&["mount", path_of(&folder.path().join("d"))], &[]);
        for who in ["worker", "master"] {
            has(&said(&output, who), "shared true 1");
            has(&said(&output, who), "work 11");
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_set_user_id_program_does_not_look_at_the_environment() {
    as_root("a_set_user_id_program_does_not_look_at_the_environment", || {
        // Not in memory: such mounts often give no rights to programs.
        let folder = world_writable_directory(Medium::Disk);
        let program = folder.path().join("sharer");
        copy_to(&program);
        fs::set_permissions(&program, Permissions::from_mode(0o4755)).expect("ours");
        let directory = folder.path().join("x/y");
        for name in &VARIABLES[..4] {
            let mut command = Command::new(&program);
            command.arg("worker").uid(65_534).gid(65_534);
            let output = run(&mut command, &[(name, path_of(&directory))]);
            let worker = said(&output, "worker");
            has(&worker, "shared false 0");
            has(&worker, "work 5");
            assert!(!folder.path().join("x").exists(), "made as root, by {name}");
        }
        // The same without its caller's environment in play: it has root's rights.
        let output = run(
            Command::new(&program).args(["size", "small", path_of(&directory)]).uid(65_534),
            &[],
        );
        has(&said(&output, "master"), "shared true 1");
        assert_eq!(fs::metadata(&directory).expect("made").uid(), 0);
    });
}

/// A file that root keeps where others may rename it.
#[test]
#[ignore = "needs root"]
fn a_file_that_was_moved_to_the_locks_name_keeps_its_owner_and_its_rights() {
    as_root("a_file_that_was_moved_to_the_locks_name_keeps_its_owner_and_its_rights", || {
        let folder = world_writable_directory(Medium::Memory);
        let directory = folder.path().join("d");
        let of_directory = path_of(&directory);
        sharer(&["size", "small", of_directory], &[]);
        chown(&directory, Some(1_234), Some(1_234)).expect("root may");
        for name in [".compact.lock", ".ledger.lock"] {
            let file = directory.join(name);
            fs::write(&file, "secret").expect("ours");
            fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("ours");
            let worker = env!("CARGO_BIN_EXE_worker");
            run(Command::new(worker).args(["compact", of_directory]), &[]);
            let there = fs::metadata(&file).expect("it is there");
            assert_eq!((there.uid(), there.mode() & 0o7777), (0, 0o640), "{name}");
        }
    });
}

#[test]
#[ignore = "needs root"]
fn what_is_put_in_the_directorys_place_keeps_its_rights() {
    as_root("what_is_put_in_the_directorys_place_keeps_its_rights", || {
        let folder = world_writable_directory(Medium::Memory);
        let above = folder.path().join("above");
        let victim = folder.path().join("victim");
        fs::create_dir(&above).expect("a directory");
        chown(&above, Some(1_234), Some(1_234)).expect("root may");
        fs::create_dir(&victim).expect("a directory");
        fs::set_permissions(&victim, Permissions::from_mode(0o700)).expect("ours");
        let rounds = 100;
        let round = AtomicU64::new(0);
        let directory = |round: u64| above.join(format!("d{round}"));
        let swaps = thread::scope(|scope| {
            // As the owner of the directory above could do it.
            let swapper = scope.spawn(|| {
                let mut swaps = 0;
                for now in 0..rounds {
                    while round.load(Ordering::Relaxed) == now {
                        if fs::rename(directory(now), above.join(format!("aside{now}"))).is_ok() {
                            symlink(&victim, directory(now)).expect("a link");
                            swaps += 1;
                        }
                    }
                }
                swaps
            });
            for now in 0..rounds {
                let directory = directory(now);
                let group = GROUP.to_string();
                let arguments = ["init-group", path_of(&directory), &group, "1"];
                run(Command::new(env!("CARGO_BIN_EXE_worker")).args(arguments), &[]);
                round.store(now + 1, Ordering::Relaxed);
            }
            swapper.join().expect("it swaps")
        });
        assert!(swaps > rounds / 2, "{swaps}");
        let there = fs::metadata(&victim).expect("it is there");
        assert_eq!((there.mode() & 0o7777, there.gid()), (0o700, 0), "after {swaps} swaps");
    });
}
