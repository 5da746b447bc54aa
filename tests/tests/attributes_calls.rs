//! What the attributes count: every way into a function and out of it, asserted in the exposition.
//!
//! Each test has functions of its own, so that the tests can run at the same time in one process.

#![expect(clippy::unnecessary_wraps, reason = "what is returned is what is looked at")]
#![allow(clippy::unwrap_used, reason = "a helper fails the test")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "when arguments are dropped is one of the cases"
)]
#![expect(clippy::multiple_bound_locations, reason = "so that a `where` clause is there")]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use headcount::{Counter, Gauge, Histogram, count_exceptions, counted, in_progress, metric, timed};
use headcount_tests::calls::{Yield, block_on, panics, poll};
use headcount_tests::page::Page;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the process has counted until now.
fn page() -> Page {
    // The first use in a process declares everything, also what only other tests use.
    #[counted]
    fn looked_at() {}
    looked_at();
    let text = headcount::Collector::new().collect().unwrap().to_text();
    Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Fails unless the page has all these samples.
#[track_caller]
fn assert_page(samples: &[(&str, f64)]) {
    page().assert(samples);
}

/// The four shared families of a function: calls, observed durations, in progress, exceptions.
#[track_caller]
fn assert_function(function: &str, expected: [f64; 4]) {
    let labels = format!("{{{}}}", labels(function));
    let names = [
        "function_calls_total",
        "function_calls_duration_seconds_count",
        "function_calls_concurrent",
        "function_exceptions_total",
    ];
    let page = page();
    let found = names.map(|name| page.value(&format!("{name}{labels}")));
    assert_eq!(found, expected.map(Some), "{function}\n{:#?}", page.samples);
}

/// The calls of a function by their outcomes: ok, error, panic, cancelled.
#[track_caller]
fn assert_outcomes(name: &str, labels: &str, expected: [f64; 4]) {
    page().assert_outcomes(name, labels, expected);
}

/// The labels of the one function whose path ends so: those in a test have its name before theirs.
fn labels(function: &str) -> String {
    let page = page();
    let paths = page.samples.keys().filter_map(|key| {
        Some(key.split_once("{function=\"")?.1.split_once("\",module=\"attributes_calls\"")?.0)
    });
    let ours = |path: &&str| {
        path.rsplit_once(function).is_some_and(|(before, after)| {
            after.is_empty() && (before.is_empty() || before.ends_with("::"))
        })
    };
    let paths: BTreeSet<_> = paths.filter(ours).collect();
    assert_eq!(paths.len(), 1, "{function}: {paths:?}\n{:#?}", page.samples);
    format!("function=\"{}\",module=\"attributes_calls\"", paths.first().unwrap())
}

#[test]
fn a_call_that_returns_is_counted_timed_and_no_longer_in_progress() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn returning(a: u32) -> u32 {
        a + 1
    }

    assert_eq!(returning(1) + returning(2), 5);
    assert_function("returning", [2.0, 2.0, 0.0, 0.0]);
}

#[test]
fn every_way_out_of_a_function_is_an_end() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn ending(how: u8) -> Result<u8, std::num::ParseIntError> {
        if how == 0 {
            return Ok(0);
        }
        let parsed: u8 = if how == 1 { "x".parse()? } else { "2".parse()? };
        assert_ne!(how, 3, "as asked");
        Ok(parsed)
    }

    assert_eq!(ending(0), Ok(0));
    assert!(ending(1).is_err());
    assert_eq!(ending(2), Ok(2));
    panics(|| drop(ending(3)));
    assert_function("ending", [4.0, 4.0, 0.0, 2.0]);
}

#[test]
fn a_guard_without_an_outcome_ends_by_return_question_mark_and_panic_too() {
    #[timed]
    #[in_progress]
    fn guarded(how: u8) -> Option<u8> {
        let none: Option<u8> = None;
        match how {
            0 => return Some(0),
            1 => drop(none?),
            2 => panic!("as asked"),
            _ => {}
        }
        Some(how)
    }

    assert_eq!((guarded(0), guarded(1), guarded(3)), (Some(0), None, Some(3)));
    panics(|| assert_eq!(guarded(2), None));
    let labels = labels("guarded");
    assert_page(&[
        (&format!("function_calls_duration_seconds_count{{{labels}}}"), 4.0),
        (&format!("function_calls_concurrent{{{labels}}}"), 0.0),
    ]);
}

#[test]
fn outcomes_are_distinguished() {
    #[counted(outcome)]
    #[timed(outcome)]
    fn telling(how: u8) -> std::io::Result<()> {
        assert_ne!(how, 2, "as asked");
        if how == 1 { Err(std::io::Error::other("as asked")) } else { Ok(()) }
    }

    drop((telling(0), telling(0), telling(1)));
    panics(|| drop(telling(2)));
    let labels = labels("telling");
    assert_outcomes("function_calls_total", &labels, [2.0, 1.0, 1.0, 0.0]);
    assert_outcomes("function_calls_duration_seconds_count", &labels, [2.0, 1.0, 1.0, 0.0]);
}

#[test]
fn what_is_no_result_is_ok_unless_error_if_says_otherwise() {
    #[counted(name = "answers_total", outcome)]
    #[counted(name = "wrong_answers_total", outcome, error_if = |answer| *answer != 42)]
    #[count_exceptions(name = "odd_answers_total", error_if = |answer| answer % 2 == 1)]
    fn answer(answer: u32) -> u32 {
        answer
    }

    assert_eq!(answer(42) + answer(7) + answer(6), 55);
    assert_outcomes("answers_total", "", [3.0, 0.0, 0.0, 0.0]);
    assert_outcomes("wrong_answers_total", "", [1.0, 2.0, 0.0, 0.0]);
    assert_page(&[("odd_answers_total", 1.0)]);
}

#[test]
fn error_if_sees_what_a_type_parameter_hides() {
    #[count_exceptions(error_if = |value| *value == R::default())]
    fn hiding<R: Default + PartialEq>(value: R) -> R {
        value
    }

    assert_eq!(hiding(0) + hiding(1), 1);
    assert_eq!(hiding(""), "");
    let key = format!("function_exceptions_total{{{}}}", labels("hiding"));
    assert_page(&[(&key, 2.0)]);
}

#[test]
fn a_future_dropped_at_any_await_is_cancelled_and_leaks_nothing() {
    #[counted(name = "walks_total", outcome)]
    #[timed(name = "walk_seconds")]
    #[in_progress(name = "walks")]
    #[count_exceptions(name = "walk_failures_total")]
    async fn walk(steps: u32, fails: bool) -> Result<u32, String> {
        for _ in 0..steps {
            Yield::default().await;
        }
        if fails { Err("as asked".to_owned()) } else { Ok(steps) }
    }

    for polls in 1..=3 {
        let mut future = Box::pin(walk(3, false));
        for _ in 0..polls {
            assert!(poll(future.as_mut()).is_pending());
        }
        assert_page(&[("walks", 1.0)]);
        drop(future);
        assert_page(&[("walks", 0.0)]);
    }
    assert_eq!(block_on(walk(3, false)), Ok(3));
    assert!(block_on(walk(3, true)).is_err());
    assert_outcomes("walks_total", "", [1.0, 1.0, 0.0, 3.0]);
    assert_page(&[("walk_seconds_count", 5.0), ("walks", 0.0), ("walk_failures_total", 1.0)]);
}

#[test]
fn a_future_that_is_never_polled_counts_nowhere() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    async fn unpolled() {}

    drop(unpolled());
    assert_function("unpolled", [0.0, 0.0, 0.0, 0.0]);
    block_on(unpolled());
    assert_function("unpolled", [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_panic_inside_of_a_poll_is_a_panic_and_not_a_cancellation() {
    #[counted(outcome)]
    #[count_exceptions]
    async fn exploding() {
        Yield::default().await;
        panic!("as asked");
    }

    panics(|| block_on(exploding()));
    let labels = labels("exploding");
    assert_outcomes("function_calls_total", &labels, [0.0, 0.0, 1.0, 0.0]);
    assert_page(&[(&format!("function_exceptions_total{{{labels}}}"), 1.0)]);
}

#[test]
fn a_future_dropped_while_another_unwinds_is_cancelled() {
    #[counted(outcome)]
    async fn bystander() {
        Yield::default().await;
    }

    panics(|| {
        let mut future = Box::pin(bystander());
        assert!(poll(future.as_mut()).is_pending());
        panic!("as asked");
    });
    assert_outcomes("function_calls_total", &labels("bystander"), [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn returned_futures_are_measured_as_futures() {
    #[counted(outcome)]
    #[timed]
    fn implied(fails: bool) -> impl Future<Output = Result<(), ()>> + Send {
        async move {
            Yield::default().await;
            if fails { Err(()) } else { Ok(()) }
        }
    }

    #[counted(outcome)]
    fn boxed(name: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        let length = name.len();
        if length == 0 {
            return Box::pin(async { 0 });
        }
        Box::pin(async move {
            Yield::default().await;
            length
        })
    }

    #[counted(outcome)]
    fn just_boxed(name: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async move {
            Yield::default().await;
            name.len()
        })
    }

    #[counted(outcome, future)]
    #[in_progress]
    fn aliased(n: u8) -> Boxed<'static, u8> {
        Box::pin(async move { n })
    }

    #[counted]
    fn merely_counted() -> impl Future<Output = ()> {
        Yield::default()
    }

    drop((implied(false), boxed(""), just_boxed(""), aliased(1), merely_counted()));
    assert_outcomes("function_calls_total", &labels("implied"), [0.0; 4]);
    assert_outcomes("function_calls_total", &labels("aliased"), [0.0; 4]);
    block_on(merely_counted());
    assert_page(&[(&format!("function_calls_total{{{}}}", labels("merely_counted")), 1.0)]);

    assert!(block_on(implied(false)).is_ok());
    assert!(block_on(implied(true)).is_err());
    let mut dropped = Box::pin(implied(true));
    assert!(poll(dropped.as_mut()).is_pending());
    drop(dropped);
    assert_outcomes("function_calls_total", &labels("implied"), [1.0, 1.0, 0.0, 1.0]);

    assert_eq!(block_on(boxed("ab")) + block_on(boxed("")) + block_on(just_boxed("abc")), 5);
    let mut dropped = boxed("ab");
    assert!(poll(dropped.as_mut()).is_pending());
    drop(dropped);
    assert_outcomes("function_calls_total", &labels("boxed"), [2.0, 0.0, 0.0, 1.0]);
    assert_outcomes("function_calls_total", &labels("just_boxed"), [1.0, 0.0, 0.0, 0.0]);

    assert_eq!(block_on(aliased(3)), 3);
    assert_outcomes("function_calls_total", &labels("aliased"), [1.0, 0.0, 0.0, 0.0]);
}

#[async_trait::async_trait]
trait Fetch {
    async fn fetch(&self, path: &str) -> Result<usize, String>;

    #[counted(name = "prefetches_total", labels(path))]
    async fn prefetch(&self, path: String) -> usize {
        Yield::default().await;
        path.len()
    }
}

struct Remote {
    up: bool,
}

#[async_trait::async_trait]
impl Fetch for Remote {
    #[counted(outcome)]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    async fn fetch(&self, path: &str) -> Result<usize, String> {
        Yield::default().await;
        if !self.up {
            return Err("down".to_owned());
        }
        Ok(path.len())
    }
}

#[test]
fn a_method_of_async_trait_is_measured_as_a_future() {
    assert_eq!(block_on(Remote { up: true }.fetch("abc")), Ok(3));
    assert!(block_on(Remote { up: false }.fetch("abc")).is_err());
    let remote = Remote { up: true };
    drop(remote.fetch("never polled"));
    let mut future = remote.fetch("dropped");
    assert!(poll(future.as_mut()).is_pending());
    drop(future);

    let labels = labels("Remote::fetch");
    assert_outcomes("function_calls_total", &labels, [1.0, 1.0, 0.0, 1.0]);
    assert_page(&[
        (&format!("function_calls_duration_seconds_count{{{labels}}}"), 3.0),
        (&format!("function_calls_concurrent{{{labels}}}"), 0.0),
        (&format!("function_exceptions_total{{{labels}}}"), 1.0),
    ]);

    assert_eq!(block_on(remote.prefetch("abcd".to_owned())), 4);
    assert_page(&[(r#"prefetches_total{path="abcd"}"#, 1.0)]);
}

#[test]
fn a_recursive_call_is_a_call_of_its_own() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn factorial(n: u64) -> u64 {
        if n == 0 {
            let key = format!("function_calls_concurrent{{{}}}", labels("factorial"));
            assert_page(&[(&key, 5.0)]);
            return 1;
        }
        n * factorial(n - 1)
    }

    assert_eq!(factorial(4), 24);
    assert_function("factorial", [5.0, 5.0, 0.0, 0.0]);
}

struct Shop {
    open: bool,
}

trait Serve {
    async fn serve(&mut self, guests: usize) -> Result<usize, String>;

    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn close(&self) -> bool {
        true
    }
}

impl Serve for Shop {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    async fn serve(&mut self, guests: usize) -> Result<usize, String> {
        Yield::default().await;
        if std::mem::replace(&mut self.open, false) { Ok(guests) } else { Err("closed".into()) }
    }
}

impl Shop {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn new() -> Self {
        Self { open: true }
    }

    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn consume(self) -> bool {
        self.open
    }

    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn toggle(&mut self) -> &mut bool {
        self.open = !self.open;
        &mut self.open
    }

    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn pinned(mut self: Pin<&mut Self>) -> Option<&mut Shop> {
        self.open = true;
        Some(self.get_mut())
    }
}

#[test]
fn methods_are_named_with_their_type() {
    let mut shop = Shop::new();
    assert_eq!(block_on(shop.serve(3)), Ok(3));
    assert!(block_on(shop.serve(3)).is_err());
    assert!(*shop.toggle());
    assert!(Pin::new(&mut shop).pinned().is_some_and(|shop| shop.close()));
    assert!(shop.consume());
    assert_function("Shop::new", [1.0, 1.0, 0.0, 0.0]);
    assert_function("Shop::serve", [2.0, 2.0, 0.0, 1.0]);
    assert_function("Shop::toggle", [1.0, 1.0, 0.0, 0.0]);
    assert_function("Shop::pinned", [1.0, 1.0, 0.0, 0.0]);
    assert_function("Shop::consume", [1.0, 1.0, 0.0, 0.0]);
    assert_function("Serve::close", [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_generic_function_is_one_series_for_all_its_types() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn generic<'a, T: ToString + ?Sized, const N: usize>(
        value: &'a T,
        _: [u8; N],
    ) -> (&'a T, String)
    where
        T: 'a,
    {
        (value, value.to_string())
    }

    #[counted(outcome)]
    fn argued(values: impl IntoIterator<Item = u8>) -> impl Iterator<Item = u8> {
        values.into_iter().map(|value| value + 1)
    }

    #[counted(outcome)]
    fn nested(values: &[u8]) -> Result<impl Iterator<Item = &u8>, String> {
        let first = values.first().ok_or("empty")?;
        Ok(std::iter::once(first))
    }

    assert_eq!(generic("a", [0]).1 + &generic(&1, [0, 0]).1, "a1");
    assert_function("generic", [2.0, 2.0, 0.0, 0.0]);
    assert_eq!(argued([1, 2]).sum::<u8>(), 5);
    assert_outcomes("function_calls_total", &labels("argued"), [1.0, 0.0, 0.0, 0.0]);
    assert!(nested(&[]).is_err() && nested(&[1]).is_ok());
    assert_outcomes("function_calls_total", &labels("nested"), [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn patterns_as_parameters_are_bound_as_before() {
    struct Pair {
        left: String,
        right: u8,
    }

    #[count_exceptions]
    #[counted(outcome)]
    fn taken(
        Pair { left, mut right }: Pair,
        (mut a, ref b): (u8, String),
        [c, ..]: [u8; 2],
        mut list: Vec<u8>,
        _: u8,
    ) -> String {
        right += c;
        a += right;
        list.push(a);
        format!("{left}{b}{list:?}")
    }

    #[count_exceptions]
    async fn taken_later((mut a, b): (u8, String), mut list: Vec<u8>) -> String {
        a += 1;
        Yield::default().await;
        list.push(a);
        format!("{b}{list:?}")
    }

    let pair = Pair { left: "l".to_owned(), right: 1 };
    assert_eq!(taken(pair, (1, "b".to_owned()), [1, 2], vec![0], 0), "lb[0, 3]");
    assert_eq!(block_on(taken_later((1, "b".to_owned()), vec![])), "b[2]");
    assert_outcomes("function_calls_total", &labels("taken"), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn arguments_are_dropped_in_the_order_of_the_plain_function() {
    use std::cell::RefCell;

    struct Loud<'a>(&'static str, &'a RefCell<Vec<&'static str>>);
    impl Drop for Loud<'_> {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    fn plain(a: Loud<'_>, b: Loud<'_>, c: Loud<'_>) -> usize {
        b.0.len() + a.0.len() + c.0.len()
    }
    #[count_exceptions]
    fn sync(a: Loud<'_>, b: Loud<'_>, c: Loud<'_>) -> usize {
        b.0.len() + a.0.len() + c.0.len()
    }
    #[count_exceptions]
    async fn later(a: Loud<'_>, b: Loud<'_>, c: Loud<'_>) -> usize {
        b.0.len() + a.0.len() + c.0.len()
    }

    let drops = RefCell::new(Vec::new());
    let loud = |name| Loud(name, &drops);
    plain(loud("a"), loud("b"), loud("c"));
    assert_eq!(drops.take(), ["c", "b", "a"]);
    sync(loud("a"), loud("b"), loud("c"));
    assert_eq!(drops.take(), ["c", "b", "a"]);
    block_on(later(loud("a"), loud("b"), loud("c")));
    assert_eq!(drops.take(), ["c", "b", "a"]);
}

#[test]
fn a_function_that_never_returns_counts_at_its_beginning_and_its_panic() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn diverging() -> ! {
        panic!("as asked")
    }

    #[counted(outcome)]
    async fn diverging_later() -> ! {
        Yield::default().await;
        panic!("as asked")
    }

    #[counted(outcome)]
    async fn serving() -> std::convert::Infallible {
        Yield::default().await;
        panic!("as asked")
    }

    #[counted(outcome)]
    fn serving_here() -> std::convert::Infallible {
        panic!("as asked")
    }

    // The value passes through two calls.
    #[counted(outcome)]
    #[counted(outcome, name = "rounds_total")]
    #[timed]
    async fn serving_twice(name: String) -> std::convert::Infallible {
        Yield::default().await;
        panic!("{name}")
    }

    #[counted(outcome)]
    fn boxed_serving() -> Pin<Box<dyn Future<Output = std::convert::Infallible>>> {
        let name = "as asked";
        Box::pin(async move { panic!("{name}") })
    }

    panics(|| diverging());
    panics(|| block_on(async { diverging_later().await }));
    panics(|| block_on(async { match serving().await {} }));
    panics(|| {
        serving_here();
    });
    panics(|| block_on(async { match serving_twice("as asked".to_owned()).await {} }));
    panics(|| block_on(async { match boxed_serving().await {} }));
    assert_function("diverging", [1.0, 1.0, 0.0, 1.0]);
    assert_outcomes("function_calls_total", &labels("diverging_later"), [0.0, 0.0, 1.0, 0.0]);
    for name in ["serving", "serving_here", "serving_twice", "boxed_serving"] {
        assert_outcomes("function_calls_total", &labels(name), [0.0, 0.0, 1.0, 0.0]);
    }
}

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
fn async_labels_are_read_at_the_first_poll() {
    #[counted(name = "fetches_total", labels(host, path = path.len()))]
    async fn fetch(host: &str, path: String) -> usize {
        Yield::default().await;
        path.len() + host.len()
    }

    drop(fetch("unasked", String::new()));
    assert_eq!(block_on(fetch("h", "abc".to_owned())), 4);
    assert_page(&[(r#"fetches_total{host="h",path="3"}"#, 1.0)]);
    assert!(page().samples.keys().all(|key| !key.contains("unasked")));
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

#[test]
fn two_threads_count_side_by_side() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn shared(n: u32) -> Result<(), ()> {
        if n % 4 == 0 { Err(()) } else { Ok(()) }
    }

    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..1000).for_each(|n| assert_eq!(shared(n).is_err(), n % 4 == 0)));
        }
    });
    assert_function("shared", [2000.0, 2000.0, 0.0, 500.0]);
}

#[test]
fn a_future_may_begin_on_one_thread_and_end_on_another() {
    #[counted]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    async fn moved() -> Result<(), String> {
        Yield::default().await;
        Err("as asked".to_owned())
    }

    let mut future = Box::pin(moved());
    assert!(poll(future.as_mut()).is_pending());
    assert_function("moved", [1.0, 0.0, 1.0, 0.0]);
    std::thread::spawn(move || block_on(future)).join().unwrap().unwrap_err();
    assert_function("moved", [1.0, 1.0, 0.0, 1.0]);
}

#[test]
fn attributes_merge_in_any_order_under_any_name_and_behind_cfg_attr() {
    use headcount as hc;
    use headcount::timed as stopwatch;

    #[in_progress]
    #[cfg_attr(all(), count_exceptions)]
    #[hc::counted]
    #[stopwatch]
    #[inline]
    fn mixed(n: u8) -> Option<u8> {
        Some(n)
    }

    #[cfg_attr(any(), counted(name = "never_total"))]
    #[stopwatch]
    #[::headcount::counted(crate = hc)]
    #[count_exceptions]
    #[hc::in_progress]
    async fn mixed_later(n: u8) -> Option<u8> {
        Some(n)
    }

    assert_eq!(mixed(1), block_on(mixed_later(1)));
    assert_function("mixed", [1.0, 1.0, 0.0, 0.0]);
    assert_function("mixed_later", [1.0, 1.0, 0.0, 0.0]);
    assert!(!page().types.contains_key("never_total"));
}

#[counted]
#[test]
fn an_attribute_goes_before_and_after_test() {
    let key =
        format!("function_calls_total{{{}}}", labels("an_attribute_goes_before_and_after_test"));
    assert_page(&[(&key, 1.0)]);
}

#[test]
#[counted]
#[should_panic(expected = "as asked")]
fn an_attribute_leaves_should_panic_alone() {
    panic!("as asked");
}

#[test]
fn functions_made_by_macros_are_counted() {
    macro_rules! make {
        ($name:ident, $metric:literal, $label:expr, $help:expr, $ty:ty, $body:block) => {
            #[counted(name = $metric, labels(label = $label, $name = "x"))]
            #[timed]
            #[count_exceptions]
            fn $name(argument: $ty) -> Result<$ty, ()> {
                let _ = $help;
                $body
                Ok(argument)
            }
        };
    }
    make!(made, "made_total", 1 + 2, "", u8, {});

    assert_eq!(made(1), Ok(1));
    assert_page(&[(r#"made_total{label="3",made="x"}"#, 1.0)]);
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

#[test]
fn a_named_family_without_a_help_is_described_by_its_function() {
    #[counted(name = "described_total")]
    fn described() {}

    described();
    page();
    let text = headcount::Collector::new().collect().unwrap().to_text();
    assert!(
        text.contains("# HELP described_total Calls of `attributes_calls::described`.\n"),
        "{text}"
    );
}
