//! A program whose functions are all timed by native histograms: it is a process of its own, since
//! there is one declaration for all functions.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use headcount::testing::{TestDirectory, this_thread};
use headcount::{
    Collector, Config, HistogramValue, NativeBuckets, Snapshot, Value, counted, timed,
};
use headcount_tests::child::{ended_well, forked};
use headcount_tests::native::index;

const FAMILY: &str = "function_calls_duration_seconds";

headcount::function_durations!(native(schema = 2));

#[timed]
fn plain() {}

#[counted(outcome)]
#[timed(outcome)]
fn ends(how: Result<Duration, ()>) -> Result<(), ()> {
    how.map(thread::sleep)
}

/// The histograms of a function, by outcome.
fn histograms(snapshot: &Snapshot, function: &str) -> BTreeMap<String, HistogramValue> {
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|family| family.name == FAMILY);
    let mut found = BTreeMap::new();
    for series in &family.expect("it is declared").series {
        let label = |wanted| series.labels.iter().find(|(name, _)| *name == wanted);
        if label("function").is_some_and(|(_, name)| name == function) {
            let Value::Histogram(value) = &series.value else { panic!("{series:?}") };
            let outcome = label("outcome").map_or("", |(_, outcome)| outcome);
            found.insert(outcome.to_owned(), value.clone());
        }
    }
    found
}

fn native(histogram: &HistogramValue) -> &NativeBuckets {
    histogram.native.as_ref().expect("it is native")
}

#[test]
fn all_functions_have_native_histograms() {
    let directory = TestDirectory::new().expect("a directory");
    headcount::init(Config::new().directory(directory.path())).expect("it is fit");
    let least = Duration::from_millis(20);
    let began = Instant::now();
    let seen = this_thread(|| {
        (0..3).for_each(|_| plain());
        assert!(ends(Ok(least)).is_ok() && ends(Err(())).is_err() && ends(Err(())).is_err());
    });
    let most = began.elapsed();
    assert_eq!(histograms(&seen, "plain")[""].count(), 3);
    let ended = histograms(&seen, "ends");
    assert_eq!((ended["ok"].count(), ended["error"].count(), ended.len()), (1, 2, 2));
    let ok = native(&ended["ok"]);
    assert_eq!((ok.schema, ok.count(), ok.unplaced), (2, 1, 0));
    // In the bucket of a time that is no shorter than the nap and no longer than all of it.
    let found = ok.positive[0].0;
    let ends_of = [least, most].map(|time| index(2, time.as_secs_f64()));
    assert!((ends_of[0]..=ends_of[1]).contains(&found), "{found} is not in {ends_of:?}");

    // Threads and children have blocks of their own, and each outcome its series from the start.
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert!(ends(Err(())).is_err()));
        }
    });
    ended_well(forked(|| assert!(ends(Err(())).is_err()))).expect("the child");
    let all = || Collector::new().collect().expect("a snapshot");
    let ended = histograms(&all(), "ends");
    let counts = ["ok", "error", "panic", "cancelled"].map(|outcome| {
        let histogram = &ended[outcome];
        assert_eq!(native(histogram).count(), histogram.count());
        assert_eq!(native(histogram).unplaced, 0);
        histogram.count()
    });
    assert_eq!(counts, [1, 6, 0, 0]);
    // The child is dead, and its counts are the same in the archive.
    assert_eq!(Collector::new().compact().expect("ours").segments(), 1);
    assert_eq!(histograms(&all(), "ends"), ended);
    // Scrapers of text get powers of 4, as from every native histogram of durations.
    let bounds: Vec<f64> = ended["ok"].buckets.iter().map(|bucket| bucket.le).collect();
    let powers: Vec<f64> = (-10..=3).map(|n| f64::from(2 * n).exp2()).collect();
    assert_eq!(bounds.split_last(), Some((&f64::INFINITY, &powers[..])));
    assert!(headcount::verify().is_ok());
}
