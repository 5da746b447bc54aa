//! A process dies at every place where something half done could be left behind: before and after
//! each system call and each publishing store. What it counted is there, nobody else notices, the
//! next run goes on, and what was left lying is cleared away.

mod actions;
mod exemplars;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use headcount_tests::child::Child;
use headcount_tests::oracle::Oracle;
use headcount_tests::page::Page;
use headcount_tests::victim::{self, Report, Role};
use headcount_tests::{Medium, eventually, exemplars::number, temporary_directory};
use nix::errno::Errno;
use nix::sys::signal::Signal;

/// Moments at which the victim decides where to die, of which a place is worth it: it comes by
/// there soon after.
fn moments(place: &str) -> &'static [&'static str] {
    match place.split_once('.') {
        Some(("directory", _)) => &["start"],
        Some(("create", _)) => &["start", "child"],
        Some(("fork", _)) => &["fork"],
        Some(("compaction", _)) => &["compact"],
        // Many times, and by everyone.
        _ => &["start", "later", "fork", "child"],
    }
}

type Refused = &'static [(&'static str, Errno)];

/// Ways that no filesystem of a test's machine makes necessary: the victim is refused what they are
/// instead of. With the moments of which it is worth it.
const DETOURS: [(&[&str], Refused); 5] = [
    // No unnamed files.
    (&["start", "child"], &[("create.unnamed", Errno::EOPNOTSUPP)]),
    // No unnamed files, and no space either.
    (&["start"], &[("create.unnamed", Errno::EOPNOTSUPP), ("create.truncate", Errno::ENOSPC)]),
    // No way to give an unnamed file its name by its descriptor.
    (&["start", "child"], &[("create.link", Errno::ENOENT)]),
    // No way to allocate but by touching.
    (&["start", "later"], &[("grow.blocks", Errno::EOPNOTSUPP)]),
    // An archive that can't be completed.
    (&["compact"], &[("compaction.sync", Errno::EIO)]),
];

/// A segment that no reader can make sense of. It is renamed when it gets in the way, and never
/// removed.
const DAMAGED: &str = "1-damaged.hc";

fn victim() -> PathBuf {
    victim::build_victim(env!("CARGO"), Path::new(env!("CARGO_TARGET_TMPDIR")))
}

/// One directory with its bystanders, and a victim's record.
struct Scene<'a> {
    victim: &'a Path,
    folder: tempfile::TempDir,
    directory: PathBuf,
    oracle: Oracle,
}

impl<'a> Scene<'a> {
    fn new(victim: &'a Path) -> Self {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path().join("segments");
        let oracle = Oracle::map(&folder.path().join("oracle"), victim::WORDS);
        Self { victim, folder, directory, oracle }
    }

    /// Whether it, or its child, was killed at the place: or never came by.
    fn dies(&self, when: &str, place: &str, nth: u32, refused: &[(&str, Errno)]) -> bool {
        let mut command = Command::new(self.victim);
        command.arg("die").arg(&self.directory).arg(self.folder.path().join("oracle"));
        let refused = refused.iter().map(|(call, errno)| format!("{call}={}", *errno as i32));
        let mut child = Child::start(command.args([when, place, &nth.to_string()]).args(refused));
        let status = child.wait();
        let child_failed = victim::report(&self.oracle, Role::Child, Report::Failed);
        let killed_child = child_failed.swap(0, Ordering::AcqRel) == 1;
        let killed = status.signal() == Some(Signal::SIGKILL as i32);
        assert!(killed || status.success(), "{place}: {status:?}:\n{}", child.output());
        killed || killed_child
    }

    /// The victim does the same again, and nothing happens to it.
    fn runs(&self) {
        let died = self.dies("never", "nowhere", 0, &[]);
        assert!(!died);
    }

    fn page(&self, what: &str) -> Page {
        if !self.directory.exists() {
            return Page::parse("").expect("an empty page");
        }
        let collector = headcount::Collector::from_directory(&self.directory).auto_compact(false);
        let snapshot = collector.collect().expect("a snapshot");
        let skipped = snapshot.skipped();
        assert!(skipped.iter().all(|e| self.is_damaged(e)), "{what}: {skipped:?}");
        let series = snapshot.families().iter().flat_map(|family| &family.series);
        for exemplar in series.flat_map(|series| &series.exemplars) {
            assert!(number(exemplar).is_some(), "{what}: {exemplar:?}");
        }
        Page::parse(&snapshot.to_text()).expect("a page")
    }

    /// Whether it is about the segment that was damaged before anything began.
    fn is_damaged(&self, error: &headcount::Error) -> bool {
        error.path() == Some(&self.directory.join(DAMAGED))
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.directory).expect("it is there");
        entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
    }

    /// A process that lives on, a file that isn't ours, and what some who were killed long ago have
    /// left.
    fn bystanders(&self) -> Child {
        let mut command = Command::new(self.victim);
        let bystander = Child::start(command.arg("bystander").arg(&self.directory));
        eventually("it counts", || bystander.output().contains("ready").then_some(()));
        // A header of this version, and a checksum that is wrong.
        let damaged = format!("HCSEG\r\n\x1a\x01\0{}", "\0".repeat(8_000));
        for (name, content) in [
            ("notes.txt", "not yours"),
            (".tmp-0123456789abcdef", "half a segment"),
            (".archive-0123456789abcdef", "half an archive"),
            (DAMAGED, &damaged),
        ] {
            fs::write(self.directory.join(name), content).expect("written");
        }
        bystander
    }
}

/// What must be true of a directory in which someone was killed there.
fn check(scene: &Scene<'_>, bystander: Option<&Child>, what: &str) {
    let page = scene.page(what);
    victim::assert_between(&scene.oracle, &page, what);
    let before = Role::ALL.map(|role| victim::counted(&page, role));
    // Who was killed owes nothing any more.
    for (role, counted) in Role::ALL.iter().zip(before) {
        for (account, value) in victim::accounts(&scene.oracle, *role).iter().zip(counted) {
            account.settle(value);
        }
    }

    scene.runs();
    let page = scene.page(what);
    victim::assert_between(&scene.oracle, &page, &format!("{what}, the next run"));
    let after = Role::ALL.map(|role| victim::counted(&page, role));
    let more = |role: Role| after[role as usize][0] - before[role as usize][0];
    assert_eq!(Role::ALL.map(more), [120, 60, 60], "{what}: the next run counts as any other");

    let compacted = headcount::Collector::from_directory(&scene.directory).compact();
    compacted.unwrap_or_else(|error| panic!("{what}: {error}"));
    let page = scene.page(what);
    victim::assert_between(&scene.oracle, &page, &format!("{what}, compacted"));
    let names = scene.names();
    let is_left = |name: &String| name.starts_with(".tmp-") || name.starts_with(".archive-");
    assert!(!names.iter().any(is_left), "{what}: {names:?}");
    let is_segment = |name: &&String| Path::new(name).extension().is_some_and(|end| end == "hc");
    let segments = names.iter().filter(is_segment).count();
    assert_eq!(segments, usize::from(bystander.is_some()), "{what}: {names:?}");
    if bystander.is_some() {
        assert_eq!(page.value("bystander_total"), Some(7.0), "{what}");
        let notes = fs::read_to_string(scene.directory.join("notes.txt")).expect("it is there");
        assert_eq!(notes, "not yours", "{what}");
        assert!(names.contains(&format!("{DAMAGED}.bad")), "{what}: {names:?}");
    }
}

/// Calls and steps of what the victim does when it does a bit of everything. The others are those
/// of single actions.
const ELSEWHERE: [&str; 8] = [
    "clean",
    "compaction.punch",
    "directory.group",
    "directory.rename",
    "ledger",
    "private",
    "rewrite_log",
    "space",
];

fn is_elsewhere(name: &str) -> bool {
    ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))
}

#[test]
fn a_process_may_die_anywhere() {
    let victim = victim();
    let mut names = victim::places(&victim);
    names.retain(|name| !is_elsewhere(name));
    assert!(names.len() > 20, "{names:?}");

    // Side by side: each has a directory of its own.
    let next = AtomicUsize::new(0);
    let deaths = AtomicUsize::new(0);
    let untouched = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for place in [format!("{name}.before"), format!("{name}.after")] {
                        match deaths_at(&victim, name, &place) {
                            0 => untouched.lock().expect("no thread failed").push(place),
                            n => {
                                deaths.fetch_add(n, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    println!("{} deaths at {} places", deaths.into_inner(), 2 * names.len());
    let untouched = untouched.into_inner().expect("no thread failed");
    assert!(untouched.is_empty(), "nobody ever came by: {untouched:?}");
}

/// Dies there in every way there is, with everything that must then be true; how often that was.
fn deaths_at(victim: &Path, name: &str, place: &str) -> usize {
    let mut deaths = 0;
    for (when, refused, nth) in ways(name) {
        // Detours are for what isn't come by otherwise.
        if deaths > 0 && !refused.is_empty() {
            break;
        }
        let scene = Scene::new(victim);
        // Not where the directory is what is to be made.
        let bystander = (!name.starts_with("directory")).then(|| scene.bystanders());
        if scene.dies(when, place, nth, refused) {
            check(
                &scene,
                bystander.as_ref(),
                &format!("{place}, {when}, passing {nth}, {refused:?}"),
            );
            deaths += 1;
        }
    }
    deaths
}

/// All times at which a place may be come by: the moment, what is refused, and the passing that
/// counts.
fn ways(name: &str) -> Vec<(&'static str, Refused, u32)> {
    let usual = moments(name).iter().map(|when| (*when, Refused::default(), 1));
    let mut ways: Vec<_> = usual.collect();
    if ways.len() > 2 {
        // In the middle of what is done again and again. A series' record is some words long, and
        // the words that publish it are two.
        ways.extend([3, 9, 10, 11, 12].map(|nth| ("later", Refused::default(), nth)));
    }
    for (moments, refused) in DETOURS {
        if refused.iter().all(|(call, _)| *call != name) {
            ways.extend(moments.iter().map(|when| (*when, refused, 1)));
        }
    }
    ways
}
