//! Two versions of one library in a program: each declares the library's metrics.

use headcount::{Counter, Error, GaugeMode, Info, dynamic, metric};

use crate::page;

/// Compiled into the first version.
mod first {
    use super::{Counter, Info, metric};

    /// Jobs of the library.
    #[metric(name = "library_jobs_total")]
    pub(super) static JOBS: Counter;

    /// Work of the library.
    #[metric(name = "library_work_info", labels(version = "1.0"))]
    static WORK: Info;
}

/// Compiled into the second one, whose info stays.
mod second {
    use super::{Counter, Info, metric};

    /// Jobs of the library.
    #[metric(name = "library_jobs_total")]
    pub(super) static JOBS: Counter;

    /// Work of the library.
    #[metric(name = "library_work_info", mode = "max", labels(version = "2.0"))]
    static WORK: Info;
}

#[test]
fn what_both_declare_alike_is_one_family() {
    first::JOBS.inc_by(1);
    second::JOBS.inc_by(10);
    let page = page();
    page.assert(&[("library_jobs_total", 11.0)]);
    page.assert(&[("library_work_info{version=\"1.0\"}", 1.0)]);
    page.assert(&[("library_work_info{version=\"2.0\"}", 1.0)]);
}

#[test]
fn what_they_declare_at_run_time_is_one_family_or_an_error_with_both_places() -> Result<(), Error> {
    let calls = |version: u32, labels: &[&str]| {
        let calls = dynamic::counter("library_calls_total", "Calls.");
        let calls = calls.labels(labels.iter().copied());
        calls.declared_at(format!("library-{version}.0/src/lib.rs"), version).register_family()
    };
    let first = calls(1, &["op"])?;
    let second = calls(2, &["op"])?;
    first.with_label_values(&["load"]).inc_by(1);
    second.with_label_values(&["load"]).inc_by(10);
    let third = calls(3, &["op", "kind"]).expect_err("other labels");
    assert!(third.is_conflict(), "{third}");
    let message = third.to_string();
    for place in ["library-1.0/src/lib.rs:1", "library-3.0/src/lib.rs:3"] {
        assert!(message.contains(place), "{message}");
    }
    // It changed nothing.
    first.with_label_values(&["load"]).inc_by(100);
    page().assert(&[("library_calls_total{op=\"load\"}", 111.0)]);

    // Whether an info stays is said by each declaration for itself, which is no contradiction.
    let info = || dynamic::info("library_info", "Facts.").labels(["version"]);
    info().mode(GaugeMode::Max).register_family()?.with_label_values(&["1"]).set();
    info().register_family()?.with_label_values(&["2"]).set();
    info().mode(GaugeMode::LiveMax).register_family()?.with_label_values(&["3"]).set();
    let page = page();
    page.assert(&[("library_info{version=\"3\"}", 1.0)]);
    assert_eq!(page.series("library_info"), 1, "a process has one");
    assert!(headcount::verify().is_ok(), "{:?}", headcount::verify());
    Ok(())
}
