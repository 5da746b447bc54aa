//! Families of their own: names, labels, buckets, help texts, declared metrics.

use headcount::{Counter, Gauge, Histogram, counted, in_progress, metric, timed};

use crate::{assert_outcomes, assert_page, page};

#[test]
fn labels_are_evaluated_once_and_before_the_body() {
    struct Job {
        queue: String,
        looks: std::cell::Cell<u32>,
    }
    impl Job {
        fn queue(&self) -> &str {
            self.looks.set(self.looks.get() + 1);
            &self.queue
        }
    }

    #[counted(name = "jobs_total", help = "Jobs \"run\".", labels(queue = job.queue(), tenant, kind = "batch"), outcome)]
    #[timed(name = "job_seconds", buckets = [0.5, 1, 2.5], labels(size = tenant.len()))]
    #[in_progress(name = "jobs_running", labels(part = 1, last = true))]
    fn run(job: Job, tenant: String) -> u32 {
        drop(tenant);
        job.looks.get()
    }

    let job = || Job { queue: "mail".to_owned(), looks: std::cell::Cell::default() };
    assert_eq!(run(job(), "acme".to_owned()), 1);
    assert_eq!(run(job(), "acme".to_owned()), 1);
    assert_eq!(run(job(), "b\"c".to_owned()), 1);
    let labels = r#"kind="batch",queue="mail",tenant="acme""#;
    assert_outcomes("jobs_total", labels, [2.0, 0.0, 0.0, 0.0]);
    assert_page(&[
        (r#"jobs_total{kind="batch",outcome="ok",queue="mail",tenant="b\"c"}"#, 1.0),
        (r#"job_seconds_count{size="4"}"#, 2.0),
        (r#"job_seconds_bucket{le="0.5",size="4"}"#, 2.0),
        (r#"job_seconds_bucket{le="1.0",size="4"}"#, 2.0),
        (r#"job_seconds_bucket{le="2.5",size="3"}"#, 1.0),
        (r#"jobs_running{last="true",part="1"}"#, 0.0),
    ]);
}

#[test]
fn buckets_may_be_a_constant() {
    const ARRAY: [f64; 2] = [0.25, 0.75];

    #[timed(name = "array_seconds", buckets = ARRAY)]
    #[timed(name = "slice_seconds", buckets = bounds::SLICE)]
    fn measured() {}

    mod bounds {
        pub(super) const SLICE: &[f64] = &[0.125];
    }

    static_assertions(&ARRAY);
    measured();
    assert_page(&[
        (r#"array_seconds_bucket{le="0.25"}"#, 1.0),
        (r#"slice_seconds_bucket{le="0.125"}"#, 1.0),
        (r#"slice_seconds_bucket{le="+Inf"}"#, 1.0),
    ]);
}

fn static_assertions(bounds: &[f64]) {
    assert!(bounds.is_sorted());
}

/// Things that
/// happened.
///
/// Details follow.
#[metric(name = "things_total")]
static THINGS: Counter;

#[metric(name = "depth", help = "How deep.", mode = "sum")]
pub(crate) static DEPTH: Gauge;

/// Sizes.
#[metric(name = "sizes_bytes", buckets = [1, 10.5], unit = "bytes")]
static SIZES: Histogram;

#[test]
fn a_declared_metric_counts_and_is_there_before_it_counts() {
    /// Never touched.
    #[metric(name = "untouched_total", crate = ::headcount)]
    static UNTOUCHED: Counter;
    let _ = &UNTOUCHED;

    THINGS.inc();
    let copy = THINGS;
    copy.inc_by(2);
    DEPTH.set(4.5);
    SIZES.observe(5.0);
    SIZES.observe(50.0);
    assert_page(&[
        ("things_total", 3.0),
        ("depth", 4.5),
        ("untouched_total", 0.0),
        (r#"sizes_bytes_bucket{le="1.0"}"#, 0.0),
        (r#"sizes_bytes_bucket{le="10.5"}"#, 1.0),
        ("sizes_bytes_sum", 55.0),
    ]);
    let text = headcount::Collector::new().collect().unwrap().to_text();
    assert!(text.contains("# HELP things_total Things that happened.\n"), "{text}");
    assert!(text.contains("# HELP depth How deep.\n"), "{text}");
}

/**
 * Written in a block,
 *   of two lines.
 *
 * Another paragraph.
 */
#[metric(name = "starred_total")]
static STARRED: Counter;

#[test]
fn the_asterisks_of_a_comment_are_no_help() {
    STARRED.inc();
    page();
    let text = headcount::Collector::new().collect().unwrap().to_text();
    let help = "# HELP starred_total Written in a block, of two lines.\n";
    assert!(text.contains(help), "{text}");
}

/// Its derived code uses it, which is nobody's fault.
#[deny(deprecated)]
mod old {
    #[derive(headcount::LabelValue)]
    #[deprecated]
    pub(super) enum Old {
        One,
    }
    #[derive(headcount::LabelValue)]
    #[deprecated]
    pub(super) struct Older(pub(super) u8);
}

#[test]
fn a_deprecated_type_may_be_a_label() {
    use headcount::testing::label_of;

    #[expect(deprecated, reason = "it is what is tested")]
    let labels = [label_of(&old::Old::One), label_of(&old::Older(2))];
    assert_eq!(labels, ["one", "2"]);
}

#[test]
fn a_named_family_without_a_help_is_described_by_its_function() {
    #[counted(name = "described_total")]
    fn described() {}

    described();
    page();
    let text = headcount::Collector::new().collect().unwrap().to_text();
    assert!(
        text.contains("# HELP described_total Calls of `attributes_calls::families::described`.\n"),
        "{text}"
    );
}
