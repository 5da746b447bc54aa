//! The rules for a `fn` with `#[metric]`.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Expr, FnArg, GenericParam, Ident, LitStr, Safety, Signature, Type};

use crate::check::args::MOST_LABELS;
use crate::check::{metric, names};
use crate::kind::Kind;
use crate::parse::args::Args;
use crate::parse::metric::{Family, label};
use crate::parse::shape::written_type;
use crate::parse::types::contains_impl;
use crate::parse::values::{self, LabelName};
use crate::plan::metric::{Labels, Metric, Parameter};
use crate::report::errors::Errors;
use crate::report::suggest::one_of;
use crate::tokens::{text_of, ungrouped};

pub(crate) fn check(args: &Args, family: &Family, errors: &mut Errors) -> Option<Metric> {
    let ty = written_type(&family.sig);
    let Signature { constness, asyncness, safety, abi, ident, generics, inputs, .. } = &family.sig;
    if let Some(asyncness) = asyncness {
        errors.on(asyncness, "looking up a series never waits: leave out `async`");
    }
    if let Some(constness) = constness {
        errors.on(constness, "series are looked up at run time: leave out `const`");
    }
    if let Safety::Unsafe(unsafety) = safety {
        errors.on(unsafety, "looking up a series is safe: leave out `unsafe`");
    }
    if let Some(abi) = abi {
        errors.on(abi, "a family is a Rust function: leave out `extern`");
    }
    for param in &generics.params {
        if !matches!(param, GenericParam::Lifetime(_)) {
            errors.on(
                param,
                "the types of labels must be known here: leave out the generic parameter",
            );
        }
    }
    if let Some(body) = &family.body {
        let TokenTree::Group(braces) = body else { return None };
        errors.at(braces.span_open(), "the body of a family is generated: end with `;`");
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
    names_for_parameters(args, &family.sig, errors);
    for (index, input) in inputs.iter().enumerate() {
        parameter(args, input, generics, &mut before, errors);
        if index == MOST_LABELS {
            errors.on(input, format!("a family has at most {MOST_LABELS} labels"));
        }
    }
    let Some(ty) = ty else {
        let types = one_of(Kind::with_handles().map(|kind| format!("`-> {}`", kind.handle())));
        errors.on(ident, format!("a family needs a type: write {types}"));
        return None;
    };
    states_have_their_label(args, inputs.iter(), ty, errors);
    let metric = metric::check(args, &family.attrs, ident, ty, errors)?;
    let parameters = inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => {
            let ident = label(input)?.clone();
            Some(Parameter { label: label_of(args, &ident), ident, ty: (*argument.ty).clone() })
        }
        FnArg::Receiver(_) => None,
    });
    Some(Metric { labels: Labels::Parameters(parameters.collect()), ..metric })
}

/// `labels` gives parameters the names that no parameter can have.
fn names_for_parameters(args: &Args, sig: &Signature, errors: &mut Errors) {
    let Some(labels) = args.flag("labels") else { return };
    if args.labels().is_empty() {
        errors.at(labels.span(), "the labels of a family are its parameters: leave out `labels`");
    }
    let mut before = Vec::new();
    for given in args.labels() {
        let parameter = match (&given.name, &given.ty) {
            (LabelName::Quoted(_), None) => named_parameter(given),
            _ => None,
        };
        let Some(parameter) = parameter else {
            errors.on(
                &given.name,
                "the labels of a family are its parameters: `labels` only names them in quotes, as \
                 in `labels(\"http.route\" = route)`",
            );
            continue;
        };
        if !sig.inputs.iter().filter_map(label).any(|known| *known == parameter) {
            errors.on(&parameter, format!("the family has no parameter `{parameter}`"));
        } else if before.contains(&parameter) {
            errors.on(&parameter, format!("`{parameter}` is one label, and gets two names"));
        }
        before.push(parameter);
    }
}

/// The parameter to which `"label" = parameter` gives a name.
fn named_parameter(given: &values::Label) -> Option<Ident> {
    match ungrouped(given.value.clone()?) {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    }
}

/// The name of a parameter's label.
fn label_of(args: &Args, parameter: &Ident) -> LitStr {
    let mut given = args.labels().iter();
    let given = given.find(|given| named_parameter(given).as_ref() == Some(parameter));
    given.map_or_else(|| text_of(parameter), |given| given.name.text())
}

/// The state of a state set is in a label that has the name of the metric.
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
    for label in inputs.filter_map(label).filter(|label| label_of(args, label).value() == name) {
        errors.on(
            label,
            format!(
                "the label `{name}`, which has the name of the state set, holds its state: choose \
                 another name"
            ),
        );
    }
}

fn parameter(
    args: &Args,
    input: &FnArg,
    generics: &syn::Generics,
    before: &mut Vec<String>,
    errors: &mut Errors,
) {
    let argument = match input {
        FnArg::Receiver(receiver) => {
            errors
                .on(receiver.self_token, "`self` can't be a label: use parameters with the values");
            return;
        }
        FnArg::Typed(argument) => argument,
    };
    if let Some(attr) = argument.attrs.first() {
        errors.on(attr, "all series of a family have the same labels: no attributes here");
    }
    match label(input) {
        Some(label) => {
            let place = label_of(args, label);
            let name = place.value();
            names::check_label(&place, &name, args.has_utf8_names(), false, errors);
            if before.contains(&name) {
                errors.on(&place, format!("the label `{name}` is given twice"));
            }
            before.push(name);
        }
        None => errors.on(
            &argument.pat,
            "the name of a parameter is the name of the label: no patterns here",
        ),
    }
    let generic = |ident: &str| {
        generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == ident,
            GenericParam::Const(param) => param.ident == ident,
            GenericParam::Lifetime(_) => false,
        })
    };
    let is_impl = contains_impl(&argument.ty);
    // If the type names a generic parameter, that has been reported already.
    let names_parameter = argument.ty.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => generic(&ident.to_string()),
        _ => false,
    });
    if is_impl && !names_parameter {
        errors.on(&argument.ty, "the types of labels must be known here: no `impl`");
    }
}
