//! Our attributes beside those of other crates, above and below them: what is compiled runs, does
//! what it did without ours, and is counted once a call.

mod counts;

use std::error::Error;

use async_recursion::async_recursion;
use async_trait::async_trait;
use counts::{calls, calls_in, exceptions};
use headcount::{count_exceptions, counted, in_progress, timed};
use rstest::rstest;
use test_case::test_case;
use tracing::instrument;

type Outcome = Result<u32, Box<dyn Error + Send + Sync>>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

mod methods {
    use super::*;

    #[async_trait]
    pub(super) trait Shop {
        async fn sell(&self, pieces: u32) -> Outcome;
        async fn refund(&self, pieces: u32) -> Outcome;
        #[counted]
        #[timed]
        async fn provided(&self) -> Outcome {
            self.sell(3).await
        }
    }

    pub(super) struct Within;
    pub(super) struct Above;
    pub(super) struct Below;

    #[async_trait]
    impl Shop for Within {
        #[counted]
        #[timed]
        #[in_progress]
        #[count_exceptions]
        async fn sell(&self, pieces: u32) -> Outcome {
            tokio::task::yield_now().await;
            if pieces == 0 { Err("none")? } else { Ok(pieces) }
        }

        #[instrument(skip(self))]
        #[count_exceptions]
        #[counted]
        async fn refund(&self, pieces: u32) -> Outcome {
            self.sell(pieces).await
        }
    }

    #[counted]
    #[count_exceptions]
    #[async_trait]
    impl Shop for Above {
        async fn sell(&self, pieces: u32) -> Outcome {
            Ok(u32::try_from(i64::from(pieces) - 1)?)
        }

        async fn refund(&self, pieces: u32) -> Outcome {
            self.sell(pieces).await
        }
    }

    #[async_trait]
    #[counted]
    #[count_exceptions]
    impl Shop for Below {
        async fn sell(&self, pieces: u32) -> Outcome {
            Ok(u32::try_from(i64::from(pieces) - 1)?)
        }

        async fn refund(&self, pieces: u32) -> Outcome {
            self.sell(pieces).await
        }
    }
}

#[test]
fn async_trait_s_methods() {
    use methods::{Above, Below, Shop, Within};
    runtime().block_on(async {
        let shops: [(&str, Box<dyn Shop>); 3] =
            [("Within", Box::new(Within)), ("Above", Box::new(Above)), ("Below", Box::new(Below))];
        for (name, shop) in shops {
            assert!(shop.sell(2).await.is_ok());
            assert!(shop.sell(0).await.is_err());
            assert!(shop.refund(0).await.is_err());
            drop(shop.sell(7));
            // A future that nobody polls is no call.
            assert_eq!(calls(&format!("{name}::sell")), 3, "{name}");
            assert_eq!(exceptions(&format!("{name}::sell")), 2, "{name}");
            assert_eq!(calls(&format!("{name}::refund")), 1, "{name}");
            assert_eq!(exceptions(&format!("{name}::refund")), 1, "{name}");
        }
        assert!(Within.provided().await.is_ok());
    });
}

#[counted]
#[count_exceptions]
#[instrument]
fn above_instrument(pieces: u32) -> Outcome {
    if pieces == 0 { Err("none")? } else { Ok(pieces) }
}

#[instrument(err, ret)]
#[counted]
#[count_exceptions]
fn below_instrument(pieces: u32) -> Outcome {
    if pieces == 0 { Err("none")? } else { Ok(pieces) }
}

#[counted]
#[instrument(err)]
#[count_exceptions]
async fn around_instrument(pieces: u32) -> Outcome {
    tokio::task::yield_now().await;
    if pieces == 0 { Err("none")? } else { Ok(pieces) }
}

#[instrument]
#[count_exceptions]
#[timed]
#[counted]
async fn within_instrument(pieces: u32) -> Outcome {
    tokio::task::yield_now().await;
    if pieces == 0 { Err("none")? } else { Ok(pieces) }
}

#[test]
fn tracing_s_instrument() {
    for pieces in [1, 0] {
        assert_eq!(above_instrument(pieces).is_ok(), pieces == 1);
        assert_eq!(below_instrument(pieces).is_ok(), pieces == 1);
        runtime().block_on(async {
            assert_eq!(around_instrument(pieces).await.is_ok(), pieces == 1);
            assert_eq!(within_instrument(pieces).await.is_ok(), pieces == 1);
        });
    }
    for name in ["above", "below", "around", "within"] {
        let name = format!("{name}_instrument");
        assert_eq!((calls(&name), exceptions(&name)), (2, 1), "{name}");
    }
}

#[counted]
#[count_exceptions]
#[tokio::main(flavor = "current_thread")]
async fn above_main() -> Outcome {
    tokio::task::yield_now().await;
    Err("at the end")?
}

#[tokio::main(flavor = "current_thread")]
#[counted]
#[count_exceptions]
async fn below_main() -> Outcome {
    tokio::task::yield_now().await;
    Err("at the end")?
}

#[test]
fn tokio_s_main() {
    assert!(above_main().is_err() && below_main().is_err());
    for name in ["above_main", "below_main"] {
        assert_eq!((calls(name), exceptions(name)), (1, 1), "{name}");
    }
}

#[counted]
#[in_progress]
#[tokio::test]
async fn above_tokio_s_test() {
    tokio::task::yield_now().await;
    assert_eq!(calls("above_tokio_s_test"), 1);
}

#[tokio::test]
#[counted]
#[in_progress]
async fn below_tokio_s_test() {
    tokio::task::yield_now().await;
    assert_eq!(calls("below_tokio_s_test"), 1);
}

#[counted]
#[rstest]
#[case(2, 4)]
#[case(3, 9)]
fn above_rstest(#[case] number: u32, #[case] square: u32) {
    assert_eq!(number * number, square);
    assert!((1..=2).contains(&calls_in("beside::above_rstest")));
}

#[rstest]
#[case(2, 4)]
#[case(3, 9)]
#[counted]
#[count_exceptions]
fn below_rstest(#[case] number: u32, #[case] square: u32) {
    assert_eq!(number * number, square);
    assert!((1..=2).contains(&calls_in("beside::below_rstest")));
}

#[counted]
#[test_case(2, 4)]
#[test_case(3, 9)]
fn above_test_case(number: u32, square: u32) {
    assert_eq!(number * number, square);
    assert!((1..=2).contains(&calls_in("beside::above_test_case")));
}

#[test_case(2 => 4)]
#[test_case(3 => 9)]
#[counted(outcome)]
#[timed]
fn below_test_case(number: u32) -> u32 {
    number * number
}

#[counted]
#[count_exceptions]
#[async_recursion]
async fn above_recursion(left: u32) -> Outcome {
    tokio::task::yield_now().await;
    if left == 0 { Err("the end")? } else { above_recursion(left - 1).await }
}

#[async_recursion]
#[counted]
#[count_exceptions]
async fn below_recursion(left: u32) -> Outcome {
    tokio::task::yield_now().await;
    if left == 0 { Err("the end")? } else { below_recursion(left - 1).await }
}

#[test]
fn async_recursion_s_functions() {
    runtime().block_on(async {
        assert!(above_recursion(4).await.is_err());
        assert!(below_recursion(4).await.is_err());
    });
    for name in ["above_recursion", "below_recursion"] {
        assert_eq!((calls(name), exceptions(name)), (5, 5), "{name}");
    }
}
