//! Functions of many shapes compile with all attributes, as they do without.

#![deny(warnings, elided_lifetimes_in_paths)]

use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use headcount::{count_exceptions, counted, in_progress, timed};

macro_rules! all {
    ($($item:item)*) => {
        $(#[counted(outcome)] #[timed] #[in_progress] #[count_exceptions] $item)*
    };
}

pub struct Holder<'a, T> {
    value: &'a T,
    list: Vec<T>,
}

all! {
    fn cow<'a>(text: &'a str) -> Cow<'a, str> { Cow::Borrowed(text) }
    fn elided(text: &str) -> Cow<'_, str> { Cow::Borrowed(text) }
    fn pointer() -> fn(&str) -> u8 { |text| text.len() as u8 }
    fn callable<'a>(text: &'a str) -> Box<dyn Fn(&str) -> usize + 'a> { Box::new(|more| more.len() + text.len()) }
    fn closure(n: usize) -> impl Fn(usize) -> usize { move |m| n + m }
    fn array() -> [Option<u8>; 2] { [None; 2] }
    fn raw(p: *const u8) -> *const u8 { p }
    fn tuple() -> (u8, Rc<str>) { (1, "a".into()) }
    fn qualified() -> <Vec<u8> as IntoIterator>::IntoIter { vec![1].into_iter() }
    fn slice<'a>(all: &'a mut [u8], n: usize) -> &'a mut u8 { &mut all[n] }
    fn printed(x: impl Display, y: &dyn Display) -> String { format!("{x}{y:>4}") }
    fn nested(n: u8) -> u8 {
        #[counted(outcome)]
        fn inner(n: u8) -> u8 { n + 1 }
        struct Local(u8);
        impl Local {
            #[timed]
            fn get(&self) -> u8 { self.0 }
        }
        if n > 3 { return inner(n); }
        Local(n).get()
    }
    fn looping(list: &[u8]) -> Option<u8> {
        for one in list {
            if *one == 0 { continue; }
            return Some(*one);
        }
        let found = 'outer: loop { loop { break 'outer None; } };
        found
    }
    async fn borrowing(text: &str, list: &mut Vec<String>) -> usize {
        list.push(text.to_owned());
        std::future::ready(()).await;
        list.len()
    }
    async fn recursive(n: u32) -> Result<u32, String> {
        if n == 0 { return Err("zero")?; }
        if n == 1 { return Ok(1); }
        Box::pin(recursive(n - 1)).await
    }
    async fn implied(list: Vec<u8>) -> impl Iterator<Item = u8> { list.into_iter() }
    async fn result_of_implied(list: &[u8]) -> Result<impl Iterator<Item = &u8>, String> {
        if list.is_empty() { return Err("empty".into()); }
        Ok(list.iter())
    }
    unsafe fn dangerous(p: *const u8) -> u8 { unsafe { *p } }
    extern "C" fn called(a: u8, _: u8) -> u8 { a }
    fn future_with_lifetime<'a>(text: &'a str) -> impl Future<Output = usize> + use<'a> { async move { text.len() } }
    fn boxed_early<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<&'a str, ()>> + 'a>> {
        if text.is_empty() { return Box::pin(async { Err(()) }); }
        Box::pin(async move { Ok(text) })
    }
    fn r#type(r#fn: u8) -> u8 { r#fn }
}

impl<'a, T: Clone + 'static> Holder<'a, T> {
    #[counted(outcome)]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    fn both<'b>(&'b mut self, other: &'a T) -> Option<(&'a T, &'b mut T)> {
        let first = self.list.first_mut()?;
        self.value = other;
        Some((other, first))
    }

    #[counted(outcome)]
    #[count_exceptions]
    fn into_list(mut self: Box<Self>) -> Vec<T> {
        self.list.push(self.value.clone());
        self.list
    }

    #[counted(outcome)]
    async fn later(&mut self, n: usize) -> Option<&mut T> {
        std::future::ready(()).await;
        self.list.get_mut(n)
    }

    #[counted(name = "holders_total", labels(length = self.list.len(), first = self.list.is_empty()), outcome)]
    fn labelled(self) -> usize {
        drop(self.list);
        1
    }
}

trait Named {
    const NAME: &'static str;
    type Error: Display;

    #[counted(outcome)]
    #[count_exceptions]
    fn name(&self) -> Result<&'static str, Self::Error> {
        Ok(Self::NAME)
    }
}

impl<T> Named for Holder<'_, T> {
    const NAME: &'static str = "holder";
    type Error = String;
}

impl<'a, T: Clone> Iterator for Holder<'a, T> {
    type Item = T;

    #[counted(outcome, error_if = Option::is_none)]
    #[inline]
    fn next(&mut self) -> Option<T> {
        self.list.pop()
    }
}

fn main() {
    let holder = || Holder { value: &1, list: vec![1, 2] };
    let mut one = holder();
    let _ = (one.both(&2).is_some(), one.name().is_ok());
    let _ = one.later(1);
    let _ = (Box::new(one).into_list(), holder().labelled(), holder().count());
    let _ = (cow("a"), elided("b"), pointer()(""), callable("x")("y"), closure(1)(2), array());
    let (mut list, mut bytes) = (vec![], [1, 2]);
    let _ = (raw(&1), tuple(), qualified(), slice(&mut bytes, 1), printed(1, &2), nested(2));
    let _ = (looping(&[]), borrowing("", &mut list), recursive(3), implied(vec![]));
    let _ = (result_of_implied(&[]), unsafe { dangerous(&1) }, called(1, 2), r#type(1));
    let _ = (future_with_lifetime(""), boxed_early(""));
}
