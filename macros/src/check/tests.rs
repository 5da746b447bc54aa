//! What the rules say of functions and their attributes.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::check::function::function;
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::report::errors::Errors;

/// No messages.
const NONE: [&str; 0] = [];

/// The messages about one attribute on a function.
fn mistakes(attribute: Attribute, args: TokenStream, item: TokenStream) -> Vec<String> {
    let mut errors = Errors::new();
    let args = Args::parse(attribute, Span::call_site(), args, &mut errors);
    let item = Function::parse(item, "counted").unwrap();
    let plan = function(&[args], item, &mut errors);
    assert_eq!(plan.is_some(), errors.is_empty());
    errors.messages()
}

fn plain(args: TokenStream) -> Vec<String> {
    mistakes(
        Attribute::Counted,
        args,
        quote!(
            fn f() {}
        ),
    )
}

#[track_caller]
fn one(mistakes: Vec<String>, part: &str) {
    let [mistake] = <[String; 1]>::try_from(mistakes).unwrap();
    assert!(mistake.contains(part), "{mistake}");
}

#[test]
fn a_bare_attribute_and_a_full_one_pass() {
    assert_eq!(plain(quote!()), NONE);
    let full = quote!(
        name = "jobs_total",
        help = "Jobs.",
        labels(a = x.y(), b, kind = "batch", r#type = 3),
        outcome,
        error_if = |r| r.bad(),
        crate = a::b,
    );
    assert_eq!(plain(full), NONE);
}

#[test]
fn every_mistake_is_found_at_once() {
    let found = plain(quote!(
        nam = "x",
        name = "bad-name",
        outcome = 3,
        labels(le = 1, q = a?, q = 2),
        outcome,
        outcome,
        buckets = [1.0],
        name
    ));
    let expected = [
        "there is no key `nam` (did you mean `name`?)",
        "`outcome` takes no value",
        "`outcome` is given twice",
        "`buckets` belongs to `timed`, `metric`, not to `#[counted]`",
        "`name` takes a string literal",
        "the label `le` is reserved",
        "the label `q` is given twice",
        "a label is evaluated before the body",
        "`bad-name` is not a metric name",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} / {expected}");
    }
}

#[test]
fn what_changes_a_family_needs_a_name() {
    one(plain(quote!(labels(a))), "`labels` needs a `name`");
    one(plain(quote!(help = "x")), "`help` needs a `name`");
    one(plain(quote!(unit = "x")), "`unit` needs a `name`");
    one(
        mistakes(
            Attribute::Timed,
            quote!(buckets = [1.0]),
            quote!(
                fn f() {}
            ),
        ),
        "`buckets` needs a `name`: without one, this function counts in \
         `function_calls_duration_seconds`",
    );
}

#[test]
fn an_error_that_cannot_be_seen_must_be_named() {
    let hidden = quote!(
        fn f<R>() -> R {}
    );
    one(mistakes(Attribute::CountExceptions, quote!(), hidden.clone()), "write `error_if");
    one(mistakes(Attribute::Counted, quote!(outcome), hidden.clone()), "write `error_if");
    assert_eq!(mistakes(Attribute::Counted, quote!(), hidden.clone()), NONE);
    assert_eq!(mistakes(Attribute::CountExceptions, quote!(error_if = |_| true), hidden), NONE);
    one(plain(quote!(error_if = |_| true)), "`error_if` needs `outcome`");
}

#[test]
fn functions_that_cannot_be_measured_are_refused() {
    let on = |item| mistakes(Attribute::Counted, quote!(outcome), item);
    one(
        on(quote!(
            const fn f() {}
        )),
        "a `const fn` can run at compile time",
    );
    one(
        on(quote!(
            fn f();
        )),
        "this function has no body",
    );
    one(
        on(quote!(
            #[track_caller]
            fn f() -> Answer {}
        )),
        "the caller's location would be lost",
    );
    assert_eq!(
        on(quote!(
            #[track_caller]
            fn f() -> impl Fn(u8) {}
        )),
        NONE
    );
    one(
        on(quote!(
            fn f() -> impl Future<Output = ()> + FusedFuture {}
        )),
        "`FusedFuture`",
    );
    assert_eq!(
        on(quote!(
            #[track_caller]
            fn f() -> ! {}
        )),
        NONE
    );
}

#[test]
fn buckets_are_checked_where_they_stand() {
    let timed = |buckets: TokenStream| {
        let args = quote!(name = "a_seconds", buckets = #buckets);
        mistakes(
            Attribute::Timed,
            args,
            quote!(
                fn f() {}
            ),
        )
    };
    assert_eq!(timed(quote!([1, 2.5])), NONE);
    assert_eq!(timed(quote!(a::B)), NONE);
    one(timed(quote!([1.0, 0.5])), "bucket bounds must ascend: 0.5 comes after 1");
    one(timed(quote!([])), "at least one");
    one(timed(quote!([0.0])), "above 0");
    one(timed(quote!([-1.0])), "above 0");
    one(timed(quote!([1e999])), "finite");
    one(timed(quote!([a, 1.0])), "a bucket bound is a number");
    assert_eq!(timed(quote!(headcount::linear_buckets::<3>(0.1, 0.1))), NONE);
    assert_eq!(timed(quote!(&a::B)), NONE);
    one(timed(quote!(3)), "takes a list of numbers, or a constant");
    one(timed(quote!(|| B)), "takes a list of numbers, or a constant");
}

#[test]
fn labels_have_names_of_their_own() {
    let labels = |labels: TokenStream| plain(quote!(name = "a_total", outcome, labels(#labels)));
    one(labels(quote!(pid)), "the label `pid` is reserved");
    one(labels(quote!(__x = 1)), "begin with `__`");
    one(labels(quote!(outcome = 1)), "the flag `outcome` adds");
    one(labels(quote!(größe = 1)), "is not a label name");
    one(labels(quote!(a =)), "`a` needs a value");
    one(labels(quote!("a")), "`\"a\"` needs a value");
    one(labels(quote!(3)), "a label is `name = expression`");
    assert_eq!(labels(quote!("a" = b)), NONE);
    one(labels(quote!("a.b" = b)), "is not a label name");
    one(labels(quote!("outcome" = b)), "the flag `outcome` adds");
    one(labels(quote!("a" = b, a)), "is given twice");
    one(labels(quote!(a: u8)), "`a` needs a value");
    one(labels(quote!(a: Vec<T> = b)), "the type of a label is used outside");
    one(labels(quote!(a, b, c, d, e, f, g, h, i)), "at most 8 labels");
    assert_eq!(labels(quote!(a, b, c, d, e, f, g, h, i = "x")), NONE);
}
