//! A process dies at every place where something half done could be left behind: before and after
//! each system call and each publishing store. What it counted is there, nobody else notices, the
//! next run goes on, and what was left lying is cleared away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use headcount::ProcessMetrics;
use headcount_tests::child::Child;
use headcount_tests::oracle::Oracle;
use headcount_tests::page::Page;
use headcount_tests::victim::{self, Report, Role};
use headcount_tests::{Medium, eventually, temporary_directory};
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
const DETOURS: [(&[&str], Refused); 4] = [
    // No unnamed files.
    (&["start", "child"], &[("create.unnamed", Errno::EOPNOTSUPP)]),
    // No unnamed files, and no room either.
    (&["start"], &[("create.unnamed", Errno::EOPNOTSUPP), ("create.truncate", Errno::ENOSPC)]),
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
    victim::assert_between(&scene.oracle, &page, &format!("{what}, folded"));
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

/// Something that is done to a directory at one time, and where whoever does it may die.
struct Action {
    name: &'static str,
    refused: &'static [&'static str],
    /// Of the calls and steps with these prefixes, all that are passed.
    prefixes: &'static [&'static str],
    /// Such as must be passed.
    surely: &'static [&'static str],
    /// How often a place is passed before it counts, at most.
    passings: u32,
}

const ACTIONS: [Action; 14] = [
    Action {
        name: "forget-the-dead",
        refused: &[],
        prefixes: &["compaction"],
        surely: &[
            "compaction.lock",
            "compaction.write",
            "compaction.rename",
            "compaction.unlink",
            "compaction.close",
        ],
        // Folded first, then forgotten.
        passings: 2,
    },
    Action {
        name: "forget-what-is-old",
        refused: &[],
        prefixes: &["compaction"],
        surely: &["compaction.lock", "compaction.write", "compaction.rename", "compaction.close"],
        passings: 1,
    },
    Action {
        name: "forget-what-was-set-aside",
        refused: &[],
        prefixes: &["clean", "compaction.lock", "compaction.close"],
        surely: &["clean.remove"],
        passings: 1,
    },
    Action {
        name: "mark-dead",
        refused: &[],
        prefixes: &["compaction"],
        surely: &[
            "compaction.lock",
            "compaction.write",
            "compaction.rename",
            "compaction.unlink",
            "compaction.close",
        ],
        passings: 1,
    },
    Action {
        name: "remove",
        refused: &[],
        prefixes: &["segment"],
        surely: &["segment.store"],
        // Three records of four words, and the two words that publish them.
        passings: 14,
    },
    Action {
        name: "rewrite-the-log",
        refused: &[],
        prefixes: &["rewrite_log"],
        surely: &["rewrite_log.switch"],
        passings: 1,
    },
    // No room for its segment, until the dead are folded.
    Action {
        name: "start",
        refused: &["grow.blocks=28*1"],
        prefixes: &["space", "compaction", "create", "map"],
        surely: &["space.make", "space.abandon", "compaction.rename", "create.link"],
        passings: 1,
    },
    // Nor for the archive, of however few, until they give back what they don't use.
    Action {
        name: "start",
        refused: &["grow.blocks=28*1", "compaction.write=28*4"],
        prefixes: &["compaction"],
        surely: &["compaction.remove", "compaction.punch", "compaction.unlink"],
        passings: 1,
    },
    Action {
        name: "count-in-private",
        refused: &["create.unnamed=13"],
        prefixes: &["private", "create", "map", "grow"],
        surely: &["private.file", "create.current", "grow.limit"],
        passings: 1,
    },
    // No descriptor for that either.
    Action {
        name: "count-in-private",
        refused: &["create.unnamed=13", "private.file=24"],
        prefixes: &["private", "create", "map", "grow"],
        surely: &["private.reserve", "create.current", "grow.limit"],
        passings: 1,
    },
    Action {
        name: "make-for-a-group",
        refused: &[],
        prefixes: &["directory"],
        surely: &["directory.make", "directory.group", "directory.rename"],
        passings: 1,
    },
    Action {
        name: "write-the-ledger",
        refused: &[],
        prefixes: &["ledger"],
        surely: &["ledger.lock", "ledger.create", "ledger.write", "ledger.rename"],
        passings: 1,
    },
    Action {
        name: "write-the-ledger",
        refused: &["ledger.rename=5"],
        prefixes: &["ledger"],
        surely: &["ledger.remove"],
        passings: 1,
    },
    // What is there is damaged.
    Action {
        name: "mend-the-ledger",
        refused: &[],
        prefixes: &["ledger"],
        surely: &["ledger.set_aside", "ledger.create", "ledger.rename"],
        passings: 1,
    },
];

/// The time of processes that are gone, as a ledger has it.
const GONE_SECONDS: u64 = 7;

/// A ledger without entries.
fn ledger_of(seconds: u64) -> [u8; 64] {
    let mut ledger = [0; 64];
    ledger[..8].copy_from_slice(b"HCLED\r\n\x1a");
    ledger[8] = 1;
    ledger[16..24].copy_from_slice(&(seconds * 1_000_000_000).to_le_bytes());
    let crc = crc32fast::hash(&ledger);
    ledger[60..].copy_from_slice(&crc.to_le_bytes());
    ledger
}

/// What was counted, without what a collector tells of itself.
fn counts(page: &Page) -> BTreeMap<String, f64> {
    let mut samples = page.samples.clone();
    samples.retain(|key, _| !key.starts_with("headcount_"));
    samples
}

impl Scene<'_> {
    /// The processors' time of all processes, the gone included.
    fn seconds(&self) -> f64 {
        let collector = headcount::Collector::from_directory(&self.directory).auto_compact(false);
        let snapshot =
            collector.process_metrics(ProcessMetrics::Sum).collect().expect("a snapshot");
        let page = Page::parse(&snapshot.to_text()).expect("a page");
        page.at("process_cpu_seconds_total")
    }

    /// Whether it was killed at the place: or never came by.
    fn dies_acting(&self, action: &Action, place: &str, nth: u32) -> bool {
        let mut command = Command::new(self.victim);
        command.arg("act").arg(&self.directory).args([action.name, place, &nth.to_string()]);
        let refused = if nth == 0 { &[] } else { action.refused };
        let mut child = Child::start(command.args(refused));
        let status = child.wait();
        let killed = status.signal() == Some(Signal::SIGKILL as i32);
        assert!(killed || status.success(), "{place}: {status:?}:\n{}", child.output());
        killed
    }

    /// A directory in which many have died: most are in the archive, some aren't, and one is
    /// damaged.
    fn aftermath<'a>(victim: &'a Path, action: &Action) -> Scene<'a> {
        let scene = Scene::new(victim);
        scene.runs();
        let mut ledger = ledger_of(GONE_SECONDS);
        ledger[40] = u8::from(action.name == "mend-the-ledger");
        fs::write(scene.directory.join("processes.hcl"), ledger).expect("written");
        fs::write(scene.directory.join("notes.txt"), "not yours").expect("written");
        fs::write(scene.directory.join("1-damaged.hc.bad"), "set aside").expect("written");
        scene
    }
}

/// Does the action to its end. Where it counts, the counts say by whom.
fn check_action(scene: &Scene<'_>, action: &Action, before: &BTreeMap<String, f64>, what: &str) {
    let died = counts(&scene.page(what));
    let seconds = scene.seconds();
    let made = || {
        let made = fs::metadata(scene.directory.join("group/d"));
        made.map(|made| made.permissions().mode() & 0o7777)
    };
    // What has the name has its rights.
    assert!(made().is_ok_and(|mode| mode == 0o2770) || made().is_err(), "{what}: {:?}", made());
    let again = scene.dies_acting(action, "nowhere", 0);
    assert!(!again, "{what}");
    let after = counts(&scene.page(what));
    let newcomers = |counts: &BTreeMap<String, f64>| counts.get("newcomer_total").copied();
    let others = |counts: &BTreeMap<String, f64>| {
        let mut counts = counts.clone();
        counts.remove("newcomer_total");
        counts
    };
    match action.name {
        // All or nothing, and the next one forgets the rest.
        "forget-the-dead" => {
            assert!(died == *before || died == after, "{what}: {died:?}");
            assert!(after.is_empty(), "{what}: {after:?}");
        }
        "forget-what-is-old" => {
            assert!(died == *before || died == after, "{what}: {died:?}");
            let row = "work_total{role=\"main\"}";
            assert!(after.len() < before.len() && after[row] <= before[row], "{what}: {after:?}");
        }
        "forget-what-was-set-aside" | "mark-dead" => {
            assert_eq!((&died, &after), (before, before), "{what}");
        }
        "make-for-a-group" => {
            assert_eq!((&died, &after), (before, before), "{what}");
            assert_eq!(made().ok(), Some(0o2770), "{what}");
        }
        "write-the-ledger" => {
            assert_eq!((&died, &after), (before, before), "{what}");
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let gone = GONE_SECONDS as f64;
            assert!(gone <= seconds && seconds <= scene.seconds(), "{what}: {seconds}");
        }
        "mend-the-ledger" => {
            assert_eq!((&died, &after), (before, before), "{what}");
            assert!(scene.names().contains("processes.hcl.bad"), "{what}");
            assert!(seconds <= scene.seconds(), "{what}: {seconds}");
        }
        "start" => {
            assert_eq!((others(&died), others(&after)), (others(before), others(before)), "{what}");
            assert_eq!((newcomers(&died), newcomers(&after)), (Some(0.0), Some(9.0)), "{what}");
        }
        "count-in-private" => {
            assert_eq!(died, *before, "{what}");
            // The next one is refused nothing, and so counts for all to see.
            assert_eq!(others(&after), others(before), "{what}");
        }
        "remove" => {
            let gone = |counts: &BTreeMap<String, f64>| -> Vec<f64> {
                let rows = counts.iter().filter(|(key, _)| key.contains("\"gone-"));
                rows.map(|(_, value)| *value).collect()
            };
            // The three together; and what one who died has not removed stays, and keeps what
            // another counted and removed.
            let (died, after) = (gone(&died), gone(&after));
            assert!(died.is_empty() || died == [1.0; 3], "{what}: {died:?}");
            assert_eq!(after, died.iter().map(|n| n + 1.0).collect::<Vec<_>>(), "{what}");
        }
        // All of them were removed before, and neither log has them.
        "rewrite-the-log" => {
            for counts in [&died, &after] {
                assert!(!counts.keys().any(|key| key.contains("\"gone-")), "{what}: {counts:?}");
            }
        }
        name => panic!("no such action: {name}"),
    }

    let compacted = headcount::Collector::from_directory(&scene.directory).compact();
    compacted.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(counts(&scene.page(what)), after, "{what}, folded");
    let names = scene.names();
    let is_left = |name: &String| {
        [".tmp-", ".archive-", ".ledger.tmp"].iter().any(|prefix| name.starts_with(prefix))
    };
    assert!(!names.iter().any(is_left), "{what}: {names:?}");
    assert_eq!(headcount_tests::files::segments(&scene.directory), [""; 0], "{what}");
    let notes = fs::read_to_string(scene.directory.join("notes.txt")).expect("it is there");
    assert_eq!(notes, "not yours", "{what}");
    let was_set_aside = names.contains("1-damaged.hc.bad");
    assert_eq!(was_set_aside, action.name != "forget-what-was-set-aside", "{what}: {names:?}");
}

/// What has counted by now doesn't change while an action is repeated, so whatever is seen is the
/// action's.
#[test]
fn forgetting_removing_and_compacting_may_die_anywhere() {
    let victim = victim();
    let names = victim::places(&victim);
    let cases: Vec<(&Action, &String, &str, u32)> = ACTIONS
        .iter()
        .flat_map(|action| {
            let is_meant = |name: &&String| {
                let is_refused = |refused: &&str| refused.split('=').next() == Some(name.as_str());
                // Refused for ever, it is never passed.
                !action.refused.iter().any(|r| is_refused(r) && !r.contains('*'))
                    && action.prefixes.iter().any(|prefix| name.starts_with(prefix))
            };
            let passings = 1..=action.passings;
            names.iter().filter(is_meant).flat_map(move |name| {
                let passings = passings.clone();
                passings.flat_map(move |nth| {
                    [(action, name, "before", nth), (action, name, "after", nth)]
                })
            })
        })
        .collect();
    let (next, deaths) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some((action, name, side, nth)) =
                    cases.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let scene = Scene::aftermath(&victim, action);
                    let before = counts(&scene.page("before"));
                    let place = format!("{name}.{side}");
                    if scene.dies_acting(action, &place, *nth) {
                        let what = format!(
                            "{}, {place}, passing {nth}, {:?}",
                            action.name, action.refused
                        );
                        check_action(&scene, action, &before, &what);
                        let of = (action.name, action.refused, name.as_str(), *side);
                        deaths.lock().expect("no thread failed").insert(of);
                    }
                }
            });
        }
    });
    let deaths = deaths.into_inner().expect("no thread failed");
    println!("deaths at {} places", deaths.len());
    for action in &ACTIONS {
        for (name, side) in
            action.surely.iter().flat_map(|name| [(*name, "before"), (*name, "after")])
        {
            let of = (action.name, action.refused, name, side);
            assert!(deaths.contains(&of), "{of:?}: {deaths:?}");
        }
    }
    let untouched: Vec<_> = names
        .iter()
        .filter(|name| is_elsewhere(name) && !deaths.iter().any(|(.., died, _)| died == name))
        .collect();
    assert!(untouched.is_empty(), "nobody ever came by: {untouched:?}");
}
