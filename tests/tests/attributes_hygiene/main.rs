//! What the attributes print compiles in the most hostile of crates: without a prelude, with every
//! name of the language and of the library taken, without `unsafe`, under every lint; and none of
//! it is a warning there.
//!
//! That this compiles is the test; clippy's part of it runs when clippy does.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings)]
#![deny(
    absolute_paths_not_starting_with_crate,
    ambiguous_negative_literals,
    deprecated_safe,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    ffi_unwind_calls,
    future_incompatible,
    impl_trait_redundant_captures,
    keyword_idents,
    let_underscore,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_abi,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    nonstandard_style,
    redundant_imports,
    redundant_lifetimes,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo)]
#![expect(clippy::cargo_common_metadata, reason = "an unpublished package")]
#![allow(clippy::multiple_crate_versions, reason = "other tests' dependencies")]
#![allow(
    clippy::panic_in_result_fn,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "the cases"
)]
#![allow(let_underscore_drop, missing_docs, reason = "this file's own functions")]
#![allow(dead_code, clippy::missing_const_for_fn, reason = "what is never called must compile too")]
#![allow(clippy::redundant_pub_crate, reason = "contradicts `unreachable_pub`")]

/// Where every name that an expansion could lean on means something else.
mod shadowed {
    use ::headcount::{
        Counter as MyCounter, Histogram as MyHistogram, Info as MyInfo, LabelValue as Value,
        StateSet as MyStateSet, build_info, count_exceptions, counted, in_progress, metric, skip,
        timed,
    };

    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod alloc {}
    pub(super) mod headcount {}
    pub(super) mod inventory {}
    #[expect(non_camel_case_types, reason = "that is the point")]
    mod types {
        pub(in super::super) struct u32;
        pub(in super::super) struct u64;
        pub(in super::super) struct f64;
        pub(in super::super) struct usize;
        pub(in super::super) struct bool;
        pub(in super::super) struct str;
        pub(in super::super) struct Result;
        pub(in super::super) struct Option;
        pub(in super::super) struct Box;
        pub(in super::super) struct Pin;
        pub(in super::super) struct Some;
        pub(in super::super) struct None;
        pub(in super::super) struct Ok;
        pub(in super::super) struct Err;
        pub(in super::super) struct Outcome;
        pub(in super::super) struct Counter;
        pub(in super::super) trait Future {}
        pub(in super::super) trait Copy {}
        pub(in super::super) trait Drop {}
        pub(in super::super) trait LabelValue {}
        pub(in super::super) struct LabelWriter;
        pub(in super::super) struct Site;
        pub(in super::super) struct Info;
        pub(in super::super) struct StateSet;
        pub(in super::super) struct Label;
        pub(in super::super) struct Mode;
    }
    #[expect(unused_imports, reason = "to be in the way")]
    use types::*;

    #[expect(unused_macros, reason = "to be in the way")]
    macro_rules! module_path {
        () => {};
    }
    #[expect(unused_macros, reason = "to be in the way")]
    macro_rules! concat {
        () => {};
    }
    #[expect(unused_macros, reason = "to be in the way")]
    macro_rules! env {
        () => {};
    }

    type Int = ::core::primitive::u32;
    type Fallible = ::core::result::Result<Int, Int>;

    #[counted]
    #[timed]
    #[in_progress(oldest)]
    #[count_exceptions]
    pub(super) fn bare(__call: Int, __out: Int) -> Fallible {
        let __recorders = __call;
        ::core::result::Result::Ok(__recorders + __out)
    }

    #[counted(name = "hygiene_total", labels(a = __sites, b = __sites + 1, c = "x"), outcome)]
    #[timed(name = "hygiene_seconds", buckets = [1, 2.5], outcome, error_if = |r| r == &::core::result::Result::Err(1))]
    #[in_progress(name = "hygiene", help = "Help.", labels(a = __sites), oldest)]
    #[count_exceptions(name = "hygiene_exceptions_total", unit = "exceptions")]
    pub(super) async fn full(__sites: Int, mut list: ::std::vec::Vec<Int>) -> Fallible {
        list.push(__sites);
        ::core::future::ready(()).await;
        ::core::result::Result::Err(list.remove(0))
    }

    #[timed]
    #[counted]
    pub(super) fn unit() {}

    #[counted]
    pub(super) fn only_counted(a: Int) -> Int {
        a
    }

    #[counted(outcome)]
    pub(super) fn future() -> impl ::core::future::Future<Output = Fallible> + ::core::marker::Send
    {
        async { ::core::result::Result::Ok(1) }
    }

    #[timed(future)]
    pub(super) fn boxed<'a>(
        a: &'a Int,
    ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = Int> + 'a>> {
        ::std::boxed::Box::pin(async move { *a })
    }

    #[metric(name = "hygiene_metric_total", help = "Help.")]
    pub(super) static METRIC: MyCounter;

    /// A kind.
    #[derive(Clone, Copy, Debug, Value)]
    pub(super) enum Kind {
        /// One.
        One,
        /// Two.
        #[label(rename = "2")]
        Two(Int),
    }

    /// A tenant.
    #[derive(Clone, Copy, Debug, Value)]
    pub(super) struct Tenant<'a, T>(pub(super) &'a T);

    /// Members.
    #[metric(name = "hygiene_members_total", max_series = 9)]
    pub(super) fn members(kind: Kind, sites: Int) -> MyCounter;

    const NAMESPACE: &::core::primitive::str = "hygiene";

    const fn bounds() -> [::core::primitive::f64; 2] {
        [1.0, 2.0]
    }

    build_info!(namespace = NAMESPACE);

    /// What it is.
    #[metric(name = "hygiene_info", labels(namespace = NAMESPACE, number = 3))]
    static INFO: MyInfo;

    /// What runs.
    #[metric(namespace = NAMESPACE, subsystem = "host", name = "info")]
    pub(super) fn host(name: &::core::primitive::str) -> MyInfo;

    /// The kind of now.
    #[metric(namespace = NAMESPACE, name = "kind_now", mode = "livemostrecent")]
    pub(super) static NOW: MyStateSet<Kind>;

    /// The kinds of now.
    #[metric(name = "hygiene_kinds_now", mode = "mostrecent")]
    pub(super) fn kinds(of: Int) -> ::headcount::StateSet<Kind>;

    /// Parts.
    #[metric(namespace = "hygiene", subsystem = NAMESPACE, name = "parts_total")]
    pub(super) static PARTS: MyCounter<::core::primitive::f64>;

    /// Steps.
    #[metric(name = "hygiene_steps", buckets = bounds())]
    pub(super) static STEPS: MyHistogram;

    #[timed(namespace = NAMESPACE, name = "steps_seconds", buckets = ::headcount::linear_buckets::<3>(0.5, 0.5))]
    #[timed(name = "hygiene_powers_seconds", buckets = bounds(), labels(n = n + 1))]
    #[counted(namespace = NAMESPACE, subsystem = "calls", name = "total", labels(n))]
    pub(super) fn parts(n: Int) -> Int {
        n
    }

    type Failing = ::core::result::Result<Int, Kind>;

    #[count_exceptions(name = "hygiene_only_total", only = Kind::Two(n) if *n > 3, panics = true)]
    #[count_exceptions(name = "hygiene_kinds_total", labels(kind), error_labels(error, n = |_| 3), when = n > 2)]
    #[counted(name = "hygiene_typed_total", labels(kind: Kind = kind, more: Int = n + 1), when = n > 2)]
    #[timed(name = "hygiene_summary_seconds", summary, cancelled = false)]
    #[in_progress(metric = hidden::GAUGE)]
    pub(super) async fn keys(kind: Kind, n: Int) -> Failing {
        ::core::future::ready(()).await;
        if n > 3 { ::core::result::Result::Err(kind) } else { ::core::result::Result::Ok(n) }
    }

    #[counted(metric = hidden::by_outcome, outcome, error_if = |r| r == &3)]
    #[counted(metric = METRIC, when = true)]
    pub(super) fn declared(n: Int) -> Int {
        n
    }

    #[counted(prefix = "hygiene_block", labels(part = 1), outcome)]
    #[timed]
    pub(super) mod block {
        /// A type.
        #[derive(Clone, Copy, Debug)]
        pub(in super::super) struct Type;

        impl Type {
            pub(in super::super) fn method(self) -> Self {
                self
            }

            #[super::skip]
            pub(in super::super) fn left_out(self) -> Self {
                self
            }
        }
    }

    mod hidden {
        use ::headcount::{Counter, Gauge, Outcome, metric};

        #[metric(name = "hygiene_gauge", help = "Help.", mode = "sum")]
        pub(super) static GAUGE: Gauge;

        /// Help.
        #[metric(name = "hygiene_outcomes_total")]
        pub(super) fn by_outcome(outcome: Outcome) -> Counter;
    }
}

/// The shapes of functions, under clippy's eyes.
mod shapes {
    use ::core::convert::From;
    use ::core::future::Future;
    use ::core::iter::{IntoIterator, Iterator};
    use ::core::option::Option::{self, Some};
    use ::core::result::Result::{self, Ok};
    use ::core::{assert, panic};
    use ::headcount::{count_exceptions, counted, in_progress, timed};
    use ::std::string::{String, ToString};
    use ::std::vec::Vec;

    #[derive(Debug)]
    pub(super) struct Shape {
        pub(super) list: Vec<u8>,
    }

    impl Shape {
        #[counted(outcome)]
        #[count_exceptions]
        pub(super) fn first(&mut self) -> Option<&mut u8> {
            self.list.get_mut(0)
        }

        #[counted(outcome)]
        pub(super) fn consume(self) -> Vec<u8> {
            self.list
        }

        #[count_exceptions]
        pub(super) fn iter(&self) -> impl Iterator<Item = &u8> {
            self.list.iter()
        }

        #[counted(outcome, error_if = Result::is_err)]
        pub(super) async fn parse(&self, text: &str) -> Result<u8, ::core::num::ParseIntError> {
            if self.list.is_empty() {
                return Ok(0);
            }
            let parsed: u8 = text.parse()?;
            Ok(parsed)
        }

        #[in_progress]
        #[timed]
        pub(super) fn early(&self) -> u8 {
            const ITEM: u8 = 1;
            fn inner() -> u8 {
                ITEM
            }
            if self.list.is_empty() {
                return inner();
            }
            2
        }
    }

    #[counted(outcome)]
    pub(super) fn unit(text: &mut String) {
        use ::std::fmt::Write;
        text.push('x');
        let _ = ::core::write!(text, "y");
    }

    #[counted(outcome)]
    pub(super) async fn unit_later(n: u8) {
        assert!(n < 10);
    }

    #[count_exceptions]
    pub(super) fn never() -> ! {
        panic!("as asked")
    }

    #[count_exceptions]
    pub(super) fn generic<T: ToString, const N: usize>(all: [T; N]) -> Vec<String> {
        all.into_iter().map(|one| one.to_string()).collect()
    }

    #[counted(outcome)]
    pub(super) fn future(n: u8) -> impl Future<Output = Option<u8>> {
        async move { Some(n) }
    }

    #[count_exceptions]
    #[counted(name = "hygiene_shapes_total", labels(n, twice = n * 2, text = text.as_str()))]
    pub(super) fn labelled((mut n, text): (u8, &String)) -> usize {
        n += 1;
        text.len() + usize::from(n)
    }
}

#[::core::prelude::v1::test]
fn a_hostile_crate_compiles_and_counts() {
    use ::core::assert_eq;

    assert_eq!(shadowed::bare(1, 2), ::core::result::Result::Ok(3));
    shadowed::METRIC.inc();
    shadowed::members(shadowed::Kind::One, 3).inc();
    assert_eq!(shadowed::declared(3), 3);
    let _ = shadowed::block::Type.method().left_out();
    shadowed::unit();
    shadowed::host("here").set();
    shadowed::NOW.set(shadowed::Kind::One);
    shadowed::kinds(1).set(shadowed::Kind::Two(2));
    shadowed::PARTS.inc_by(0.5);
    shadowed::STEPS.observe(1.0);
    assert_eq!(shadowed::parts(3), 3);
    let text = ::headcount::Collector::new().collect().unwrap().to_text();
    ::core::assert!(text.contains("hygiene_metric_total 2\n"), "{text}");
    ::core::assert!(text.contains("hygiene_hygiene_parts_total 0.5\n"), "{text}");
    ::core::assert!(
        text.contains("hygiene_info{namespace=\"hygiene\",number=\"3\"} 1\n"),
        "{text}"
    );
}

/// Compiles a package that has the library under another name, or an older edition.
#[::core::prelude::v1::test]
fn every_edition_and_a_renamed_dependency_compile() {
    use ::std::path::Path;
    use ::std::process::Command;
    use ::std::{env, format, fs};

    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hygiene");
    let runtime = tests.join("../runtime");
    fs::create_dir_all(&folder).unwrap();
    // The versions that this workspace uses are there; others would have to be fetched.
    let _ = fs::copy(tests.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut members = ::std::string::String::new();
    for (name, source, edition, dependency) in [
        ("edition-2015", "edition", "2015", "headcount"),
        ("edition-2018", "edition", "2018", "headcount"),
        ("edition-2021", "edition", "2021", "headcount"),
        ("renamed", "renamed", "2024", "renamed"),
    ] {
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = {edition:?}\n\n\
             [lib]\npath = {source:?}\n\n\
             [dependencies]\n{dependency} = {{ package = \"headcount\", path = {runtime:?} }}\n",
            source = tests.join("tests/attributes_hygiene").join(format!("{source}.rs")),
        );
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("Cargo.toml"), manifest).unwrap();
        members = format!("{members}{name:?}, ");
    }
    let workspace = format!("[workspace]\nresolver = \"2\"\nmembers = [{members}]\n");
    fs::write(folder.join("Cargo.toml"), workspace).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--workspace"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let said = ::std::string::String::from_utf8_lossy(&output.stderr);
    ::core::assert!(output.status.success(), "{said}");
    ::core::assert_eq!(said, "", "a warning");
}
