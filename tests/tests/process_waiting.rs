//! Nobody waits for another process: whatever that does with the directory's files, collections,
//! first operations and forks go on.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::{Medium, eventually, temporary_directory, within};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Less than the kernel lets somebody hold a lease (45 seconds), and far more than is needed.
const DEADLINE: Duration = Duration::from_secs(30);

fn waiter(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waiter"));
    command.env_remove("HEADCOUNT_DIR");
    Child::start(command.args(arguments))
}

fn succeed(arguments: &[&str]) {
    let mut child = waiter(arguments);
    let status = child.wait();
    assert!(status.success(), "{arguments:?}: {status}: {}", child.output());
}

fn path_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A directory with each kind of file that there can be, none of them a living process's; and its
/// files.
fn with_every_file(folder: &Path) -> Vec<String> {
    let directory = path_of(folder);
    for _ in 0..2 {
        succeed(&["count", directory]);
    }
    succeed(&["compact", directory]);
    for _ in 0..2 {
        succeed(&["count", directory]);
    }
    for name in [".tmp-0123456789abcdef", ".archive-0123456789abcdef", "1-00.hc.bad", ".ledger.tmp"]
    {
        fs::write(folder.join(name), "unfinished").expect("ours");
    }
    let files = fs::read_dir(folder).expect("ours").flatten();
    let mut names: Vec<String> =
        files.map(|file| file.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    for name in ["archive.hca", ".compact.lock", "processes.hcl", ".ledger.lock"] {
        assert!(names.iter().any(|there| there == name), "no {name} in {names:?}");
    }
    assert_eq!(names.iter().filter(|name| ends_in_hc(name)).count(), 2, "{names:?}");
    names
}

fn ends_in_hc(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "hc")
}

/// Nothing of a process that does everything waits.
#[track_caller]
fn acts(directory: &Path, what: &str) {
    let mut child = waiter(&["act", path_of(directory)]);
    let status = within(DEADLINE, what, || child.ended());
    assert!(status.success(), "{what}: {status}: {}", child.output());
    assert!(child.all_output().contains("done: true"), "{what}: {}", child.output());
}

#[test]
fn nobody_waits_for_a_lease_or_a_lock_of_a_process_that_was_stopped() {
    for medium in [Medium::Memory, Medium::Disk] {
        for how in ["lease", "lock"] {
            let folder = temporary_directory(medium);
            let names = with_every_file(folder.path());
            // One process for each file, all at once: whatever is opened, somebody holds it.
            let holders: Vec<Child> = names
                .iter()
                .map(|name| {
                    let holder = waiter(&[how, path_of(&folder.path().join(name))]);
                    eventually("the file is held", || {
                        holder.output().contains("held").then_some(())
                    });
                    holder
                })
                .collect();
            acts(folder.path(), &format!("{how} on {medium:?}"));
            drop(holders);
            // And each alone, so that what comes after it is reached too.
            for name in &names {
                if !folder.path().join(name).exists() {
                    continue;
                }
                let holder = waiter(&[how, path_of(&folder.path().join(name))]);
                eventually("the file is held", || holder.output().contains("held").then_some(()));
                acts(folder.path(), &format!("{how} of {name} on {medium:?}"));
            }
        }
    }
}

#[test]
fn nobody_waits_for_a_pipe_that_nobody_writes_to() {
    let folder = temporary_directory(Medium::Memory);
    let names = with_every_file(folder.path());
    for name in &names {
        let file = folder.path().join(name);
        let kept = fs::read(&file);
        let _ = fs::remove_file(&file);
        mkfifo(&file, Mode::S_IRWXU).expect("a pipe");
        acts(folder.path(), &format!("a pipe called {name}"));
        let _ = fs::remove_file(&file);
        // The archive is needed by what comes next; a segment is gigabytes long.
        if let (Ok(bytes), false) = (kept, ends_in_hc(name)) {
            fs::write(&file, bytes).expect("ours");
        }
    }
}
