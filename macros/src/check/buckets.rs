//! Bucket bounds that are written out.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, ExprArray, Lit, UnOp};

use crate::check::names::Kind;
use crate::parse::args::ungrouped;
use crate::report::errors::Errors;

/// Checks that the bounds are numbers, finite, ascending, and positive where they are durations.
pub(crate) fn check(list: &ExprArray, kind: Kind, errors: &mut Errors) {
    if list.elems.is_empty() {
        errors.on(list, "at least one bucket bound is needed");
    }
    let mut before: Option<f64> = None;
    for bound in &list.elems {
        let Some(value) = number(bound) else {
            errors.on(
                bound,
                "a bucket bound is a number; for anything else declare a constant list, and name \
                 it: `buckets = BOUNDS`",
            );
            continue;
        };
        if !value.is_finite() {
            errors.on(
                bound,
                "bucket bounds must be finite: the last bucket, `+Inf`, is always there",
            );
        } else if kind == Kind::Durations && value <= 0.0 {
            errors.on(
                bound,
                "no duration is as short as that: bucket bounds of durations are above 0",
            );
        } else if before.is_some_and(|before| value <= before) {
            let before = before.unwrap_or_default();
            errors.on(bound, format!("bucket bounds must ascend: {value} comes after {before}"));
        }
        before = Some(value);
    }
}

/// The bounds as floating-point literals, so that `[1, 5]` may be written.
pub(crate) fn values(list: &ExprArray) -> Vec<TokenStream> {
    let finite = |bound| Some((bound, number(bound).filter(|value| value.is_finite())?));
    list.elems.iter().filter_map(finite).map(|(bound, value)| token(bound, value)).collect()
}

fn token(bound: &Expr, value: f64) -> TokenStream {
    // A negative literal is two tokens.
    let mut literal = Literal::f64_unsuffixed(value.abs());
    literal.set_span(bound.span());
    if value < 0.0 { quote!(-#literal) } else { quote!(#literal) }
}

fn number(expr: &Expr) -> Option<f64> {
    match ungrouped(expr.clone()) {
        Expr::Lit(literal) => match literal.lit {
            Lit::Float(float) => float.base10_parse().ok(),
            Lit::Int(int) => int.base10_digits().parse().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            number(&unary.expr).map(|value| -value)
        }
        _ => None,
    }
}
