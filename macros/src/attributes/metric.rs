//! `#[metric]`: a metric that is declared for itself. Families of several series are functions (`family.rs`).
//!
//! A `static` without initialiser becomes one with the handle's. Where something is wrong, the message
//! takes the initialiser's place, so that the name exists with the type that was written, and rustc
//! has nothing to add.

use proc_macro2::{Literal, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute as Attr, Expr, Ident, Lit, LitInt, LitStr, Meta, Token, Type, Visibility};

use crate::attributes::family;
use crate::check::args as rules;
use crate::check::buckets;
use crate::check::durations;
use crate::check::function as check;
use crate::check::modes;
use crate::check::names::{self, Kind};
use crate::expand::function::q;
use crate::parse::args::Args;
use crate::parse::full_name::FullName;
use crate::parse::keys::Attribute;
use crate::parse::shape;
use crate::parse::values::Buckets;
use crate::plan::function::{literal, text_of};
use crate::report::errors::Errors;
use crate::report::fallback;

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
    kind: Kind,
    pub(crate) name: FullName,
    help: TokenStream,
    unit: Option<&'a LitStr>,
    mode: Option<Ident>,
    buckets: Option<&'a Buckets>,
    max_series: Option<&'a LitInt>,
    idle_timeout: Option<u32>,
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
                Some(metric) => expand(&krate, &args, &metric, &item.ty),
                None => errors.to_compile_errors(),
            };
            print(&args, &item, &initialiser)
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
    if let Some(idle) = args.flag("idle_timeout") {
        errors.at(
            idle.span(),
            "a `static` is one series, which stays: `idle_timeout` belongs to a `fn`",
        );
    }
    constant_labels(args, item, errors);
    check(args, &item.attrs, &item.ident, &item.ty, errors)
}

/// An info that is a `static` says what it is by constants; of anything else, several series are a family.
fn constant_labels(args: &Args, item: &Static, errors: &mut Errors) {
    let kind = kind(&item.ty, &mut Errors::new());
    let Some(labels) = args.flag("labels") else {
        if kind == Kind::Info && !args.mentions("labels") {
            errors.on(
                &item.ident,
                format!(
                    "what does it say? Give it constant labels, as in \
                     `labels(version = env!(\"CARGO_PKG_VERSION\"))`, or make it a family, whose labels \
                     are set when the program runs: `fn {}(version: &str) -> Info;`",
                    item.ident.to_string().to_lowercase()
                ),
            );
        }
        return;
    };
    if !matches!(kind, Kind::Info | Kind::Renamed) {
        errors.at(
            labels.span(),
            "a `static` is one series, and only an `Info` has constant labels: a family is a `fn`, \
             whose parameters are its labels",
        );
        return;
    }
    if args.labels().is_empty() {
        errors.at(labels.span(), "`labels` takes a list: `labels(name = constant)`");
    }
    let mut before = Vec::new();
    for label in args.labels() {
        let name = text_of(&label.name).value();
        names::check_label(&label.name, false, errors);
        if before.contains(&name) {
            errors.on(&label.name, format!("the label `{name}` is given twice"));
        }
        if label.value.is_none() {
            errors.on(&label.name, format!("`{name}` needs a value: `{name} = constant`"));
        }
        if let Some(ty) = &label.ty {
            errors.on(ty, "the value is a constant text: leave out the type");
        }
        before.push(name);
    }
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
    let name = args.full_name();
    match &name {
        Some(name) => names::check_metric(kind, name, args.text("unit"), errors),
        None if args.mentions("name") => {}
        None => errors.at(args.span, "a metric needs a `name`: `#[metric(name = \"..\")]`"),
    }
    let help = help(args, attrs, ident, errors);
    let mode = modes::mode(args, kind, errors);
    let buckets = bounds(args, kind, errors);
    rules::max_series(args, errors);
    match name {
        Some(name) if errors.is_empty() => Some(Metric {
            kind,
            name,
            help,
            unit: args.text("unit"),
            mode,
            buckets,
            max_series: args.number("max_series"),
            idle_timeout: durations::idle_timeout(args),
        }),
        _ => None,
    }
}

/// The kind, by the name of the type. Any other path may be a handle under another name, which the
/// types decide.
pub(crate) fn kind(ty: &Type, errors: &mut Errors) -> Kind {
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
        "Info" => Kind::Info,
        "StateSet" => Kind::StateSet,
        name if name.starts_with(|first: char| first.is_lowercase()) => {
            errors.on(ty, not_a_handle(ty));
            Kind::Renamed
        }
        name => {
            if let Some(message) = of_another_library(name) {
                errors.on(ty, message);
            }
            Kind::Renamed
        }
    }
}

/// What to say of a type that declares a metric or a family elsewhere.
fn of_another_library(name: &str) -> Option<String> {
    const HANDLES: [&str; 4] = ["Counter", "Gauge", "Histogram", "Summary"];
    let member = name.strip_suffix("Vec").map(|member| member.trim_start_matches("Int"));
    match member.and_then(|member| HANDLES.into_iter().find(|handle| *handle == member)) {
        Some(handle) => Some(format!(
            "`{name}` is another library's: a family is a function without a body, whose parameters \
             are its labels, and its type is `{handle}`"
        )),
        None if ["LazyLock", "LazyCell", "Lazy", "OnceLock", "OnceCell"].contains(&name) => {
            Some(format!("a metric needs no `{name}`: it is made when the program is compiled"))
        }
        None => None,
    }
}

fn not_a_handle(ty: &Type) -> String {
    format!(
        "a metric is a `Counter`, `Gauge`, `Histogram`, `Summary`, `Info` or `StateSet`, not `{}`",
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

fn print(args: &Args, item: &Static, initialiser: &TokenStream) -> TokenStream {
    let Static { attrs, vis, keyword, ident, colon, ty, .. } = item;
    // It is there from the start, and nobody has to name it. (A crate may forbid to allow `dead_code`.)
    let used = args.flag("labels").map(|_| q!(#[used]));
    q!(#(#attrs)* #used #vis #keyword #ident #colon #ty = { #initialiser };)
}

fn expand(krate: &TokenStream, args: &Args, metric: &Metric<'_>, ty: &Type) -> TokenStream {
    let labels = args.labels().iter().map(|label| {
        let name = text_of(&label.name);
        let value = literal(label).map(|text| text.to_token_stream());
        let value = value.unwrap_or_else(|| label.value.to_token_stream());
        q!(#krate::Label::Const(#name, #value))
    });
    let mut labels = q!(&[#(#labels),*]);
    if metric.kind == Kind::Renamed {
        labels = q!(#krate::info_labels(#krate::kind_of::<#ty>(), #labels));
    }
    let labels = Some(labels).filter(|_| !args.labels().is_empty());
    let items = items(krate, metric, ty, labels.as_ref());
    q!(#items #krate::at::<#ty>(&__SITES[0]))
}

/// The one site of a metric, and its registration.
pub(crate) fn items(
    krate: &TokenStream,
    metric: &Metric<'_>,
    ty: &Type,
    labels: Option<&TokenStream>,
) -> TokenStream {
    let Metric { kind, name, help, unit, mode, buckets, max_series, idle_timeout } = metric;
    let runtime_kind = q!(#krate::kind_of::<#ty>());
    let name = name.print(krate, *kind, &runtime_kind);
    let runtime_kind = if *kind == Kind::Renamed && mode.is_none() {
        q!(#krate::without_mode(#runtime_kind))
    } else {
        runtime_kind
    };
    let mut descriptor = q!(#krate::Descriptor::new(
        #runtime_kind, #name, #help, #krate::file!(), #krate::line!()
    ));
    if let Some(labels) = labels {
        descriptor.extend(q!(.labels(#labels)));
    }
    // Of another handle there are none.
    if matches!(kind, Kind::StateSet | Kind::Renamed) {
        descriptor.extend(q!(.states(#krate::states_of::<#ty>())));
    }
    if let Some(max_series) = max_series {
        descriptor.extend(q!(.max_series(#max_series)));
    }
    if let Some(seconds) = idle_timeout.map(Literal::u32_unsuffixed) {
        descriptor.extend(q!(.idle_timeout(#seconds)));
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
        Some(Buckets::Const(expr)) => {
            descriptor.extend(q!(.bounds(#krate::bounds(const { &#expr }))));
        }
    }
    q!(
        static __SLOTS: [#krate::Slot; 1] = [#krate::Slot::NEW];
        static __SITES: [#krate::Site; 1] = [#krate::Site::metric(&__SLOTS[0], #descriptor)];
        #krate::inventory::submit! { #krate::Sites(&__SITES) }
    )
}
