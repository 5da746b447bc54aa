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
    if !attributes.iter().any(|args| blind(&args)) {
        return;
    }
    if shape == Shape::Plain && known_types::is_called_future(ty) {
        errors.on(
            ty,
            format!(
                "this function returns a future, and only its creation would be measured: add \
                 `future` if it is a boxed future, `future = false` if the call itself is what \
                 counts{}",
                of_the_block(attributes)
            ),
        );
    } else {
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
