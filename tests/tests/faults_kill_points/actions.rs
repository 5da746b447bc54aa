//! Deaths of what an operator calls: forgetting, removing and compacting.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use headcount::ProcessMetrics;
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use nix::sys::signal::Signal;

use crate::{Scene, is_elsewhere, victim};

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
        // Compacted first, then forgotten.
        passings: 2,
    },
    Action {
        name: "forget-what-is-old",
        refused: &[],
        prefixes: &["compaction"],
        surely: &[
            "compaction.lock",
            "compaction.write",
            "compaction.rename",
            "compaction.unlink",
            "compaction.close",
        ],
        passings: 2,
    },
    Action {
        name: "forget-what-was-set-aside",
        refused: &[],
        prefixes: &["clean", "compaction"],
        surely: &["clean.remove", "compaction.rename", "compaction.unlink"],
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
    // No space for its segment, until the dead are compacted.
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
pub(crate) fn counts(page: &Page) -> BTreeMap<String, f64> {
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
            let is_part = |part: &BTreeMap<String, f64>, whole: &BTreeMap<String, f64>| {
                let mut all = part.iter();
                all.all(|(key, value)| whole.get(key).is_some_and(|whole| value <= whole))
            };
            let has_forgotten = died.len() < before.len() && is_part(&died, before);
            assert!(died == *before || has_forgotten, "{what}: {died:?}");
            // What the first one has compacted may be old for the next one.
            assert!(after.len() < before.len() && is_part(&after, &died), "{what}: {after:?}");
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
    assert_eq!(counts(&scene.page(what)), after, "{what}, compacted");
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
