//! Attributes on whole `impl` blocks, traits and modules, asserted in the exposition.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::{Yield, block_on};
use headcount_tests::collected::own_page as page;

fn calls(function: &str, module: &str) -> String {
    format!("function_calls_total{{function=\"{function}\",module=\"{module}\"}}")
}

struct Till {
    open: bool,
}

#[counted]
#[timed(when = true)]
#[count_exceptions]
impl Till {
    #![allow(clippy::needless_pass_by_value, reason = "an inner attribute stays where it is")]

    const DRAWERS: [u8; 2] = if true { [1, 2] } else { [0; 2] };

    fn new() -> Self {
        Self { open: true }
    }

    const fn drawers() -> usize {
        Self::DRAWERS.len()
    }

    /// Its own attribute takes the block's place.
    #[counted(name = "till_sales_total", labels(pieces))]
    pub(crate) fn sell(&mut self, pieces: u8) -> Result<u8, String> {
        if self.open { Ok(pieces) } else { Err("closed".to_owned()) }
    }

    #[headcount::skip]
    fn close(&mut self) {
        self.open = false;
    }

    #[headcount::skip]
    #[in_progress]
    #[counted(outcome)]
    fn own_alone() {}

    #[headcount::skip]
    const fn nothing_to_skip() {}

    async fn later<const N: usize>(&self, list: [u8; N]) -> usize
    where
        [u8; N]: Sized,
    {
        Yield::default().await;
        list.len()
    }
}

#[test]
fn a_block_s_attribute_goes_to_each_of_its_functions() {
    let mut till = Till::new();
    assert!(till.sell(3).is_ok());
    till.close();
    assert!(till.sell(3).is_err());
    Till::own_alone();
    Till::nothing_to_skip();
    assert_eq!(block_on(till.later([0; 3])) + Till::drawers(), 5);

    let page = page();
    page.assert(&[
        (&calls("Till::new", "attributes_blocks"), 1.0),
        (&calls("Till::later", "attributes_blocks"), 1.0),
        (r#"till_sales_total{pieces="3"}"#, 2.0),
        (r#"function_exceptions_total{function="Till::sell",module="attributes_blocks"}"#, 1.0),
        (r#"function_calls_duration_seconds_count{function="Till::sell",module="attributes_blocks"}"#, 2.0),
        (r#"function_calls_concurrent{function="Till::own_alone",module="attributes_blocks"}"#, 0.0),
        (r#"function_calls_total{function="Till::own_alone",module="attributes_blocks",outcome="ok"}"#, 1.0),
    ]);
    for absent in ["Till::sell", "Till::close", "Till::drawers", "Till::nothing_to_skip"] {
        assert_eq!(page.value(&calls(absent, "attributes_blocks")), None, "{absent}");
    }
    let own = r#"function_exceptions_total{function="Till::own_alone",module="attributes_blocks"}"#;
    assert_eq!(page.value(own), None);
}

#[counted(prefix = "billing", labels(part = 1, place = module_path!()))]
#[timed(prefix = "billing", buckets = [0.5, 1.0])]
#[in_progress(prefix = "billing")]
#[count_exceptions(prefix = "billing", help = "Bills that failed.")]
mod billing {
    pub(super) const LIMIT: u8 = 3;

    pub(super) fn bill(amount: u8) -> Result<u8, String> {
        if amount > LIMIT { Err("too much".to_owned()) } else { Ok(inner::tax(amount)) }
    }

    pub(super) struct Account;

    pub(super) trait Book {
        fn book(&self) -> u8 {
            1
        }
        fn unbook(&self);
    }

    impl Book for Account {
        fn unbook(&self) {}
    }

    impl Account {
        pub(super) fn number(&self) -> u8 {
            7 * self.book()
        }
    }

    mod inner {
        pub(super) fn tax(amount: u8) -> u8 {
            amount * 2
        }
    }

    macro_rules! not_covered {
        ($name:ident) => {
            pub(super) fn $name() {}
        };
    }
    not_covered! { made }
}

#[test]
fn a_module_with_a_prefix_has_families_of_its_own() {
    use billing::Book;

    assert_eq!(billing::bill(1), Ok(2));
    assert!(billing::bill(9).is_err());
    assert_eq!(billing::Account.number(), 7);
    billing::Account.unbook();
    billing::made();

    let page = page();
    let calls = |function: &str, place: &str| {
        format!("billing_calls_total{{function=\"{function}\",part=\"1\",place=\"{place}\"}}")
    };
    page.assert(&[
        (&calls("bill", "attributes_blocks::billing"), 2.0),
        (&calls("tax", "attributes_blocks::billing::inner"), 1.0),
        (&calls("Account::number", "attributes_blocks::billing"), 1.0),
        (&calls("Book::book", "attributes_blocks::billing"), 1.0),
        (&calls("Account::unbook", "attributes_blocks::billing"), 1.0),
        (r#"billing_calls_duration_seconds_bucket{function="bill",le="0.5"}"#, 2.0),
        (r#"billing_calls_concurrent{function="bill"}"#, 0.0),
        (r#"billing_exceptions_total{function="bill"}"#, 1.0),
    ]);
    assert_eq!(page.series("billing_calls_total"), 5);
}

trait Speak {
    async fn speak(&self) -> Option<u8>;
}

#[counted(outcome, error_if = Option::is_none)]
impl Speak for Vec<u8> {
    async fn speak(&self) -> Option<u8> {
        Yield::default().await;
        self.first().copied()
    }
}

#[test]
fn a_block_s_error_if_is_that_of_its_functions() {
    assert_eq!(block_on(vec![1].speak()), Some(1));
    assert_eq!(block_on(vec![].speak()), None);
    page().assert_outcomes(
        "function_calls_total",
        "function=\"Vec::speak\",module=\"attributes_blocks\"",
        [1.0, 1.0, 0.0, 0.0],
    );
}

#[async_trait::async_trait]
trait Fetch {
    async fn fetch(&self) -> Result<u8, ()>;
    async fn again(&self) -> u8;
}

struct Near;
struct Far;

#[counted(outcome)]
#[async_trait::async_trait]
impl Fetch for Near {
    async fn fetch(&self) -> Result<u8, ()> {
        Yield::default().await;
        Ok(1)
    }
    #[headcount::skip]
    async fn again(&self) -> u8 {
        1
    }
}

#[async_trait::async_trait]
#[counted(outcome)]
impl Fetch for Far {
    async fn fetch(&self) -> Result<u8, ()> {
        Yield::default().await;
        Err(())
    }
    #[headcount::skip]
    async fn again(&self) -> u8 {
        2
    }
}

#[test]
fn a_block_s_attribute_and_async_trait_go_in_either_order() {
    assert_eq!(block_on(Near.fetch()), Ok(1));
    assert_eq!(block_on(Far.fetch()), Err(()));
    assert_eq!(block_on(Near.again()) + block_on(Far.again()), 3);
    drop(Near.fetch());
    let page = page();
    let outcomes = |function: &str, expected| {
        let labels = format!("function=\"{function}\",module=\"attributes_blocks\"");
        page.assert_outcomes("function_calls_total", &labels, expected);
    };
    outcomes("Near::fetch", [1.0, 0.0, 0.0, 0.0]);
    outcomes("Far::fetch", [0.0, 1.0, 0.0, 0.0]);
    assert!(page.samples.keys().all(|key| !key.contains("::again")));
}
