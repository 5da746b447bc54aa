//! Prints a measured function. It cannot fail.
//!
//! What is printed are calls; what they do stands in the runtime, where it can be tested. All tokens
//! are `mixed_site`: our locals and the user's don't see each other, and lints leave ours alone.
//! Items have no such protection, so they stand in a block in which no expression of the user's is
//! evaluated.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::Token;
use syn::spanned::Spanned;

use crate::ends::end;
use crate::plan::{Plan, Recorder};
use crate::shape::{self, Shape};
use crate::sites::{
    all_recorders, begin, begin_only, cell_to_count, count, recorders_by_call, recorders_of,
};

/// `quote!` with the span that all generated tokens have.
macro_rules! q {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
pub(crate) use q;

/// Prints the function with its measurement.
pub(crate) fn function(mut plan: Plan) -> TokenStream {
    let recorders = || plan.calls.iter().flat_map(|call| &call.recorders);
    let body = if recorders().all(Recorder::only_counts) {
        counted(&plan)
    } else if recorders().any(Recorder::needs_outcome) {
        with_outcome(&mut plan)
    } else {
        scoped(&plan)
    };
    plan.function.print(&q!({ #body }))
}

/// Everything is recorded when the call begins: no guard.
fn counted(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let recorders = || plan.calls.iter().flat_map(|call| &call.recorders);
    if plan.shape.returns_future() {
        let cells: Vec<_> = recorders().map(|recorder| cell_to_count(plan, recorder)).collect();
        let names: Vec<_> = (0..cells.len()).map(|index| local("cell", index)).collect();
        let begin = begin(plan, &q!((#(#names,)*)), &q!((#(#cells,)*)));
        return future(plan, &begin, |body| q!(#(#krate::count(#names);)* #body.await));
    }
    let counts = recorders().map(|recorder| count(plan, recorder));
    let begin = begin_only(plan, &q!(#(#counts)*));
    let probe = probe(plan);
    let body = body(plan);
    q!(#probe #begin #body)
}

/// Something ends with the call, but nothing depends on how: the body stays where it is.
fn scoped(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let recorders = all_recorders(plan);
    if plan.shape.returns_future() {
        let begin = begin(plan, &q!(__recorders), &recorders);
        return future(
            plan,
            &begin,
            |body| q!(let __call = #krate::scope(__recorders); #body.await),
        );
    }
    let begin = begin(plan, &q!(__call), &q!(#krate::scope(#recorders)));
    let probe = probe(plan);
    let body = body(plan);
    q!(#probe #begin #body)
}

/// Something depends on how the call ends, or on what it returns.
fn with_outcome(plan: &mut Plan) -> TokenStream {
    match plan.shape {
        Shape::Never => never_returning(plan),
        Shape::Plain => returning(plan),
        Shape::Async | Shape::AsyncNever => watched(plan),
        Shape::ImplFuture | Shape::BoxedFuture => {
            let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
            let future_body = |body: TokenStream| await_and_end(plan, &body, &q!(__recorders));
            future(plan, &begin, future_body)
        }
    }
}

/// `-> !`: it can only unwind, and dropping the guard says so.
fn never_returning(plan: &Plan) -> TokenStream {
    let begin = begin(plan, &q!(__call), &entered(plan));
    let body = body(plan);
    q!(#begin #body)
}

/// The body becomes a closure, so that neither `return` nor `?` passes by the end.
fn returning(plan: &mut Plan) -> TokenStream {
    let moved = moved_arguments(plan);
    let krate = &plan.krate;
    let begin = begin(plan, &call_names(plan), &entered(plan));
    let probe = probe(plan);
    let output = closure_output(plan);
    let body = after(&moved, body(plan));
    let end = end(plan);
    q!(
        #probe
        #begin
        let __out = #krate::call_once(move || #output #body);
        #end
        __out
    )
}

fn watched(plan: &mut Plan) -> TokenStream {
    let moved = moved_arguments(plan);
    let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
    let returns = if plan.shape == Shape::AsyncNever {
        let krate = &plan.krate;
        q!(if false { let __r: #krate::Box<#krate::Infallible> = #krate::never(); return *__r; })
    } else {
        return_type(plan)
    };
    let body = after(&q!(#returns #moved), body(plan));
    let watched = q!(async move #body);
    let rest = await_and_end(plan, &watched, &q!(__recorders));
    q!(#begin #rest)
}

/// A function that returns a future: it begins to count when that is polled, not when it is made.
fn future(
    plan: &Plan,
    begin: &TokenStream,
    wrap: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let krate = &plan.krate;
    let (_, statements) = plan.function.body();
    if let Some((constructor, inner)) = boxed_async_block(&statements) {
        // What async_trait makes of a method. To wrap the block costs less than to box its box.
        let wrapped = wrap(q!(#inner));
        return q!(#begin #constructor(async move { #wrapped }));
    }
    let body = body(plan);
    let output = closure_output(plan);
    let wrapped = wrap(q!(__future));
    let wrapped = q!(async move { #wrapped });
    let wrapped =
        if plan.shape == Shape::ImplFuture { wrapped } else { q!(#krate::Box::pin(#wrapped)) };
    q!(
        #begin
        let __future = #krate::call_once(move || #output #body);
        #wrapped
    )
}

/// The two halves of a body that is just `Box::pin(async move { .. })`.
fn boxed_async_block(statements: &TokenStream) -> Option<(TokenStream, TokenStream)> {
    let tokens: Vec<TokenTree> = statements.clone().into_iter().collect();
    let (last, head) = tokens.split_last()?;
    let TokenTree::Group(arguments) = last else { return None };
    let path = head.iter().map(ToString::to_string).collect::<String>();
    if arguments.delimiter() != Delimiter::Parenthesis || !path.ends_with("Box::pin") {
        return None;
    }
    let is_path = head.iter().all(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    });
    let inner: Vec<TokenTree> = arguments.stream().into_iter().collect();
    match inner.as_slice() {
        [TokenTree::Ident(first), TokenTree::Ident(second), TokenTree::Group(block)]
            if is_path
                && first == "async"
                && second == "move"
                && block.delimiter() == Delimiter::Brace =>
        {
            Some((head.iter().cloned().collect(), arguments.stream()))
        }
        _ => None,
    }
}

/// Awaits a future under watch, and ends the calls with what it yields.
fn await_and_end(plan: &Plan, body: &TokenStream, recorders: &TokenStream) -> TokenStream {
    let krate = &plan.krate;
    let single = plan.calls.len() == 1;
    let mut future = body.clone();
    let mut pattern = q!(__out);
    for index in (0..plan.calls.len()).rev() {
        let own = if single {
            recorders.clone()
        } else {
            let index = syn::Index {
                index: u32::try_from(index).unwrap_or_default(),
                span: Span::mixed_site(),
            };
            q!(#recorders.#index)
        };
        let call = call_name(plan, index);
        future = q!(#krate::watch(#own, #future));
        pattern = q!((#call, #pattern));
    }
    if plan.shape == Shape::AsyncNever {
        return q!(let #pattern = #future.await; match __out {});
    }
    let end = end(plan);
    q!(let #pattern = #future.await; #end __out)
}

/// `if false { .. }` that tells the compiler what the block yields, for `?` and for coercions. Boxed, since of a call whose type has no
/// values rustc 1.85 says that what follows is unreachable.
fn return_type(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        None => q!(if false {
            return;
        }),
        Some(syn::Type::ImplTrait(_) | syn::Type::Infer(_)) => TokenStream::new(),
        Some(ty) => {
            let ty = shape::without_impl(ty);
            q!(if false { let __r: #krate::Box<#ty> = #krate::never(); return *__r; })
        }
    }
}

/// `-> R` for a closure, where `impl Trait` can't be written.
fn closure_output(plan: &Plan) -> TokenStream {
    match shape::written_type(&plan.function.sig) {
        None | Some(syn::Type::ImplTrait(_) | syn::Type::Infer(_)) => TokenStream::new(),
        Some(ty) => {
            let ty = shape::without_impl(ty);
            q!(-> #ty)
        }
    }
}

/// A compile error if the function returns a future that its type doesn't show.
fn probe(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        Some(ty) if plan.shape == Shape::Plain && shape::may_hide_a_future(ty) => {
            let span = Span::mixed_site().located_at(ty.span());
            quote_spanned!(span=> if false { #krate::plain((&#krate::Probe::<#ty>::NEW).kind()) })
        }
        _ => TokenStream::new(),
    }
}

/// Moves the arguments into the block or closure around the body, as the body would have them.
///
/// Captures are dropped in the order in which they are mentioned, arguments in the reverse of theirs:
/// so they are mentioned in that order, those of them that the body has, as rustc must go on warning
/// of the others. What is `mut` is bound anew, with the user's own `mut`: a reference assigned to a
/// capture would have to outlive it.
fn moved_arguments(plan: &mut Plan) -> TokenStream {
    let function = &plan.function;
    let receiver = function.sig.receiver().map(|receiver| receiver.self_token.to_token_stream());
    let mut mentioned: Vec<TokenStream> = receiver
        .into_iter()
        .filter(|_| function.body_mentions(&Ident::new("self", Span::call_site())))
        .collect();
    let mut rebound: Vec<(Ident, Token![mut])> = Vec::new();
    let mut names = Vec::new();
    for binding in plan.function.bindings() {
        if let Some(mutability) = binding.mutability.take() {
            rebound.push((binding.ident.clone(), mutability));
        }
        names.push(binding.ident);
    }
    for name in names {
        if plan.function.body_mentions(&name) {
            mentioned.push(name.into_token_stream());
        }
    }
    mentioned.reverse();
    let order = if mentioned.len() < 2 {
        TokenStream::new()
    } else {
        q!(if false { let _ = (#(&#mentioned,)*); })
    };
    let rebound = rebound.iter().map(|(name, mutability)| q!(let #mutability #name = #name;));
    q!(#order #(#rebound)*)
}

/// The body, in braces that lints leave alone and messages find.
fn body(plan: &Plan) -> TokenStream {
    let (braces, statements) = plan.function.body();
    let mut block = Group::new(Delimiter::Brace, statements);
    if let Some(braces) = braces {
        block.set_span(Span::mixed_site().located_at(braces.span()));
    }
    TokenTree::Group(block).into()
}

/// A block with statements of ours before the body, or just the body.
fn after(statements: &TokenStream, body: TokenStream) -> TokenStream {
    if statements.is_empty() { body } else { q!({ #statements #body }) }
}

fn entered(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let mut calls = plan.calls.iter().map(|call| {
        let recorders = recorders_of(plan, call);
        q!(#krate::enter(#recorders))
    });
    match (calls.next(), calls.next()) {
        (Some(one), None) => one,
        (first, second) => q!((#first, #second #(, #calls)*)),
    }
}

fn call_names(plan: &Plan) -> TokenStream {
    let names = (0..plan.calls.len()).map(|index| call_name(plan, index));
    if plan.calls.len() == 1 { q!(#(#names)*) } else { q!((#(#names),*)) }
}

pub(crate) fn call_name(plan: &Plan, index: usize) -> Ident {
    if plan.calls.len() == 1 {
        Ident::new("__call", Span::mixed_site())
    } else {
        local("call", index)
    }
}

fn local(name: &str, index: usize) -> Ident {
    format_ident!("__{name}_{index}", span = Span::mixed_site())
}
