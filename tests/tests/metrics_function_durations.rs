//! A program that declares the buckets of its functions: it is a process of its own, since there is
//! one declaration for all functions.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::thread::sleep;
use std::time::Duration;

use headcount::testing::{TestDirectory, assert_counts, this_thread};
use headcount::{Collector, Config, counted, in_progress, timed};
use headcount_tests::child::{ended_well, forked};

const BOUNDS: &[f64] = &[1e-9, 0.02, 3600.0];

headcount::function_durations!(buckets = BOUNDS);

#[timed]
fn plain() {}

#[counted(outcome)]
#[timed(outcome)]
#[in_progress]
fn ends(how: Result<u64, ()>) -> Result<(), ()> {
    how.map(|milliseconds| sleep(Duration::from_millis(milliseconds)))
}

#[timed(name = "own_seconds")]
fn own() {}

#[test]
fn all_functions_have_the_buckets_of_the_program() {
    let directory = TestDirectory::new().expect("a directory");
    headcount::init(Config::new().directory(directory.path())).expect("it is fit");
    let seen = this_thread(|| {
        plain();
        own();
        assert!(ends(Ok(25)).is_ok() && ends(Err(())).is_err() && ends(Err(())).is_err());
    });
    let module = module_path!();
    let (bucket, count) =
        ("function_calls_duration_seconds_bucket", "function_calls_duration_seconds_count");
    let value = |sample: &str, labels: &[(&str, &str)]| {
        let common = [("module", module)];
        seen.value(sample, &[&common, labels].concat())
    };
    let plain = |le| value(bucket, &[("function", "plain"), ("le", le)]);
    assert_eq!((plain("1e-09"), plain("3600.0"), plain("+Inf")), (Some(0.0), Some(1.0), Some(1.0)));
    assert_eq!(plain("0.005"), None, "a default bucket");
    let ended =
        |outcome, le| value(bucket, &[("function", "ends"), ("outcome", outcome), ("le", le)]);
    assert_eq!((ended("ok", "0.02"), ended("ok", "3600.0")), (Some(0.0), Some(1.0)));
    assert_eq!((ended("error", "1e-09"), ended("error", "3600.0")), (Some(0.0), Some(2.0)));
    let of = |outcome| value(count, &[("function", "ends"), ("outcome", outcome)]);
    assert_eq!((of("ok"), of("error")), (Some(1.0), Some(2.0)));
    assert_counts!(
        seen,
        "own_seconds_bucket" { le = "10.0" } => 1,
        "function_calls_total" { function = "ends", module = module, outcome = "error" } => 2,
        "function_calls_total" { function = "ends", module = module, outcome = "ok" } => 1,
        "function_calls_total" { function = "ends", module = module, outcome = "panic" } => 0,
    );
    // So do those of a child, and each outcome has a series from the start.
    ended_well(forked(|| assert!(ends(Err(())).is_err()))).expect("the child");
    let snapshot = Collector::new().collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let of = |outcome| {
        let labels = [("function", "ends"), ("module", module), ("outcome", outcome)];
        snapshot.value(count, &labels)
    };
    assert_eq!(
        [of("ok"), of("error"), of("panic"), of("cancelled")].map(Option::unwrap_or_default),
        [1.0, 3.0, 0.0, 0.0]
    );
    assert!(of("cancelled").is_some());
    assert!(headcount::verify().is_ok());
    let declared = headcount::declarations();
    let shared = declared.iter().find(|known| known.name == "function_calls_duration_seconds");
    assert_eq!(shared.expect("it is declared").buckets, BOUNDS);
}
