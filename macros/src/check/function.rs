//! The rules for a function and its attributes together. Those for the arguments of one attribute
//! are in `args.rs`.

use quote::ToTokens;
use syn::{Attribute, Meta, Signature, Type, TypeParamBound};

use crate::check::args as rules;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::parse::known_types;
use crate::parse::shape::{self, Shape};
use crate::parse::types;
use crate::plan::function::Plan;
use crate::report::errors::Errors;
use crate::tokens::private_path;

/// Checks a function and all its attributes, and makes a plan if there are no mistakes.
pub(crate) fn function(
    attributes: &[Args],
    function: Function,
    errors: &mut Errors,
) -> Option<Plan> {
    let covered = attributes.iter().any(|args| args.block.is_some());
    can_be_measured(&function, covered, errors);
    for args in attributes {
        // Those of a block were checked at the block.
        if args.block.is_none() {
            rules::check(args, false, errors);
        }
        labels_have_types_and_values(args, &function, errors);
    }
    each_attribute_once(attributes, errors);

    let future = attributes.iter().find(|args| args.future().is_some() && args.block.is_none());
    let shape = Shape::of(&function.sig, future.and_then(Args::future));
    if let Some(args) = future {
        future_flag_is_needed(args, &function, errors);
    }
    bounds_are_kept(&function, shape, errors);
    errors_can_be_seen(attributes, &function, shape, errors);
    errors_can_be_looked_into(attributes, &function, shape, errors);
    caller_is_kept(attributes, &function, shape, errors);
    if !errors.is_empty() {
        return None;
    }
    let krate = private_path(attributes.iter().find_map(Args::krate));
    Some(Plan::new(krate, function, shape, attributes))
}

/// The type of a label is used in a `static`, where the function's generic parameters are unknown.
fn labels_have_types_and_values(args: &Args, function: &Function, errors: &mut Errors) {
    for label in args.labels() {
        let Some(ty) = &label.ty else { continue };
        if !types::is_known_here(ty, &function.sig.generics) {
            errors.on(
                ty,
                format!(
                    "the type of a label is used outside the function, where its generic \
                     parameters are unknown: leave it out, as in `{} = expression`",
                    label.name
                ),
            );
        }
    }
}

/// `#[counted] #[counted]` would count each call twice in one series.
fn each_attribute_once(attributes: &[Args], errors: &mut Errors) {
    for (index, args) in attributes.iter().enumerate() {
        let family = args.family();
        let named = args.text("name").is_some();
        let same = attributes[..index]
            .iter()
            .find(|other| (other.attribute == args.attribute || named) && other.family() == family);
        let Some(other) = same else { continue };
        if let Some(name) = args.text("name") {
            errors.on(
                name,
                format!("another attribute of this function has the name `{}`", name.value()),
            );
        } else if let Some(metric) = args.expr("metric") {
            errors.on(metric, "another attribute of this function uses this metric already");
        } else {
            errors.at(
                args.span,
                format!(
                    "`#[{}]` is given twice: give one of them a `name`",
                    other.attribute.name()
                ),
            );
        }
    }
}

fn future_flag_is_needed(args: &Args, function: &Function, errors: &mut Errors) {
    let Some(future) = args.flag("future") else { return };
    if function.sig.asyncness.is_some() {
        let message = if args.future() == Some(false) {
            "an `async fn` is always measured as a future: its call does nothing by itself"
        } else {
            "an `async fn` is always measured as a future: leave out `future`"
        };
        errors.at(future.span(), message);
    } else if shape::written_type(&function.sig).is_none() && args.future() == Some(true) {
        errors.at(
            future.span(),
            "`future` is for functions that return a future, and this one returns nothing",
        );
    }
}

/// The measured future has a type of this library, which implements only the traits that it passes
/// on.
fn bounds_are_kept(function: &Function, shape: Shape, errors: &mut Errors) {
    if shape != Shape::ImplFuture {
        return;
    }
    if let Some(bound) = bound_not_kept(&function.sig) {
        errors.on(
            bound,
            format!(
                "a measured future can't be `{}`: write `future = false` \
                 to measure the call itself",
                bound.to_token_stream().to_string().replace(' ', "")
            ),
        );
    }
}

/// An `Err` is recognised by its type, which is unknown if it is a type parameter.
fn errors_can_be_seen(attributes: &[Args], function: &Function, shape: Shape, errors: &mut Errors) {
    let Some(ty) = shape::output_type(&function.sig, shape) else { return };
    // A future is not an error, and its output belongs to the caller.
    let is_call = attributes.iter().any(|args| {
        args.is_call() || args.future() == Some(false) && known_types::is_called_future(ty)
    });
    if is_call || !known_types::hides_errors(ty, &function.sig.generics) {
        return;
    }
    let blind = |args: &&Args| args.needs_outcome().is_some() && !args.mentions("error_if");
    if attributes.iter().any(|args| blind(&args)) {
        errors.on(
            ty,
            format!(
                "`{}` may be a `Result` or not, which is not known here: write \
                 `error_if = |value| ..`{}",
                ty.to_token_stream().to_string().replace(' ', ""),
                of_the_block(attributes)
            ),
        );
    }
}

/// A type that is not a `Result` has no error that could match. Types that are not known here are
/// checked by the compiler.
fn errors_can_be_looked_into(
    attributes: &[Args],
    function: &Function,
    shape: Shape,
    errors: &mut Errors,
) {
    let returned = match shape::output_type(&function.sig, shape) {
        None if shape.returns_future() => return,
        None => "nothing".to_owned(),
        Some(ty) if known_types::is_no_result(ty) => {
            format!("`{}`", ty.to_token_stream().to_string().replace(' ', ""))
        }
        Some(_) => return,
    };
    for key in ["only", "error_labels"] {
        if let Some(token) = attributes.iter().find_map(|args| args.flag(key)) {
            errors.at(
                token.span(),
                format!(
                    "`{key}` applies to the error of a `Result`, and this function returns \
                     {returned}"
                ),
            );
        }
    }
}

/// With a closure around the body, `Location::caller` would be the closure's caller. There is no
/// closure if nothing looks at the returned value.
fn caller_is_kept(attributes: &[Args], function: &Function, shape: Shape, errors: &mut Errors) {
    let Some(track_caller) = function.attribute("track_caller") else { return };
    if shape == Shape::Plain {
        let ty = shape::written_type(&function.sig);
        let is_call = attributes.iter().any(Args::is_call);
        let is_looked_at = !(is_call || ty.is_none_or(known_types::never_an_error))
            || attributes.iter().any(|args| args.mentions("error_if"));
        let what = attributes.iter().find_map(Args::needs_outcome);
        if let (true, Some(what)) = (is_looked_at, what) {
            errors.on(
                track_caller,
                format!(
                    "the caller's location would be lost: {what} looks at the returned value. \
                     Leave one of the two out{}",
                    of_the_block(attributes)
                ),
            );
        }
    } else if shape.returns_future() {
        errors.on(
            track_caller,
            format!(
                "the caller's location would be lost in the measured future: write \
                 `future = false` to measure the call itself{}",
                of_the_block(attributes)
            ),
        );
    }
}

/// Another solution, for a function in a block with an attribute.
fn of_the_block(attributes: &[Args]) -> &'static str {
    if attributes.iter().any(|args| args.block.is_some()) {
        ", or leave the function out of the block with `#[headcount::skip]`"
    } else {
        ""
    }
}

/// Refuses functions that no attribute can measure. `covered` is true for a function that a block's
/// attribute covers.
fn can_be_measured(function: &Function, covered: bool, errors: &mut Errors) {
    let naked = |attr: &&Attribute| match &attr.meta {
        Meta::List(list) => {
            list.path.is_ident("unsafe") && list.tokens.to_string().starts_with("naked")
        }
        meta => meta.path().is_ident("naked"),
    };
    if let Some(naked) = function.attrs.iter().find(naked) {
        let out = if covered {
            ": leave the function out of the block with `#[headcount::skip]`"
        } else {
            ""
        };
        errors.on(naked, format!("a naked function can't be measured{out}"));
    }
    if let Some(constness) = &function.sig.constness {
        errors.on(constness, "a `const fn` can run at compile time, where nothing can be counted");
    }
    if !function.has_body() {
        errors.on(
            &function.sig.ident,
            "this function has no body: put the attribute on the implementations",
        );
    }
}

/// A bound of `-> impl Future + Bound` that a measured future doesn't pass on.
fn bound_not_kept(sig: &Signature) -> Option<&TypeParamBound> {
    const KEPT: [&str; 8] =
        ["Future", "Send", "Sync", "Unpin", "Clone", "Debug", "UnwindSafe", "RefUnwindSafe"];
    match shape::written_type(sig)? {
        Type::ImplTrait(ty) => ty.bounds.iter().find(|bound| {
            let kept = KEPT.iter().any(|name| types::is_bound(bound, name));
            matches!(bound, TypeParamBound::Trait(bound) if bound.maybe.is_none()) && !kept
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Attribute;
    use proc_macro2::{Span, TokenStream};
    use quote::quote;

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
            "this function has no body",
        );
        one(
            on(quote!(
                #[track_caller]
                fn f() -> Answer {}
            )),
            "the caller's location would be lost",
        );
        assert!(
            on(quote!(
                #[track_caller]
                fn f() -> impl Fn(u8) {}
            ))
            .is_empty()
        );
        one(
            on(quote!(
                fn f() -> impl Future<Output = ()> + FusedFuture {}
            )),
            "`FusedFuture`",
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
        assert!(timed(quote!(headcount::linear_buckets::<3>(0.1, 0.1))).is_empty());
        assert!(timed(quote!(&a::B)).is_empty());
        one(timed(quote!(3)), "takes a list of numbers, or a constant");
        one(timed(quote!(|| B)), "takes a list of numbers, or a constant");
    }

    #[test]
    fn labels_have_names_of_their_own() {
        let labels =
            |labels: TokenStream| plain(quote!(name = "a_total", outcome, labels(#labels)));
        one(labels(quote!(pid)), "the label `pid` is reserved");
        one(labels(quote!(__x = 1)), "begin with `__`");
        one(labels(quote!(outcome = 1)), "the flag `outcome` adds");
        one(labels(quote!(größe = 1)), "is not a label name");
        one(labels(quote!(a =)), "`a` needs a value");
        one(labels(quote!("a")), "a label is `name = expression`");
        one(labels(quote!(a: u8)), "`a` needs a value");
        one(labels(quote!(a: Vec<T> = b)), "the type of a label is used outside");
        one(labels(quote!(a, b, c, d, e, f, g, h, i)), "at most 8 labels");
        assert!(labels(quote!(a, b, c, d, e, f, g, h, i = "x")).is_empty());
    }
}
