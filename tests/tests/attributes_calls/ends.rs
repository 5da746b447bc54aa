//! How a call of a function ends: return, error, panic, or never.

use std::future::Future;
use std::pin::Pin;

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::{Yield, block_on, panics};

use crate::{assert_function, assert_outcomes, assert_page, labels};

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
