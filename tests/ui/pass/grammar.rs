//! The keys in the shapes of functions that are hardest for them, under the strictest lints.

#![deny(warnings, elided_lifetimes_in_paths, unused)]

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use headcount::{Counter, LabelValue, Outcome, Summary, count_exceptions, counted, in_progress, metric, timed};

#[derive(Clone, Copy, LabelValue)]
#[label(rename_all = "SCREAMING-KEBAB-CASE", crate = ::headcount)]
pub enum Method {
    GetAll,
    PutOne,
}

#[derive(Debug, LabelValue)]
pub enum Failure {
    Lost,
    After { seconds: u32 },
    Many(Vec<u8>, u8),
}

#[derive(LabelValue)]
pub struct Wrapper<'a, T>(&'a T)
where
    T: ?Sized;

/// Calls.
#[metric(name = "pass_calls_total")]
pub fn calls<'a>(method: Method, tenant: &'a str, rest: &Cow<'a, str>, outcome: Outcome) -> Counter;

/// Time.
#[metric(name = "pass_seconds")]
pub(crate) static TIME: Summary;

pub struct Store<'s, K> {
    keys: &'s [K],
}

impl<'s, K: LabelValue + Copy> Store<'s, K> {
    #[counted(name = "store_total", labels(key, first = self.keys[0], fixed: bool = self.keys.is_empty()), outcome)]
    #[count_exceptions(name = "store_failures_total", labels(key), error_labels(kind), only = Failure::After { .. } | Failure::Many(..))]
    pub fn get(&self, key: K) -> Result<&'s K, Failure> {
        let _ = key;
        self.keys.first().ok_or(Failure::Lost)
    }

    #[timed(metric = TIME, when = !self.keys.is_empty())]
    #[counted(metric = |outcome| calls(Method::GetAll, tenant, &Cow::Borrowed("x"), outcome))]
    #[in_progress(name = "store_running", labels(tenant), oldest, when = tenant.len() > 3)]
    pub async fn later(&mut self, tenant: &str, mut rest: Vec<u8>) -> Result<Vec<u8>, Failure> {
        rest.push(1);
        std::future::ready(()).await;
        if rest.len() > 10 {
            return Err(Failure::Many(rest, 1));
        }
        Ok(rest)
    }

    #[count_exceptions(name = "boxed_total", error_labels(seconds = |failure| match failure { Failure::After { seconds } => *seconds, _ => 0 }), cancelled = true, panics = false)]
    pub fn boxed<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Failure>> + Send + 'a>>
    where
        K: Sync,
    {
        Box::pin(async move { Ok(name.len() + self.keys.len()) })
    }

    #[count_exceptions(name = "implied_total", only = failure if matches!(failure, Failure::Lost))]
    #[timed(cancelled = false)]
    pub fn implied(&self) -> impl Future<Output = Result<(), Failure>> + Send + use<'s, K> {
        async { Ok(()) }
    }
}

#[counted(name = "wrapped_total", labels(wrapper, raw: &str = r#type))]
fn wrapped(wrapper: Wrapper<'_, str>, r#type: &str) -> usize {
    let _ = wrapper;
    r#type.len()
}

#[counted(prefix = "pass", labels(kind = 1))]
#[timed(when = true)]
pub mod covered {
    #![allow(clippy::needless_return)]
    pub use std::collections::{BTreeMap, BTreeSet};

    pub static LIST: [u8; 2] = if LIST_SIZE > 1 { [1, 2] } else { [0; 2] };
    pub const SIZE: usize = if LIST_SIZE > 1 { 1 } else { 0 };
    const LIST_SIZE: usize = 2;
    pub type Pair = [u8; 2];

    pub struct Holder<const N: usize> {
        pub list: [u8; N],
    }

    impl Holder<{ 1 + 1 }> {
        pub fn sum(&self) -> u8 {
            return self.list[0] + self.list[1];
        }
    }

    impl<const N: usize> From<[u8; N]> for Holder<N>
    where
        [u8; N]: Sized,
    {
        fn from(list: [u8; N]) -> Self {
            Self { list }
        }
    }

    pub fn function<F: Fn(u8) -> Pair>(f: F) -> Pair {
        f(1)
    }

    pub unsafe extern "C" fn c(n: u8) -> u8 {
        n
    }

    unsafe extern "C" {
        pub safe fn abs(n: i32) -> i32;
    }

    macro_rules! constant {
        ($name:ident) => {
            pub const $name: u8 = 1;
        };
    }
    constant!(ONE);
    constant! { TWO }

    pub const fn constant() -> u8 {
        3
    }
}

fn main() {
    let mut store = Store { keys: &[Method::PutOne] };
    assert!(store.get(Method::GetAll).is_ok());
    let _ = (store.later("tenant", Vec::new()), wrapped(Wrapper("a"), "b"));
    let _ = (store.boxed("a"), store.implied());
    let holder = covered::Holder::from([1, 2]);
    assert_eq!(holder.sum() + covered::function(|n| [n, n])[0], 4);
    assert_eq!(unsafe { covered::c(covered::constant()) } + covered::ONE + covered::TWO, 5);
    let _ = (covered::LIST, covered::SIZE, covered::abs(1), covered::BTreeMap::<u8, u8>::new());
    let _ = (covered::BTreeSet::<u8>::new(), Failure::After { seconds: 3 });
}
