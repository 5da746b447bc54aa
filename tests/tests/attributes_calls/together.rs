//! Several attributes on one function, other attributes beside them, and macros that write them.

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::block_on;

use crate::{assert_function, assert_page, labels, page};

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
