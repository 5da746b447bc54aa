//! The rules for bucket bounds that are written out.

use syn::spanned::Spanned;
use syn::{Expr, ExprArray, Lit, UnOp};

use crate::kind::Kind;
use crate::parse::values::Buckets;
use crate::plan::bounds::{Bound, Bounds};
use crate::report::errors::Errors;
use crate::tokens::ungrouped;

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
                "a bucket bound is a number: for other expressions, declare a constant list and \
                 write its name, `buckets = BOUNDS`",
            );
            continue;
        };
        if !value.is_finite() {
            errors
                .on(bound, "bucket bounds must be finite: the last bucket, `+Inf`, always exists");
        } else if kind == Kind::Durations && value <= 0.0 {
            errors.on(bound, "bucket bounds of durations must be above 0");
        } else if before.is_some_and(|before| value <= before) {
            let before = before.unwrap_or_default();
            errors.on(bound, format!("bucket bounds must ascend: {value} comes after {before}"));
        }
        before = Some(value);
    }
}

/// The bounds that checked arguments give.
pub(crate) fn bounds(buckets: Option<&Buckets>) -> Bounds {
    match buckets {
        None => Bounds::Default,
        Some(Buckets::Literal(list)) => Bounds::Literal(values(list)),
        Some(Buckets::Const(expr)) => Bounds::Const(expr.clone()),
    }
}

fn values(list: &ExprArray) -> Vec<Bound> {
    let bound = |bound: &Expr| {
        let value = number(bound).filter(|value| value.is_finite())?;
        Some(Bound { value, span: bound.span() })
    };
    list.elems.iter().filter_map(bound).collect()
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
