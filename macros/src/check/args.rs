//! The rules for the arguments of one attribute, independent of the item that it stands on.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Ident, Pat};

use crate::check::{buckets, durations, modes, names, native};
use crate::kind::{Attribute, Kind};
use crate::parse::args::Args;
use crate::parse::values::{Buckets, Label, literal_text};
use crate::report::errors::Errors;
use crate::rules::max_series_problem;
use crate::tokens::is_closure;

/// The most label values that `Site::row` of the runtime takes.
pub(crate) const MOST_LABELS: usize = 8;

/// The keys that belong to the declaration of a metric.
const OF_A_DECLARED_METRIC: [&str; 16] = [
    "name",
    "namespace",
    "subsystem",
    "help",
    "unit",
    "utf8_names",
    "labels",
    "buckets",
    "summary",
    "native",
    "mode",
    "max_series",
    "idle_timeout",
    "exemplars",
    "prefix",
    "error_labels",
];

/// Checks one attribute by itself. `in_block` is true if it stands on a block of functions.
pub(crate) fn check(args: &Args, in_block: bool, errors: &mut Errors) {
    blocks_have_prefixes(args, in_block, errors);
    declared_metrics_have_their_shape(args, errors);
    keys_that_need_a_name(args, errors);
    error_if_needs_outcome(args, errors);
    what_counts_is_said_once(args, errors);
    summaries_have_no_buckets(args, errors);
    label_names(args, errors);
    label_values(args, errors);
    error_labels_come_from_errors(args, errors);
    only_is_a_pattern_of_a_type(args, errors);
    expressions_stay_in_the_function(args, errors);
    names_and_texts(args, errors);
}

/// A block can't have a `name`, since its functions would all have the same.
fn blocks_have_prefixes(args: &Args, in_block: bool, errors: &mut Errors) {
    if !in_block {
        if let Some(prefix) = args.flag("prefix") {
            errors.at(
                prefix.span(),
                "`prefix` names the families of a whole block: a function takes a `name`",
            );
        }
        return;
    }
    if let Some(name) = args.flag("name") {
        errors.at(
            name.span(),
            "a block takes a `prefix` instead of a `name`: the names of its families begin with it",
        );
    }
    if let (Some(future), Some(true)) = (args.flag("future"), args.future()) {
        errors.at(future.span(), "`future` applies to one function: write it there");
    }
}

fn declared_metrics_have_their_shape(args: &Args, errors: &mut Errors) {
    let Some(metric) = args.expr("metric") else { return };
    for given in &args.given {
        if OF_A_DECLARED_METRIC.contains(&given.key.name) {
            errors.at(
                given.ident.span(),
                format!(
                    "the metric is declared elsewhere: its `{}` belongs to the declaration",
                    if given.key.name == "error_labels" { "labels" } else { given.key.name }
                ),
            );
        }
    }
    let by_outcome = matches!(args.attribute, Attribute::Counted | Attribute::Timed);
    if is_closure(metric) && !by_outcome {
        errors.on(
            metric,
            format!(
                "`#[{}]` has no outcomes: `metric` takes a metric here, and no closure",
                args.attribute.name()
            ),
        );
    }
    if let Some(oldest) = args.flag("oldest") {
        errors.at(
            oldest.span(),
            "`oldest` adds a family beside that of the attribute: a metric that is declared \
             elsewhere has none",
        );
    }
    if let (Some(outcome), None) = (args.flag("outcome"), args.metric_of_outcome()) {
        errors.at(
            outcome.span(),
            "a closure chooses a declared metric by outcome: `metric = |outcome| ..`",
        );
    }
}

/// `#[timed(buckets = [..])]` would change the buckets of every other function.
fn keys_that_need_a_name(args: &Args, errors: &mut Errors) {
    if ["name", "prefix", "metric"].iter().any(|key| args.mentions(key)) {
        return;
    }
    for given in args.given.iter().filter(|given| given.key.needs_name) {
        errors.at(
            given.ident.span(),
            format!(
                "`{}` needs a `name`: without one, this function counts in `{}`, which all \
                 functions share and whose shape is fixed",
                given.key.name,
                args.attribute.shared_family()
            ),
        );
    }
}

/// Without `outcome`, `#[counted]` and `#[timed]` record the same for errors as for other values.
fn error_if_needs_outcome(args: &Args, errors: &mut Errors) {
    if args.attribute == Attribute::CountExceptions
        || args.mentions("outcome")
        || args.metric_of_outcome().is_some()
    {
        return;
    }
    if let Some(key) = args.flag("error_if") {
        errors.at(key.span(), "`error_if` needs `outcome`: without it no outcome is recorded");
    }
}

fn what_counts_is_said_once(args: &Args, errors: &mut Errors) {
    let Some(error_if) = args.flag("error_if") else { return };
    for other in ["only", "error_labels"] {
        if args.flag(other).is_some() {
            errors.at(
                error_if.span(),
                format!("`{other}` applies to the error of a `Result`: leave out `error_if`"),
            );
        }
    }
}

fn summaries_have_no_buckets(args: &Args, errors: &mut Errors) {
    if let (Some(_), Some(buckets)) = (args.flag("summary"), args.flag("buckets")) {
        errors.at(
            buckets.span(),
            "a summary has no buckets: leave out `buckets`, or `summary` for a histogram",
        );
    }
}

fn label_names(args: &Args, errors: &mut Errors) {
    let outcome = args.flag("outcome").is_some();
    let mut before: Vec<String> = Vec::new();
    for label in args.labels().iter().chain(args.error_labels()) {
        let name = label.name.text().value();
        names::check_label(&label.name, &name, args.has_utf8_names(), outcome, errors);
        if args.mentions("prefix") && name == "function" {
            errors.on(&label.name, "`prefix` adds the label `function` already");
        }
        if before.contains(&name) {
            errors.on(&label.name, format!("the label `{name}` is given twice"));
        }
        before.push(name);
    }
}

fn label_values(args: &Args, errors: &mut Errors) {
    for label in args.labels().iter().chain(args.error_labels()) {
        let value = label.value.to_token_stream();
        check_leaving(value, "a label", errors);
    }
    let of_errors = args.error_labels().len();
    let open = args.labels().iter().filter(|label| literal_text(label).is_none());
    for label in open.chain(args.error_labels()).skip(MOST_LABELS) {
        errors.on(
            &label.name,
            format!("at most {MOST_LABELS} labels can have values that are not literals"),
        );
    }
    if args.flag("error_labels").is_some() && of_errors == 0 && errors.is_empty() {
        errors.at(
            args.flag("error_labels").map_or(args.span, Ident::span),
            "`error_labels` takes a list: `error_labels(kind = |error| ..)`",
        );
    }
}

/// `error_labels(kind = e.code())` would not know `e`.
fn error_labels_come_from_errors(args: &Args, errors: &mut Errors) {
    for Label { name, ty, value } in args.error_labels() {
        let takes_error = match value {
            None => true,
            Some(value) => {
                is_closure(value) || matches!(value, syn::Expr::Path(_) | syn::Expr::Group(_))
            }
        };
        if !takes_error || ty.is_some() {
            errors.on(
                name,
                format!(
                    "a label from the error is a closure, or a name alone for the error itself: \
                     `{name} = |error| ..`"
                ),
            );
        }
    }
}

/// A pattern that is a lone identifier matches everything.
fn only_is_a_pattern_of_a_type(args: &Args, errors: &mut Errors) {
    let Some(only) = args.only() else { return };
    let mut pattern = &only.pattern;
    while let Pat::Paren(paren) = pattern {
        pattern = &paren.pat;
    }
    if let Pat::Ident(name) = pattern {
        if name.subpat.is_none() && only.guard.is_none() {
            errors.on(
                pattern,
                format!("`{0}` alone matches every error: write `Type::{0}`", name.ident),
            );
        }
    }
    if let Some(guard) = &only.guard {
        check_leaving(guard.to_token_stream(), "`only`", errors);
    }
}

fn expressions_stay_in_the_function(args: &Args, errors: &mut Errors) {
    for key in ["when", "metric"] {
        if let Some(expr) = args.expr(key) {
            check_leaving(expr.to_token_stream(), &format!("`{key}`"), errors);
        }
    }
}

fn check_leaving(value: TokenStream, what: &str, errors: &mut Errors) {
    if let Some(token) = leaving_token(value) {
        let when = if what == "`only`" { "after" } else { "before" };
        errors.on(
            token,
            format!(
                "{what} is evaluated {when} the body and can't leave the function: no `?`, `return` \
                 or `.await`"
            ),
        );
    }
}

/// The token with which an expression would leave the function.
fn leaving_token(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Ident(ident) if ident == "return" || ident == "await" => Some(token),
        TokenTree::Punct(punct) if punct.as_char() == '?' => Some(token),
        TokenTree::Group(group) => leaving_token(group.stream()),
        _ => None,
    })
}

fn names_and_texts(args: &Args, errors: &mut Errors) {
    let kind = Kind::of(args.attribute);
    if let Some(name) = args.full_name() {
        names::check_metric(kind, &name, args.text("unit"), errors);
    }
    if let Some(prefix) = args.text("prefix") {
        names::check_prefix(&args.full_name_of(prefix.clone()), errors);
        if let Some(unit) = args.flag("unit") {
            errors.at(unit.span(), "the units of a block's families are fixed: leave out `unit`");
        }
    }
    if let Some(help) = args.text("help") {
        names::check_help(help, errors);
    }
    native::check(args, kind, errors);
    exemplars(args, kind, errors);
    if let Some(Buckets::Literal(list)) = args.buckets() {
        buckets::check(list, kind, errors);
    }
    if let Some(mode) = args.text("mode") {
        modes::named(mode, errors);
        if modes::is_recent(mode) {
            errors.on(
                mode,
                "calls in progress are counted and not set, so no value is the most recent: use \
                 `livesum`, which is the default, or another mode",
            );
        }
    }
    max_series(args, errors);
}

/// Exemplars belong to what counts single events, and a summary has no place for them.
pub(crate) fn exemplars(args: &Args, kind: Kind, errors: &mut Errors) {
    let Some(key) = args.flag("exemplars") else { return };
    if !kind.may_have_exemplars() || args.flag("summary").is_some() {
        errors.at(key.span(), "`exemplars` belongs to counters and histograms");
    }
}

/// A cap of 0 would leave a family with nothing but its overflow.
pub(crate) fn max_series(args: &Args, errors: &mut Errors) {
    durations::check(args, errors);
    let Some(number) = args.number("max_series") else { return };
    let most = number.base10_parse().unwrap_or(u64::MAX);
    if let Some(problem) = max_series_problem(most) {
        errors.on(number, problem);
    }
}
