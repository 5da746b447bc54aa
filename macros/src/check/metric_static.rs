//! The rules for a `static` with `#[metric]`.

use syn::{Expr, ExprLit, Lit};

use crate::check::{metric, names};
use crate::kind::Kind;
use crate::parse::args::Args;
use crate::parse::metric::Static;
use crate::parse::values::literal_text;
use crate::plan::metric::{Labels, Metric};
use crate::report::errors::Errors;

pub(crate) fn check(args: &Args, item: &Static, errors: &mut Errors) -> Option<Metric> {
    if item.is_const {
        errors.on(&item.keyword, "a metric is a single place in memory: write `static`");
    }
    if let Some(mutability) = &item.mutability {
        errors.on(mutability, "a metric counts through a shared reference: leave out `mut`");
    }
    if let Some(initialiser) = &item.initialiser {
        errors.on(initialiser, "a metric has no initial value: end with `;` after the type");
    }
    if let Some(max_series) = args.flag("max_series") {
        errors.at(max_series.span(), "a `static` is one series: `max_series` belongs to a `fn`");
    }
    if let Some(idle) = args.flag("idle_timeout") {
        errors.at(
            idle.span(),
            "a `static` is one series, which is never removed: `idle_timeout` belongs to a `fn`",
        );
    }
    constant_labels(args, item, errors);
    let metric = metric::check(args, &item.attrs, &item.ident, &item.ty, errors)?;
    Some(Metric { labels: labels(args), ..metric })
}

/// An info that is a `static` has constant labels, and no other `static` has labels.
fn constant_labels(args: &Args, item: &Static, errors: &mut Errors) {
    let kind = metric::kind(&item.ty, &mut Errors::new());
    let Some(labels) = args.flag("labels") else {
        if kind == Kind::Info && !args.mentions("labels") {
            errors.on(
                &item.ident,
                format!(
                    "an info needs labels: constant ones, as in \
                     `labels(version = env!(\"CARGO_PKG_VERSION\"))`, or those of a family, whose \
                     values are set at run time: `fn {}(version: &str) -> Info;`",
                    item.ident.to_string().to_lowercase()
                ),
            );
        }
        return;
    };
    if !matches!(kind, Kind::Info | Kind::Unknown) {
        errors.at(
            labels.span(),
            "a `static` is one series, and only an `Info` has constant labels: for a family, write \
             a `fn`, whose parameters are its labels",
        );
        return;
    }
    if args.labels().is_empty() {
        errors.at(labels.span(), "`labels` takes a list: `labels(name = constant)`");
    }
    let mut before = Vec::new();
    for label in args.labels() {
        let name = label.name.text().value();
        names::check_label(&label.name, &name, args.has_utf8_names(), false, errors);
        if before.contains(&name) {
            errors.on(&label.name, format!("the label `{name}` is given twice"));
        }
        if label.value.is_none() {
            let name = &label.name;
            errors.on(name, format!("`{name}` needs a value: `{name} = constant`"));
        }
        if let Some(ty) = &label.ty {
            errors.on(ty, "the value is constant text: leave out the type");
        }
        before.push(name);
    }
}

/// The constant labels that were given, numbers and letters as text.
fn labels(args: &Args) -> Labels {
    if args.labels().is_empty() {
        return Labels::None;
    }
    let labels = args.labels().iter().filter_map(|label| {
        let literal = |text| Expr::Lit(ExprLit { attrs: Vec::new(), lit: Lit::Str(text) });
        let value = literal_text(label).map(literal).or_else(|| label.value.clone())?;
        Some((label.name.text(), value))
    });
    Labels::Constant(labels.collect())
}
