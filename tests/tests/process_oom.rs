//! The kernel ends a process that takes too much memory, without a word: what it counted is there,
//! what was only true of it alive is gone, and its neighbours count on.
//!
//! A segment in memory is charged to the group of who touches it first, and stays so after its
//! process's death.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::id;

use headcount::Collector;
use headcount_tests::interactive::Interactive;
use headcount_tests::oracle::Oracle;
use headcount_tests::page::Page;
use headcount_tests::privileges::as_root;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::signal::Signal;

const LIMIT: u64 = 64 << 20;

/// A control group whose processes may together take so much memory, and no more.
struct Group {
    path: PathBuf,
    /// Which file of the kernel's says how many were killed, in which line.
    kills: &'static str,
}

impl Group {
    fn new() -> Self {
        let (root, is_unified) = hierarchy();
        let path = root.join(format!("headcount-test-{}", id()));
        // A run that was killed may have left it.
        let _ = fs::remove_dir(&path);
        let refused = |what: &Path, error| -> ! {
            panic!("{} can't be written, so memory can't be limited here: {error}", what.display())
        };
        fs::create_dir(&path).unwrap_or_else(|error| refused(&path, error));
        let kills = if is_unified { "memory.events" } else { "memory.oom_control" };
        let group = Self { path, kills };
        let limit =
            group.path.join(if is_unified { "memory.max" } else { "memory.limit_in_bytes" });
        fs::write(&limit, LIMIT.to_string()).unwrap_or_else(|error| refused(&limit, error));
        // Else the machine swaps instead. Where it has no swap there is no such file.
        let swap = if is_unified { "memory.swap.max" } else { "memory.memsw.limit_in_bytes" };
        let swap_limit = if is_unified { 0 } else { LIMIT };
        let _ = fs::write(group.path.join(swap), swap_limit.to_string());
        group
    }

    fn add(&self, process: &Interactive) {
        let pid = process.child.pid().to_string();
        fs::write(self.path.join("cgroup.procs"), pid).expect("our child and our group");
    }

    /// How many processes the kernel has killed in it.
    fn kills(&self) -> u64 {
        let said = fs::read_to_string(self.path.join(self.kills)).expect("the kernel's");
        let kills = said.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.expect("Linux 4.13, which says so").parse().expect("a number")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can't go before its last process has.
        let gone = || fs::remove_dir(&self.path).ok();
        if std::thread::panicking() {
            gone();
        } else {
            eventually("the group is gone", gone);
        }
    }
}

/// Where groups with a limit of memory can be made, and whether that is the unified hierarchy.
fn hierarchy() -> (PathBuf, bool) {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("the kernel's");
    let mounted = |kind: &str, option: Option<&str>| {
        mounts.lines().find_map(|line| {
            let [_, path, of, options, ..] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let has = option.is_none_or(|option| options.split(',').any(|one| one == option));
            (of == kind && has).then(|| PathBuf::from(path))
        })
    };
    let hands_down = |root: &PathBuf| {
        let handed = fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default();
        handed.split_whitespace().any(|controller| controller == "memory")
    };
    let unified = mounted("cgroup2", None).filter(hands_down).map(|root| (root, true));
    let found = unified.or_else(|| Some((mounted("cgroup", Some("memory"))?, false)));
    found.expect("no control group here limits memory (cgroup.subtree_control has no `memory`)")
}

fn page_of(directory: &Path) -> Page {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

#[test]
#[ignore = "needs root and control groups: tests/run"]
fn whom_the_kernel_kills_for_want_of_memory_has_counted_everything() {
    as_root(|| {
        for medium in [Medium::Memory, Medium::Disk] {
            is_counted_exactly(medium);
        }
    });
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn is_counted_exactly(medium: Medium) {
    let group = Group::new();
    let folder = temporary_directory(medium);
    let directory = &folder.path().join("metrics");
    let acknowledged = folder.path().join("acknowledged");
    let start = |who| {
        let mut process = Interactive::start(env!("CARGO_BIN_EXE_interactive"), who);
        // Before it has a segment, which is charged to the group then.
        group.add(&process);
        assert_eq!(process.enter(directory), "fine");
        process
    };
    let mut neighbour = start("neighbour");
    neighbour.tell("work 10");
    neighbour.tell("live 2");
    let mut glutton = start("glutton");
    glutton.tell("live 5");
    let page = page_of(directory);
    assert_eq!(page.at("depth_livesum{who=\"glutton\"}"), 5.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 2.0);
    assert_eq!(group.kills(), 0);

    glutton.say(&format!("eat {}", acknowledged.to_str().expect("UTF-8")));
    assert_eq!(glutton.ended_by(), Some(Signal::SIGKILL), "{}", glutton.child.output());
    assert_eq!(group.kills(), 1, "it was the kernel");

    let oracle = Oracle::map(&acknowledged, 2);
    let (least, most) = (oracle.account(0).acknowledged(), oracle.account(0).announced());
    assert!(least > 10_000 && most - least <= 1, "{least} acknowledged, {most} announced");
    let page = page_of(directory);
    let counted = page.at("done_total{who=\"glutton\"}");
    assert!(least as f64 <= counted && counted <= most as f64, "{least}, {most}: {counted}");
    assert_eq!(page.value("depth_livesum{who=\"glutton\"}"), None);
    assert_eq!(page.at("depth_livesum{who=\"neighbour\"}"), 2.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 1.0);

    neighbour.tell("work 10");
    neighbour.tell("rows 0 100");
    assert_eq!(Collector::from_directory(directory).compact().expect("ours").segments(), 1);
    let page = page_of(directory);
    assert_eq!(page.at("done_total{who=\"glutton\"}"), counted);
    assert_eq!(page.at("done_total{who=\"neighbour\"}"), 20.0);
    assert_eq!(page.at("headcount_dropped_operations_total"), 0.0);
}
