//! `#[metric]` on a `fn` without a body: a family, whose parameters are its labels.
//!
//! The function really has the signature that is written; it looks its series up. Where something is wrong, the
//! messages become its body, so that the name exists.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, FnArg, GenericParam, Ident, Pat, Safety, Signature, Token, Type, Visibility, token,
};

use crate::attributes::metric;
use crate::check::args::MOST_LABELS;
use crate::check::function as check;
use crate::check::names;
use crate::check::names::Kind;
use crate::expand::function::q;
use crate::expand::sites::label_local;
use crate::parse::args::Args;
use crate::parse::shape;
use crate::plan::family::label_of;
use crate::plan::function::text_of;
use crate::report::errors::Errors;
use crate::report::fallback;

/// A family as it was written.
struct Family {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Option<TokenTree>,
}

/// Whether an item is, or was meant to be, a function.
pub(crate) fn is_function(item: &TokenStream) -> bool {
    let mut tokens = item.clone().into_iter();
    // `fn` within a type, or in the body of something else, is inside of brackets or behind these.
    let word = tokens.find_map(|token| match token {
        TokenTree::Ident(word) => {
            ["fn", "static", "struct", "enum", "impl", "mod", "trait", "type"]
                .into_iter()
                .find(|known| word == known)
        }
        _ => None,
    });
    word == Some("fn")
}

pub(crate) fn expand(args: &Args, item: TokenStream, mut errors: Errors) -> TokenStream {
    let mut family = match parse.parse2(item.clone()) {
        Ok(family) => family,
        Err(error) => {
            errors.push(error);
            return fallback::expand(&errors, item);
        }
    };
    let krate = check::private_path(args.krate());
    let ty = shape::written_type(&family.sig).cloned();
    let metric = check(args, &family, ty.as_ref(), &mut errors);
    let body = if let (Some(metric), Some(ty)) = (metric, ty) {
        series(&krate, &metric, &family, &ty)
    } else {
        // What rustc would object to as well.
        family.sig.asyncness = None;
        family.sig.constness = None;
        let inputs = family.sig.inputs.into_iter();
        family.sig.inputs = inputs.filter(|input| matches!(input, FnArg::Typed(_))).collect();
        errors.to_compile_errors()
    };
    let Family { attrs, vis, sig, .. } = &family;
    q!(#(#attrs)* #vis #sig { #body })
}

fn parse(input: ParseStream<'_>) -> syn::Result<Family> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let sig = input.parse()?;
    let body = if input.peek(token::Brace) {
        Some(input.parse()?)
    } else {
        let _: Token![;] = input.parse()?;
        None
    };
    Ok(Family { attrs, vis, sig, body })
}

fn check<'a>(
    args: &'a Args,
    family: &Family,
    ty: Option<&Type>,
    errors: &mut Errors,
) -> Option<metric::Metric<'a>> {
    let Signature { constness, asyncness, safety, abi, ident, generics, inputs, .. } = &family.sig;
    if let Some(asyncness) = asyncness {
        errors.on(asyncness, "a series is looked up at once: leave out `async`");
    }
    if let Some(constness) = constness {
        errors.on(constness, "a series is looked up when the program runs: leave out `const`");
    }
    if let Safety::Unsafe(unsafety) = safety {
        errors.on(unsafety, "looking up a series is safe: leave out `unsafe`");
    }
    if let Some(abi) = abi {
        errors.on(abi, "a family is for Rust: leave out `extern`");
    }
    for param in &generics.params {
        if !matches!(param, GenericParam::Lifetime(_)) {
            errors.on(
                param,
                "the types of a family's labels must be known here: leave out the parameter",
            );
        }
    }
    if let Some(body) = &family.body {
        let TokenTree::Group(braces) = body else { return None };
        errors.at(
            braces.span_open(),
            "a family is declared, and looks its series up by itself: end with `;`",
        );
    }
    if inputs.is_empty() {
        let name = ident.to_string().to_uppercase();
        let series =
            ty.map_or("Counter".to_owned(), |ty| ty.to_token_stream().to_string().replace(' ', ""));
        errors.on(
            ident,
            format!("a family without labels is one series: write `static {name}: {series};`"),
        );
    }
    let mut before = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        parameter(input, generics, &mut before, errors);
        if index == MOST_LABELS {
            errors.on(input, format!("a family has at most {MOST_LABELS} labels"));
        }
    }
    if let Some(labels) = args.flag("labels") {
        errors.at(labels.span(), "the labels of a family are its parameters: leave out `labels`");
    }
    let Some(ty) = ty else {
        errors.on(
            ident,
            "what are its series? Say `-> Counter`, `-> Gauge`, `-> Histogram`, `-> Summary`, \
             `-> Info` or `-> StateSet<..>`",
        );
        return None;
    };
    states_have_their_label(args, inputs.iter(), ty, errors);
    metric::check(args, &family.attrs, ident, ty, errors)
}

/// The label that says the state has the name of the metric.
fn states_have_their_label<'a>(
    args: &Args,
    inputs: impl Iterator<Item = &'a FnArg>,
    ty: &Type,
    errors: &mut Errors,
) {
    if metric::kind(ty, &mut Errors::new()) != Kind::StateSet {
        return;
    }
    let Some(name) = args.full_name().and_then(|name| name.text()) else { return };
    for label in inputs.filter_map(label).filter(|label| text_of(label).value() == name) {
        errors.on(
            label,
            format!("a state set says its state by the label that has its name, here `{name}`"),
        );
    }
}

fn parameter(
    input: &FnArg,
    generics: &syn::Generics,
    before: &mut Vec<String>,
    errors: &mut Errors,
) {
    let argument = match input {
        FnArg::Receiver(receiver) => {
            errors.on(receiver.self_token, "`self` is no label: name what of it is one");
            return;
        }
        FnArg::Typed(argument) => argument,
    };
    if let Some(attr) = argument.attrs.first() {
        errors.on(attr, "the labels of a family are always the same: no attributes here");
    }
    match label(input) {
        Some(label) => {
            names::check_label(label, false, errors);
            let name = label.to_string();
            if before.contains(&name) {
                errors.on(label, format!("the label `{name}` is given twice"));
            }
            before.push(name);
        }
        None => errors.on(&argument.pat, "a parameter's name is the label's: no patterns here"),
    }
    let generic = |ident: &str| {
        generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == ident,
            GenericParam::Const(param) => param.ident == ident,
            GenericParam::Lifetime(_) => false,
        })
    };
    let is_impl = shape::contains_impl(&argument.ty);
    // A type that names a parameter was put down to the parameter.
    let names_parameter = argument.ty.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => generic(&ident.to_string()),
        _ => false,
    });
    if is_impl && !names_parameter {
        errors.on(&argument.ty, "the types of a family's labels must be known here: no `impl`");
    }
}

/// The name of a parameter that is nothing but a name.
fn label(input: &FnArg) -> Option<&Ident> {
    let FnArg::Typed(argument) = input else { return None };
    match &*argument.pat {
        Pat::Ident(pat)
            if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() =>
        {
            Some(&pat.ident)
        }
        _ => None,
    }
}

fn series(
    krate: &TokenStream,
    metric: &metric::Metric<'_>,
    family: &Family,
    ty: &Type,
) -> TokenStream {
    let mut labels = Vec::new();
    let mut locals = TokenStream::new();
    let mut values = Vec::new();
    for input in &family.sig.inputs {
        let (FnArg::Typed(argument), Some(name)) = (input, label(input)) else { continue };
        labels.push(label_of(krate, &text_of(name), &shape::without_lifetimes(&argument.ty)));
        let local = label_local(values.len(), &name.to_token_stream());
        locals.extend(q!(let #local = &#name;));
        values.push(local);
    }
    let labels = q!(&[#(#labels),*]);
    let items = metric::items(krate, metric, ty, Some(&labels));
    q!(#items #locals #krate::member::<#ty>(&__SITES[0], (#(#values,)*)))
}
