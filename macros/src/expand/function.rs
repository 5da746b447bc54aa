//! Prints a measured function. It cannot fail.
//!
//! What is printed are calls; what they do stands in the runtime, where it can be tested. All tokens
//! of ours are `mixed_site`: our locals and the user's don't see each other, and lints leave ours
//! alone. Items have no such protection, so they stand in a block in which no expression of the
//! user's is evaluated.
//!
//! **A body is evaluated as without the attribute.** It is printed in braces with the place of its
//! own: so its edition is the user's, which decides when temporaries are dropped, and lints look at
//! it and at its function. Where a guard stands before it, there are braces of ours between the
//! function's and the body's. They are of edition 2024, so the temporaries of the body's last
//! expression are dropped before the guard, and before arguments that were bound anew, as they are
//! before a function's arguments in every edition.

use crate::expand::arguments::{self, Around, Moved};
use crate::expand::ends::end;
use crate::expand::sites::{
    all_recorders, begin, begin_only, call_name, count, recorders_by_call, recorders_of,
};
use crate::expand::tail::Tail;
use crate::parse::known_types::may_hide_a_future;
use crate::parse::shape::{self, Shape};
use crate::parse::types;
use crate::plan::function::{Place, Plan, Recorder, Site};
use crate::plan::label::LabelValue;
use crate::tokens::{mentions, q};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::spanned::Spanned;

/// Prints the function with its measurement.
pub(crate) fn function(mut plan: Plan) -> TokenStream {
    let recorders = || plan.calls.iter().flat_map(|call| &call.recorders);
    let statements = if plan.shape.returns_future() {
        future(&mut plan)
    } else if recorders().all(Recorder::only_counts) {
        counted(&plan)
    } else if recorders().any(Recorder::needs_outcome) {
        with_outcome(&mut plan)
    } else {
        scoped(&plan)
    };
    plan.function.print(statements)
}

/// Everything is recorded when the call begins: no guard.
fn counted(plan: &Plan) -> TokenStream {
    let recorders = plan.calls.iter().flat_map(|call| &call.recorders);
    let counts = recorders.map(|recorder| count(plan, recorder));
    let begin = begin_only(plan, &q!(#(#counts)*));
    let probe = probe(plan);
    let body = body(plan);
    q!(#probe #begin #body)
}

/// Something ends with the call, but nothing depends on how: the body stays where it is.
fn scoped(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let recorders = all_recorders(plan);
    let begin = begin(plan, &q!(__call), &q!(#krate::scope(#recorders)));
    let probe = probe(plan);
    let body = body(plan);
    q!({ #probe #begin #body })
}

/// Something depends on how the call ends, or on what it returns.
fn with_outcome(plan: &mut Plan) -> TokenStream {
    match plan.shape {
        Shape::Never => never_returning(plan),
        Shape::Async | Shape::AsyncNever => watched(plan),
        _ if stays_in_place(plan) => in_place(plan),
        _ => returning(plan),
    }
}

/// Whether the body can stay where it is: if its value can be no error, nobody has to look at it.
/// A `self` that is dropped can only be so within the call if a closure captures it.
fn stays_in_place(plan: &Plan) -> bool {
    let looks = plan
        .calls
        .iter()
        .any(|call| call.error_if.is_some() || !call.patterns.is_empty() || !call.late.is_empty());
    let keeps_caller = plan.function.attribute("track_caller").is_some();
    !looks && plan.never_fails() && (keeps_caller || !arguments::self_may_drop(&plan.function))
}

/// `-> !`: it can only unwind, and dropping the guard says so.
fn never_returning(plan: &Plan) -> TokenStream {
    let begin = begin(plan, &q!(__call), &entered(plan, "enter", Clock::NONE));
    let body = body(plan);
    q!({ #begin #body })
}

/// The body ends by returning or by a panic, which its guard finds out.
fn in_place(plan: &mut Plan) -> TokenStream {
    let moved = moved(plan, Around::Block);
    let clock = Clock::of(plan, &moved);
    let begin = begin(plan, &call_names(plan), &entered(plan, "unlooked", clock));
    let (ended, stop) = (clock.ended(&plan.krate), clock.stop(&plan.krate));
    let statements = moved.statements;
    let probe = probe(plan);
    let body = body(plan);
    q!({ #probe #ended #begin #statements #stop #body })
}

/// The body becomes a closure, so that neither `return` nor `?` passes by the end.
fn returning(plan: &mut Plan) -> TokenStream {
    let moved = moved(plan, Around::Captures);
    let clock = Clock::of(plan, &moved);
    let begin = begin(plan, &call_names(plan), &entered(plan, "enter", clock));
    let krate = &plan.krate;
    let (ended, stop) = (clock.ended(krate), clock.stop(krate));
    let probe = probe(plan);
    let output = closure_output(plan);
    let once = || (q!(#krate::call_once), TokenStream::new());
    let (call, item) = returned_closure(plan).unwrap_or_else(once);
    let statements = moved.statements;
    let body = captured(plan, &q!(#statements #stop));
    let keyword = plan.function.at_braces("move");
    let end = end(plan);
    q!({
        #item
        #probe
        #ended
        #begin
        let __out = #call(#keyword || #output #body);
        #end
        __out
    })
}

/// The body becomes a future inside of the function's own, for the same reason.
fn watched(plan: &mut Plan) -> TokenStream {
    let moved = moved(plan, Around::Captures);
    let clock = Clock::of(plan, &moved);
    let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
    let returns = if plan.shape == Shape::AsyncNever {
        let krate = &plan.krate;
        q!(if false { let __r: #krate::Box<#krate::Infallible> = #krate::never(); return *__r; })
    } else {
        return_type(plan)
    };
    let (ended, stop) = (clock.ended(&plan.krate), clock.stop(&plan.krate));
    let statements = moved.statements;
    let body = match returned_closure(plan) {
        None => captured(plan, &q!(#returns #statements #stop)),
        Some((value, item)) => {
            let body = body(plan);
            plan.function.in_braces(q!({ #item #statements #stop #value(#body) }))
        }
    };
    let asyncs = plan.function.at_braces("async");
    let body = q!(#asyncs move #body);
    let (future, pattern) = under_watch(plan, &body, clock);
    if plan.shape == Shape::AsyncNever {
        return q!({ #ended #begin let #pattern = #future.await; match __out {} });
    }
    let end = end(plan);
    q!({ #ended #begin let #pattern = #future.await; #end __out })
}

/// A function that returns a future: the call begins when that is first polled, not when it is
/// made. What the function does before belongs to it, and what the future does, to the future.
fn future(plan: &mut Plan) -> TokenStream {
    let krate = plan.krate.clone();
    let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
    let statements = plan.function.statements();
    if let Some(tail) = Tail::of(&statements, plan.shape) {
        // To put the block under watch costs less than to box its box, and leaves the function's
        // own statements in their place.
        let Tail { before, constructor, block } = tail;
        let ends = ends(plan, &block);
        let tail = match constructor {
            Some(constructor) => q!(#constructor(#ends)),
            None => ends,
        };
        let body = plan.function.in_braces(q!(; #before #tail));
        return q!(#begin #body);
    }
    let moved = moved(plan, Around::Captures).statements;
    let output = closure_output(plan);
    let is_boxed = is_boxed(plan);
    let body = captured(plan, &moved);
    let keyword = plan.function.at_braces("move");
    let made = q!(#krate::call_once(#keyword || #output #body));
    let ends = ends(plan, &q!(__future));
    let ends = if plan.shape == Shape::ImplFuture { ends } else { q!(#krate::Box::pin(#ends)) };
    q!({ #is_boxed #begin let __future = #made; #ends })
}

/// A future whose calls end with what it yields.
fn ends(plan: &Plan, body: &TokenStream) -> TokenStream {
    let krate = &plan.krate;
    let (future, pattern) = under_watch(plan, body, Clock::NONE);
    // What the future yields is perhaps told by the function's type alone, and has to be known
    // before it is looked at.
    let mut ty = yielded(plan);
    for _ in &plan.calls {
        ty = q!((_, #ty));
    }
    let end = end(plan);
    q!(#krate::ends(#future, move |#pattern: #ty| { #end __out }))
}

/// The type of what a returned future yields.
fn yielded(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let output = shape::output_type(&plan.function.sig, plan.shape).map(types::without_impl);
    match (output, shape::written_type(&plan.function.sig)) {
        (Some(output), _) => output.to_token_stream(),
        (None, Some(ty)) if plan.shape == Shape::BoxedFuture && !types::contains_impl(ty) => {
            q!(<#ty as #krate::Future>::Output)
        }
        _ => q!(_),
    }
}

/// A future under watch of each call, and the pattern of what it then yields.
fn under_watch(plan: &Plan, body: &TokenStream, clock: Clock) -> (TokenStream, TokenStream) {
    let krate = &plan.krate;
    let single = plan.calls.len() == 1;
    let mut future = body.clone();
    let mut pattern = q!(__out);
    for index in (0..plan.calls.len()).rev() {
        let recorders = if single {
            q!(__recorders)
        } else {
            let index = syn::Index {
                index: u32::try_from(index).unwrap_or_default(),
                span: Span::mixed_site(),
            };
            q!(__recorders.#index)
        };
        let call = call_name(plan, index);
        future = clock.begin(krate, "watch", &q!(#future, #recorders));
        pattern = q!((#call, #pattern));
    }
    (future, pattern)
}

/// Whether it has to be noted when the body is done: where arguments may be dropped between that
/// and
/// the call's end, and a duration is recorded.
#[derive(Clone, Copy)]
struct Clock(bool);

impl Clock {
    /// The call ends when its body is done.
    const NONE: Self = Self(false);

    fn of(plan: &Plan, moved: &Moved) -> Self {
        let mut recorders = plan.calls.iter().flat_map(|call| &call.recorders);
        Self(moved.may_drop && recorders.any(|recorder| recorder.records.takes_time()))
    }

    /// The place for the time.
    fn ended(self, krate: &TokenStream) -> Option<TokenStream> {
        self.0.then(|| q!(let __ended = #krate::ended(); let __noted = &__ended;))
    }

    /// The guard that notes it, before the body.
    fn stop(self, krate: &TokenStream) -> Option<TokenStream> {
        self.0.then(|| q!(let __stop = #krate::stop(__noted);))
    }

    /// What begins a call, with these arguments.
    fn begin(self, krate: &TokenStream, name: &str, arguments: &TokenStream) -> TokenStream {
        let (name, noted) = if self.0 {
            (format_ident!("{name}_until", span = Span::mixed_site()), Some(q!(, __noted)))
        } else {
            (Ident::new(name, Span::mixed_site()), None)
        };
        q!(#krate::#name(#arguments #noted))
    }
}

fn moved(plan: &mut Plan, around: Around) -> Moved {
    let outside = outside(plan);
    arguments::moved(&mut plan.function, around, &outside)
}

/// The user's expressions that are evaluated before the body or after it.
fn outside(plan: &Plan) -> TokenStream {
    let mut all = TokenStream::new();
    for condition in &plan.conditions {
        condition.to_tokens(&mut all);
    }
    for site in &plan.sites {
        let Site::Metric(descriptor) = site else { continue };
        for value in descriptor.values() {
            match value {
                LabelValue::Open(value) | LabelValue::Of(_, value) => value.to_tokens(&mut all),
                LabelValue::Argument(_, name) => name.to_tokens(&mut all),
                LabelValue::Literal(_) | LabelValue::OfError => {}
            }
        }
    }
    for call in &plan.calls {
        call.error_if.to_tokens(&mut all);
        for recorder in &call.recorders {
            if let Place::Metric(metric) = &recorder.place {
                metric.to_tokens(&mut all);
            }
        }
        for late in &call.late {
            late.values.iter().for_each(|(_, value)| value.to_tokens(&mut all));
        }
        let late = call.late.iter().filter_map(|late| late.only.as_ref());
        for only in call.patterns.iter().chain(late) {
            only.guard.to_tokens(&mut all);
        }
    }
    all
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
            let ty = types::without_impl(ty);
            q!(if false { let __r: #krate::Box<#ty> = #krate::never(); return *__r; })
        }
    }
}

/// For a function that returns a closure: what takes the body's value, and its item.
///
/// A closure that is returned learns the types of its arguments from the bounds of the function's
/// result, and the closure or future around the body would stand in between. An item has no
/// hygiene, so its name is one that nobody has.
fn returned_closure(plan: &Plan) -> Option<(TokenStream, TokenStream)> {
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

/// `-> R` for a closure, where `impl Trait` can't be written.
fn closure_output(plan: &Plan) -> TokenStream {
    match shape::written_type(&plan.function.sig) {
        None => q!(-> ()),
        Some(syn::Type::ImplTrait(_) | syn::Type::Infer(_)) => TokenStream::new(),
        Some(ty) => {
            let ty = types::without_impl(ty);
            q!(-> #ty)
        }
    }
}

/// A compile error if the function returns a future that its type doesn't show.
fn probe(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        Some(ty) if plan.shape == Shape::Plain && plan.asks && may_hide_a_future(ty) => {
            let span = Span::mixed_site().located_at(ty.span());
            quote_spanned!(span=> if false { #krate::plain((&#krate::Probe::<#ty>::NEW).kind()) })
        }
        _ => TokenStream::new(),
    }
}

/// A compile error if the type of which `future` speaks is no boxed future.
fn is_boxed(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    match shape::written_type(&plan.function.sig) {
        Some(ty) if plan.shape == Shape::BoxedFuture && may_hide_a_future(ty) => {
            let span = Span::mixed_site().located_at(ty.span());
            quote_spanned!(span=> if false { #krate::boxed(#krate::Probe::<#ty>::NEW); })
        }
        _ => TokenStream::new(),
    }
}

/// The body, in its own braces. The statement before it is for `unused_braces`, which would warn of
/// braces around a single expression.
fn body(plan: &Plan) -> TokenStream {
    let statements = plan.function.statements();
    plan.function.in_braces(q!(; #statements))
}

/// The body in a closure or a future, behind these statements: in braces of ours, so that its
/// temporaries are dropped before what the statements bind, and those in braces of the user's,
/// since
/// lints that speak of editions ask the outermost.
fn captured(plan: &Plan, statements: &TokenStream) -> TokenStream {
    let body = body(plan);
    if statements.is_empty() {
        return body;
    }
    plan.function.in_braces(q!({ #statements #body }))
}

/// Begins each call by this function.
fn entered(plan: &Plan, enter: &str, clock: Clock) -> TokenStream {
    let begin = |call| clock.begin(&plan.krate, enter, &recorders_of(plan, call));
    let mut calls = plan.calls.iter().map(begin);
    match (calls.next(), calls.next()) {
        (Some(one), None) => one,
        (first, second) => q!((#first, #second #(, #calls)*)),
    }
}

fn call_names(plan: &Plan) -> TokenStream {
    let names = (0..plan.calls.len()).map(|index| call_name(plan, index));
    if plan.calls.len() == 1 { q!(#(#names)*) } else { q!((#(#names),*)) }
}
