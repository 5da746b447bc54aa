//! Methods, generic functions, patterns as parameters: what a signature may have.

use std::pin::Pin;

use headcount::{count_exceptions, counted, in_progress, timed};
use headcount_tests::calls::{Yield, block_on};

use crate::{assert_function, assert_outcomes, assert_page, labels};

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

mod elsewhere {
    pub(super) struct Till;
    pub(super) struct Drawer<T>(pub(super) T);

    pub(super) trait Open {
        fn open(&self);
        fn shut(&self);
    }
}

mod written_here {
    use headcount::counted;

    use super::elsewhere::{Drawer, Open, Till};

    impl Till {
        #[counted]
        pub(super) fn empty() {}
    }

    impl<T> Drawer<T> {
        #[counted]
        pub(super) fn empty() {}
    }

    impl Open for Till {
        #[counted]
        fn open(&self) {}
        #[counted]
        fn shut(&self) {}
    }

    impl Open for Drawer<u8> {
        #[counted]
        fn open(&self) {}
        #[counted]
        fn shut(&self) {}
    }

    impl Open for Drawer<String> {
        #[counted]
        fn open(&self) {}
        fn shut(&self) {}
    }
}

#[test]
fn methods_have_their_type_wherever_they_are_written() {
    use elsewhere::{Drawer, Open, Till};

    Till::empty();
    Drawer::<u8>::empty();
    Till.open();
    Till.shut();
    Drawer(1_u8).open();
    Drawer(1_u8).shut();
    Drawer(String::new()).open();
    Drawer(String::new()).shut();
    for function in [
        "Till::empty",
        "Drawer::empty",
        "Till::open",
        "Till::shut",
        "Drawer::shut",
        // Two methods of one type, and of one trait.
        "<Drawer<u8> as Open>::open",
        "<Drawer<String> as Open>::open",
    ] {
        assert_page(&[(&format!("function_calls_total{{{}}}", labels(function)), 1.0)]);
    }
}

#[test]
fn a_type_of_ones_own_that_is_called_infallible_has_values() {
    mod mine {
        pub(super) struct Infallible;
    }

    #[counted(name = "infallible_calls_total", outcome)]
    fn answer() -> mine::Infallible {
        mine::Infallible
    }

    answer();
    assert_outcomes("infallible_calls_total", "", [1.0, 0.0, 0.0, 0.0]);
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
