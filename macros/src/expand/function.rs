//! Prints a measured function.
//!
//! All generated tokens are `mixed_site`: local names of ours and of the user can't clash, and
//! lints ignore ours. Items have no such protection. So they are printed in a block in which no
//! expression of the user is evaluated.
//!
//! **A body is evaluated as it would be without the attribute.** It is printed in braces with the
//! span of its own. So it has the user's edition, which determines when temporaries are dropped,
//! and lints look at it and at its function. If there is a guard before it, braces of ours separate
//! it from those of the function. They are of edition 2024: so the temporaries of the body's last
//! expression are dropped before the guard, and before arguments that are bound again. A function
//! of any edition also drops them before its arguments.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::spanned::Spanned;

use crate::expand::arguments::{self, Around, Moved};
use crate::expand::ends::end;
use crate::expand::recorders::{all_recorders, count, lone_site, recorders_by_call, recorders_of};
use crate::expand::sites::{begin, begin_only, call_name};
use crate::expand::tail::{Tail, with_last_return};
use crate::expand::types::{
    closure_output, is_boxed, probe, return_type, returned_closure, yielded,
};
use crate::parse::shape::{self, Shape};
use crate::plan::function::{Place, Plan, Recorder, Site};
use crate::plan::label::LabelValue;
use crate::tokens::{has_functions, q};

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

/// Something is recorded at the end, but nothing depends on the outcome: the body stays where it
/// is.
fn scoped(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let scope = lone_site(plan).map(|site| q!(#site.scope()));
    let scope = scope.unwrap_or_else(|| {
        let recorders = all_recorders(plan);
        q!(#krate::scope(#recorders))
    });
    let begin = begin(plan, &q!(__call), &scope);
    let probe = probe(plan);
    let body = body(plan);
    q!({ #probe #begin #body })
}

/// Something depends on the outcome or on the returned value.
fn with_outcome(plan: &mut Plan) -> TokenStream {
    match plan.shape {
        Shape::Never => never_returning(plan),
        Shape::Async | Shape::AsyncNever => watched(plan),
        _ if stays_in_place(plan) => in_place(plan),
        _ => returning(plan),
    }
}

/// Whether the body can stay where it is, because its value can't be an error and nothing has to
/// look at it. If `self` has a destructor, only a closure that captures it can drop it within the
/// call.
fn stays_in_place(plan: &Plan) -> bool {
    let looks = plan
        .calls
        .iter()
        .any(|call| call.error_if.is_some() || !call.patterns.is_empty() || !call.late.is_empty());
    let keeps_caller = plan.function.attribute("track_caller").is_some();
    !looks && plan.never_fails() && (keeps_caller || !arguments::self_may_drop(&plan.function))
}

/// `-> !` and `-> Infallible`: the call can only unwind, which drops the guard.
fn never_returning(plan: &Plan) -> TokenStream {
    let begin = begin(plan, &q!(__call), &entered(plan, "enter", Clock::NONE));
    let body = body(plan);
    q!({ #begin #body })
}

/// The body ends with a return or a panic, and the guard finds out which.
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

/// The body becomes a closure, so that `return` and `?` can't skip the end of the call.
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
    // Clippy warns about closures that return a large error, and about functions only if no trait
    // dictates the type. Closures of the user's would lose the warning.
    let is_alone = !plan.never_fails() && !has_functions(plan.function.statements());
    let allow = is_alone.then(|| q!(#[allow(clippy::result_large_err)]));
    let keyword = plan.function.at_braces("move");
    let end = end(plan);
    q!({
        #item
        #probe
        #ended
        #begin
        #allow
        let __out = #call(#keyword || #output #body);
        #end
        __out
    })
}

/// The body becomes a future inside that of the `async fn`, for the same reason.
fn watched(plan: &mut Plan) -> TokenStream {
    let krate = plan.krate.clone();
    let moved = moved(plan, Around::Captures);
    let clock = Clock::of(plan, &moved);
    let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
    let is_never = plan.shape == Shape::AsyncNever;
    let returns = if is_never { TokenStream::new() } else { return_type(plan) };
    let (ended, stop) = (clock.ended(&plan.krate), clock.stop(&plan.krate));
    let statements = moved.statements;
    let body = match returned_closure(plan) {
        None => captured(plan, &q!(#returns #statements #stop)),
        Some((value, item)) => {
            // Without the call around the value, rustc does not know a closure's argument types.
            // Around a body that ends with `return` the call would give a warning: it is never
            // reached.
            let inside = with_last_return(plan.function.statements(), &value.to_string());
            let body = inside.map_or_else(
                || {
                    let body = body(plan);
                    q!(#value(#body))
                },
                |statements| plan.function.in_braces(q!(; #statements)),
            );
            plan.function.in_braces(q!({ #item #statements #stop #body }))
        }
    };
    let asyncs = plan.function.at_braces("async");
    let body = q!(#asyncs move #body);
    if is_never {
        let (future, _) = under_watch(plan, &q!(#krate::diverging(#body)), clock);
        return q!({ #ended #begin #krate::diverge(#future.await) });
    }
    let (future, pattern) = under_watch(plan, &body, clock);
    let end = end(plan);
    q!({ #ended #begin let #pattern = #future.await; #end __out })
}

/// A function that returns a future. The call begins when the future is first polled, not when it
/// is created. Statements before the future are still executed by the function.
fn future(plan: &mut Plan) -> TokenStream {
    let krate = plan.krate.clone();
    let begin = begin(plan, &q!(__recorders), &recorders_by_call(plan));
    let statements = plan.function.statements();
    if let Some(tail) = Tail::of(&statements, plan.shape) {
        // Watching the block costs less than boxing its box again, and leaves the statements before
        // it where they are.
        let Tail { before, constructor, block } = tail;
        let ends = ends(plan, &q!(__body));
        let made = q!({ let __body = #block; #ends });
        let tail = match constructor {
            Some(constructor) => q!(#constructor(#made)),
            None => made,
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
    let ends = if plan.shape == Shape::ImplFuture { ends } else { boxed(plan, &ends) };
    q!({ #is_boxed #begin let __future = #made; #ends })
}

/// Statements whose value is a future in a box of the function's type. If that type needs what the
/// function doesn't have, as a longer life of a type parameter, the message is about the type, also
/// where the attribute is on a block.
fn boxed(plan: &Plan, future: &TokenStream) -> TokenStream {
    let krate = &plan.krate;
    let written = shape::written_type(&plan.function.sig);
    let span = written.map_or_else(Span::mixed_site, |ty| Span::mixed_site().located_at(ty.span()));
    let value = quote_spanned!(span=> __boxed);
    q!(let __boxed = #krate::Box::pin({ #future }); #value)
}

/// Statements whose value is a future that ends its calls with its output. `body` is the name of
/// the user's, which is not in the statement for which a lint about our closure is allowed.
fn ends(plan: &Plan, body: &TokenStream) -> TokenStream {
    let krate = &plan.krate;
    let (future, pattern) = under_watch(plan, body, Clock::NONE);
    // The output may be known from the function's type alone, and the closure needs its type before
    // it looks at it.
    let mut ty = yielded(plan);
    for _ in &plan.calls {
        ty = q!((_, #ty));
    }
    let end = end(plan);
    q!(
        #[allow(clippy::result_large_err)]
        let __ends = #krate::ends(#future, move |#pattern: #ty| { #end __out });
        __ends
    )
}

/// A future that is watched by each call, and a pattern for its output.
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

/// Whether the time when the body ends has to be noted. It has to be if arguments may be dropped
/// between that and the end of the call, and a duration is recorded.
#[derive(Clone, Copy)]
struct Clock(bool);

impl Clock {
    /// The call ends when its body ends.
    const NONE: Self = Self(false);

    fn of(plan: &Plan, moved: &Moved) -> Self {
        let mut recorders = plan.calls.iter().flat_map(|call| &call.recorders);
        Self(moved.may_drop && recorders.any(|recorder| recorder.records.takes_time()))
    }

    /// The place for the time.
    fn ended(self, krate: &TokenStream) -> Option<TokenStream> {
        self.0.then(|| q!(let __ended = #krate::ended(); let __noted = &__ended;))
    }

    /// The guard that notes the time, before the body.
    fn stop(self, krate: &TokenStream) -> Option<TokenStream> {
        self.0.then(|| q!(let __stop = #krate::stop(__noted);))
    }

    /// Begins a call, with these arguments.
    fn begin(self, krate: &TokenStream, name: &str, arguments: &TokenStream) -> TokenStream {
        let name = self.named(name);
        let noted = self.0.then(|| q!(, __noted));
        q!(#krate::#name(#arguments #noted))
    }

    /// Begins the call of a function's only site, by its method: one call and not three, which
    /// counts where nothing is inlined, and fewer paths for the compiler to resolve.
    fn begin_at(self, site: &TokenStream, name: &str) -> TokenStream {
        let name = self.named(name);
        let noted = self.0.then(|| q!(__noted));
        q!(#site.#name(#noted))
    }

    fn named(self, name: &str) -> Ident {
        if self.0 {
            format_ident!("{name}_until", span = Span::mixed_site())
        } else {
            Ident::new(name, Span::mixed_site())
        }
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

/// The body, in its own braces. The empty statement prevents a warning of `unused_braces` about
/// braces around a single expression.
fn body(plan: &Plan) -> TokenStream {
    let statements = plan.function.statements();
    plan.function.in_braces(q!(; #statements))
}

/// The body of a closure or a future, behind these statements. Braces of ours around it make sure
/// that its temporaries are dropped before what the statements bind. The outermost braces have the
/// user's span, because lints about editions look at these.
fn captured(plan: &Plan, statements: &TokenStream) -> TokenStream {
    let body = body(plan);
    if statements.is_empty() {
        return body;
    }
    plan.function.in_braces(q!({ #statements #body }))
}

/// Begins each call with this function of `__private`.
fn entered(plan: &Plan, enter: &str, clock: Clock) -> TokenStream {
    if let Some(site) = lone_site(plan) {
        return clock.begin_at(&site, enter);
    }
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
