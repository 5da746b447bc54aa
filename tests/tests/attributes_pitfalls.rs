//! What attributes like these are known to get wrong, each pitfall a test that is named after it.
//!
//! Those that show at compile time alone are programs of the test `attributes_ui`: a mistake must
//! not take the function away (`fail/many`, `fail/block_body`), a declaration without a body has
//! nothing to count (`fail/trait_declaration`), unknown arguments are errors (`fail/unknown_key`).
//! Shadowed names, renamed packages and denied lints are the test `attributes_hygiene`.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]

use std::fmt::Debug;
use std::fs;
use std::future::Future;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};

use headcount::{
    Counter, Gauge, Histogram, LabelValue, Summary, count_exceptions, counted, in_progress, metric,
    timed,
};
use headcount_tests::calls::{Yield, block_on, panics, poll};
use headcount_tests::collected::own_page;
use headcount_tests::page::Page;

/// What the process has counted until now.
fn page() -> Page {
    // The first use in a process declares everything, also what only other tests use.
    #[counted]
    fn looked_at() {}
    looked_at();
    own_page()
}

/// The key of a function that stands in a test.
fn shared(family: &str, function: &str) -> String {
    format!("{family}{{function=\"{function}\",module=\"attributes_pitfalls\"}}")
}

#[test]
fn return_and_question_mark_do_not_bypass_recording() {
    #[counted(name = "bypass_total", outcome)]
    fn bypass(how: u8) -> Result<u8, std::num::ParseIntError> {
        if how == 0 {
            return Ok(0);
        }
        let parsed: u8 = "x".parse()?;
        Ok(parsed)
    }

    assert!(bypass(0).is_ok() && bypass(1).is_err());
    page().assert_outcomes("bypass_total", "", [1.0, 1.0, 0.0, 0.0]);
}

/// As tower has it: the alias has the name of the one in `futures` and other parameters.
#[test]
fn an_alias_of_a_boxed_future_may_hide_a_result() {
    type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>>>>;
    mod of_results {
        pub(crate) type LocalBoxFuture<'a, T> =
            std::pin::Pin<Box<dyn Future<Output = Result<T, String>> + 'a>>;
    }
    use of_results::LocalBoxFuture;

    struct Client<E>(E);
    impl<E: Clone + 'static> Client<E> {
        #[counted(name = "alias_total", outcome)]
        #[count_exceptions]
        fn fetch(&self) -> BoxFuture<u8, E> {
            let error = self.0.clone();
            Box::pin(async move { Err(error) })
        }
    }
    #[counted(name = "lent_alias_total", outcome)]
    fn lent(text: &str) -> LocalBoxFuture<'_, u8> {
        Box::pin(async move { text.parse().map_err(|_| text.to_owned()) })
    }

    assert_eq!(block_on(Client("no").fetch()), Err("no"));
    assert_eq!((block_on(lent("1")), block_on(lent("x"))), (Ok(1), Err("x".to_owned())));
    page().assert_outcomes("alias_total", "", [0.0, 1.0, 0.0, 0.0]);
    page().assert_outcomes("lent_alias_total", "", [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn cancellation_and_panic_do_not_leak_the_gauge() {
    #[in_progress(name = "leaking")]
    async fn leaking(explodes: bool) {
        Yield::default().await;
        assert!(!explodes, "as asked");
    }

    let mut dropped = Box::pin(leaking(false));
    assert!(poll(dropped.as_mut()).is_pending());
    page().assert(&[("leaking", 1.0)]);
    drop(dropped);
    panics(|| block_on(leaking(true)));
    page().assert(&[("leaking", 0.0)]);
}

#[test]
fn a_closure_around_the_body_may_return_what_it_borrowed_mutably() {
    struct Slots(Vec<u8>);
    impl Slots {
        #[counted(outcome)]
        fn first(&mut self) -> Option<&mut u8> {
            self.0.first_mut()
        }
        #[count_exceptions]
        fn split<'a>(&mut self, other: &'a mut [u8]) -> Result<(&mut u8, &'a mut u8), String> {
            let own = self.0.first_mut().ok_or("none")?;
            Ok((own, &mut other[0]))
        }
    }

    let mut slots = Slots(vec![1]);
    *slots.first().unwrap() += 1;
    assert_eq!(slots.split(&mut [7]).unwrap(), (&mut 2, &mut 7));
}

#[test]
fn the_returned_value_is_coerced_as_in_the_plain_function() {
    #[expect(clippy::ptr_arg, reason = "a `&Vec` has to be coerced")]
    #[counted(outcome)]
    fn slice(list: &Vec<u8>, some: bool) -> Option<&[u8]> {
        if some { Some(list) } else { None }
    }
    #[counted(outcome)]
    fn object(n: u8) -> Box<dyn Debug> {
        if n == 0 {
            return Box::new("none");
        }
        Box::new(n)
    }
    #[count_exceptions]
    async fn objects(n: u8) -> Result<Box<dyn Debug>, Box<dyn std::error::Error>> {
        if n == 0 {
            return Err("none")?;
        }
        Ok(Box::new(n))
    }

    assert_eq!(slice(&vec![1], true), Some(&[1][..]));
    assert_eq!(format!("{:?}{:?}", object(0), object(1)), "\"none\"1");
    assert!(block_on(objects(0)).is_err() && block_on(objects(1)).is_ok());
}

#[test]
fn an_argument_may_be_assigned_a_reference_to_a_local() {
    #[counted(outcome)]
    async fn assigned(mut text: &str) -> usize {
        let longer = format!("{text}!");
        Yield::default().await;
        text = &longer;
        text.len()
    }
    // A function that is not `async` may not, with the attribute or without.

    assert_eq!(block_on(assigned("ab")), 3);
}

#[test]
fn all_attributes_together_add_little_to_a_future() {
    async fn plain(list: [u8; 256]) -> Result<usize, ()> {
        Yield::default().await;
        Ok(list.len())
    }
    #[counted(outcome)]
    #[timed]
    #[in_progress]
    #[count_exceptions]
    async fn measured(list: [u8; 256]) -> Result<usize, ()> {
        Yield::default().await;
        Ok(list.len())
    }
    #[counted]
    async fn merely_counted(list: [u8; 256]) -> Result<usize, ()> {
        Yield::default().await;
        Ok(list.len())
    }

    let size = size_of_val(&plain([0; 256]));
    assert!(
        size_of_val(&measured([0; 256])) <= size + 56,
        "{size} {}",
        size_of_val(&measured([0; 256]))
    );
    assert_eq!(size_of_val(&merely_counted([0; 256])), size);
    assert_eq!(block_on(plain([0; 256])), block_on(measured([0; 256])));
}

#[test]
fn track_caller_tells_the_caller_and_not_a_closure() {
    #[track_caller]
    #[counted]
    #[timed]
    #[in_progress]
    fn place() -> u32 {
        Location::caller().line()
    }

    assert_eq!(place(), line!());
}

#[test]
fn names_of_ours_and_of_the_user_do_not_meet() {
    #[counted(name = "unhygienic_total", labels(label = __sites, more = __call + 1), outcome, when = __when_0)]
    #[count_exceptions(name = "unhygienic_failures_total", error_labels(kind = |__error| __error.len()))]
    fn unhygienic(__sites: &str, __call: u8, __when_0: bool) -> Result<usize, String> {
        let (__out, __recorders, __partial_1) = (__sites.len(), __call, __when_0);
        if __partial_1 && __recorders > 3 { Err("__error".to_owned()) } else { Ok(__out) }
    }

    assert!(unhygienic("a", 4, true).is_err());
    page().assert(&[
        (r#"unhygienic_total{label="a",more="5",outcome="error"}"#, 1.0),
        (r#"unhygienic_failures_total{kind="7"}"#, 1.0),
    ]);
}

#[test]
fn items_of_ours_do_not_hide_the_users() {
    static __SITES: &str = "mine";
    static __SITE: u8 = 2;
    enum __Here {
        Three = 3,
    }

    #[counted(name = "hidden_total", labels(text = __SITES, n = __Here::Three as u8, m = __SITE))]
    #[counted]
    fn hidden() -> usize {
        __SITES.len() + usize::from(__SITE) + __Here::Three as usize
    }

    #[timed]
    #[count_exceptions]
    fn nameless() -> usize {
        __SITES.len() + usize::from(__SITE) + __Here::Three as usize
    }

    assert_eq!((hidden(), nameless()), (9, 9));
    page().assert(&[(r#"hidden_total{m="2",n="3",text="mine"}"#, 1.0)]);
}

#[test]
fn async_trait_is_seen_through_in_either_order_and_under_another_name() {
    use async_trait::async_trait as asynchronous;

    #[asynchronous]
    trait Load {
        async fn load(&self) -> Result<u8, ()>;
        async fn store(&self) -> Result<u8, ()>;
    }
    struct Disk;
    #[asynchronous]
    impl Load for Disk {
        #[counted(name = "loads_total", outcome)]
        async fn load(&self) -> Result<u8, ()> {
            Yield::default().await;
            Err(())
        }
        #[allow(clippy::unused_self, reason = "stands between")]
        #[counted(name = "stores_total", outcome)]
        #[timed]
        async fn store(&self) -> Result<u8, ()> {
            Yield::default().await;
            Ok(1)
        }
    }

    drop(Disk.load());
    assert!(block_on(Disk.load()).is_err() && block_on(Disk.store()).is_ok());
    let mut dropped = Disk.load();
    assert!(poll(dropped.as_mut()).is_pending());
    drop(dropped);
    let page = page();
    page.assert_outcomes("loads_total", "", [0.0, 1.0, 0.0, 1.0]);
    page.assert_outcomes("stores_total", "", [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn free_text_as_a_label_is_capped_cut_and_escaped() {
    #[counted(name = "free_total", labels(text), max_series = 5)]
    fn free(text: &str) -> usize {
        text.len()
    }
    #[counted(name = "long_total", labels(text))]
    fn long_text(text: &str) -> usize {
        text.len()
    }

    let odd = ["a\"b", "line\nbreak", "back\\slash", "nul\0", ""];
    for text in odd {
        free(text);
    }
    let long = "x".repeat(1 << 20);
    assert_eq!(free(&long), 1 << 20);
    for n in 0..100 {
        free(&n.to_string());
    }
    let page = page();
    page.assert(&[
        (r#"free_total{text="a\"b"}"#, 1.0),
        (r#"free_total{text="line\nbreak"}"#, 1.0),
        (r#"free_total{text="back\\slash"}"#, 1.0),
        ("free_total{text=\"nul\0\"}", 1.0),
        (r#"free_total{text="_other"}"#, 101.0),
    ]);
    assert_eq!(page.series("free_total"), 6);

    long_text(&long);
    let cut = "x".repeat(headcount::MAX_LABEL_VALUE_LEN);
    let page = self::page();
    page.assert(&[(&format!("long_total{{text=\"{cut}\"}}"), 1.0)]);
    assert!(page.at("headcount_cut_label_values_total") >= 1.0, "and it is reported");
}

#[test]
fn handles_hold_no_lock_and_can_be_copied_anywhere() {
    // A lock is not `Copy`, and what refers to one of a thread is not `Send`.
    fn free<T: Copy + Send + Sync + Unpin + 'static>() {}

    free::<Counter>();
    free::<Gauge>();
    free::<Histogram>();
    free::<Summary>();
}

/// Never touched.
#[metric(name = "untouched_family_total")]
fn untouched(open: bool) -> Counter;

#[test]
fn nothing_is_registered_only_when_it_is_first_called() {
    #[allow(dead_code, reason = "not called, not even instantiated, and declared all the same")]
    mod never {
        #[headcount::counted]
        #[headcount::timed]
        pub(super) fn instantiated<T: Default>() -> T {
            T::default()
        }
        pub(super) struct Holder<T>(T);
        impl<T> Holder<T> {
            #[headcount::counted(name = "never_total", outcome, error_if = |_| false)]
            pub(super) async fn polled(self) -> T {
                self.0
            }
        }
    }

    let _: fn(bool) -> Counter = untouched;
    let page = page();
    page.assert(&[
        (r#"untouched_family_total{open="false"}"#, 0.0),
        (r#"untouched_family_total{open="true"}"#, 0.0),
    ]);
    page.assert_outcomes("never_total", "", [0.0; 4]);
    let ours = |key: &&String| key.contains("never::instantiated");
    assert!(page.samples.keys().any(|key| ours(&key)), "{:#?}", page.samples);
}

#[test]
fn expansions_and_the_runtime_are_of_one_version() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let manifest = fs::read_to_string(workspace).unwrap();
    let pinned = |line: &str| line.starts_with("headcount-macros = ") && line.contains("\"=");
    assert!(manifest.lines().any(pinned), "an expansion names items of the very same version");
}

#[test]
fn derives_of_the_same_name_do_not_collide() {
    mod left {
        #[derive(headcount::LabelValue)]
        pub(super) enum Kind {
            Left,
        }
    }
    mod right {
        #[derive(headcount::LabelValue)]
        pub(super) enum Kind {
            Right,
        }
    }
    #[derive(LabelValue)]
    enum Kind {
        Middle,
    }

    let _ = (left::Kind::Left, right::Kind::Right, Kind::Middle);
    assert_eq!((left::Kind::VALUES, right::Kind::VALUES), (&["left"][..], &["right"][..]));
    assert_eq!(Kind::VALUES, ["middle"]);
}

#[test]
fn expansions_do_not_depend_on_how_the_macros_were_built() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../macros/src")];
    let mut sources = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            // A `cfg!` there speaks of the machine that compiles.
            assert!(!text.contains("cfg!(") && !text.contains("#[cfg(debug"), "{}", path.display());
            sources += 1;
        }
    }
    assert!(sources > 20, "{sources}");
}

#[test]
fn a_stream_has_ended_for_its_maker_when_it_is_returned() {
    #[in_progress(name = "making_streams")]
    #[counted(name = "streams_total", outcome)]
    fn numbers(to: u8) -> impl Iterator<Item = u8> {
        (0..to).map(|n| n + 1)
    }
    /// Reads to the end, so that the measured call lasts as long as the stream.
    #[in_progress(name = "reading_streams")]
    #[counted(name = "reads_total", outcome)]
    async fn read(to: u8) -> usize {
        let mut read = 0;
        for _ in numbers(to) {
            Yield::default().await;
            read += 1;
        }
        read
    }

    let stream = numbers(3);
    page().assert(&[("making_streams", 0.0)]);
    assert_eq!(stream.count(), 3);
    let mut reading = Box::pin(read(2));
    assert!(poll(reading.as_mut()).is_pending() && poll(reading.as_mut()).is_pending());
    page().assert(&[("reading_streams", 1.0)]);
    assert_eq!(block_on(reading), 2);
    let page = page();
    page.assert(&[("reading_streams", 0.0)]);
    page.assert_outcomes("reads_total", "", [1.0, 0.0, 0.0, 0.0]);
    page.assert_outcomes("streams_total", "", [2.0, 0.0, 0.0, 0.0]);
}

#[test]
fn the_body_is_there_once() {
    #[counted(outcome, when = on)]
    #[timed(when = on)]
    fn single(on: bool) -> u32 {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let _ = on;
        CALLS.fetch_add(1, Ordering::Relaxed)
    }

    assert_eq!([single(true), single(false), single(true)], [0, 1, 2]);
}

#[test]
fn nothing_of_the_signature_is_lost() {
    #[counted(outcome)]
    #[must_use]
    #[expect(unsafe_code, reason = "the signature is `unsafe`")]
    unsafe extern "C" fn plus<const N: u8>(n: u8) -> u8
    where
        [u8; 1]: Sized,
    {
        n + N
    }
    #[counted]
    #[timed]
    fn pinned<'a, 'b: 'a>(
        a: &'a str,
        b: &'b str,
    ) -> Pin<Box<dyn Future<Output = &'a str> + Send + 'a>> {
        Box::pin(async move { if a.is_empty() { b } else { a } })
    }

    let f: unsafe extern "C" fn(u8) -> u8 = plus::<3>;
    // SAFETY: it asks for nothing.
    #[expect(unsafe_code, reason = "the signature is `unsafe`")]
    let sum = unsafe { f(4) };
    assert_eq!((sum, block_on(pinned("", "b"))), (7, "b"));
    page().assert(&[(
        &shared("function_calls_total", "nothing_of_the_signature_is_lost::pinned"),
        1.0,
    )]);
}
