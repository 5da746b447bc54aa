//! Every kind of metric, declared as a `static` and as a family, by its type or under another name:
//! what a collector makes of it, in one process and in several.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use headcount::{
    Clean, Collector, Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary, counted,
    exponential_buckets, linear_buckets, metric, timed,
};
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};

const NAMESPACE: &str = "shop";
const NOTHING: &str = "";

#[derive(Clone, Copy, Debug, LabelValue)]
enum Phase {
    Starting,
    Serving,
    #[label(rename = "going away")]
    Draining,
}

const PHASES: [Phase; 3] = [Phase::Starting, Phase::Serving, Phase::Draining];

/// Energy.
#[metric(name = "energy_joules_total", unit = "joules")]
static ENERGY: Counter<f64>;

/// Energy of rooms.
#[metric(name = "room_joules_total", unit = "joules")]
fn room(lit: bool, name: &str) -> Counter<f64>;

/// Phases.
#[metric(name = "phase", mode = "livesum")]
static PHASE: StateSet<Phase>;

/// Phases of floors.
#[metric(name = "floor_phase", mode = "sum")]
fn floor(lit: bool) -> StateSet<Phase>;

/// Phases of rooms.
#[metric(name = "room_phase", mode = "max")]
fn room_phase(name: &str) -> StateSet<Phase>;

type Renamed = StateSet<bool>;

/// A state set under another name.
#[metric(name = "renamed_phase", mode = "min")]
static RENAMED: Renamed;

/// What it is.
#[metric(name = "shop_info", labels(version = env!("CARGO_PKG_VERSION"), commit = "abc", floors = 3, open = true))]
static SHOP: Info;

/// Where it is.
#[metric(name = "host_info")]
fn host(name: &str, region: &str) -> Info;

headcount::build_info!(commit = "abc123", r#type = NAMESPACE);

/// In a namespace.
#[metric(namespace = NAMESPACE, subsystem = "till", name = "coins_total")]
static COINS: Counter;

/// In a namespace that is empty.
#[metric(namespace = NOTHING, subsystem = "till", name = "notes_total")]
fn notes(of: u8) -> Counter;

/// In a namespace that is written out.
#[metric(namespace = "shop", name = "1st_of_all", mode = "livemax")]
static FIRST: Gauge;

/// In a namespace.
#[metric(namespace = NAMESPACE, name = "sizes")]
static SIZES: Summary;

/// Steps.
#[metric(name = "steps", buckets = linear_buckets::<4>(0.1, 0.1))]
static STEPS: Histogram;

/// Powers.
#[metric(name = "powers", buckets = exponential_buckets::<3>(1.0, 10.0))]
fn powers(of: &str) -> Histogram;

fn page_of(collector: &Collector) -> Page {
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = snapshot.to_text();
    Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn page() -> Page {
    // Declares everything, also what only other tests use.
    COINS.inc_by(0);
    page_of(&Collector::new())
}

#[test]
fn a_counter_of_parts_adds_them_up() {
    // The sum of ten tenths, each added in floating point, would not be 1.
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| ENERGY.inc_by(0.125))).collect();
    for thread in threads {
        thread.join().expect("the thread counts");
    }
    ENERGY.inc();
    ENERGY.inc_by(-1.0);
    ENERGY.inc_by(f64::NAN);
    room(true, "kitchen").inc_by(1.5);
    room(false, "kitchen").inc_by(0.25);
    let page = page();
    page.assert(&[
        ("energy_joules_total", 2.0),
        ("room_joules_total{lit=\"true\",name=\"kitchen\"}", 1.5),
        ("room_joules_total{lit=\"false\",name=\"kitchen\"}", 0.25),
    ]);
    assert_eq!(page.types["energy_joules_total"], "counter");
}

#[test]
fn a_state_set_has_a_series_for_each_state() {
    let before = page();
    assert_eq!(before.series("phase"), 3, "so many are in each: none");
    assert_eq!(before.series("renamed_phase"), 0, "of none there is no least");
    for phase in PHASES {
        PHASE.set(phase);
    }
    PHASE.set(Phase::Serving);
    floor(true).set(Phase::Draining);
    room_phase("kitchen").set(Phase::Starting);
    RENAMED.set(true);
    let page = page();
    page.assert(&[
        ("phase{phase=\"starting\"}", 0.0),
        ("phase{phase=\"serving\"}", 1.0),
        ("phase{phase=\"going away\"}", 0.0),
        ("floor_phase{floor_phase=\"going away\",lit=\"true\"}", 1.0),
        ("floor_phase{floor_phase=\"serving\",lit=\"true\"}", 0.0),
        ("floor_phase{floor_phase=\"going away\",lit=\"false\"}", 0.0),
        ("room_phase{name=\"kitchen\",room_phase=\"starting\"}", 1.0),
        ("renamed_phase{renamed_phase=\"true\"}", 1.0),
        ("renamed_phase{renamed_phase=\"false\"}", 0.0),
    ]);
    assert_eq!(page.types["phase"], "gauge");
}

#[test]
fn an_info_of_constants_is_there_untouched_and_another_when_it_was_set() {
    let version = env!("CARGO_PKG_VERSION");
    let shop =
        format!("shop_info{{commit=\"abc\",floors=\"3\",open=\"true\",version=\"{version}\"}}");
    let build = format!(
        "program_build_info{{commit=\"abc123\",package=\"headcount-tests\",type=\"shop\",version=\"{version}\"}}"
    );
    let first = page();
    first.assert(&[(&shop, 1.0), (&build, 1.0)]);
    assert_eq!(first.types["program_build_info"], "gauge");
    assert_eq!(first.series("host_info"), 0);

    host("a7", "eu").set();
    page().assert(&[("host_info{name=\"a7\",region=\"eu\"}", 1.0)]);
    SHOP.set();
    page().assert(&[(&shop, 1.0)]);
}

#[test]
fn an_info_that_is_set_again_takes_the_place_of_what_was_said() {
    /// Where it is now.
    #[metric(name = "place_info")]
    fn place(name: &str) -> Info;

    place("here").set();
    place("there").set();
    let page = page();
    page.assert(&[("place_info{name=\"there\"}", 1.0)]);
    assert_eq!(page.series("place_info"), 1);
}

#[test]
fn an_info_says_nothing_that_was_not_set_though_its_labels_are_closed() {
    /// How it was built.
    #[metric(name = "mode_info")]
    fn mode(debug: bool, phase: Phase) -> Info;

    type Said = Info;

    /// How it was built, by another name.
    #[metric(name = "other_mode_info")]
    fn other(debug: bool) -> Said;

    assert_eq!(page().series("mode_info") + page().series("other_mode_info"), 0);
    mode(true, Phase::Starting).set();
    mode(false, Phase::Serving).set();
    other(true).set();
    let page = page();
    page.assert(&[
        ("mode_info{debug=\"false\",phase=\"serving\"}", 1.0),
        ("other_mode_info{debug=\"true\"}", 1.0),
    ]);
    assert_eq!(page.series("mode_info") + page.series("other_mode_info"), 2);
}

#[test]
fn a_name_is_made_of_its_parts() {
    #[counted(namespace = NAMESPACE, name = "sales_total", labels(n))]
    #[timed(namespace = NOTHING, subsystem = "till", name = "sale_seconds")]
    fn sell(n: u8) -> u8 {
        n
    }

    struct Desk;

    #[counted(namespace = NAMESPACE, subsystem = "front", prefix = "desk")]
    impl Desk {
        fn open(self) -> Self {
            self
        }
    }

    COINS.inc();
    notes(5).inc();
    FIRST.set(1.0);
    SIZES.observe(2.0);
    sell(3);
    let _ = Desk.open();
    page().assert(&[
        ("shop_till_coins_total", 1.0),
        ("till_notes_total{of=\"5\"}", 1.0),
        ("shop_1st_of_all", 1.0),
        ("shop_sizes_sum", 2.0),
        ("shop_sales_total{n=\"3\"}", 1.0),
        ("till_sale_seconds_count", 1.0),
        ("shop_front_desk_calls_total{function=\"Desk::open\"}", 1.0),
    ]);
}

#[test]
fn buckets_by_rule_are_those_that_a_person_would_write() {
    #[timed(name = "rule_seconds", buckets = exponential_buckets::<4>(0.001, 10.0))]
    fn rule() {}

    STEPS.observe(0.3);
    powers("ten").observe(10.0);
    rule();
    let page = page();
    let infinity = f64::INFINITY;
    let steps = [(0.1, 0.0), (0.2, 0.0), (0.3, 1.0), (0.4, 1.0), (infinity, 1.0)];
    assert_eq!(page.buckets("steps", ""), steps);
    let powers = [(1.0, 0.0), (10.0, 1.0), (100.0, 1.0), (infinity, 1.0)];
    assert_eq!(page.buckets("powers", "of=\"ten\""), powers);
    let bounds: Vec<f64> =
        page.buckets("rule_seconds", "").into_iter().map(|(bound, _)| bound).collect();
    assert_eq!(bounds, [0.001, 0.01, 0.1, 1.0, infinity]);
}

/// A process of the program `kinds`, which has set its metrics and waits to be killed.
fn start(directory: &Path, number: u8) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinds"));
    let child = Child::start(command.arg(number.to_string()).env("HEADCOUNT_DIR", directory));
    eventually("the process has set its metrics", || {
        child.output().contains("set\n").then_some(())
    });
    child
}

#[test]
fn processes_make_of_a_metric_what_its_declaration_says() {
    let directory = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(directory.path());
    // One after the other: which is the most recent must be known.
    let mut processes: Vec<_> = (0..3).map(|number| start(directory.path(), number)).collect();
    let phase = |phase: &str| format!("kinds_phase{{kinds_phase=\"{phase}\"}}");
    let last =
        |phase: &str| format!("kinds_last_phase{{kinds_last_phase=\"{phase}\",of=\"true\"}}");
    let which = |number: u8| format!("kinds_info{{number=\"{number}\"}}");

    // The product is rounded once, as an exact sum is.
    let energy = 0.1 * 3.0;
    let page = page_of(&collector);
    page.assert(&[
        ("kinds_energy_joules_total", energy),
        ("kinds_level", 2.0),
        ("kinds_live_level{of=\"all\"}", 2.0),
        (&phase("starting"), 1.0),
        (&phase("serving"), 2.0),
        (&phase("draining"), 0.0),
        (&last("starting"), 0.0),
        (&last("serving"), 0.0),
        (&last("draining"), 1.0),
        (&which(0), 1.0),
        (&which(1), 1.0),
        (&which(2), 1.0),
        ("kinds_constant_info{edition=\"2024\"}", 1.0),
    ]);

    processes.pop().expect("the last").kill();
    let page = page_of(&collector);
    page.assert(&[
        ("kinds_energy_joules_total", energy),
        ("kinds_level", 2.0),
        ("kinds_live_level{of=\"all\"}", 1.0),
        (&phase("starting"), 1.0),
        (&phase("serving"), 1.0),
        (&phase("draining"), 0.0),
        (&last("serving"), 0.0),
        (&last("draining"), 1.0),
        (&which(1), 1.0),
        ("kinds_constant_info{edition=\"2024\"}", 1.0),
    ]);
    assert_eq!(page.value(&which(2)), None, "an info is of the living");

    drop(processes);
    let page = page_of(&collector);
    page.assert(&[("kinds_energy_joules_total", energy), ("kinds_level", 2.0)]);
    for live in ["kinds_live_level", "kinds_phase", "kinds_info", "kinds_constant_info"] {
        assert_eq!(page.series(live), 0, "{live} is of the living");
    }
}

#[test]
fn the_build_info_of_a_batch_job_stays_when_it_was_killed_and_compacted() {
    let directory = temporary_directory(Medium::Memory);
    let mut job = Command::new(env!("CARGO_BIN_EXE_batch"));
    // Nobody listens there, and a killed job pushes nothing.
    let mut job = Child::start(job.arg(directory.path()).args(["http://127.0.0.1:9", "waits"]));
    eventually("the job has begun", || job.output().contains("ready\n").then_some(()));
    let version = env!("CARGO_PKG_VERSION");
    let build = format!(
        "program_build_info{{of=\"batch\",package=\"headcount-tests\",version=\"{version}\"}}"
    );
    let collector = Collector::from_directory(directory.path());
    page_of(&collector).assert(&[(&build, 1.0), ("runs_total", 1.0)]);

    job.kill();
    page_of(&collector).assert(&[(&build, 1.0), ("runs_total", 1.0)]);
    let compacted = eventually("it is dead", || {
        let compacted = collector.compact().expect("the directory is ours");
        (compacted.segments() > 0).then_some(compacted)
    });
    assert_eq!(compacted.segments(), 1);
    for _ in 0..2 {
        page_of(&collector).assert(&[(&build, 1.0), ("runs_total", 1.0)]);
        let page = page_of(&Collector::from_directory(directory.path()));
        page.assert(&[(&build, 1.0), ("headcount_archived_processes", 1.0)]);
    }

    let forgotten = collector.clean(&Clean::new().older_than(Duration::ZERO)).expect("it is ours");
    assert!(forgotten.series().iter().any(|series| series.contains("of=\"batch\"")));
    assert_eq!(page_of(&collector).series("program_build_info"), 0);
}
