//! An attribute never changes a program, and sees each end of a call: small programs in which one
//! could. What generated functions do is the test `attributes_differential`; here stands what is
//! recorded of them, and what no generator would think of.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::sleep;
use std::time::Duration;

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::{Yield, block_on, panics, poll};
use headcount_tests::collected::own_page as page;

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was dropped since it was last asked.
fn log() -> String {
    LOG.take().join(" ")
}

/// Says when it is dropped.
struct D(&'static str);

impl Drop for D {
    fn drop(&mut self) {
        LOG.with_borrow_mut(|log| log.push(self.0.to_owned()));
    }
}

/// A transaction as every database library has it: dropped while it is open, it is rolled back.
struct Transaction {
    open: bool,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let end = if self.open { "rolled back" } else { "committed" };
        LOG.with_borrow_mut(|log| log.push(end.to_owned()));
    }
}

impl Transaction {
    #[counted(outcome)]
    fn commit(mut self) -> Result<(), String> {
        self.open = false;
        Ok(())
    }

    #[timed(outcome)]
    #[count_exceptions]
    async fn commit_later(mut self) -> Result<(), String> {
        self.open = false;
        Ok(())
    }

    #[count_exceptions]
    fn commit_boxed(mut self) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
        self.open = false;
        Box::pin(std::future::ready(Ok(())))
    }
}

#[test]
fn a_committed_transaction_is_not_rolled_back() {
    Transaction { open: true }.commit().unwrap();
    block_on(Transaction { open: true }.commit_later()).unwrap();
    block_on(Transaction { open: true }.commit_boxed()).unwrap();
    assert_eq!(log(), "committed committed committed");
}

#[test]
fn arguments_are_dropped_last_first_whether_they_are_mentioned_or_not() {
    #[count_exceptions]
    fn serve(conn: D, _permit: D, _: D, mut last: D) -> Result<(), ()> {
        let _local = D("local");
        last.0 = "last";
        let _ = &conn;
        Ok(())
    }

    serve(D("conn"), D("permit"), D("nameless"), D("changed")).unwrap();
    assert_eq!(log(), "local last nameless permit conn");
}

/// Panics when it is dropped.
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("as expected");
    }
}

#[test]
fn a_panic_in_an_arguments_destructor_is_a_panic_of_the_call() {
    #[counted(name = "explosive_total", outcome)]
    fn unmentioned(_explosive: Explosive) -> u8 {
        1
    }
    #[counted(name = "explosive_result_total", outcome)]
    fn result(_explosive: Explosive) -> Result<u8, ()> {
        Ok(1)
    }
    #[counted(name = "explosive_future_total", outcome)]
    async fn later(_explosive: Explosive) -> u8 {
        1
    }

    panics(|| {
        unmentioned(Explosive);
    });
    panics(|| {
        let _ = result(Explosive);
    });
    panics(|| {
        block_on(later(Explosive));
    });
    for name in ["explosive_total", "explosive_result_total", "explosive_future_total"] {
        page().assert_outcomes(name, "", [0.0, 0.0, 1.0, 0.0]);
    }
}

#[test]
fn a_call_from_a_destructor_while_the_thread_unwinds_is_no_panic() {
    #[counted(name = "called_by_destructor_total", outcome)]
    fn called(n: u8) -> u8 {
        n + 1
    }
    struct Calls;
    impl Drop for Calls {
        fn drop(&mut self) {
            called(1);
        }
    }

    panics(|| {
        let _calls = Calls;
        panic!("as expected");
    });
    page().assert_outcomes("called_by_destructor_total", "", [1.0, 0.0, 0.0, 0.0]);
}

const LONG: Duration = Duration::from_millis(300);

/// Takes long to drop.
struct Slow;

impl Drop for Slow {
    fn drop(&mut self) {
        sleep(LONG);
    }
}

#[test]
fn a_duration_is_that_of_the_body_with_its_locals_and_without_its_arguments() {
    // Each with other attributes beside it, since these decide where the body stands.
    #[timed(name = "body_alone_seconds")]
    fn alone(_argument: Slow) {}
    #[timed(name = "body_watched_seconds")]
    #[count_exceptions]
    fn watched(_argument: Slow) {}
    #[timed(name = "body_result_seconds", outcome)]
    fn result(_argument: Slow) -> Result<(), ()> {
        Ok(())
    }
    #[timed(name = "body_async_seconds")]
    async fn later(_argument: Slow) {
        Yield::default().await;
    }
    #[timed(name = "body_async_watched_seconds")]
    #[count_exceptions]
    async fn later_watched(_argument: Slow) {
        Yield::default().await;
    }

    #[timed(name = "local_alone_seconds")]
    fn local() {
        let _local = Slow;
    }
    #[timed(name = "local_watched_seconds", outcome)]
    fn local_watched(_argument: String) -> Result<(), ()> {
        let _local = Slow;
        Ok(())
    }
    #[timed(name = "local_cancelled_seconds", outcome)]
    async fn local_cancelled(_argument: String) {
        let _local = Slow;
        std::future::pending::<()>().await;
    }

    alone(Slow);
    watched(Slow);
    result(Slow).unwrap();
    block_on(later(Slow));
    block_on(later_watched(Slow));
    let at = page();
    for key in [
        "body_alone_seconds_sum",
        "body_watched_seconds_sum",
        "body_result_seconds_sum{outcome=\"ok\"}",
        "body_async_seconds_sum",
        "body_async_watched_seconds_sum",
    ] {
        assert!(at.at(key) < LONG.as_secs_f64(), "{key} {}", at.at(key));
    }

    local();
    local_watched(String::new()).unwrap();
    let mut future = Box::pin(local_cancelled(String::new()));
    assert!(poll(future.as_mut()).is_pending());
    drop(future);
    let at = page();
    for key in [
        "local_alone_seconds_sum",
        "local_watched_seconds_sum{outcome=\"ok\"}",
        "local_cancelled_seconds_sum{outcome=\"cancelled\"}",
    ] {
        assert!(at.at(key) >= LONG.as_secs_f64(), "{key} {}", at.at(key));
    }
}

#[test]
fn errors_inside_of_an_option_or_a_poll_are_errors() {
    #[counted(name = "in_option_total", outcome)]
    fn option(how: u8) -> Option<Result<u8, ()>> {
        [None, Some(Ok(1)), Some(Err(()))][usize::from(how)]
    }
    #[counted(name = "in_poll_total", outcome)]
    fn ready(how: u8) -> Poll<Result<u8, ()>> {
        [Poll::Pending, Poll::Ready(Ok(1)), Poll::Ready(Err(()))][usize::from(how)]
    }
    #[counted(name = "in_both_total", outcome)]
    fn both(how: u8) -> Poll<Option<Result<u8, ()>>> {
        [Poll::Pending, Poll::Ready(None), Poll::Ready(Some(Err(())))][usize::from(how)]
    }
    #[count_exceptions(name = "in_poll_errors_total", error_labels(kind = |error| error))]
    fn labelled(how: u8) -> Poll<Option<Result<u8, &'static str>>> {
        [Poll::Pending, Poll::Ready(Some(Ok(1))), Poll::Ready(Some(Err("x")))][usize::from(how)]
    }

    for how in 0..3 {
        let _ = (option(how), ready(how), both(how), labelled(how));
    }
    let page = page();
    for name in ["in_option_total", "in_poll_total", "in_both_total"] {
        page.assert_outcomes(name, "", [2.0, 1.0, 0.0, 0.0]);
    }
    page.assert(&[("in_poll_errors_total{kind=\"x\"}", 1.0)]);
}

/// As tower has it.
trait Service<Request> {
    type Future: Future;
    fn call(&mut self, request: Request) -> Self::Future;
}

struct Layer<S>(S);
struct Answers;

/// A future that has a name of its own.
#[derive(Debug, PartialEq)]
struct Answer(u8);

impl Future for Answer {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        Poll::Ready(self.0)
    }
}

#[counted(prefix = "layer", outcome, future = false)]
#[timed(prefix = "layer", future = false)]
impl<S: Service<R>, R> Service<R> for Layer<S> {
    type Future = S::Future;

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}

impl Service<u8> for Answers {
    type Future = Answer;

    #[count_exceptions(future = false)]
    fn call(&mut self, request: u8) -> Self::Future {
        Answer(request)
    }
}

#[test]
fn the_call_is_what_counts_where_that_is_said() {
    assert_eq!(Layer(Answers).call(3), Answer(3), "the type is what it was");
    let page = page();
    page.assert_outcomes("layer_calls_total", "function=\"Layer::call\"", [1.0, 0.0, 0.0, 0.0]);
    page.assert(&[("layer_calls_duration_seconds_count{function=\"Layer::call\"}", 1.0)]);
}

#[test]
fn the_callers_place_is_kept_where_nobody_looks_at_the_value() {
    #[track_caller]
    #[timed]
    #[count_exceptions]
    fn place() -> u32 {
        Location::caller().line()
    }

    assert_eq!(place(), line!());
}

#[test]
fn a_measured_future_can_be_what_the_one_inside_can() {
    #[counted(name = "passed_on_total", outcome)]
    fn ready(n: u8) -> impl Future<Output = u8> + Unpin + Clone + Send + Sync {
        std::future::ready(n)
    }

    let (mut one, another) = (ready(1), ready(2));
    let clone = another.clone();
    // Only what is `Unpin` can be pinned so.
    assert_eq!(poll(Pin::new(&mut one)), Poll::Ready(1));
    assert_eq!(block_on(clone), 2);
    drop(another);
    page().assert_outcomes("passed_on_total", "", [2.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_function_that_returns_a_future_keeps_its_own_statements() {
    trait Connects {
        fn begin<'a>(&self) -> Pin<Box<dyn Future<Output = Result<&'a str, ()>>>>;
    }
    struct Database;
    impl Connects for Database {
        // Without bounds on the lifetimes: the future has none of the function's values.
        #[counted(name = "begun_total", outcome)]
        #[in_progress]
        fn begin<'a>(&self) -> Pin<Box<dyn Future<Output = Result<&'a str, ()>>>> {
            let n = 1;
            LOG.with_borrow_mut(|log| log.push("made".into()));
            Box::pin(async move { if n == 1 { Ok("begun") } else { Err(()) } })
        }
    }

    let future = Database.begin();
    assert_eq!(log(), "made");
    assert_eq!(block_on(future), Ok("begun"));
    page().assert_outcomes("begun_total", "", [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_returned_closure_learns_the_types_of_its_arguments() {
    #[count_exceptions]
    fn add(by: u32) -> impl Fn(u32) -> u32 {
        move |i| i.wrapping_add(by)
    }
    #[count_exceptions]
    fn first(_dropped: String) -> impl Fn(&[u32]) -> &u32 {
        |list| &list[0]
    }
    // With `return`, where a call around the body would be unreachable.
    #[expect(clippy::needless_return, reason = "what is tried")]
    #[count_exceptions]
    fn longest<'a, T: AsRef<str> + 'a>(than: usize) -> impl Fn(&[T]) -> Option<&T> + 'a {
        return move |list| list.iter().find(|text| text.as_ref().len() > than);
    }
    #[count_exceptions]
    async fn times(factor: u32) -> impl Fn(&(u32, u32)) -> u32 {
        return move |pair| pair.0 * pair.1 * factor;
    }

    assert_eq!((add(1)(2), *first(String::new())(&[5])), (3, 5));
    assert_eq!(longest(1)(&["a", "bc"]), Some(&"bc"));
    assert_eq!(block_on(times(2))(&(3, 4)), 24);
}

#[test]
fn reference_patterns_of_arguments_are_kept() {
    #[counted(outcome)]
    fn added(&mut (ref a, ref mut b): &mut (u8, u8)) -> Result<(), ()> {
        *b += *a;
        Ok(())
    }
    #[count_exceptions]
    fn longer(ref mut text: String) -> usize {
        text.push('x');
        text.len()
    }

    let mut pair = (1, 2);
    added(&mut pair).unwrap();
    assert_eq!((pair, longer("a".into())), ((1, 3), 2));
}
