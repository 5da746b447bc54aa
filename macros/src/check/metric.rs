//! The rules for what `#[metric]` declares, on a `static` and on a `fn` alike.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, Expr, Ident, Lit, LitStr, Meta, Type};

use crate::check::args as rules;
use crate::check::{buckets, durations, modes, names, native};
use crate::kind::Kind;
use crate::parse::args::Args;
use crate::parse::full_name::FullName;
use crate::parse::types;
use crate::parse::values::Buckets;
use crate::plan::metric::{Labels, Metric};
use crate::report::errors::Errors;
use crate::report::suggest::one_of;
use crate::rules::no_buckets_problem;
use crate::tokens::private_path;

/// Checks what a `static` and a family have in common.
pub(crate) fn check(
    args: &Args,
    attrs: &[Attribute],
    ident: &Ident,
    ty: &Type,
    errors: &mut Errors,
) -> Option<Metric> {
    let kind = kind(ty, errors);
    let name = args.full_name();
    match &name {
        Some(name) => names::check_metric(kind, name, args.text("unit"), errors),
        None if args.mentions("name") => {}
        None => errors.at(args.span, "a metric needs a `name`: `#[metric(name = \"..\")]`"),
    }
    let help = help(args, attrs, ident, errors);
    let mode = modes::mode(args, kind, errors);
    native::check(args, kind, errors);
    rules::exemplars(args, kind, errors);
    check_buckets(args, kind, name.as_ref(), errors);
    rules::max_series(args, errors);
    let name = name?;
    errors.is_empty().then(|| Metric {
        krate: private_path(args.krate()),
        kind,
        ty: ty.clone(),
        name,
        help,
        unit: args.text("unit").cloned(),
        mode,
        bounds: buckets::bounds(args.buckets()),
        native: native::schema(args),
        exemplars: args.flag("exemplars").is_some(),
        labels: Labels::None,
        max_series: args.number("max_series").cloned(),
        idle_timeout: durations::idle_timeout(args),
    })
}

/// The kind of metric, by the name of its type. A type with another name may be an alias of a
/// handle, which the compiler finds out.
pub(crate) fn kind(ty: &Type, errors: &mut Errors) -> Kind {
    let Type::Path(path) = types::ungrouped(ty) else {
        errors.on(ty, not_a_handle(ty));
        return Kind::Unknown;
    };
    let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    if let Some(kind) = Kind::with_handle(&last) {
        return kind;
    }
    if last.starts_with(|first: char| first.is_lowercase()) {
        errors.on(ty, not_a_handle(ty));
    } else if let Some(message) = of_another_library(&last) {
        errors.on(ty, message);
    }
    Kind::Unknown
}

/// The message for a type with which metrics are declared in other libraries.
fn of_another_library(name: &str) -> Option<String> {
    const HANDLES: [&str; 4] = ["Counter", "Gauge", "Histogram", "Summary"];
    let member = name.strip_suffix("Vec").map(|member| member.trim_start_matches("Int"));
    match member.and_then(|member| HANDLES.into_iter().find(|handle| *handle == member)) {
        Some(handle) => Some(format!(
            "`{name}` belongs to another library: here a family is a `fn` without a body, whose \
             parameters are its labels, and which returns `{handle}`"
        )),
        None if ["LazyLock", "LazyCell", "Lazy", "OnceLock", "OnceCell"].contains(&name) => {
            Some(format!("a metric needs no `{name}`: it is created at compile time"))
        }
        None => None,
    }
}

fn not_a_handle(ty: &Type) -> String {
    let handles = one_of(Kind::with_handles().map(|kind| format!("`{}`", kind.type_name())));
    format!("a metric is a {handles}, not `{}`", ty.to_token_stream())
}

/// The help text: the key, or else the doc comment.
fn help(args: &Args, attrs: &[Attribute], ident: &Ident, errors: &mut Errors) -> LitStr {
    if let Some(help) = args.text("help") {
        names::check_help(help, errors);
        return help.clone();
    }
    let text = attrs.iter().filter_map(doc_line).collect::<Vec<_>>().join("\n");
    let text = text.trim();
    if text.is_empty() && !args.mentions("help") {
        errors.on(ident, "a metric needs a help text: write a doc comment, or `help = \"..\"`");
    }
    // The first paragraph is the summary; a help text is one line.
    let summary = text.split("\n\n").next().unwrap_or_default();
    let line = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    LitStr::new(&line, Span::mixed_site())
}

fn doc_line(attr: &Attribute) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(without_asterisks(text.value().trim())),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The text of a block comment, whose lines may begin with asterisks. Rustdoc leaves them out too.
fn without_asterisks(text: &str) -> String {
    let mut behind = text.lines().skip(1).map(str::trim_start).filter(|line| !line.is_empty());
    if !behind.all(|line| line.starts_with('*')) {
        return text.to_owned();
    }
    let line = |line: &str| line.trim_start().trim_start_matches('*').trim().to_owned();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn check_buckets(args: &Args, kind: Kind, name: Option<&FullName>, errors: &mut Errors) {
    let Some(buckets) = args.buckets() else {
        let is_without = !args.mentions("buckets") && !args.mentions("native");
        let needs_buckets = kind == Kind::Histogram && is_without;
        if let Some(name) = name.filter(|_| needs_buckets && errors.is_empty()) {
            let full = name.beginning() + &name.name.value();
            if let Some(problem) = no_buckets_problem(&full) {
                errors.on(&name.name, problem);
            }
        }
        return;
    };
    if !kind.has_buckets() {
        errors.at(
            args.flag("buckets").map_or(args.span, Ident::span),
            "`buckets` belongs to histograms",
        );
    }
    if let Buckets::Literal(list) = buckets {
        buckets::check(list, kind, errors);
    }
}
