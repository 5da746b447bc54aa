//! Limits, descriptors and locked memory.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::exit;

use headcount::Config;
use headcount_tests::child::in_child;
use headcount_tests::program::{number, start_in, tell};
use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, setrlimit};

use crate::{WORK, work};

pub(crate) fn limited(directory: &str, resource: &str, limit: u64) {
    let resource = match resource {
        "file-size" => Resource::RLIMIT_FSIZE,
        "address-space" => Resource::RLIMIT_AS,
        _ => panic!("no such limit: {resource}"),
    };
    setrlimit(resource, limit, limit).expect("less than there was");
    match headcount::init(Config::new().directory(directory)) {
        Ok(()) => println!("init: fine"),
        Err(error) => println!("init: {error}"),
    }
    work();
    tell();
}

fn take_all_descriptors() -> Vec<File> {
    setrlimit(Resource::RLIMIT_NOFILE, 100, 100).expect("less than there was");
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

pub(crate) fn no_descriptors(directory: &str) {
    let taken = take_all_descriptors();
    assert!(taken.len() > 50);
    if let Err(error) = headcount::init(Config::new().directory(directory)) {
        println!("init: {error}");
    }
    work();
    drop(taken);
    work();
    tell();
}

/// A child has no descriptors for the moment of its first operation.
pub(crate) fn no_descriptors_in_child(directory: &str) {
    start_in(directory);
    work();
    in_child(|| {
        let taken = take_all_descriptors();
        WORK.inc();
        drop(taken);
        for _ in 0..100_000 {
            WORK.inc();
        }
        tell();
    });
}

fn resident() -> u64 {
    status("VmRSS:")
}

/// A line of the process's status, in KiB.
pub(crate) fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("such a line");
    number(line.trim().trim_end_matches(" kB"))
}

/// Locks all memory, or says that this needs a privilege, and ends.
fn lock_all(flags: MlockAllFlags) {
    if let Err(error) = mlockall(flags) {
        // Root may lock as much as there is: then it isn't a matter of privilege.
        let is_root = fs::metadata("/proc/self").expect("it is there").uid() == 0;
        let is_refused = error == Errno::EPERM || (error == Errno::ENOMEM && !is_root);
        assert!(is_refused, "mlockall: {error}");
        println!("refused: {error}");
        exit(0);
    }
}

pub(crate) fn lock_memory(directory: &str, when: &str) {
    let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    if when == "before" {
        lock_all(all);
    }
    start_in(directory);
    WORK.inc();
    if when == "after" {
        lock_all(all);
    }
    if when == "in-child" {
        in_child(|| {
            lock_all(MlockAllFlags::MCL_CURRENT);
            println!("resident: {}", resident());
            work();
            println!("resident: {}", resident());
        });
        return;
    }
    work();
    println!("resident: {}", resident());
}
