//! What a program declares as a whole: crates that don't agree are reported, the first is in force,
//! and nothing panics.

use std::sync::Mutex;

use headcount::{Collector, Counter, Gauge, Histogram, counted, metric, timed};
use headcount_tests::eventually;

/// Stands for a crate.
mod one {
    use super::*;

    /// How large.
    #[metric(name = "size", mode = "livesum")]
    pub static SIZE: Gauge;
    /// How deep.
    #[metric(name = "depth", mode = "livesum")]
    pub static DEPTH: Gauge;
    /// How long.
    #[metric(name = "length", buckets = [1.0, 2.0])]
    pub static LENGTH: Histogram;
    /// How many.
    #[metric(name = "visits_total")]
    pub fn visits(page: &str) -> Counter;
    /// One text.
    #[metric(name = "texts_total")]
    pub static TEXTS: Counter;
    /// The same.
    #[metric(name = "same_total")]
    pub static SAME: Counter;
    /// How full.
    #[metric(name = "fullness", mode = "max")]
    pub fn fullness(shelf: &str, hall: &str) -> Gauge;
    /// How often.
    #[metric(name = "turns_total")]
    pub fn turns(shelf: &str, hall: &str) -> Counter;
    /// Durations of something.
    #[metric(name = "taken", buckets = [0.5, 1.0])]
    pub static TAKEN: Histogram;
}

/// Stands for another.
mod two {
    use super::*;

    /// How large.
    #[metric(name = "size", buckets = [1.0])]
    pub static SIZE: Histogram;
    /// How deep.
    #[metric(name = "depth", mode = "max")]
    pub static DEPTH: Gauge;
    /// How long.
    #[metric(name = "length", buckets = [1.0, 3.0])]
    pub static LENGTH: Histogram;
    /// How many.
    #[metric(name = "visits_total")]
    pub fn visits(page: &str, tenant: &str) -> Counter;
    /// Another text.
    #[metric(name = "texts_total")]
    pub static TEXTS: Counter;
    /// The same.
    #[metric(name = "same_total")]
    pub static SAME: Counter;
    /// How full.
    #[metric(name = "fullness", mode = "max")]
    pub fn fullness(hall: &str, shelf: &str) -> Gauge;
    /// How often.
    #[metric(name = "turns_total")]
    pub fn turns(hall: &str, shelf: &str) -> Counter;
    /// Has a sample of `taken`.
    #[metric(name = "taken_bytes", mode = "livesum")]
    pub static BYTES: Gauge;
}

#[counted(name = "jobs_total", labels(kind = "a"))]
fn job_a() {}

// Its help text is made of its name, and says nothing about the family.
#[counted(name = "jobs_total", labels(kind = "b"))]
fn job_b() {}

#[timed]
fn timed_one() {}

struct Kept(Mutex<Vec<String>>);

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "headcount" {
            self.0.lock().expect("no panic holds it").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

static LOG: Kept = Kept(Mutex::new(Vec::new()));

/// Hears what is reported once in a process: so in each test, before it asks for anything.
fn listen() {
    static LISTENING: std::sync::Once = std::sync::Once::new();
    LISTENING.call_once(|| {
        log::set_logger(&LOG).expect("the only one");
        log::set_max_level(log::LevelFilter::Warn);
    });
}

#[test]
fn all_disagreements_are_reported_with_both_places() {
    listen();
    let conflicts = headcount::verify().expect_err("there are some");
    let reported = conflicts.messages();
    let expected = [
        "`depth` is declared with different modes, \"livesum\" and \"max\": at ",
        "`fullness` is declared with different orders of labels, [\"shelf\", \"hall\"] and [\"hall\", \"shelf\"]: at ",
        "`length` is declared with different buckets, [1.0, 2.0] and [1.0, 3.0]: at ",
        "`size` is declared with two types, gauge and histogram: at ",
        "`texts_total` is declared with different help texts, \"One text.\" and \"Another text.\": at ",
        "`visits_total` is declared with different labels, [\"page\"] and [\"page\", \"tenant\"]: at ",
    ];
    assert_eq!(reported.len(), expected.len(), "{conflicts}");
    for (reported, expected) in reported.iter().zip(expected) {
        assert!(reported.starts_with(expected), "{reported}");
        assert_eq!(reported.matches("declarations.rs:").count(), 2, "{reported}");
    }
    assert!(format!("{conflicts:?}").starts_with("metrics are declared that contradict"));
}

#[test]
fn the_catalogue_has_everything_used_or_not() {
    listen();
    let catalogue = headcount::declarations();
    let of = |name: &str| {
        let found = catalogue.iter().filter(|declared| declared.name == name);
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("depth").len(), 2);
    assert!(of("depth")[0].starts_with("gauge depth, mode livesum: How deep. ("));
    assert!(of("visits_total")[1].starts_with("counter visits_total{page,tenant}: How many. ("));
    assert!(of("function_calls_duration_seconds")[0].contains("{function,module}"));
    let taken = catalogue.iter().find(|declared| declared.name == "taken").expect("declared");
    assert_eq!((taken.buckets.as_slice(), taken.unit.as_str()), ([0.5, 1.0].as_slice(), ""));
    assert!(catalogue.is_sorted_by_key(|declared| declared.name.clone()));
}

#[test]
fn the_first_is_in_force_and_the_other_is_counted() {
    listen();
    one::SIZE.set(2.0);
    two::SIZE.observe(7.0);
    one::DEPTH.set(3.0);
    two::DEPTH.set(100.0);
    one::LENGTH.observe(1.5);
    two::LENGTH.observe(1.5);
    one::visits("home").inc();
    for _ in 0..5 {
        two::visits("home", "acme").inc();
    }
    one::fullness("a", "north").set(0.5);
    two::fullness("north", "a").set(0.9);
    one::turns("a", "north").inc();
    two::turns("north", "a").inc();
    one::TEXTS.inc();
    two::TEXTS.inc();
    one::SAME.inc();
    two::SAME.inc();
    one::TAKEN.observe(0.1);
    two::BYTES.set(1.0);
    job_a();
    job_b();
    timed_one();

    let snapshot = Collector::new().collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = snapshot.to_text();
    for line in [
        "# TYPE size gauge\nsize 2\n",
        "depth 3\n",
        "length_bucket{le=\"2.0\"} 1\nlength_bucket{le=\"+Inf\"} 1\n",
        "# TYPE visits_total counter\nvisits_total{page=\"home\"} 1\n",
        "# HELP texts_total One text.\n# TYPE texts_total counter\ntexts_total 2\n",
        "same_total 2\n",
        "jobs_total{kind=\"a\"} 1\njobs_total{kind=\"b\"} 1\n",
        // However the other orders its labels, a sum is a sum; a gauge has one value.
        "turns_total{hall=\"north\",shelf=\"a\"} 2\n",
        "fullness{hall=\"north\",shelf=\"a\"} 0.5\n",
        // One each of `size`, `depth`, `length`, `fullness`, and five of `visits_total`.
        "headcount_dropped_operations_total 9\n",
        "headcount_dropped_series 5\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let health = headcount::health();
    let problem = health.problem().expect("the first of them").to_string();
    assert!(problem.starts_with("`depth` is declared with different modes"), "{problem}");
    // By whichever test's thread declared everything, after it had let go of the lock.
    let reported = eventually("it is reported", || {
        let mut reported = LOG.0.lock().expect("no panic holds it").clone();
        // That this process has no directory is reported as well.
        reported.retain(|line| line.starts_with("not counted"));
        (!reported.is_empty()).then_some(reported)
    });
    assert_eq!(reported, [format!("not counted: {problem}")]);
}

#[test]
fn what_a_directory_declares_is_what_its_programs_declare() {
    listen();
    let here = headcount::declarations();
    let there = Collector::new().declarations().expect("a catalogue");
    let found = there.iter().find(|declared| declared.name == "same_total").expect("declared");
    assert!(here.contains(found), "{found:?}");
    // Never used by then, perhaps: its labels are open.
    let visits = there.iter().filter(|declared| declared.name == "visits_total");
    assert_eq!(visits.map(|declared| declared.labels.clone()).collect::<Vec<_>>(), [["page"]]);
    assert_eq!(there.iter().filter(|declared| declared.name == "size").count(), 1);
}
