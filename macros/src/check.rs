//! Judges what was parsed, and makes of it a plan that can be printed without any further question.
//!
//! Each rule is one function, named after it. All rules run, so that every mistake is found.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{LitStr, Path};

use crate::args::{Args, Buckets};
use crate::buckets;
use crate::errors::Errors;
use crate::function::{self, Function};
use crate::keys::Attribute;
use crate::names::{self, Kind};
use crate::plan::{Plan, literal, sites_and_calls};
use crate::shape::{self, Shape};

/// What the runtime takes in one `row`.
const MOST_LABELS: usize = 8;

/// Judges a function with all the attributes that stand on it.
pub(crate) fn function(
    attributes: &[Args],
    function: Function,
    errors: &mut Errors,
) -> Option<Plan> {
    function::check(&function, errors);
    for args in attributes {
        keys_that_need_a_name(args, errors);
        error_if_needs_outcome(args, errors);
        label_names(args, errors);
        label_values(args, errors);
        names_and_texts(args, errors);
    }
    each_attribute_once(attributes, errors);

    let future = attributes.iter().find_map(|args| args.flag("future"));
    let shape = Shape::of(&function.sig, future.is_some());
    future_flag_is_needed(future, &function, errors);
    stays_unpin(&function, errors);
    errors_can_be_seen(attributes, &function, shape, errors);
    caller_is_kept(attributes, &function, shape, errors);
    if !errors.is_empty() {
        return None;
    }

    let (sites, calls) = sites_and_calls(attributes, &function.sig.ident);
    let krate = private_path(attributes.iter().find_map(Args::krate));
    Some(Plan { krate, function, shape, sites, calls })
}

/// The path of all that an expansion names.
pub(crate) fn private_path(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(krate) => quote!(#krate::__private),
        None => {
            // The edition of these tokens is ours, so that `::headcount` is the package in a crate
            // of edition 2015 too.
            quote_spanned!(Span::mixed_site()=> ::headcount::__private)
        }
    }
}

/// `#[timed(buckets = [..])]` would change the buckets of every other function.
fn keys_that_need_a_name(args: &Args, errors: &mut Errors) {
    if args.mentions("name") {
        return;
    }
    for given in args.given.iter().filter(|given| given.key.needs_name) {
        errors.at(
            given.ident.span(),
            format!(
                "`{}` needs a `name`: without one this function shares `{}` with all others, whose \
                 shape is fixed",
                given.key.name,
                args.attribute.shared_family()
            ),
        );
    }
}

/// Without `outcome`, nothing of `#[counted]` or `#[timed]` depends on what is an error.
fn error_if_needs_outcome(args: &Args, errors: &mut Errors) {
    if args.attribute == Attribute::CountExceptions || args.mentions("outcome") {
        return;
    }
    if let Some((key, _)) = args.closure("error_if") {
        errors.at(key.span(), "`error_if` needs `outcome`: without it no outcome is recorded");
    }
}

fn label_names(args: &Args, errors: &mut Errors) {
    let outcome = args.flag("outcome").is_some();
    let labels = args.labels();
    for (index, label) in labels.iter().enumerate() {
        names::check_label(&label.name, outcome, errors);
        if labels[..index].iter().any(|other| other.name.unraw() == label.name.unraw()) {
            errors.on(&label.name, format!("the label `{}` is given twice", label.name.unraw()));
        }
    }
}

fn label_values(args: &Args, errors: &mut Errors) {
    for label in args.labels() {
        if let Some(token) = leaving_token(label.value.to_token_stream()) {
            errors.on(
                token,
                "a label is taken before the body runs and can't leave the function: no `?`, \
                 `return` or `.await`",
            );
        }
    }
    let open = args.labels().iter().filter(|label| literal(label).is_none());
    for label in open.skip(MOST_LABELS) {
        errors.on(
            &label.name,
            format!("at most {MOST_LABELS} labels can be taken from values, beside literal ones"),
        );
    }
}

/// The token with which an expression would leave the function.
fn leaving_token(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Ident(ident) if ident == "return" || ident == "await" => Some(token),
        TokenTree::Punct(punct) if punct.as_char() == '?' => Some(token),
        TokenTree::Group(group) => leaving_token(group.stream()),
        _ => None,
    })
}

fn names_and_texts(args: &Args, errors: &mut Errors) {
    if let Some(name) = args.text("name") {
        names::check_metric(kind(args.attribute), name, args.text("unit"), errors);
    }
    if let Some(help) = args.text("help") {
        names::check_help(help, errors);
    }
    if let Some(Buckets::Literal(list)) = args.buckets() {
        buckets::check(list, kind(args.attribute), errors);
    }
}

/// `#[counted] #[counted]` would count each call twice in one series.
fn each_attribute_once(attributes: &[Args], errors: &mut Errors) {
    for (index, args) in attributes.iter().enumerate() {
        let name = args.text("name").map(LitStr::value);
        let same = attributes[..index].iter().find(|other| {
            (other.attribute == args.attribute || name.is_some())
                && other.text("name").map(LitStr::value) == name
        });
        let Some(other) = same else { continue };
        if let Some(name) = args.text("name") {
            errors.on(
                name,
                format!("`{}` is the name of another attribute of this function", name.value()),
            );
        } else {
            errors.at(
                args.span,
                format!(
                    "`#[{}]` stands here twice: give one of them a `name`",
                    other.attribute.name()
                ),
            );
        }
    }
}

fn future_flag_is_needed(future: Option<&Ident>, function: &Function, errors: &mut Errors) {
    let Some(future) = future else { return };
    if function.sig.asyncness.is_some() {
        errors.at(future.span(), "an `async fn` is measured as a future without `future`");
    } else if shape::written_type(&function.sig).is_none() {
        errors.at(future.span(), "`future` says that a future is returned, and nothing is");
    }
}

fn stays_unpin(function: &Function, errors: &mut Errors) {
    if let Some(unpin) = shape::unpin_bound(&function.sig) {
        errors.on(
            unpin,
            "a measured future can't stay `Unpin`: return it boxed, as `Pin<Box<dyn Future>>`",
        );
    }
}

/// An `Err` is found by its type, and a type parameter may be anything.
fn errors_can_be_seen(attributes: &[Args], function: &Function, shape: Shape, errors: &mut Errors) {
    let Some(ty) = shape::output_type(&function.sig, shape) else { return };
    if !shape::hides_errors(ty, &function.sig.generics) {
        return;
    }
    let blind = |args: &&Args| args.needs_outcome().is_some() && !args.mentions("error_if");
    if attributes.iter().any(|args| blind(&args)) {
        errors.on(
            ty,
            format!(
                "`{}` may be a `Result` or not, which can't be seen here: say `error_if = |value| ..`",
                ty.to_token_stream().to_string().replace(' ', "")
            ),
        );
    }
}

/// With a closure around the body, `#[track_caller]` would tell the closure's place.
fn caller_is_kept(attributes: &[Args], function: &Function, shape: Shape, errors: &mut Errors) {
    let Some(track_caller) = function.attribute("track_caller") else { return };
    if shape == Shape::Plain {
        if let Some(what) = attributes.iter().find_map(Args::needs_outcome) {
            errors.on(
                track_caller,
                format!("the caller's place would be lost: {what} looks at the returned value"),
            );
        }
    } else if shape.returns_future() {
        errors.on(track_caller, "the caller's place would be lost in the measured future");
    }
}

fn kind(attribute: Attribute) -> Kind {
    match attribute {
        Attribute::Counted => Kind::Calls,
        Attribute::Timed => Kind::Durations,
        Attribute::InProgress => Kind::InProgress,
        Attribute::CountExceptions => Kind::Exceptions,
        Attribute::Metric => Kind::Renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with one attribute on a function.
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
        assert!(plain(quote!()).is_empty());
        let full = quote!(
            name = "jobs_total",
            help = "Jobs.",
            labels(a = x.y(), b, kind = "batch", r#type = 3),
            outcome,
            error_if = |r| r.bad(),
            crate = a::b,
        );
        assert!(plain(full).is_empty());
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
            "a label is taken before the body runs",
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
            "`buckets` needs a `name`: without one this function shares \
             `function_calls_duration_seconds`",
        );
    }

    #[test]
    fn keys_that_come_later_are_unknown_until_then() {
        for key in ["when", "only", "error_labels", "panics", "cancelled", "max_series", "prefix"] {
            let key = Ident::new(key, Span::call_site());
            one(plain(quote!(#key = 1)), &format!("there is no key `{key}`"));
        }
    }

    #[test]
    fn an_error_that_cannot_be_seen_must_be_named() {
        let hidden = quote!(
            fn f<R>() -> R {}
        );
        one(mistakes(Attribute::CountExceptions, quote!(), hidden.clone()), "say `error_if");
        one(mistakes(Attribute::Counted, quote!(outcome), hidden.clone()), "say `error_if");
        assert!(mistakes(Attribute::Counted, quote!(), hidden.clone()).is_empty());
        assert!(
            mistakes(Attribute::CountExceptions, quote!(error_if = |_| true), hidden).is_empty()
        );
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
            "there is no body to count here",
        );
        one(
            on(quote!(
                #[track_caller]
                fn f() {}
            )),
            "the caller's place would be lost",
        );
        one(
            on(quote!(
                fn f() -> impl Future<Output = ()> + Unpin {}
            )),
            "`Unpin`",
        );
        assert!(
            on(quote!(
                #[track_caller]
                fn f() -> ! {}
            ))
            .is_empty()
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
        assert!(timed(quote!([1, 2.5])).is_empty());
        assert!(timed(quote!(a::B)).is_empty());
        one(timed(quote!([1.0, 0.5])), "bucket bounds must ascend: 0.5 comes after 1");
        one(timed(quote!([])), "at least one");
        one(timed(quote!([0.0])), "above 0");
        one(timed(quote!([-1.0])), "above 0");
        one(timed(quote!([1e999])), "finite");
        one(timed(quote!([a, 1.0])), "a bucket bound is a number");
        one(timed(quote!(3)), "takes a list of numbers or a constant");
    }

    #[test]
    fn labels_have_names_of_their_own() {
        let labels =
            |labels: TokenStream| plain(quote!(name = "a_total", outcome, labels(#labels)));
        one(labels(quote!(pid)), "the label `pid` is reserved");
        one(labels(quote!(__x = 1)), "begin with `__`");
        one(labels(quote!(outcome = 1)), "is given by the flag");
        one(labels(quote!(größe = 1)), "is not a label name");
        one(labels(quote!(a =)), "`a` needs a value");
        one(labels(quote!("a")), "a label is `name = expression`");
        one(labels(quote!(a: u8 = 1)), "a label is `name = expression`");
        one(labels(quote!(a, b, c, d, e, f, g, h, i)), "at most 8 labels");
        assert!(labels(quote!(a, b, c, d, e, f, g, h, i = "x")).is_empty());
    }
}
