//! What the attributes' keys do, asserted in the exposition: labels by type, families, which ends
//! count, declared metrics, conditions.
//!
//! Each test has functions and families of its own, so that the tests can run at the same time in
//! one process.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]

use std::borrow::Cow;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

use headcount::testing::label_of;
use headcount::{
    Counter, Gauge, Histogram, LabelValue, Outcome, Summary, count_exceptions, counted,
    in_progress, metric, timed,
};
use headcount_tests::calls::{Yield, block_on, panics, poll};
use headcount_tests::collected::own_page;
use headcount_tests::page::Page;

/// What the process has counted until now.
fn page() -> Page {
    // The first use in a process declares everything, also what only other tests use.
    #[counted]
    fn looked_at() {}
    looked_at();
    own_page()
}

#[derive(Debug, Clone, Copy, LabelValue)]
enum Method {
    Get,
    #[label(rename = "PUT")]
    Put,
}

#[test]
fn the_variants_of_an_enum_are_all_values_of_a_label() {
    #[derive(LabelValue)]
    #[label(rename_all = "kebab-case")]
    enum Failure<T> {
        NotFound,
        TimedOut {
            #[expect(dead_code, reason = "a value isn't looked into")]
            after: T,
        },
        HTTPError(#[expect(dead_code, reason = "a value isn't looked into")] u16),
        #[label(rename = "say \"no\"")]
        Refused,
    }
    #[derive(LabelValue)]
    enum Raw {
        r#Type,
    }

    assert_eq!(Method::VALUES, ["get", "PUT"]);
    assert_eq!((Method::Put.index(), label_of(&Method::Put)), (1, "PUT".to_owned()));
    assert_eq!(Failure::<u8>::VALUES, ["not-found", "timed-out", "http-error", "say \"no\""]);
    assert_eq!(label_of(&Failure::TimedOut { after: [0; 2] }), "timed-out");
    assert_eq!(label_of(&Failure::<u8>::HTTPError(3)), "http-error");
    assert_eq!(label_of(&Failure::<u8>::Refused), "say \"no\"");
    assert_eq!(label_of(&Failure::<u8>::NotFound), "not-found");
    assert_eq!(label_of(&Raw::Type), "type");
}

#[test]
fn a_struct_around_one_value_has_that_value() {
    #[derive(LabelValue)]
    struct Tenant(String);
    #[derive(LabelValue)]
    struct By<'a, T: Copy>
    where
        T: Send,
    {
        r#fn: &'a T,
    }

    assert_eq!(label_of(&Tenant("acme".to_owned())), "acme");
    assert_eq!(Tenant::VALUES.len(), 0);
    let by = By { r#fn: &Method::Put };
    assert_eq!(
        (label_of(&by), by.index(), By::<'_, Method>::VALUES.len()),
        ("PUT".to_owned(), 1, 2)
    );
}

#[test]
fn series_of_closed_labels_exist_before_the_first_call() {
    #[counted(name = "closed_total", labels(method, cached: bool = path.is_empty(), kind = "a"), outcome)]
    fn closed(mut method: Method, path: &str) -> usize {
        if path.is_empty() {
            method = Method::Get;
        }
        path.len() + method.index()
    }

    let before = page();
    assert_eq!(before.series("closed_total"), 2 * 2 * 4);
    assert_eq!(closed(Method::Put, "") + closed(Method::Put, "ab"), 3);
    let after = page();
    assert_eq!(after.series("closed_total"), 2 * 2 * 4);
    let labels = |cached| format!("cached=\"{cached}\",kind=\"a\",method=\"PUT\"");
    after.assert_outcomes("closed_total", &labels(true), [1.0, 0.0, 0.0, 0.0]);
    after.assert_outcomes("closed_total", &labels(false), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn closed_and_open_labels_stand_side_by_side() {
    #[timed(name = "mixed_seconds", labels(tenant, method, size: u8 = 3 + extra))]
    #[counted(name = "mixed_total", labels(text: Cow<'_, str> = Cow::Borrowed(tenant), method))]
    #[expect(clippy::needless_lifetimes, reason = "a label's type is written without them")]
    fn mixed<'a>(method: Method, tenant: &'a str, extra: u8) -> &'a str {
        let _ = (method, extra);
        tenant
    }

    assert_eq!(mixed(Method::Get, "acme", 1), "acme");
    page().assert(&[
        (r#"mixed_seconds_count{method="get",size="4",tenant="acme"}"#, 1.0),
        (r#"mixed_total{method="get",text="acme"}"#, 1.0),
    ]);
}

#[test]
fn an_argument_whose_type_is_a_parameter_is_an_open_label() {
    struct Cache<K>(Option<K>);
    impl<K: LabelValue + Copy> Cache<K> {
        #[counted(name = "cache_total", labels(key, other))]
        fn get<V: LabelValue>(&mut self, key: K, other: V, (left, _): (u8, u8)) -> u8 {
            self.0 = Some(key);
            let _ = other;
            left
        }
    }

    assert_eq!(Cache(None).get(Method::Put, 7_u8, (1, 2)), 1);
    page().assert(&[(r#"cache_total{key="PUT",other="7"}"#, 1.0)]);
}

/// Requests served.
#[metric(name = "family_requests_total")]
fn requests(method: Method, status: u16) -> Counter;

/// Time spent.
#[metric(name = "family_seconds", buckets = [0.5, 1.0])]
fn spent(method: Method) -> Histogram;

#[metric(name = "family_depth", help = "Jobs waiting.", mode = "sum")]
pub(crate) fn depth<'a>(queue: &'a str, tenant: Cow<'a, str>) -> Gauge;

#[test]
fn a_family_is_a_function_whose_parameters_are_its_labels() {
    requests(Method::Put, 200).inc();
    requests(Method::Put, 200).inc_by(2);
    requests(Method::Get, 404).inc();
    spent(Method::Put).observe(0.7);
    depth("mail", Cow::Borrowed("acme")).set(3.0);
    let page = page();
    page.assert(&[
        (r#"family_requests_total{method="PUT",status="200"}"#, 3.0),
        (r#"family_requests_total{method="get",status="404"}"#, 1.0),
        (r#"family_seconds_bucket{le="1.0",method="PUT"}"#, 1.0),
        (r#"family_seconds_count{method="get"}"#, 0.0),
        (r#"family_depth{queue="mail",tenant="acme"}"#, 3.0),
    ]);
}

#[test]
fn a_family_may_belong_to_a_type() {
    struct Shop;
    impl Shop {
        /// Sold.
        #[metric(name = "sold_total", max_series = 2)]
        fn sold(kind: &str) -> Counter;
    }

    for kind in ["a", "b", "c", "d"] {
        Shop::sold(kind).inc();
    }
    page().assert(&[(r#"sold_total{kind="a"}"#, 1.0), (r#"sold_total{kind="_other"}"#, 2.0)]);
}

/// Sizes.
#[metric(name = "summary_bytes", unit = "bytes")]
static SUMMARY: Summary;

#[test]
fn a_summary_has_a_sum_and_a_count() {
    #[timed(name = "summed_seconds", summary)]
    #[timed(name = "summed_by_outcome_seconds", summary, outcome, labels(n))]
    fn summed(n: u8) -> Result<(), ()> {
        if n == 0 { Err(()) } else { Ok(()) }
    }

    SUMMARY.observe(2.5);
    assert!(summed(0).is_err() && summed(1).is_ok());
    let page = page();
    page.assert(&[
        ("summary_bytes_sum", 2.5),
        ("summary_bytes_count", 1.0),
        ("summed_seconds_count", 2.0),
        (r#"summed_by_outcome_seconds_count{n="0",outcome="error"}"#, 1.0),
        (r#"summed_by_outcome_seconds_count{n="1",outcome="ok"}"#, 1.0),
    ]);
    assert_eq!(page.types["summed_seconds"], "summary");
}

#[derive(Debug, LabelValue)]
enum JobError {
    Timeout { after: u32 },
    Refused(&'static str),
    Lost,
}

impl JobError {
    fn text(&self) -> &str {
        match self {
            JobError::Refused(why) => why,
            _ => "none",
        }
    }
}

fn job(how: u32) -> Result<u32, JobError> {
    match how {
        0 => Ok(0),
        1 => Err(JobError::Lost),
        2 => Err(JobError::Refused("busy")),
        3 => panic!("as asked"),
        after => Err(JobError::Timeout { after }),
    }
}

#[test]
fn only_counts_the_errors_that_match_the_pattern() {
    #[count_exceptions(name = "long_timeouts_total", only = JobError::Timeout { after } if *after > 30)]
    #[count_exceptions(name = "lost_total", only = JobError::Lost | JobError::Refused(_), panics = true)]
    #[count_exceptions(name = "all_failures_total")]
    #[count_exceptions(only = JobError::Refused("busy"))]
    #[counted(outcome)]
    fn matching(how: u32) -> Result<u32, JobError> {
        job(how)
    }

    for how in [0, 1, 2, 10, 40, 50] {
        let _ = matching(how);
    }
    panics(|| drop(matching(3)));
    let page = page();
    page.assert(&[
        ("long_timeouts_total", 2.0),
        ("lost_total", 3.0),
        ("all_failures_total", 6.0),
        (
            r#"function_exceptions_total{function="only_counts_the_errors_that_match_the_pattern::matching",module="attributes_grammar"}"#,
            1.0,
        ),
    ]);
}

#[test]
fn only_looks_into_the_errors_of_futures_too() {
    #[count_exceptions(name = "later_lost_total", only = JobError::Lost, cancelled = true)]
    async fn later(how: u32) -> Result<u32, JobError> {
        Yield::default().await;
        job(how)
    }
    #[count_exceptions(name = "boxed_lost_total", only = error if error.text() == "busy")]
    fn boxed(how: u32) -> Pin<Box<dyn Future<Output = Result<u32, JobError>>>> {
        Box::pin(async move { job(how) })
    }

    for how in 0..3 {
        let _ = block_on(later(how));
        let _ = block_on(boxed(how));
    }
    let mut cancelled = Box::pin(later(0));
    assert!(poll(cancelled.as_mut()).is_pending());
    drop(cancelled);
    page().assert(&[("later_lost_total", 2.0), ("boxed_lost_total", 1.0)]);
}

#[test]
fn which_ends_are_exceptions_can_be_said() {
    #[count_exceptions(name = "errors_alone_total", panics = false)]
    #[count_exceptions(name = "any_end_total", cancelled = true)]
    async fn ending(how: u32) -> Result<u32, JobError> {
        Yield::default().await;
        job(how)
    }

    assert!(block_on(ending(1)).is_err());
    panics(|| drop(block_on(ending(3))));
    let mut cancelled = Box::pin(ending(0));
    assert!(poll(cancelled.as_mut()).is_pending());
    drop(cancelled);
    page().assert(&[("errors_alone_total", 1.0), ("any_end_total", 3.0)]);
}

#[test]
fn labels_can_be_taken_from_the_error() {
    #[count_exceptions(name = "kinds_total", labels(queue), error_labels(kind, why = |error| error.text()))]
    #[count_exceptions(name = "texts_total", error_labels(text = JobError::text, size = |e: &JobError| e.text().len()))]
    #[count_exceptions(
        name = "late_total",
        error_labels(after = |error| if let JobError::Timeout { after } = error { *after } else { 0 }),
        only = JobError::Timeout { .. },
        cancelled = true
    )]
    async fn labelled(queue: String, how: u32) -> Result<u32, JobError> {
        drop(queue);
        Yield::default().await;
        job(how)
    }

    for how in [0, 1, 2, 2, 77] {
        let _ = block_on(labelled("mail".to_owned(), how));
    }
    panics(|| drop(block_on(labelled("news".to_owned(), 3))));
    let mut cancelled = Box::pin(labelled("mail".to_owned(), 0));
    assert!(poll(cancelled.as_mut()).is_pending());
    drop(cancelled);
    let page = page();
    page.assert(&[
        (r#"kinds_total{kind="lost",queue="mail",why="none"}"#, 1.0),
        (r#"kinds_total{kind="refused",queue="mail",why="busy"}"#, 2.0),
        (r#"kinds_total{kind="timeout",queue="mail",why="none"}"#, 1.0),
        (r#"kinds_total{kind="panic",queue="news",why="panic"}"#, 1.0),
        (r#"texts_total{size="4",text="busy"}"#, 2.0),
        (r#"texts_total{size="4",text="none"}"#, 2.0),
        (r#"late_total{after="77"}"#, 1.0),
        (r#"late_total{after="cancelled"}"#, 1.0),
    ]);
    assert_eq!(page.series("late_total"), 2);
}

/// Calls.
#[metric(name = "declared_calls_total")]
fn declared_calls(queue: &str, outcome: Outcome) -> Counter;

/// Calls.
#[metric(name = "declared_total")]
static DECLARED: Counter;

/// Durations.
#[metric(name = "declared_seconds", buckets = [1.0, 2.0])]
static DECLARED_SECONDS: Histogram;

/// Durations.
#[metric(name = "declared_by_outcome_seconds")]
fn declared_by_outcome(outcome: Outcome) -> Summary;

/// Running.
#[metric(name = "declared_running", mode = "sum")]
fn declared_running(queue: &str) -> Gauge;

#[test]
fn attributes_count_on_declared_metrics() {
    #[counted(metric = DECLARED)]
    #[counted(metric = |outcome| declared_calls(queue, outcome))]
    #[timed(metric = DECLARED_SECONDS)]
    #[timed(metric = declared_by_outcome, outcome)]
    #[in_progress(metric = declared_running(queue))]
    #[count_exceptions(metric = declared_calls("failures", Outcome::Error))]
    #[count_exceptions(metric = declared_calls("lost", Outcome::Error), only = JobError::Lost)]
    fn declared(queue: &str, how: u32) -> Result<u32, JobError> {
        page().assert(&[(r#"declared_running{queue="mail"}"#, 1.0)]);
        assert_eq!(queue, "mail");
        job(how)
    }
    #[counted(metric = DECLARED)]
    fn merely_counted() {}

    for how in 0..3 {
        let _ = declared("mail", how);
    }
    merely_counted();
    panics(|| drop(declared("mail", 3)));
    let page = page();
    page.assert_outcomes("declared_calls_total", r#"queue="mail""#, [1.0, 2.0, 1.0, 0.0]);
    page.assert(&[
        ("declared_total", 5.0),
        ("declared_seconds_count", 4.0),
        (r#"declared_by_outcome_seconds_count{outcome="error"}"#, 2.0),
        (r#"declared_running{queue="mail"}"#, 0.0),
        (r#"declared_calls_total{outcome="error",queue="failures"}"#, 3.0),
        (r#"declared_calls_total{outcome="error",queue="lost"}"#, 1.0),
    ]);
}

#[test]
fn a_condition_is_asked_once_and_without_it_no_label_is_read() {
    #[counted(name = "sampled_total", labels(text = look(looks)), when = ask(asked, on), outcome)]
    #[counted(name = "counted_when_total", when = on)]
    #[in_progress(name = "running_when", when = on)]
    #[count_exceptions(name = "when_failures_total", when = on, error_labels(kind = |error| *error))]
    #[timed(when = on)]
    #[in_progress]
    fn sampled(on: bool, asked: &Cell<u32>, looks: &Cell<u32>) -> Result<(), u8> {
        if asked.get() > 100 { Ok(()) } else { Err(7) }
    }
    #[counted(when = on)]
    fn merely(on: bool) {
        let _ = on;
    }
    fn ask(asked: &Cell<u32>, on: bool) -> bool {
        asked.set(asked.get() + 1);
        on
    }
    fn look(looks: &Cell<u32>) -> &'static str {
        looks.set(looks.get() + 1);
        "x"
    }

    let (asked, looks) = (Cell::new(0), Cell::new(0));
    for on in [true, false, false] {
        assert!(sampled(on, &asked, &looks).is_err());
        merely(on);
    }
    assert_eq!((asked.get(), looks.get()), (3, 1));
    let function = "a_condition_is_asked_once_and_without_it_no_label_is_read::";
    page().assert(&[
        (r#"sampled_total{outcome="error",text="x"}"#, 1.0),
        ("counted_when_total", 1.0),
        ("running_when", 0.0),
        (r#"when_failures_total{kind="7"}"#, 1.0),
        (&format!("function_calls_duration_seconds_count{{function=\"{function}sampled\",module=\"attributes_grammar\"}}"), 1.0),
        (&format!("function_calls_concurrent{{function=\"{function}sampled\",module=\"attributes_grammar\"}}"), 0.0),
        (&format!("function_calls_total{{function=\"{function}merely\",module=\"attributes_grammar\"}}"), 1.0),
    ]);
}

#[test]
fn a_cancelled_call_is_timed_unless_it_should_not_be() {
    #[timed(name = "every_end_seconds")]
    #[timed(name = "completed_seconds", cancelled = false)]
    #[timed(name = "completed_outcome_seconds", cancelled = false, outcome)]
    async fn waiting() {
        Yield::default().await;
    }
    #[timed(cancelled = false)]
    fn nameless() -> impl Future<Output = ()> {
        Yield::default()
    }
    #[timed(name = "sync_completed_seconds", cancelled = false)]
    fn sync() {}

    sync();
    block_on(waiting());
    block_on(nameless());
    let (mut waiting, mut nameless) = (Box::pin(waiting()), Box::pin(nameless()));
    assert!(poll(waiting.as_mut()).is_pending() && poll(nameless.as_mut()).is_pending());
    drop((waiting, nameless));
    let page = page();
    let function = "a_cancelled_call_is_timed_unless_it_should_not_be::nameless";
    page.assert(&[
        ("every_end_seconds_count", 2.0),
        ("completed_seconds_count", 1.0),
        ("sync_completed_seconds_count", 1.0),
        (&format!("function_calls_duration_seconds_count{{function=\"{function}\",module=\"attributes_grammar\"}}"), 1.0),
    ]);
    page.assert_outcomes("completed_outcome_seconds_count", "", [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn calls_in_progress_combine_as_their_mode_says() {
    #[in_progress(name = "peak", mode = "max", max_series = 3, labels(n))]
    fn peak(n: u8) -> u8 {
        if n == 0 {
            page().assert(&[(r#"peak{n="0"}"#, 1.0), (r#"peak{n="1"}"#, 1.0)]);
            return 0;
        }
        peak(n - 1)
    }

    assert_eq!(peak(1), 0);
    page().assert(&[(r#"peak{n="0"}"#, 0.0)]);
}

#[test]
fn names_may_be_any_text_where_that_is_said() {
    const NAMESPACE: &str = "größe";

    /// Levels.
    #[metric(
        namespace = NAMESPACE,
        name = "of.depth",
        mode = "livesum",
        utf8_names,
        labels("queue.name" = queue, "queue/kind" = kind)
    )]
    fn depth(queue: &str, kind: bool) -> Gauge;

    #[count_exceptions(
        name = "rpc.failures_total",
        utf8_names,
        labels("rpc.kind" = "unary", straße = 7),
        error_labels("error.type" = |error| *error)
    )]
    fn fails(method: Method) -> Result<(), Method> {
        Err(method)
    }

    #[timed(prefix = "shop.till", utf8_names)]
    mod till {
        pub(super) fn open() {}
    }

    depth("mail", true).set(3);
    assert!(fails(Method::Get).is_err());
    till::open();
    let snapshot = headcount::Collector::new().collect().unwrap();
    let page = snapshot.render("text/plain;version=1.0.0;escaping=allow-utf-8");
    let page = String::from_utf8_lossy(page.body()).into_owned();
    for line in [
        r#"{"größe_of.depth","queue.name"="mail","queue/kind"="true"} 3"#,
        r#"{"rpc.failures_total","error.type"="get","rpc.kind"="unary","straße"="7"} 1"#,
        r#"{"shop.till_calls_duration_seconds_count",function="open"} 1"#,
    ] {
        assert!(page.contains(&format!("{line}\n")), "{line}: {page}");
    }
    let old = snapshot.to_text();
    let line = r#"gr__e_of_depth{queue_name="mail",queue_kind="true"} 3"#;
    assert!(old.contains(&format!("{line}\n")), "{old}");
}
