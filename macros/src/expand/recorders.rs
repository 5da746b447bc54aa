//! Prints the recorders of a function, which refer to its sites and to declared metrics.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::ToTokens;
use syn::Expr;

use crate::expand::sites::{
    bounds_local, cell, cells, condition, has_expressions, lone, number, partial, site,
};
use crate::plan::function::{Call, Late, Place, Plan, Recorder, Site};
use crate::plan::records::{Bits, Records};
use crate::tokens::q;

/// Counts a call of which nothing else is recorded. If the site is one series, no slot is needed.
pub(crate) fn count(plan: &Plan, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let Place::Site(index) = recorder.place else { return TokenStream::new() };
    let cell = cell(plan, index, None);
    let has_values = matches!(&plan.sites[index], Site::Metric(it) if it.values().next().is_some());
    let count = if has_values {
        q!(#krate::count(#cell);)
    } else {
        let site = site(plan, index);
        q!(#site.count();)
    };
    match recorder.when.map(condition) {
        None => count,
        Some(when) => q!(if #when { #count }),
    }
}

/// The only site of the function, if its recorder is all that the call has.
pub(crate) fn lone_site(plan: &Plan) -> Option<TokenStream> {
    lone(plan)?;
    let [Call { recorders, .. }] = plan.calls.as_slice() else { return None };
    match recorders.as_slice() {
        [
            Recorder {
                records: Records::Function(_), place: Place::Site(index), when: None, ..
            },
        ] => Some(site(plan, *index)),
        _ => None,
    }
}

fn recorder(plan: &Plan, call: &Call, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let made = match &recorder.place {
        Place::Metric(metric) => on_metric(krate, recorder.records, metric),
        Place::Site(index) => at_site(plan, call, *index, recorder),
    };
    let made = if recorder.completed { q!(#krate::Completed(#made)) } else { made };
    match recorder.when.map(condition) {
        None => made,
        Some(when) => q!(#krate::When(#when, #made)),
    }
}

/// A recorder on a metric that is declared elsewhere.
fn on_metric(krate: &TokenStream, records: Records, metric: &Expr) -> TokenStream {
    match records {
        Records::Outcomes => q!(#krate::counted_on_each(#metric)),
        Records::Durations => q!(#krate::timed_on(#metric)),
        Records::OutcomeDurations => q!(#krate::timed_on_each(#metric)),
        Records::InProgress => q!(#krate::in_progress_on(#metric)),
        Records::Exceptions(which) => {
            let which = number(which);
            q!(#krate::exceptions_on::<#which>(#metric))
        }
        Records::Matching { pattern, which } => {
            let pattern = Literal::usize_unsuffixed(pattern);
            let which = number(which);
            q!(#krate::Matching::<#pattern, #which>(#krate::exceptions_on::<0>(#metric).0))
        }
        _ => q!(#krate::counted_on(#metric)),
    }
}

fn at_site(plan: &Plan, call: &Call, index: usize, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    if let (Records::Function(_), Some(_)) = (recorder.records, lone(plan)) {
        let site = site(plan, index);
        return q!(#site.recorder());
    }
    let slot = || cell(plan, index, recorder.when);
    let bounds = || match &plan.sites[index] {
        Site::Metric(descriptor) if !descriptor.has_own_bounds() => q!(#krate::DEFAULT_NANOS),
        Site::Metric(_) if has_expressions(plan) => bounds_local(index).into_token_stream(),
        Site::Metric(descriptor) => descriptor.bounds_value(krate, index),
        Site::Function(_) => q!(#krate::DEFAULT_NANOS),
    };
    let (name, fields) = match recorder.records {
        Records::Function(what) => {
            let what = number(what);
            (q!(Function::<#what>), slot())
        }
        Records::Calls => (q!(Calls), slot()),
        Records::Outcomes => (q!(Outcomes), slot()),
        Records::Durations => {
            let (slot, bounds) = (slot(), bounds());
            (q!(Durations), q!(#slot, #bounds))
        }
        Records::OutcomeDurations => {
            let (slot, bounds) = (slot(), bounds());
            (q!(OutcomeDurations), q!(#slot, #bounds))
        }
        Records::NativeDurations(schema) => {
            let schema = Literal::u8_unsuffixed(schema);
            (q!(NativeDurations::<#schema>), slot())
        }
        Records::OutcomeNativeDurations(schema) => {
            let schema = Literal::u8_unsuffixed(schema);
            (q!(OutcomeNativeDurations::<#schema>), slot())
        }
        Records::Summaries => (q!(SummaryDurations), slot()),
        Records::OutcomeSummaries => (q!(OutcomeSummaries), slot()),
        Records::InProgress => (q!(InProgress), slot()),
        Records::Oldest => (q!(Oldest::new), slot()),
        Records::InProgressAndOldest => {
            (q!(in_progress_and_oldest), cells(plan, index, recorder.when))
        }
        Records::Exceptions(which) => {
            let which = number(which);
            (q!(Exceptions::<#which>), slot())
        }
        Records::Matching { pattern, which } => {
            let pattern = Literal::usize_unsuffixed(pattern);
            let which = number(which);
            (q!(Matching::<#pattern, #which>), slot())
        }
        Records::Late(which) => {
            let late = call.late.iter().find(|late| late.site == index);
            let row = |bit, value| match late {
                Some(late) if which.has(bit) => named_row(plan, late, value),
                _ => q!(#krate::DROPPED),
            };
            let (panic, cancelled) =
                (row(Bits::PANICS, "panic"), row(Bits::CANCELLED, "cancelled"));
            let which = number(which);
            (q!(Late::<#which>), q!(#panic, #cancelled))
        }
    };
    q!(#krate::#name(#fields))
}

/// The series for an end without an error: a panic or a cancellation.
fn named_row(plan: &Plan, late: &Late, value: &str) -> TokenStream {
    let krate = &plan.krate;
    let (site, partial) = (site(plan, late.site), partial(late));
    if late.when.is_none() {
        return q!(#site.row_named(&#partial, #value));
    }
    q!(match &#partial {
        #krate::Option::Some(__partial) => #site.row_named(__partial, #value),
        #krate::Option::None => #krate::DROPPED,
    })
}

/// Counts in the series of an error. `values` are references to the labels from the error.
pub(crate) fn count_late(
    plan: &Plan,
    late: &Late,
    name: &Ident,
    values: &TokenStream,
) -> TokenStream {
    let krate = &plan.krate;
    let (site, partial) = (site(plan, late.site), partial(late));
    if late.when.is_none() {
        return q!(#name.count_here(#site.row_with(&#partial, #values)););
    }
    q!(if let #krate::Option::Some(__partial) = &#partial {
        #name.count_here(#site.row_with(__partial, #values));
    })
}

/// Several recorders as one: a tuple of up to eight, nested if there are more.
fn together(mut recorders: Vec<TokenStream>) -> TokenStream {
    while recorders.len() > 8 {
        recorders = recorders.chunks(8).map(|chunk| together(chunk.to_vec())).collect();
    }
    match recorders.as_slice() {
        [one] => one.clone(),
        several => q!((#(#several),*)),
    }
}

pub(crate) fn recorders_of(plan: &Plan, call: &Call) -> TokenStream {
    together(call.recorders.iter().map(|one| recorder(plan, call, one)).collect())
}

pub(crate) fn all_recorders(plan: &Plan) -> TokenStream {
    let calls = plan.calls.iter();
    let recorders = calls.flat_map(|call| call.recorders.iter().map(move |one| (call, one)));
    together(recorders.map(|(call, one)| recorder(plan, call, one)).collect())
}

/// The recorders of the one call, or a tuple with those of each.
pub(crate) fn recorders_by_call(plan: &Plan) -> TokenStream {
    match plan.calls.as_slice() {
        [call] => recorders_of(plan, call),
        calls => {
            let calls = calls.iter().map(|call| recorders_of(plan, call));
            q!((#(#calls),*))
        }
    }
}
