//! Calls of functions that return futures: where they begin, end and are cancelled.

use std::future::Future;
use std::pin::Pin;

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::{Yield, block_on, panics, poll};

use crate::{Boxed, assert_function, assert_outcomes, assert_page, labels, page};

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
