//! Any sequence of operations on families with open labels, held to a map that does the same:
//! making, counting, removing, coming back.

use std::collections::BTreeMap;

use headcount::{Collector, Counter, Gauge, Histogram, Number, Value, metric};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Counted.
#[metric(name = "machine_counted_total")]
fn counted(case: u64, row: u8) -> Counter;
/// Added.
#[metric(name = "machine_added_total")]
fn added(case: u64, row: u8) -> Counter<f64>;
/// Set.
#[metric(name = "machine_level", mode = "sum")]
fn level(case: u64, row: u8) -> Gauge;
/// Observed.
#[metric(name = "machine_size", buckets = [10.0, 100.0])]
fn size(case: u64, row: u8) -> Histogram;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Which {
    Counted,
    Added,
    Level,
    Size,
}

const ALL: [(Which, &str); 4] = [
    (Which::Counted, "machine_counted_total"),
    (Which::Added, "machine_added_total"),
    (Which::Level, "machine_level"),
    (Which::Size, "machine_size"),
];

#[derive(Debug, Clone)]
enum Step {
    /// To a row, so many.
    Add(Which, u8, u16),
    /// By a handle from before whatever was removed meanwhile.
    AddByOldHandle(u8, u16),
    Remove(Which, u8),
    RemoveRow(Which, u8),
    RemoveAll(Which),
    Collect,
}

fn which() -> impl Strategy<Value = Which> {
    prop::sample::select(ALL.map(|(which, _)| which).to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let row = 0_u8..4;
    prop_oneof![
        8 => (which(), row.clone(), any::<u16>()).prop_map(|(w, r, n)| Step::Add(w, r, n)),
        2 => (row.clone(), any::<u16>()).prop_map(|(r, n)| Step::AddByOldHandle(r, n)),
        2 => (which(), row.clone()).prop_map(|(w, r)| Step::Remove(w, r)),
        1 => (which(), row).prop_map(|(w, r)| Step::RemoveRow(w, r)),
        1 => which().prop_map(Step::RemoveAll),
        3 => Just(Step::Collect),
    ]
}

/// What the rows should read: a sum, and for histograms how many.
type Model = BTreeMap<(Which, u8), (f64, u64)>;

fn collected(case: u64) -> Model {
    let snapshot = Collector::new().collect().expect("a snapshot");
    let mut found = Model::new();
    for (which, name) in ALL {
        let family = snapshot.families().iter().find(|family| family.name == name);
        for series in family.into_iter().flat_map(|family| &family.series) {
            let label = |name: &str| series.labels.get(name).unwrap_or("");
            if label("case") != case.to_string() {
                continue;
            }
            let value = match &series.value {
                Value::Counter(Number::Float(n)) | Value::Gauge(n) => (*n, 0),
                Value::Counter(n) => (n.as_f64(), 0),
                Value::Histogram(h) => (h.sum, h.count()),
                other => panic!("{other:?}"),
            };
            found.insert((which, label("row").parse().expect("a number")), value);
        }
    }
    found
}

fn run(case: u64, steps: &[Step]) {
    let mut model = Model::new();
    // Handles to the counters as they were when first used, and whether their series is still the
    // same.
    let mut old: BTreeMap<u8, (Counter, bool)> = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Add(which, row, n) => {
                let number = f64::from(n);
                match which {
                    Which::Counted => {
                        let handle = counted(case, row);
                        handle.inc_by(u64::from(n));
                        old.entry(row).or_insert((handle, true));
                    }
                    Which::Added => added(case, row).inc_by(number),
                    Which::Level => level(case, row).add(number),
                    Which::Size => size(case, row).observe(number),
                }
                let value = model.entry((which, row)).or_insert((0.0, 0));
                value.0 += number;
                value.1 += u64::from(which == Which::Size);
            }
            Step::AddByOldHandle(row, n) => {
                if let Some((handle, is_current)) = old.get(&row) {
                    handle.inc_by(u64::from(n));
                    if *is_current {
                        model.get_mut(&(Which::Counted, row)).expect("it is there").0 +=
                            f64::from(n);
                    }
                }
            }
            Step::Remove(which, row) => {
                let is_there = model.contains_key(&(which, row));
                // Asking for a series makes it; that it is removed again is what is tested then.
                let removed = match which {
                    Which::Counted => counted(case, row).remove(),
                    Which::Added => added(case, row).remove(),
                    Which::Level => level(case, row).remove(),
                    Which::Size => size(case, row).remove(),
                };
                assert!(removed, "there: {is_there}");
                forget(&mut model, &mut old, |key| key == (which, row));
            }
            Step::RemoveRow(which, row) => {
                let name = ALL[which as usize].1;
                let labels = [("case", case.to_string()), ("row", row.to_string())];
                let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
                let removed = headcount::remove_matching(name, &labels);
                assert_eq!(removed, usize::from(model.contains_key(&(which, row))));
                forget(&mut model, &mut old, |key| key == (which, row));
            }
            Step::RemoveAll(which) => {
                let name = ALL[which as usize].1;
                let removed = headcount::remove_matching(name, &[("case", &case.to_string())]);
                assert_eq!(removed, model.keys().filter(|key| key.0 == which).count());
                forget(&mut model, &mut old, |key| key.0 == which);
            }
            Step::Collect => assert_eq!(collected(case), model),
        }
    }
    assert_eq!(collected(case), model);
    for (_, name) in ALL {
        headcount::remove_matching(name, &[]);
    }
}

fn forget(
    model: &mut Model,
    old: &mut BTreeMap<u8, (Counter, bool)>,
    is_gone: impl Fn((Which, u8)) -> bool,
) {
    model.retain(|key, _| !is_gone(*key));
    for (row, (_, is_current)) in old {
        *is_current &= !is_gone((Which::Counted, *row));
    }
}

#[test]
fn whatever_is_done_to_families_reads_as_a_map_of_them_would() {
    #[expect(clippy::disallowed_methods, reason = "the seed of a run that failed")]
    let given = std::env::var("HEADCOUNT_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed: u64 = given.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("HEADCOUNT_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: 80, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let cases = std::sync::atomic::AtomicU64::new(0);
    let outcome = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        run(cases.fetch_add(1, std::sync::atomic::Ordering::Relaxed), &steps);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
