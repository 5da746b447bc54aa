//! Processes without their master's rights, root directory or mounts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use headcount_tests::files::text;
use headcount_tests::privileges::as_root;
use headcount_tests::{Medium, temporary_directory};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use crate::{VARIABLES, count, has, reports_of, run, sharer};

/// A directory that others may enter, as they may enter `/run`.
pub(crate) fn world_writable_directory(medium: Medium) -> TempDir {
    let folder = temporary_directory(medium);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
    folder
}

/// By another program: a child that another thread forks meanwhile would have the file open for
/// writing, and it couldn't be started.
pub(crate) fn copy_to(program: &Path) {
    let mut copy = Command::new("cp");
    assert!(copy.arg(env!("CARGO_BIN_EXE_sharer")).arg(program).status().expect("cp").success());
}

const GROUP: u32 = 54_321;

#[test]
#[ignore = "needs root"]
fn workers_without_the_masters_rights_count_with_it_by_one_setting() {
    as_root(|| {
        let group = GROUP.to_string();
        let user = format!("{GROUP}:1234");
        for medium in [Medium::Memory, Medium::Disk] {
            for (by_code, environment) in
                [(group.as_str(), vec![]), ("-", vec![("HEADCOUNT_GROUP", group.as_str())])]
            {
                // Nobody but root can reach it by its path.
                let folder = temporary_directory(medium);
                let directory = folder.path().join("above/d");
                let output = sharer(&["prefork", text(&directory), by_code, &user], &environment);
                let (worker, master) =
                    (reports_of(&output, "worker"), reports_of(&output, "master"));
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
    as_root(|| {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path().join("d");
        let user = format!("{GROUP}:1234");
        let output = sharer(&["prefork", text(&directory), "-", &user], &[]);
        let worker = reports_of(&output, "worker");
        assert_eq!(count(&worker, "shared false 0"), 3, "{output}");
        assert_eq!(count(&worker, "problem "), 3, "{output}");
        assert_eq!(count(&worker, "log counting in private memory"), 3, "{output}");
        assert_eq!(count(&worker, "log "), 3, "{output}");
        // The directory is there now, for root alone: whoever wants to share it is told at once.
        let group = GROUP.to_string();
        let output = sharer(&["prefork", text(&directory), &group, &user], &[]);
        let reported = format!("init false {}: group {GROUP} can't write", directory.display());
        assert_eq!(count(&reports_of(&output, "master"), &reported), 1, "{output}");
        let there = fs::metadata(&directory).expect("it is there");
        assert_eq!((there.mode() & 0o7777, there.gid()), (0o700, 0), "nothing was changed");
    });
}

#[test]
#[ignore = "needs root"]
fn a_child_with_another_root_directory_counts_with_its_parent() {
    as_root(|| {
        for medium in [Medium::Memory, Medium::Disk] {
            let folder = temporary_directory(medium);
            let (directory, jail) = (folder.path().join("d"), folder.path().join("jail"));
            fs::create_dir(&jail).expect("a directory");
            let output = sharer(&["chroot", text(&directory), text(&jail)], &[]);
            for who in ["worker", "master"] {
                has(&reports_of(&output, who), "shared true 1");
                has(&reports_of(&output, who), "work 11");
                has(&reports_of(&output, who), "no problem");
            }
            assert_eq!(fs::read_dir(&jail).expect("ours").count(), 0, "nothing in the jail");

            // As another user too; and where what should be the kernel's is a pipe that nobody
            // writes to.
            let (random, group) = (jail.join("proc/sys/kernel/random"), GROUP.to_string());
            fs::create_dir_all(&random).expect("a directory");
            mkfifo(&random.join("boot_id"), Mode::S_IRWXU | Mode::S_IRWXO).expect("a pipe");
            let shared = folder.path().join("shared");
            let output = sharer(&["jailed", text(&shared), text(&jail), &group], &[]);
            for who in ["worker", "master"] {
                has(&reports_of(&output, who), "shared true 1");
                has(&reports_of(&output, who), "work 11");
                has(&reports_of(&output, who), "no problem");
            }
            fs::remove_dir_all(jail.join("proc")).expect("ours");

            let output = sharer(&["chroot-too-late", text(&directory), text(&jail)], &[]);
            let worker = reports_of(&output, "worker");
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
    as_root(|| {
        let folder = temporary_directory(Medium::Memory);
        let output = sharer(&["mount", text(&folder.path().join("d"))], &[]);
        for who in ["worker", "master"] {
            has(&reports_of(&output, who), "shared true 1");
            has(&reports_of(&output, who), "work 11");
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_set_user_id_program_does_not_look_at_the_environment() {
    as_root(|| {
        // Not in memory: such mounts often give no rights to programs.
        let folder = world_writable_directory(Medium::Disk);
        let program = folder.path().join("sharer");
        copy_to(&program);
        fs::set_permissions(&program, Permissions::from_mode(0o4755)).expect("ours");
        let directory = folder.path().join("x/y");
        for name in &VARIABLES[..4] {
            let mut command = Command::new(&program);
            command.arg("worker").uid(65_534).gid(65_534);
            let output = run(&mut command, &[(name, text(&directory))]);
            let worker = reports_of(&output, "worker");
            has(&worker, "shared false 0");
            has(&worker, "work 5");
            assert!(!folder.path().join("x").exists(), "made as root, by {name}");
        }
        // The same without its caller's environment in play: it has root's rights.
        let output =
            run(Command::new(&program).args(["size", "small", text(&directory)]).uid(65_534), &[]);
        has(&reports_of(&output, "master"), "shared true 1");
        assert_eq!(fs::metadata(&directory).expect("made").uid(), 0);
    });
}

/// A file that root keeps where others may rename it.
#[test]
#[ignore = "needs root"]
fn a_file_that_was_moved_to_the_locks_name_keeps_its_owner_and_its_rights() {
    as_root(|| {
        let folder = world_writable_directory(Medium::Memory);
        let directory = folder.path().join("d");
        let of_directory = text(&directory);
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
    as_root(|| {
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
                let arguments = ["init-group", text(&directory), &group, "1"];
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
