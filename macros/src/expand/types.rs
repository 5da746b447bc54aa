//! Prints types: what rustc must know about a body that is in a closure or a future, and what it is
//! asked about the function's return type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

use crate::parse::known_types::may_hide_a_future;
use crate::parse::shape::{self, Shape};
use crate::parse::types;
use crate::plan::function::Plan;
use crate::tokens::{last_span, located_at, mentions, q};

/// `if false { .. }` with the type of the block's value, for `?` and coercions. The value is boxed:
/// if its type had no values, rustc 1.85 would warn that the code behind it is unreachable.
pub(crate) fn return_type(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        None => q!(if false {
            return;
        }),
        Some(syn::Type::ImplTrait(_) | syn::Type::Infer(_)) => TokenStream::new(),
        Some(ty) => {
            let ty = types::without_impl(ty);
            q!(if false { let __r: #krate::Box<#ty> = #krate::never(); return *__r; })
        }
    }
}

/// For a function that returns a closure: a function that takes the body or its value, and its
/// item.
///
/// rustc infers the argument types of a returned closure from the bounds of the function's return
/// type, which it would not see behind the closure or future around the body. The generated
/// function repeats these bounds. Items have no hygiene, so its name is one that no program uses.
pub(crate) fn returned_closure(plan: &Plan) -> Option<(TokenStream, TokenStream)> {
    let krate = &plan.krate;
    let generics = &plan.function.sig.generics;
    let bounds = shape::written_type(&plan.function.sig).and_then(types::function_bounds);
    let bounds = bounds.map(|bounds| q!(#(#bounds)+*));
    let bounds = bounds.filter(|it| types::is_known_inside(it.clone(), generics))?;
    let lifetimes = generics.lifetimes().map(|param| &param.lifetime);
    let types = generics.type_params().map(|param| &param.ident);
    let types = types.filter(|name| mentions(bounds.clone(), name));
    let parameters = q!(#(#lifetimes,)* #(#types,)* __R: #bounds);
    Some(if plan.shape.is_future() {
        let item = q!(fn __headcount_value<#parameters>(__value: __R) -> __R { __value });
        (q!(__headcount_value), item)
    } else {
        let item = q!(
            fn __headcount_call<#parameters>(__body: impl #krate::FnOnce() -> __R) -> __R {
                #krate::call_once(__body)
            }
        );
        (q!(__headcount_call), item)
    })
}

/// `-> R` for a closure, without `impl Trait`, which is not allowed there.
///
/// It is written as an alias with a span of ours. Clippy warns about the types of closures too
/// (`result_large_err`, `type_complexity`), where it exempts methods of traits or functions that
/// other crates can call. The span has the place of the user's type, at which rustc points in
/// messages about the value.
pub(crate) fn closure_output(plan: &Plan) -> TokenStream {
    match shape::written_type(&plan.function.sig) {
        None => q!(-> ()),
        Some(syn::Type::ImplTrait(_) | syn::Type::Infer(_)) => TokenStream::new(),
        Some(ty) => {
            let (first, last) = (ty.span(), last_span(ty.to_token_stream()));
            let krate = located_at(&plan.krate, first);
            let begin = Span::mixed_site().located_at(first);
            let end = Span::mixed_site().located_at(last.unwrap_or(first));
            let ty = types::without_impl(ty);
            let mut output = quote_spanned!(begin=> -> #krate::Same<#ty);
            output.extend(quote_spanned!(end=> >));
            output
        }
    }
}

/// The output type of a returned future. That of an alias is asked for: it may be a `Result` of
/// what is written.
pub(crate) fn yielded(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let output = shape::output_type(&plan.function.sig, plan.shape).map(types::without_impl);
    let is_alias = |ty| types::last_segment(ty).is_none_or(|last| last.ident != "Pin");
    match (output, shape::written_type(&plan.function.sig)) {
        (output, Some(ty))
            if plan.shape == Shape::BoxedFuture
                && !types::contains_impl(ty)
                && (output.is_none() || is_alias(ty)) =>
        {
            q!(<#ty as #krate::Future>::Output)
        }
        (Some(output), _) => output.to_token_stream(),
        _ => q!(_),
    }
}

/// A compile error if the function returns a future and its type doesn't show that.
pub(crate) fn probe(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        Some(ty) if plan.shape == Shape::Plain && plan.asks && may_hide_a_future(ty) => {
            let span = Span::mixed_site().located_at(ty.span());
            quote_spanned!(span=> if false { #krate::plain((&#krate::Probe::<#ty>::NEW).kind()) })
        }
        _ => TokenStream::new(),
    }
}

/// A compile error if `future` is given and the type is not a boxed future.
pub(crate) fn is_boxed(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        Some(ty) if plan.shape == Shape::BoxedFuture && may_hide_a_future(ty) => {
            let span = Span::mixed_site().located_at(ty.span());
            quote_spanned!(span=> if false { #krate::boxed(#krate::Probe::<#ty>::NEW); })
        }
        _ => TokenStream::new(),
    }
}
