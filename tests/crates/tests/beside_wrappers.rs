//! Our attributes beside those that wrap a trait or a function, above and below them.

mod counts;

use auto_impl::auto_impl;
use cached::macros::cached;
use counts::{calls, exceptions};
use headcount::{count_exceptions, counted, in_progress, timed};
use proptest::property_test;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

mod variants {
    use super::*;

    #[trait_variant::make(Send)]
    pub(super) trait Below {
        async fn sell(&self, pieces: u32) -> Result<u32, String>;
        #[counted]
        #[count_exceptions]
        fn provided(&self, pieces: u32) -> Result<u32, String> {
            self.checked(pieces)
        }
        fn checked(&self, pieces: u32) -> Result<u32, String>;
    }

    #[counted]
    #[count_exceptions]
    #[trait_variant::make(Send)]
    pub(super) trait Above {
        fn give(&self, pieces: u32) -> impl Future<Output = Result<u32, String>> {
            async move { if pieces == 0 { Err("none".to_owned()) } else { Ok(pieces) } }
        }
    }

    pub(super) struct Shop;

    impl Below for Shop {
        #[counted]
        #[timed]
        #[count_exceptions]
        async fn sell(&self, pieces: u32) -> Result<u32, String> {
            tokio::task::yield_now().await;
            self.checked(pieces)
        }

        fn checked(&self, pieces: u32) -> Result<u32, String> {
            if pieces == 0 { Err("none".to_owned()) } else { Ok(pieces) }
        }
    }

    impl Above for Shop {}
}

#[test]
fn trait_variant_s_traits() {
    use variants::{Above, Below, Shop};

    fn needs_send<T: Send>(value: T) -> T {
        value
    }
    for pieces in [0, 1] {
        assert_eq!(run(needs_send(Shop.sell(pieces))).is_ok(), pieces == 1);
        assert_eq!(Shop.provided(pieces).is_ok(), pieces == 1);
        assert_eq!(run(needs_send(Shop.give(pieces))).is_ok(), pieces == 1);
    }
    assert_eq!((calls("Shop::sell"), exceptions("Shop::sell")), (2, 1));
    assert_eq!((calls("Below::provided"), exceptions("Below::provided")), (2, 1));
    assert_eq!((calls("Above::give"), exceptions("Above::give")), (2, 1));
}

mod pointers {
    use super::*;

    #[auto_impl(&, Box)]
    pub(super) trait Within {
        fn required(&self) -> u32;
        #[auto_impl(keep_default_for(&, Box))]
        #[counted]
        #[in_progress]
        fn provided(&self) -> u32 {
            self.required()
        }
    }

    #[counted]
    #[auto_impl(&, Box)]
    pub(super) trait Above {
        fn first(&self) -> u32 {
            1
        }
    }

    #[auto_impl(&, Box)]
    #[counted]
    pub(super) trait Below {
        fn second(&self) -> u32 {
            2
        }
    }

    pub(super) struct Shop;

    impl Within for Shop {
        #[counted]
        fn required(&self) -> u32 {
            3
        }
    }
    impl Above for Shop {}
    impl Below for Shop {}
}

#[test]
fn auto_impl_s_traits() {
    use pointers::{Above, Below, Shop, Within};

    fn all(shop: impl Within + Above + Below) -> [u32; 4] {
        [shop.required(), shop.provided(), shop.first(), shop.second()]
    }
    assert_eq!(all(Shop), [3, 3, 1, 2]);
    assert_eq!(all(&Shop), [3, 3, 1, 2]);
    assert_eq!(all(Box::new(Shop)), [3, 3, 1, 2]);
    assert_eq!(calls("Shop::required"), 6);
    assert_eq!(calls("Within::provided"), 3);
    assert_eq!(calls("Below::second"), 3);
    assert!(calls("Above::first") >= 3, "those that were generated are counted as well");
}

#[counted]
#[count_exceptions]
#[cached]
fn above_cached(number: u32) -> Result<u32, String> {
    if number == 0 { Err("none".to_owned()) } else { Ok(number * number) }
}

#[cached]
#[counted]
#[count_exceptions]
fn below_cached(number: u32) -> Result<u32, String> {
    if number == 0 { Err("none".to_owned()) } else { Ok(number * number) }
}

#[test]
fn cached_s_functions() {
    for _ in 0..2 {
        assert_eq!(above_cached(3), Ok(9));
        assert!(above_cached(0).is_err());
        assert_eq!(below_cached(3), Ok(9));
        assert!(below_cached(0).is_err());
    }
    for name in ["above_cached", "below_cached"] {
        assert_eq!((calls(name), exceptions(name)), (4, 2), "{name}");
        // What runs if there is no value in the cache, which keeps no errors.
        let behind = format!("{name}_no_cache");
        assert_eq!((calls(&behind), exceptions(&behind)), (3, 2), "{behind}");
    }
}

#[counted]
#[property_test]
fn above_property(number: u32) {
    assert_eq!(u64::from(number), number.into());
}

#[property_test]
#[counted]
#[count_exceptions]
fn below_property(number: u32) {
    assert_eq!(u64::from(number), number.into());
}

proptest::proptest! {
    #[test]
    #[counted]
    fn in_proptest(number in 1..10_u32) {
        assert!(number > 0);
    }
}
