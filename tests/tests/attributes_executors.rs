//! The attributes under a real executor, and beside the attributes of others.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::time::Duration;

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::Yield;
use headcount_tests::collected::own_page as page;
use headcount_tests::{SOON, eventually};

fn key(family: &str, function: &str) -> String {
    format!("{family}{{function=\"{function}\",module=\"attributes_executors\"}}")
}

#[test]
fn a_task_that_moves_between_threads_is_one_call() {
    static THREADS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    #[counted(name = "moving_total", outcome)]
    #[timed(name = "moving_seconds")]
    #[in_progress(name = "moving")]
    #[count_exceptions(name = "moving_failures_total")]
    async fn moving(n: u32) -> Result<u32, String> {
        let begun: ThreadId = thread::current().id();
        for step in 0..200 {
            tokio::task::yield_now().await;
            if step % 20 == 0 {
                tokio::time::sleep(Duration::from_micros(50)).await;
            }
        }
        if thread::current().id() != begun {
            THREADS.lock().unwrap().insert(format!("{begun:?}"));
        }
        if n % 4 == 0 { Err("as asked".to_owned()) } else { Ok(n) }
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let mut calls = 0.0;
    // Which tasks move is up to the executor: until one has.
    eventually("a task moves", || {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..40).map(|n| tokio::spawn(moving(n))).collect();
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap().is_err(), n % 4 == 0);
            }
        });
        calls += 40.0;
        (!THREADS.lock().unwrap().is_empty()).then_some(())
    });
    let page = page();
    page.assert_outcomes("moving_total", "", [calls * 0.75, calls * 0.25, 0.0, 0.0]);
    page.assert(&[
        ("moving_seconds_count", calls),
        ("moving", 0.0),
        ("moving_failures_total", calls * 0.25),
    ]);
}

#[tokio::test]
async fn aborted_tasks_timeouts_and_lost_races_are_cancelled() {
    #[counted(name = "endless_total", outcome)]
    #[in_progress(name = "endless")]
    async fn endless() {
        loop {
            tokio::task::yield_now().await;
        }
    }

    let task = tokio::spawn(endless());
    while page().value("endless") != Some(1.0) {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(tokio::time::timeout(Duration::from_millis(1), endless()).await.is_err());
    tokio::select! {
        biased;
        () = endless() => unreachable!(),
        () = Yield::default() => {}
    }
    let page = page();
    page.assert_outcomes("endless_total", "", [0.0, 0.0, 0.0, 3.0]);
    page.assert(&[("endless", 0.0)]);
}

#[tokio::test]
async fn a_panicking_task_is_a_panic() {
    #[counted(name = "exploding_tasks_total", outcome)]
    async fn exploding() {
        tokio::task::yield_now().await;
        panic!("as asked");
    }

    assert!(tokio::spawn(exploding()).await.unwrap_err().is_panic());
    page().assert_outcomes("exploding_tasks_total", "", [0.0, 0.0, 1.0, 0.0]);
}

#[tokio::main(flavor = "current_thread")]
#[counted]
#[timed]
async fn entered_then_measured() -> u8 {
    tokio::task::yield_now().await;
    1
}

#[counted(outcome)]
#[tokio::main(flavor = "current_thread")]
async fn measured_then_entered() -> Result<u8, ()> {
    tokio::task::yield_now().await;
    Ok(2)
}

#[test]
fn tokio_main_goes_before_and_after() {
    assert_eq!(entered_then_measured() + measured_then_entered().unwrap(), 3);
    let page = page();
    page.assert(&[(&key("function_calls_total", "entered_then_measured"), 1.0)]);
    let labels = "function=\"measured_then_entered\",module=\"attributes_executors\"";
    page.assert_outcomes("function_calls_total", labels, [1.0, 0.0, 0.0, 0.0]);
}

struct Shop;

impl Shop {
    #[tracing::instrument(skip_all, err)]
    #[counted(outcome)]
    #[timed]
    async fn instrumented_first(&self, fails: bool) -> Result<u8, String> {
        Yield::default().await;
        if fails { Err("as asked".to_owned()) } else { Ok(1) }
    }

    #[counted(outcome)]
    #[tracing::instrument(skip_all, fields(fails))]
    #[count_exceptions]
    fn instrumented_between(&mut self, fails: bool) -> Result<&mut Self, String> {
        if fails { Err("as asked".to_owned()) } else { Ok(self) }
    }

    #[in_progress]
    #[counted]
    #[tracing::instrument(skip_all)]
    async fn instrumented_last(&self, n: u8) -> u8 {
        Yield::default().await;
        n
    }
}

#[tokio::test]
async fn tracing_goes_before_between_and_after() {
    let mut shop = Shop;
    assert!(shop.instrumented_first(false).await.is_ok());
    assert!(shop.instrumented_first(true).await.is_err());
    assert!(shop.instrumented_between(true).is_err());
    assert_eq!(shop.instrumented_last(7).await, 7);

    let page = page();
    let outcomes = |function: &str, expected| {
        let labels = format!("function=\"Shop::{function}\",module=\"attributes_executors\"");
        page.assert_outcomes("function_calls_total", &labels, expected);
    };
    outcomes("instrumented_first", [1.0, 1.0, 0.0, 0.0]);
    outcomes("instrumented_between", [0.0, 1.0, 0.0, 0.0]);
    page.assert(&[
        (&key("function_calls_total", "Shop::instrumented_last"), 1.0),
        (&key("function_exceptions_total", "Shop::instrumented_between"), 1.0),
        (&key("function_calls_concurrent", "Shop::instrumented_last"), 0.0),
    ]);
}

#[test]
fn a_call_on_a_blocking_thread_ends_there() {
    #[counted(name = "blocking_total", outcome)]
    fn blocking(n: u8) -> Option<u8> {
        thread::sleep(Duration::from_millis(1));
        n.checked_sub(1)
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let found = runtime.block_on(async {
        tokio::time::timeout(SOON, tokio::task::spawn_blocking(|| blocking(1))).await
    });
    assert_eq!(found.unwrap().unwrap(), Some(0));
    page().assert_outcomes("blocking_total", "", [1.0, 0.0, 0.0, 0.0]);
}
