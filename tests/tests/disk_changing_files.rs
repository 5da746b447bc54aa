//! Files that are cut, grow, or are written over while a collector reads them, by somebody who has
//! no business there. What was cut is reported or was read whole before, never read as less; other
//! files' numbers stay right whatever happens; nothing panics, hangs or gets a signal.
//!
//! Files that lie from the start are in `disk_hostile.rs`.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{Collector, ProcessMetrics, Snapshot};
use headcount_tests::files::{ARCHIVE, copy_sparsely, names, segments};
use headcount_tests::interactive::Interactive;
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::{Medium, for_as_long_as, temporary_directory};
use tempfile::TempDir;

const INTERACTIVE: &str = env!("CARGO_BIN_EXE_interactive");
const LEDGER: &str = "processes.hcl";
/// Of the victim: so many that reading them takes a while.
const ROWS: u32 = 150; // and `Seen::WHOLE`

/// A directory in which one file is to be changed. Beside it counts a process whose numbers must
/// stay right.
struct Scene {
    directory: PathBuf,
    /// The file, and what it was.
    file: PathBuf,
    pristine: PathBuf,
    /// What a copy is made of before it gets the file's name.
    next: PathBuf,
    _intact: Interactive,
    _folder: TempDir,
}

/// A directory of one process, which is dead.
fn with_a_victim() -> TempDir {
    let folder = temporary_directory(Medium::Memory);
    let mut victim =
        Interactive::in_directory(INTERACTIVE, "victim", &folder.path().join("metrics"));
    victim.tell("work 5");
    victim.tell(&format!("rows 0 {ROWS}"));
    victim.kill();
    folder
}

impl Scene {
    /// The segment of a process that is dead.
    fn of_a_segment() -> Self {
        let folder = with_a_victim();
        let file = segments(&folder.path().join("metrics")).remove(0);
        Self::beside(folder, &file)
    }

    /// The archive into which that was compacted.
    fn of_an_archive() -> Self {
        let folder = with_a_victim();
        let collector = Collector::from_directory(folder.path().join("metrics"));
        assert_eq!(collector.compact().expect("ours").segments(), 1);
        Self::beside(folder, ARCHIVE)
    }

    /// The ledger, in which a process of its own is.
    fn of_a_ledger() -> Self {
        let folder = with_a_victim();
        let directory = folder.path().join("metrics");
        let process = Interactive::in_directory(INTERACTIVE, "entered", &directory);
        collect(&Collector::from_directory(&directory).process_metrics(ProcessMetrics::Sum));
        drop(process);
        Self::beside(folder, LEDGER)
    }

    fn beside(folder: TempDir, file: &str) -> Self {
        let directory = folder.path().join("metrics");
        let mut intact = Interactive::in_directory(INTERACTIVE, "intact", &directory);
        intact.tell("work 42");
        let (pristine, next) = (folder.path().join("pristine"), folder.path().join("next"));
        let file = directory.join(file);
        copy_sparsely(&file, &pristine);
        Self { directory, file, pristine, next, _intact: intact, _folder: folder }
    }

    fn name(&self) -> &str {
        self.file.file_name().expect("a file").to_str().expect("UTF-8")
    }

    fn len(&self) -> u64 {
        fs::metadata(&self.pristine).expect("ours").len()
    }

    /// A file that nobody has touched gets the name.
    fn restore(&self) {
        copy_sparsely(&self.pristine, &self.next);
        fs::rename(&self.next, &self.file).expect("ours");
    }

    /// Mostly one that matters.
    fn length(&self, random: &mut Random) -> u64 {
        let len = self.len();
        let at = *random.pick(&[0, 8, 100, 4_096, 0x1048, 0x2000, 0x400_0000, len / 2, len - 1]);
        match random.below(3) {
            0 => random.below(len),
            1 => (0x2000 + random.below(1 << 20)).min(len - 1),
            _ => at.min(len - 1),
        }
    }

    fn cut(&self, len: u64) {
        let file = File::options().write(true).open(&self.file).expect("ours");
        file.set_len(len).expect("shorter");
    }

    /// What somebody may do to a file who has gone mad.
    fn change(&self, random: &mut Random) {
        // A collector may have put it out of the way.
        let Ok(file) = File::options().write(true).open(&self.file) else { return self.restore() };
        match random.below(6) {
            0 => self.restore(),
            1 => file.set_len(self.len()).expect("space"),
            2 => file.set_len(self.len() + random.below(1 << 20)).expect("space"),
            3 => {
                // In its middle it is what it was, behind it nothing.
                let mut bytes = vec![0; 1 << 16];
                let at = random.below(self.len()) & !0xffff;
                let pristine = File::open(&self.pristine).expect("ours");
                let n = pristine.read_at(&mut bytes, at).expect("ours");
                file.write_all_at(&bytes[..n], at).expect("space");
            }
            4 => {
                let at = random.below(self.len().min(1 << 20));
                file.write_all_at(&random.number().to_le_bytes(), at).expect("space");
            }
            _ => file.set_len(self.length(random)).expect("shorter"),
        }
    }

    /// Whatever happened to the file, nothing else was skipped, and the process beside it is right.
    #[track_caller]
    fn judge(&self, snapshot: &Snapshot) -> Seen {
        for skipped in snapshot.skipped() {
            assert!(skipped.to_string().contains(self.name()), "{skipped}");
        }
        let page = Page::parse(&snapshot.to_text()).expect("a page");
        assert_eq!(page.at("done_total{who=\"intact\"}"), 42.0, "{:?}", snapshot.skipped());
        assert!(page.at("headcount_processes{state=\"live\"}") >= 1.0);
        let rows = page.samples.iter().filter(|(key, _)| key.starts_with("rows_total{"));
        Seen {
            done: page.value("done_total{who=\"victim\"}"),
            rows: rows.clone().map(|(_, value)| value).sum(),
            skipped: snapshot.skipped().len(),
        }
    }
}

/// What of the victim is in a page.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    done: Option<f64>,
    rows: f64,
    skipped: usize,
}

impl Seen {
    const WHOLE: Self = Self { done: Some(5.0), rows: 150.0, skipped: 0 };
    const TOLD: Self = Self { done: None, rows: 0.0, skipped: 1 };
}

#[track_caller]
fn collect(collector: &Collector) -> Snapshot {
    collector.collect().expect("a snapshot")
}

/// Makes something happen at a random moment while something else does, or else before or after it.
/// Yields what came of that.
fn amid<T: Send>(
    random: &mut Random,
    longest: Duration,
    what: impl FnOnce() -> T + Send,
    happens: impl FnOnce(),
) -> T {
    match random.below(8) {
        0 => {
            happens();
            return what();
        }
        1 => {
            let what = what();
            happens();
            return what;
        }
        _ => {}
    }
    // Sooner rather than later: a file is read first, and what was read takes its time.
    let nanos = u64::try_from(longest.as_nanos()).expect("short") >> random.below(16);
    let delay = Duration::from_nanos(random.below(nanos + 1));
    thread::scope(|scope| {
        let what = scope.spawn(what);
        let begun = Instant::now();
        // Shorter than a thread sleeps.
        while begun.elapsed() < delay {
            thread::yield_now();
        }
        happens();
        what.join().expect("no panic")
    })
}

/// How long something takes, a little generously.
fn takes(mut what: impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..3 {
        what();
    }
    begun.elapsed() / 2
}

#[test]
fn a_file_cut_while_it_is_read_is_whole_or_reported() {
    let mut random = Random::seeded();
    for scene in [Scene::of_a_segment(), Scene::of_an_archive()] {
        let collector = Collector::from_directory(&scene.directory).auto_compact(false);
        let longest = takes(|| assert_eq!(scene.judge(&collect(&collector)), Seen::WHOLE));
        let (mut whole, mut reported) = (0, 0);
        let (begun, enough) =
            (Instant::now(), for_as_long_as(Duration::from_secs(3), Duration::from_secs(60)));
        while begun.elapsed() < enough {
            scene.restore();
            let len = scene.length(&mut random);
            let snapshot = amid(&mut random, longest, || collect(&collector), || scene.cut(len));
            match scene.judge(&snapshot) {
                Seen::WHOLE => whole += 1,
                Seen::TOLD => reported += 1,
                seen => panic!("{}, cut to {len}: {seen:?}", scene.name()),
            }
        }
        assert!(whole > 0 && reported > 0, "{}: {whole} whole, {reported} reported", scene.name());
    }
}

#[test]
fn a_segment_cut_during_compaction_is_whole_or_kept() {
    let mut random = Random::seeded();
    let scene = Scene::of_a_segment();
    let collector = Collector::from_directory(&scene.directory).auto_compact(false);
    let compact =
        || Collector::from_directory(&scene.directory).compact().expect("the archive is fine");
    let tidy = || {
        for name in names(&scene.directory) {
            if name.contains(ARCHIVE) || name.starts_with(scene.name()) {
                fs::remove_file(scene.directory.join(name)).expect("ours");
            }
        }
        scene.restore();
    };
    let longest = takes(|| {
        assert_eq!(compact().segments(), 1);
        tidy();
    });
    let (mut whole, mut kept) = (0, 0);
    let (begun, enough) =
        (Instant::now(), for_as_long_as(Duration::from_secs(3), Duration::from_secs(60)));
    while begun.elapsed() < enough {
        let len = scene.length(&mut random);
        // It may be gone by then.
        let file = File::options().write(true).open(&scene.file).expect("ours");
        let compacted = amid(&mut random, longest, compact, || file.set_len(len).expect("shorter"));
        let seen = scene.judge(&collect(&collector));
        if compacted.segments() == 1 {
            assert_eq!(seen, Seen::WHOLE, "cut to {len}");
            whole += 1;
        } else {
            assert_eq!(compacted.skipped().len(), 1, "{:?}", compacted.skipped());
            assert_eq!((seen.done, seen.rows), (None, 0.0), "cut to {len}");
            assert!(
                names(&scene.directory).iter().any(|name| name.starts_with(scene.name())),
                "it is somebody's to look at"
            );
            kept += 1;
        }
        tidy();
    }
    assert!(whole > 0 && kept > 0, "{whole} whole, {kept} kept");
}

#[test]
fn an_archive_cut_during_compaction_is_replaced_or_left() {
    let mut random = Random::seeded();
    let scene = Scene::of_an_archive();
    let collector = Collector::from_directory(&scene.directory).auto_compact(false);
    let compact = || Collector::from_directory(&scene.directory).compact();
    let dead = || {
        let mut dead = Interactive::in_directory(INTERACTIVE, "dead", &scene.directory);
        dead.tell("work 1");
        dead.kill();
    };
    dead();
    let longest = takes(|| drop(collect(&collector)));
    let dead_by = |snapshot: &Snapshot| {
        Page::parse(&snapshot.to_text()).expect("a page").at("done_total{who=\"dead\"}")
    };
    let (mut replaced, mut left) = (0, 0);
    let (begun, enough) =
        (Instant::now(), for_as_long_as(Duration::from_secs(3), Duration::from_secs(60)));
    while begun.elapsed() < enough {
        let len = scene.length(&mut random);
        // The one that is there now, and not the one that takes its place.
        let file = File::options().write(true).open(&scene.file).expect("ours");
        let compacted = amid(&mut random, longest, compact, || file.set_len(len).expect("shorter"));
        match compacted {
            Ok(compacted) => {
                assert_eq!(compacted.segments(), 1);
                let snapshot = collect(&collector);
                assert_eq!(scene.judge(&snapshot), Seen::WHOLE, "cut to {len}");
                assert_eq!(dead_by(&snapshot), 1.0);
                replaced += 1;
                dead();
            }
            Err(error) => {
                assert!(error.to_string().contains(ARCHIVE), "{error}");
                assert_eq!(fs::metadata(&scene.file).expect("it is there").len(), len);
                left += 1;
            }
        }
        scene.restore();
        let snapshot = collect(&collector);
        assert_eq!(scene.judge(&snapshot), Seen::WHOLE);
        assert_eq!(dead_by(&snapshot), 1.0, "nothing of it is gone");
    }
    assert!(replaced > 0 && left > 0, "{replaced} replaced, {left} left");
}

/// Collects again and again, twice at once, while somebody goes at a file.
fn while_it_is_changed(scene: &Scene, collector: &Collector, judge: impl Fn(Seen) + Sync) {
    let mut random = Random::seeded();
    let (is_over, begun) = (AtomicBool::new(false), Instant::now());
    let enough = for_as_long_as(Duration::from_secs(3), Duration::from_secs(60));
    thread::scope(|scope| {
        let collecting = || {
            scope.spawn(|| {
                let mut times = 0;
                while begun.elapsed() < enough {
                    judge(scene.judge(&collect(collector)));
                    times += 1;
                }
                is_over.store(true, Ordering::Relaxed);
                times
            })
        };
        let collecting = [collecting(), collecting()];
        while !is_over.load(Ordering::Relaxed) && collecting.iter().any(|one| !one.is_finished()) {
            scene.change(&mut random);
            thread::sleep(Duration::from_micros(random.below(500)));
        }
        for one in collecting {
            let times: u32 = one.join().expect("no panic");
            assert!(times > 10, "{times}");
        }
    });
}

#[test]
fn a_segment_that_somebody_changes_without_end_harms_nobody_else() {
    let scene = Scene::of_a_segment();
    let collector = Collector::from_directory(&scene.directory).auto_compact(false);
    while_it_is_changed(&scene, &collector, |_| {});
    scene.restore();
    assert_eq!(scene.judge(&collect(&collector)), Seen::WHOLE);
}

#[test]
fn an_archive_that_changes_without_end_is_whole_or_reported() {
    let scene = Scene::of_an_archive();
    let collector = Collector::from_directory(&scene.directory).auto_compact(false);
    while_it_is_changed(&scene, &collector, |seen| {
        assert!(seen == Seen::WHOLE || seen == Seen::TOLD, "{seen:?}");
    });
    scene.restore();
    assert_eq!(scene.judge(&collect(&collector)), Seen::WHOLE);
}

#[test]
fn a_ledger_that_somebody_changes_without_end_harms_nobody_else() {
    let scene = Scene::of_a_ledger();
    let collector = Collector::from_directory(&scene.directory)
        .auto_compact(false)
        .process_metrics(ProcessMetrics::Sum);
    while_it_is_changed(&scene, &collector, |seen| {
        assert_eq!((seen.done, seen.rows), (Seen::WHOLE.done, Seen::WHOLE.rows));
    });
    scene.restore();
    let snapshot = collect(&collector);
    assert_eq!(scene.judge(&snapshot), Seen::WHOLE);
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert!(page.value("process_cpu_seconds_total").is_some());
}

#[test]
fn a_segment_that_grows_while_it_is_read_is_read_right() {
    let folder = temporary_directory(Medium::Memory);
    let mut process = Interactive::in_directory(INTERACTIVE, "growing", folder.path());
    process.tell("work 42");
    let collector = Collector::from_directory(folder.path()).auto_compact(false);
    let (mut rows, mut steps) = (0, 0);
    for from in (0..5_000).step_by(100) {
        process.say(&format!("rows {from} {}", from + 100));
    }
    let begun = Instant::now();
    while rows < 5_000 {
        assert!(begun.elapsed() < headcount_tests::SOON, "{rows} rows");
        let snapshot = collect(&collector);
        assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
        let page = Page::parse(&snapshot.to_text()).expect("a page");
        assert_eq!(page.at("done_total{who=\"growing\"}"), 42.0);
        let each: Vec<f64> = page
            .samples
            .iter()
            .filter_map(|(key, value)| key.starts_with("rows_total{").then_some(*value))
            .collect();
        // A row is made before it is counted for the first time.
        let uncounted = each.iter().filter(|value| **value == 0.0).count();
        assert!(uncounted <= 1 && each.iter().all(|value| *value <= 1.0), "{each:?}");
        assert!(each.len() >= rows, "{} rows after {rows}", each.len());
        steps += u32::from(each.len() > rows);
        rows = each.len();
    }
    assert!(steps > 1, "it grew while it was read");
}
