//! `#[metric]`: a metric that is declared for itself. Families of several series are functions (`family.rs`).
//!
//! A `static` without initialiser becomes one with the handle's. Where something is wrong, the message
//! takes the initialiser's place, so that the name exists with the type that was written, and rustc
//! has nothing to add.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute as Attr, Expr, Ident, Lit, LitInt, LitStr, Meta, Token, Type, Visibility};

use crate::args::Args;
use crate::errors::Errors;
use crate::expand::q;
use crate::keys::Attribute;
use crate::names::{self, Kind};
use crate::values::Buckets;
use crate::{buckets, check, fallback, family, rules, shape, suggest};

/// How the values of a gauge are combined, with the variant of `__private::Mode`.
const MODES: [(&str, &str); 8] = [
    ("all", "All"),
    ("liveall", "LiveAll"),
    ("min", "Min"),
    ("livemin", "LiveMin"),
    ("max", "Max"),
    ("livemax", "LiveMax"),
    ("sum", "Sum"),
    ("livesum", "LiveSum"),
];

/// A `static` item.
struct Static {
    attrs: Vec<Attr>,
    vis: Visibility,
    /// `static`, or `const` by mistake.
    keyword: TokenStream,
    is_const: bool,
    mutability: Option<Token![mut]>,
    ident: Ident,
    colon: Token![:],
    ty: Type,
    initialiser: Option<Expr>,
}

/// What a checked metric is printed from.
pub(crate) struct Metric<'a> {
    name: &'a LitStr,
    help: TokenStream,
    unit: Option<&'a LitStr>,
    mode: Option<Ident>,
    buckets: Option<&'a Buckets>,
    max_series: Option<&'a LitInt>,
}

/// Expands `#[metric]` on an item.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = Args::parse(Attribute::Metric, Span::call_site(), args, &mut errors);
    if family::is_function(&item) {
        return family::expand(&args, item, errors);
    }
    match parse_static.parse2(item.clone()) {
        Ok(item) => {
            let metric = check_static(&args, &item, &mut errors);
            let krate = check::private_path(args.krate());
            let initialiser = match metric {
                Some(metric) => expand(&krate, &metric, &item.ty),
                None => errors.to_compile_errors(),
            };
            print(&item, &initialiser)
        }
        Err(error) => {
            errors.push(error);
            fallback::expand(&errors, item)
        }
    }
}

fn parse_static(input: ParseStream<'_>) -> syn::Result<Static> {
    let attrs = input.call(Attr::parse_outer)?;
    let vis = input.parse()?;
    let is_const = input.peek(Token![const]) && !input.peek2(Token![fn]);
    if !is_const && !input.peek(Token![static]) {
        return Err(input
            .error("`#[metric]` goes on a `static` without a value, or on a `fn` without a body"));
    }
    let keyword = input.parse::<TokenTree>()?.into();
    let mutability = input.parse()?;
    let ident = input.parse()?;
    let colon = input.parse()?;
    let ty = input.parse()?;
    let initialiser = if input.peek(Token![=]) {
        let _: Token![=] = input.parse()?;
        Some(input.parse()?)
    } else {
        None
    };
    let _: Token![;] = input.parse()?;
    Ok(Static { attrs, vis, keyword, is_const, mutability, ident, colon, ty, initialiser })
}

fn check_static<'a>(args: &'a Args, item: &Static, errors: &mut Errors) -> Option<Metric<'a>> {
    if item.is_const {
        errors.on(&item.keyword, "a metric is one place in memory: write `static`");
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
    check(args, &item.attrs, &item.ident, &item.ty, errors)
}

/// Judges what a `static` and a family have in common.
pub(crate) fn check<'a>(
    args: &'a Args,
    attrs: &[Attr],
    ident: &Ident,
    ty: &Type,
    errors: &mut Errors,
) -> Option<Metric<'a>> {
    let kind = kind(ty, errors);
    let name = args.text("name");
    match name {
        Some(name) => names::check_metric(kind, name, args.text("unit"), errors),
        None if args.mentions("name") => {}
        None => errors.at(args.span, "a metric needs a `name`: `#[metric(name = \"..\")]`"),
    }
    let help = help(args, attrs, ident, errors);
    let mode = mode(args, kind, errors);
    let buckets = bounds(args, kind, errors);
    rules::max_series(args, errors);
    match name {
        Some(name) if errors.is_empty() => Some(Metric {
            name,
            help,
            unit: args.text("unit"),
            mode,
            buckets,
            max_series: args.number("max_series"),
        }),
        _ => None,
    }
}

/// The kind, by the name of the type. Any other path may be a handle under another name, which the
/// types decide.
fn kind(ty: &Type, errors: &mut Errors) -> Kind {
    let Type::Path(path) = shape::ungrouped(ty) else {
        errors.on(ty, not_a_handle(ty));
        return Kind::Renamed;
    };
    let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    match last.as_str() {
        "Counter" => Kind::Counter,
        "Gauge" => Kind::Gauge,
        "Histogram" => Kind::Histogram,
        "Summary" => Kind::Summary,
        name if name.starts_with(|first: char| first.is_lowercase()) => {
            errors.on(ty, not_a_handle(ty));
            Kind::Renamed
        }
        _ => Kind::Renamed,
    }
}

fn not_a_handle(ty: &Type) -> String {
    format!(
        "a metric is a `Counter`, `Gauge`, `Histogram` or `Summary`, not `{}`",
        ty.to_token_stream()
    )
}

/// The help text: the key, or else the doc comment.
fn help(args: &Args, attrs: &[Attr], ident: &Ident, errors: &mut Errors) -> TokenStream {
    if let Some(help) = args.text("help") {
        names::check_help(help, errors);
        return help.to_token_stream();
    }
    let text = attrs.iter().filter_map(doc_line).collect::<Vec<_>>().join("\n");
    let text = text.trim();
    if text.is_empty() && !args.mentions("help") {
        errors.on(ident, "a metric needs a help text: write a doc comment, or `help = \"..\"`");
    }
    // The first paragraph is the summary; a help text is one line.
    let summary = text.split("\n\n").next().unwrap_or_default();
    let line = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    q!(#line)
}

fn doc_line(attr: &Attr) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn mode(args: &Args, kind: Kind, errors: &mut Errors) -> Option<Ident> {
    let names = || MODES.iter().map(|(name, _)| *name);
    let Some(mode) = args.text("mode") else {
        if kind == Kind::Gauge && !args.mentions("mode") {
            errors.at(
                args.span,
                format!(
                    "a gauge says how the values of several processes become one: `mode = ..` with \
                     {}",
                    suggest::list(names())
                ),
            );
        }
        return None;
    };
    if !matches!(kind, Kind::Gauge | Kind::Renamed) {
        errors.on(mode, "`mode` belongs to gauges: counters and histograms are added up");
    }
    mode_named(mode, errors)
}

/// The mode of this name.
pub(crate) fn mode_named(mode: &LitStr, errors: &mut Errors) -> Option<Ident> {
    let variant = mode_variant(mode);
    if variant.is_none() {
        let names: Vec<_> = MODES.iter().map(|(name, _)| *name).collect();
        errors.on(mode, rules::unknown_word("mode", &mode.value(), &names));
    }
    variant
}

/// The variant of `__private::Mode` of this name.
pub(crate) fn mode_variant(mode: &LitStr) -> Option<Ident> {
    let text = mode.value();
    let (_, variant) = MODES.iter().find(|(name, _)| *name == text)?;
    Some(Ident::new(variant, Span::mixed_site()))
}

fn bounds<'a>(args: &'a Args, kind: Kind, errors: &mut Errors) -> Option<&'a Buckets> {
    let buckets = args.buckets()?;
    if !matches!(kind, Kind::Histogram | Kind::Renamed) {
        errors.at(
            args.flag("buckets").map_or(args.span, Ident::span),
            "`buckets` belongs to histograms",
        );
    }
    if let Buckets::Literal(list) = buckets {
        buckets::check(list, kind, errors);
    }
    Some(buckets)
}

fn print(item: &Static, initialiser: &TokenStream) -> TokenStream {
    let Static { attrs, vis, keyword, ident, colon, ty, .. } = item;
    q!(#(#attrs)* #vis #keyword #ident #colon #ty = { #initialiser };)
}

fn expand(krate: &TokenStream, metric: &Metric<'_>, ty: &Type) -> TokenStream {
    let items = items(krate, metric, ty, &[]);
    q!(#items #krate::at::<#ty>(&__SITES[0]))
}

/// The one site of a metric, and its registration.
pub(crate) fn items(
    krate: &TokenStream,
    metric: &Metric<'_>,
    ty: &Type,
    labels: &[TokenStream],
) -> TokenStream {
    let Metric { name, help, unit, mode, buckets, max_series } = metric;
    let mut descriptor = q!(#krate::Descriptor::new(
        #krate::kind_of::<#ty>(), #name, #help, #krate::file!(), #krate::line!()
    ));
    if !labels.is_empty() {
        descriptor.extend(q!(.labels(&[#(#labels),*])));
    }
    if let Some(max_series) = max_series {
        descriptor.extend(q!(.max_series(#max_series)));
    }
    if let Some(unit) = unit {
        descriptor.extend(q!(.unit(#unit)));
    }
    if let Some(mode) = mode {
        descriptor.extend(q!(.mode(#krate::Mode::#mode)));
    }
    match buckets {
        None => {}
        Some(Buckets::Literal(list)) => {
            let values = buckets::values(list);
            descriptor.extend(q!(.bounds(&[#(#values),*])));
        }
        Some(Buckets::Const(path)) => descriptor.extend(q!(.bounds(#krate::bounds(&#path)))),
    }
    q!(
        static __SITES: [#krate::Site; 1] = [#krate::Site::metric(#descriptor)];
        #krate::inventory::submit! { #krate::Sites(&__SITES) }
    )
}
