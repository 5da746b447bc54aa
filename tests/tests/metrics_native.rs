//! Native histograms: what many processes observe comes to the buckets that the values belong to,
//! whoever lives, forks, is killed or is compacted; and Prometheus reads them as it should.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount::{Collector, HistogramValue, NativeBuckets, Server, Value};
use headcount_tests::native::{index, value};
use headcount_tests::obedient::Obedient;
use headcount_tests::prometheus::{Store, versions};
use headcount_tests::random::Random;
use headcount_tests::{Medium, eventually, temporary_directory};

/// Where a segment says how many cells are assigned: see `FORMAT.md`.
const SLOTS_USED: u64 = 0x1080;

fn start(directory: &Path) -> Obedient {
    Obedient::start(env!("CARGO_BIN_EXE_native"), directory)
}

/// The histograms of a family, by the values of their labels.
fn histograms(directory: &Path, family: &str) -> BTreeMap<String, HistogramValue> {
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|known| known.name == family);
    let series = family.map(|family| family.series.clone()).unwrap_or_default();
    let one = |series: headcount::Series| {
        let labels: Vec<&str> = series.labels.iter().map(|(_, value)| value).collect();
        match series.value {
            Value::Histogram(histogram) => (labels.join(","), histogram),
            other => panic!("{other:?}"),
        }
    };
    series.into_iter().map(one).collect()
}

fn only(directory: &Path, family: &str) -> HistogramValue {
    histograms(directory, family).remove("").expect("a series")
}

#[track_caller]
fn native(histogram: &HistogramValue) -> &NativeBuckets {
    histogram.native.as_ref().expect("it is native")
}

/// The values that a process observes with this seed.
fn values(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::of(seed);
    (0..count).map(|_| value(&mut random)).collect()
}

/// Indices and counts.
type Counts = Vec<(i32, u64)>;

/// What values come to in a schema: the zero bucket, positive and negative buckets.
fn expected(schema: u32, values: &[f64]) -> (u64, Counts, Counts) {
    let mut zero = 0;
    let mut sides = [BTreeMap::<i32, u64>::new(), BTreeMap::new()];
    for value in values {
        let size = value.abs();
        if size <= (-64_f64).exp2() {
            zero += 1;
            continue;
        }
        // What is beyond the last bucket is in the one behind it.
        let last = (64 << schema) + 1;
        let index = if size > 64_f64.exp2() { last } else { index(schema, size) };
        *sides[usize::from(*value < 0.0)].entry(index).or_default() += 1;
    }
    let [positive, negative] = sides.map(|side| side.into_iter().collect());
    (zero, positive, negative)
}

/// The same of buckets in a coarser schema.
fn coarser(buckets: &[(i32, u64)], steps: u32) -> Counts {
    let mut joined = BTreeMap::<i32, u64>::new();
    for (index, n) in buckets {
        *joined.entry(-((-index) >> steps)).or_default() += n;
    }
    joined.into_iter().collect()
}

#[track_caller]
fn assert_is(histogram: &HistogramValue, schema: u32, values: &[f64]) {
    let found = native(histogram);
    let (zero, positive, negative) = expected(schema, values);
    let shown = u32::try_from(found.schema).unwrap_or(0);
    if found.schema >= 0 {
        let steps = schema - shown;
        assert_eq!(found.positive, coarser(&positive, steps), "schema {}", found.schema);
        assert_eq!(found.negative, coarser(&negative, steps), "schema {}", found.schema);
        assert_eq!(found.zero_count, zero);
    }
    assert!(found.positive.len() + found.negative.len() <= 160, "{found:?}");
    assert_eq!((found.count(), found.unplaced), (values.len() as u64, 0));
    assert_eq!(histogram.count(), values.len() as u64);
    for bucket in &histogram.buckets {
        let count = values.iter().filter(|value| **value <= bucket.le).count() as u64;
        assert_eq!(bucket.count, count, "at most {}", bucket.le);
    }
}

fn all_are(directory: &Path, seeds: &[(u64, usize)]) {
    let of = |parity: Option<u64>| -> Vec<f64> {
        let seeds = seeds.iter().filter(|(seed, _)| parity.is_none_or(|p| seed % 2 == p));
        seeds.flat_map(|(seed, count)| values(*seed, *count)).collect()
    };
    assert_is(&only(directory, "plain_bytes"), 3, &of(None));
    assert_is(&only(directory, "coarse_bytes"), 0, &of(None));
    let fine = histograms(directory, "fine_bytes");
    assert_is(&fine["even"], 5, &of(Some(0)));
    assert_is(&fine["odd"], 5, &of(Some(1)));
}

#[test]
fn every_value_is_in_its_bucket_whoever_observed_it_and_whatever_became_of_them() {
    let mut random = Random::seeded();
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut seeds = Vec::new();
    let mut seed = || {
        // Even ones: a thread takes the next one too.
        let seed = random.below(1 << 40) * 2;
        (seed, 30 + usize::try_from(random.below(100)).expect("small"))
    };
    let mut processes: Vec<Obedient> = (0..3).map(|_| start(directory)).collect();
    for process in &mut processes {
        let (one, count) = seed();
        process.tell(&format!("observe {one} {count}"));
        seeds.push((one, count));
        let (two, count) = seed();
        process.tell(&format!("threads {two} {count}"));
        seeds.extend([(two, count), (two + 1, count)]);
        // A child has blocks of its own at the slots of its parent's.
        let (three, count) = seed();
        process.tell(&format!("fork {} {count}", three + 1));
        seeds.push((three + 1, count));
        all_are(directory, &seeds);
    }
    // The dead, compacted and not, and what the living add.
    processes.pop();
    eventually("it is dead", || {
        let compacted = Collector::from_directory(directory).compact().expect("ours");
        (compacted.segments() > 0).then_some(())
    });
    all_are(directory, &seeds);
    processes.pop();
    let (last, count) = seed();
    processes[0].tell(&format!("observe {last} {count}"));
    seeds.push((last, count));
    all_are(directory, &seeds);
    drop(processes);
    eventually("all are compacted", || {
        Collector::from_directory(directory).compact().expect("ours");
        headcount_tests::files::segments(directory).is_empty().then_some(())
    });
    all_are(directory, &seeds);
}

#[test]
fn versions_of_different_schemas_come_to_the_coarsest_whoever_is_compacted_first() {
    let mut random = Random::seeded();
    for _ in 0..4 {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path();
        let mut living = Vec::new();
        let (mut coarsest, mut all) = (5, Vec::new());
        let mut dead = 0;
        for _ in 0..6 {
            let schema = u32::try_from(random.below(6)).expect("small");
            let (seed, count) = (random.below(1 << 40), 20 + random.below(100));
            let mut process = start(directory);
            process.tell(&format!("declare {schema}"));
            process.tell(&format!("mix {seed} {count}"));
            coarsest = coarsest.min(schema);
            all.extend(values(seed, usize::try_from(count).expect("small")));
            living.push(process);
            // Any of them ends, and what has ended is compacted or not.
            if random.below(2) == 0 {
                let which = usize::try_from(random.below(living.len() as u64)).expect("small");
                drop(living.swap_remove(which));
                dead += 1;
                if random.below(2) == 0 {
                    eventually("it is compacted", || {
                        let done = Collector::from_directory(directory).compact().expect("ours");
                        dead -= done.segments();
                        (dead == 0).then_some(())
                    });
                }
            }
            assert_is(&only(directory, "mixed_bytes"), coarsest, &all);
        }
        drop(living);
        eventually("all are compacted", || {
            Collector::from_directory(directory).compact().expect("ours");
            headcount_tests::files::segments(directory).is_empty().then_some(())
        });
        assert_is(&only(directory, "mixed_bytes"), coarsest, &all);
    }
}

#[test]
fn what_is_no_number_is_refused_and_infinities_are_behind_the_last_bucket() {
    let folder = temporary_directory(Medium::Memory);
    let mut process = start(folder.path());
    process.tell("odd");
    let found = only(folder.path(), "coarse_bytes");
    let native = native(&found);
    // 0, -0 and what is almost 0; 1.5 seconds; the infinities.
    assert_eq!(native.zero_count, 3);
    assert_eq!(native.positive, [(1, 1), (65, 1)]);
    assert_eq!(native.negative, [(65, 1)]);
    assert_eq!(found.count(), 6);
    let snapshot = Collector::from_directory(folder.path()).collect().expect("a snapshot");
    assert!(snapshot.to_text().contains("headcount_dropped_operations_total 1\n"));
}

#[test]
fn calls_of_functions_are_native_by_outcome() {
    let folder = temporary_directory(Medium::Memory);
    let mut process = start(folder.path());
    process.tell("work 40");
    let work = histograms(folder.path(), "work_seconds");
    let counts = ["ok", "error", "panic", "cancelled"].map(|outcome| work[outcome].count());
    assert_eq!(counts, [30, 10, 0, 0]);
    for (outcome, histogram) in &work {
        let buckets = native(histogram);
        assert_eq!((buckets.schema, buckets.count()), (2, histogram.count()), "{outcome}");
        assert!(buckets.negative.is_empty());
        // Always the same buckets for scrapers of text: powers of 4, up to 64 seconds.
        assert_eq!(histogram.buckets.len(), 15);
        assert!(histogram.sum >= 0.0 && histogram.sum < 60.0);
    }
    assert_eq!(only(folder.path(), "plain_bytes").count(), 40);
    let median = work["ok"].quantile(0.5).expect("there are values");
    assert!(median.low <= median.value && median.value <= median.high, "{median:?}");
}

#[test]
fn without_room_for_a_block_values_count_in_sum_and_count_and_it_is_told() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_native"));
    let mut process = Obedient::start_as_is(command.arg("obey").arg(directory).arg("tiny"));
    let mut count = 0;
    let (mut sum, mut size) = (0.0, 0.0);
    let found = loop {
        for _ in 0..200 {
            let sign = if count / 120 % 2 == 0 { 1.0 } else { -1.0 };
            let value = sign * f64::from(count % 120 - 60).exp2() * (1.0 + f64::from(count) / 1e6);
            process.tell(&format!("queue a {value:?}"));
            sum += value;
            size += value.abs();
            count += 1;
        }
        let found = histograms(directory, "fine_bytes").remove("a").expect("a series");
        if native(&found).unplaced > 0 {
            break found;
        }
        assert!(count < 10_000, "it has room for everything: {found:?}");
    };
    assert_eq!(found.count(), u64::try_from(count).expect("some"));
    assert!((found.sum - sum).abs() <= size / 1e9, "{} is not {sum}", found.sum);
    assert_eq!(native(&found).count(), found.count());
    assert!(process.tell("health").contains("space"), "{}", process.tell("health"));
    let json = Collector::from_directory(directory).collect().expect("a snapshot");
    let json = json.render("application/json");
    let json: serde_json::Value = serde_json::from_slice(json.body()).expect("JSON");
    let families = json["families"].as_array().expect("a list");
    let fine = families.iter().find(|family| family["name"] == "fine_bytes").expect("it is there");
    let quantiles = fine["series"][0]["quantiles"].as_array().expect("a list");
    let medians = quantiles.iter().filter(|found| found["quantile"] == 0.5);
    assert_eq!((quantiles.len(), medians.count()), (3, 1), "{quantiles:?}");
    // What people see says how little is known; Prometheus gets a histogram without native buckets.
    let quantile = found.quantile(0.5).expect("there are values");
    assert!(quantile.low <= quantile.high, "{quantile:?}");
}

#[test]
fn blocks_go_with_their_series_and_others_get_their_cells() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("queue stays 3");
    for round in 0..2_500 {
        // Of different magnitudes, so that a block that was left behind shows.
        let value = f64::from(round % 60 - 30).exp2() * 1.3;
        process.tell(&format!("queue guest{round} {value:?}"));
        assert_eq!(process.tell(&format!("remove guest{round}")), "true");
    }
    process.tell("queue comes 0.7");
    let found = histograms(directory, "fine_bytes");
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["comes", "stays"]);
    assert_eq!(native(&found["stays"]).positive, [(index(5, 3.0), 1)]);
    assert_eq!(native(&found["comes"]).positive, [(index(5, 0.7), 1)]);
    process.tell("fork 7 100");
    assert_is(&only(directory, "plain_bytes"), 3, &values(7, 100));
}

#[test]
fn cells_of_a_removed_row_of_several_series_bring_no_old_values() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("job first works");
    let segment = directory.join(headcount_tests::files::segments(directory).remove(0));
    let used = || {
        let file = File::open(&segment).expect("a segment");
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, SLOTS_USED).expect("its header");
        u64::from_le_bytes(bytes)
    };
    let mut round = 0;
    // Cells rest for some seconds before another row gets them.
    let name = eventually("cells are used again", || {
        let name = format!("guest{round}");
        round += 1;
        let before = used();
        process.tell(&format!("job {name} fails"));
        if used() == before {
            return Some(name);
        }
        process.tell(&format!("job {name} works"));
        assert_eq!(process.tell(&format!("no-job {name}")), "1");
        None
    });
    let found = histograms(directory, "job_seconds");
    let counts: BTreeMap<&str, u64> =
        found.iter().map(|(labels, one)| (labels.as_str(), native(one).count())).collect();
    for outcome in ["ok", "error", "panic", "cancelled"] {
        let expected = u64::from(outcome == "error");
        assert_eq!(counts[format!("{outcome},{name}").as_str()], expected, "{counts:?}");
    }
    assert_eq!(counts["ok,first"], 1, "{counts:?}");
    assert_eq!(counts.len(), 8, "{counts:?}");
}

#[test]
fn what_was_observed_before_a_kill_is_there() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for round in 0..6 {
        let mut process = start(directory);
        assert_eq!(process.tell("flood"), "flooding");
        let least = 40 * (round % 5);
        let seen = || histograms(directory, "plain_bytes").get("").map_or(0, HistogramValue::count);
        let before = seen();
        eventually("it has observed", || (seen() >= before + least).then_some(()));
        drop(process);
        let found = only(directory, "plain_bytes");
        assert_eq!(native(&found).count(), found.count());
        assert_eq!(native(&found).unplaced, 0, "no block was left half made");
        assert!(found.count() >= before + least);
    }
    let before = only(directory, "plain_bytes");
    eventually("all are compacted", || {
        Collector::from_directory(directory).compact().expect("ours");
        headcount_tests::files::segments(directory).is_empty().then_some(())
    });
    assert_eq!(only(directory, "plain_bytes"), before);
}

#[test]
#[ignore = "needs prometheus: run tests/run"]
fn prometheus_reads_the_buckets_and_sees_no_reset() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut random = Random::seeded();
    let (mut a, mut b) = (start(directory), start(directory));
    a.tell("observe 2 500");
    b.tell("observe 3 500");
    a.tell("work 100");
    // So many that no quantile lies between two values: there, any value between them is right.
    let mut load: Vec<f64> = (0..301).map(|_| random.float(-10, 3)).collect();
    for value in &load {
        a.tell(&format!("queue load {value:?}"));
    }
    for process in [&mut a, &mut b] {
        process.tell("declare 5");
        process.tell("mix 7 400");
    }
    let server = Server::new("127.0.0.1:0").collector(Collector::from_directory(directory));
    let serving = server.start().expect("it serves");
    let stores = stores(&serving.addresses()[0].clone());
    let has = |query: &str, expected: f64| {
        for store in &stores {
            store.wait_for(query, &[expected]);
        }
    };
    has("histogram_count(plain_bytes)", 1100.0);
    has("histogram_count(work_seconds{outcome=\"ok\"})", 75.0);
    has("histogram_count(mixed_bytes)", 800.0);
    has("histogram_sum(plain_bytes)", only(directory, "plain_bytes").sum);
    load.sort_by(f64::total_cmp);
    for store in &stores {
        quantiles_agree(store, &histograms(directory, "fine_bytes"), &load);
    }
    // Each step is scraped before the next one. A worker dies.
    drop(b);
    a.tell("observe 4 500");
    a.tell("mix 8 100");
    has("histogram_count(plain_bytes)", 1600.0);
    has("histogram_count(mixed_bytes)", 900.0);
    // It is compacted, and another one begins.
    compact_all_but(directory, 1);
    let mut c = start(directory);
    c.tell("observe 5 500");
    has("histogram_count(plain_bytes)", 2100.0);
    // A version of a coarser schema joins, the old one drains, and is compacted.
    c.tell("declare 1");
    c.tell("mix 9 100");
    a.tell("mix 10 100");
    has("histogram_count(mixed_bytes)", 1100.0);
    drop(a);
    compact_all_but(directory, 1);
    c.tell("mix 11 100");
    has("histogram_count(mixed_bytes)", 1200.0);
    // And back: a version of the finest schema beside the archive's.
    let mut d = start(directory);
    d.tell("declare 5");
    d.tell("mix 12 100");
    has("histogram_count(mixed_bytes)", 1300.0);
    assert_is(
        &only(directory, "mixed_bytes"),
        1,
        &[(7, 400), (7, 400), (8, 100), (9, 100), (10, 100), (11, 100), (12, 100)]
            .map(|(seed, count)| values(seed, count))
            .concat(),
    );
    for series in ["plain_bytes", "mixed_bytes", "fine_bytes{queue=\"odd\"}"] {
        has(&format!("resets({series}[5m])"), 0.0);
        has(&format!("resets(histogram_count({series})[5m:250ms])"), 0.0);
    }
    // A reset would add all that was there before: at least 800 to 500.
    for store in &stores {
        let increase = store.query("histogram_count(increase(mixed_bytes[5m]))").expect("a number");
        assert!(increase[0] >= 500.0 - 1e-6 && increase[0] < 1000.0, "{increase:?}");
    }
    serving.stop();
}

/// All versions of Prometheus that are there, each of which scrapes an address.
fn stores(address: &str) -> Vec<Store> {
    let configuration = format!(
        "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\n\
         scrape_configs: [ {{ job_name: native, static_configs: [ {{ targets: ['{address}'] }} ] }} ]\n"
    );
    let files = [("prometheus.yml", configuration)];
    let start = |(program, _): (PathBuf, u32)| {
        Store::of(&program, &files, &["--enable-feature=native-histograms"])
    };
    versions().into_iter().map(start).collect()
}

/// Asks for quantiles: they lie in the intervals that we state, and so do the true ones of a load,
/// which is in order.
fn quantiles_agree(store: &Store, fine: &BTreeMap<String, HistogramValue>, load: &[f64]) {
    for q in [0.1, 0.5, 0.9, 0.99] {
        for (queue, histogram) in fine {
            let ours = histogram.quantile(q).expect("there are values");
            let query = format!("histogram_quantile({q}, fine_bytes{{queue=\"{queue}\"}})");
            let theirs = store.query(&query).expect("an answer")[0];
            let slack = theirs.abs() / 1e9;
            assert!(
                ours.low - slack <= theirs && theirs <= ours.high + slack,
                "{queue}, {q}: {theirs} is not in {ours:?}"
            );
            if queue == "load" {
                let number = |n: usize| f64::from(u32::try_from(n).expect("few"));
                let below = |value: f64| number(load.partition_point(|known| *known <= value));
                let rank = number(load.len()) * q;
                let (low, high) = (below(ours.low), below(ours.high));
                assert!(low < rank && rank <= high, "{q}: {ours:?}, {low} to {high}");
                // The interval is one bucket.
                let width = f64::from(-i32::from(native(histogram).schema)).exp2().exp2();
                assert!(ours.high / ours.low <= width * (1.0 + 1e-9), "{q}: {ours:?}");
            }
        }
    }
}

/// Compacts until so many segments are left.
fn compact_all_but(directory: &Path, living: usize) {
    eventually("the dead are compacted", || {
        Collector::from_directory(directory).compact().expect("ours");
        (headcount_tests::files::segments(directory).len() == living).then_some(())
    });
}
