//! Prints the end of calls, when the body has a value, `__out`: the outcome for each call, and
//! labels from the error.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use crate::expand::recorders::count_late;
use crate::expand::sites::{call_name, referred};
use crate::parse::values::Only;
use crate::plan::function::{Call, Late, Plan};
use crate::tokens::{q, ungrouped};

/// Ends each call with the outcome that `__out` is for that call.
pub(crate) fn end(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let ends = plan.calls.iter().enumerate().rev().map(|(index, call)| {
        let name = call_name(plan, index);
        let late = call.late.iter().map(|late| of_error(plan, late, &name));
        let outcome = outcome(plan, call);
        let end = if call.patterns.is_empty() {
            q!(#name.end(#outcome);)
        } else {
            let matched = matched(krate, &call.patterns);
            q!(#name.end_with(#outcome, #matched);)
        };
        q!(#(#late)* #end)
    });
    q!(#(#ends)*)
}

fn outcome(plan: &Plan, call: &Call) -> TokenStream {
    let krate = &plan.krate;
    match &call.error_if {
        Some(error_if) => q!(#krate::error_if(&__out, #error_if)),
        None if plan.never_fails()
            || !call.recorders.iter().any(|recorder| recorder.records.needs_value()) =>
        {
            q!(#krate::Outcome::Ok)
        }
        None => q!(#krate::Out(&__out).outcome()),
    }
}

/// The patterns that the error matches, as one bit each.
fn matched(krate: &TokenStream, patterns: &[Only]) -> TokenStream {
    let bits = patterns.iter().enumerate().map(|(index, only)| {
        let bit = Literal::u32_unsuffixed(1 << index.min(31));
        arm(only, &q!(#bit), &q!(0))
    });
    q!(match #krate::Out(&__out).error() {
        #krate::Option::Some(__error) => #(#bits)|*,
        #krate::Option::None => 0,
    })
}

/// `then` if the error matches.
fn arm(only: &Only, then: &TokenStream, otherwise: &TokenStream) -> TokenStream {
    let Only { pattern, guard } = only;
    let guard = guard.as_ref().map(|guard| q!(if #guard));
    q!((match __error { #pattern #guard => #then, _ => #otherwise }))
}

/// Counts in the series whose labels come from the error.
fn of_error(plan: &Plan, late: &Late, name: &Ident) -> TokenStream {
    let krate = &plan.krate;
    let values = late.values.iter().map(|(name, value)| match value {
        None => {
            // Messages about the error's type point at the label.
            let error = Ident::new("__error", Span::mixed_site().located_at(name.span()));
            q!(#error)
        }
        Some(value) => match ungrouped(value.clone()) {
            // Printed as a block: the type of the error is then known in the closure's body, and
            // the value may borrow from the error.
            Expr::Closure(closure) => match (closure.inputs.first(), &closure.body) {
                (Some(pattern), body) => {
                    let span = Span::mixed_site().located_at(name.span());
                    quote_spanned!(span=> &{ let #pattern = __error; #body })
                }
                (None, body) => q!(&#body),
            },
            path => referred(q!(#path(__error))),
        },
    });
    let count = count_late(plan, late, name, &q!((#(#values,)*)));
    let count = match &late.only {
        None => count,
        Some(only) => arm(only, &q!({ #count }), &q!({})),
    };
    q!(if let #krate::Option::Some(__error) = #krate::Out(&__out).error() { #count })
}
