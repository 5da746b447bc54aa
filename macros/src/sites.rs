//! Prints the part of an expansion that is known at compile time: the sites, their registration, and the
//! recorders that refer to them.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::Expr;

use crate::expand::q;
use crate::keys::Attribute;
use crate::plan::{Bounds, Call, Descriptor, Help, LabelValue, Plan, Recorder, Records, Site};

/// An expression among our items, after the user's label expressions were evaluated outside of them.
pub(crate) fn begin(plan: &Plan, expression: &TokenStream) -> TokenStream {
    let items = items(plan);
    let mut references = Vec::new();
    let mut names = Vec::new();
    for (site, label, value) in open_labels(plan) {
        let value = match value {
            Expr::Path(_)
            | Expr::Lit(_)
            | Expr::Paren(_)
            | Expr::MethodCall(_)
            | Expr::Call(_)
            | Expr::Field(_)
            | Expr::Macro(_) => value.to_token_stream(),
            other => q!((#other)),
        };
        references.push(q!(&#value));
        names.push(label_local(site, label, &value));
    }
    if references.is_empty() {
        return q!({ #items #expression });
    }
    q!(match (#(#references,)*) { (#(#names,)*) => { #items #expression } })
}

/// The function's one `static` and its one registration.
fn items(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let count = Literal::usize_unsuffixed(plan.sites.len());
    let mut before = TokenStream::new();
    if plan.sites.iter().any(|site| matches!(site, Site::Function(_))) {
        before
            .extend(q!(fn __here() -> &'static #krate::str { #krate::type_name_of_val(&__here) }));
    }
    let mut sites = Vec::new();
    for (index, site) in plan.sites.iter().enumerate() {
        match site {
            Site::Function(what) => {
                let what = Literal::u32_unsuffixed(*what);
                sites.push(q!(#krate::Site::function(
                    __here, #krate::module_path!(), #krate::file!(), #krate::line!(), #what
                )));
            }
            Site::Metric(descriptor) => {
                before.extend(bounds_item(krate, index, &descriptor.bounds));
                let descriptor = describe(krate, index, descriptor);
                sites.push(q!(#krate::Site::metric(#descriptor)));
            }
        }
    }
    q!(
        #before
        static __SITES: [#krate::Site; #count] = [#(#sites),*];
        #krate::inventory::submit! { #krate::Sites(&__SITES) }
    )
}

fn bounds_item(krate: &TokenStream, index: usize, bounds: &Bounds) -> TokenStream {
    let name = bounds_name(index);
    match bounds {
        Bounds::Default => TokenStream::new(),
        Bounds::Literal(values) => {
            let count = Literal::usize_unsuffixed(values.len());
            q!(static #name: [#krate::u64; #count] = #krate::nanos(&[#(#values),*]);)
        }
        Bounds::Const(path) => {
            q!(static #name: [#krate::u64; #path.len()] = #krate::nanos(&#path);)
        }
    }
}

fn describe(krate: &TokenStream, index: usize, descriptor: &Descriptor) -> TokenStream {
    let Descriptor { attribute, name, help, unit, labels, outcome, bounds } = descriptor;
    let kind = match attribute {
        Attribute::Timed => q!(Durations),
        Attribute::InProgress => q!(InProgress),
        Attribute::CountExceptions => q!(Exceptions),
        _ => q!(Calls),
    };
    let help = match help {
        Help::Given(help) => help.to_token_stream(),
        Help::Default { what, function } => {
            let before = format!("{what} `");
            let after = format!("::{function}`.");
            q!(#krate::concat!(#before, #krate::module_path!(), #after))
        }
    };
    let mut tokens = q!(#krate::Descriptor::new(
        #krate::Kind::#kind, #name, #help, #krate::file!(), #krate::line!()
    ));
    if !labels.is_empty() {
        let labels = labels.iter().map(|label| {
            let name = &label.name;
            match &label.value {
                LabelValue::Literal(value) => q!(#krate::Label::Const(#name, #value)),
                LabelValue::Open(_) => q!(#krate::Label::Open(#name)),
            }
        });
        tokens.extend(q!(.labels(&[#(#labels),*])));
    }
    if *outcome {
        tokens.extend(q!(.outcome()));
    }
    if let Some(unit) = unit {
        tokens.extend(q!(.unit(#unit)));
    }
    if *attribute == Attribute::Timed {
        let bounds = bounds_value(krate, index, bounds);
        tokens.extend(q!(.nanos(#bounds)));
    }
    tokens
}

fn bounds_value(krate: &TokenStream, index: usize, bounds: &Bounds) -> TokenStream {
    match bounds {
        Bounds::Default => q!(#krate::DEFAULT_NANOS),
        Bounds::Literal(_) | Bounds::Const(_) => {
            let name = bounds_name(index);
            q!(&#name)
        }
    }
}

fn bounds_name(index: usize) -> Ident {
    format_ident!("__NANOS_{index}", span = Span::mixed_site())
}

/// The labels of all sites that are evaluated in each call: site, index in it, expression.
fn open_labels(plan: &Plan) -> impl Iterator<Item = (usize, usize, &Expr)> {
    plan.sites.iter().enumerate().flat_map(|(index, site)| {
        open_labels_of(site).enumerate().map(move |(label, value)| (index, label, value))
    })
}

fn open_labels_of(site: &Site) -> impl Iterator<Item = &Expr> {
    let labels = match site {
        Site::Function(_) => &[],
        Site::Metric(descriptor) => descriptor.labels.as_slice(),
    };
    labels.iter().filter_map(|label| match &label.value {
        LabelValue::Open(value) => Some(value),
        LabelValue::Literal(_) => None,
    })
}

/// Messages about a label's type point at the label.
fn label_local(site: usize, label: usize, value: &impl ToTokens) -> Ident {
    let span = value
        .to_token_stream()
        .into_iter()
        .next()
        .map_or_else(Span::call_site, |first| first.span());
    format_ident!("__label_{site}_{label}", span = Span::mixed_site().located_at(span))
}

/// The first cell of a recorder's series.
pub(crate) fn cell(plan: &Plan, recorder: &Recorder) -> TokenStream {
    let index = Literal::usize_unsuffixed(recorder.site);
    let labels = open_label_locals(plan, recorder);
    if labels.is_empty() {
        q!(__SITES[#index].slot())
    } else {
        q!(__SITES[#index].row((#(#labels,)*)))
    }
}

/// Counts a call of which nothing else is recorded: no slot is needed where the series is the site's own.
pub(crate) fn count(plan: &Plan, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let index = Literal::usize_unsuffixed(recorder.site);
    if open_label_locals(plan, recorder).is_empty() {
        q!(__SITES[#index].count();)
    } else {
        let cell = cell(plan, recorder);
        q!(#krate::count(#cell);)
    }
}

fn open_label_locals(plan: &Plan, recorder: &Recorder) -> Vec<Ident> {
    plan.sites
        .get(recorder.site)
        .into_iter()
        .flat_map(open_labels_of)
        .enumerate()
        .map(|(label, value)| label_local(recorder.site, label, value))
        .collect()
}

fn recorder(plan: &Plan, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let cell = cell(plan, recorder);
    let bounds = || match &plan.sites[recorder.site] {
        Site::Metric(descriptor) => bounds_value(krate, recorder.site, &descriptor.bounds),
        Site::Function(_) => q!(#krate::DEFAULT_NANOS),
    };
    match recorder.records {
        Records::Function(what) => {
            let what = Literal::u32_unsuffixed(what);
            q!(#krate::Function::<#what>(#cell))
        }
        Records::Calls => q!(#krate::Calls(#cell)),
        Records::Outcomes => q!(#krate::Outcomes(#cell)),
        Records::Durations => {
            let bounds = bounds();
            q!(#krate::Durations(#cell, #bounds))
        }
        Records::OutcomeDurations => {
            let bounds = bounds();
            q!(#krate::OutcomeDurations(#cell, #bounds))
        }
        Records::InProgress => q!(#krate::InProgress(#cell)),
        Records::Exceptions => q!(#krate::Exceptions(#cell)),
    }
}

/// Several recorders as one: tuples of up to eight, nested where there are more.
fn together(mut recorders: Vec<TokenStream>) -> TokenStream {
    while recorders.len() > 8 {
        recorders = recorders.chunks(8).map(|chunk| together(chunk.to_vec())).collect();
    }
    match recorders.as_slice() {
        [one] => one.clone(),
        several => q!((#(#several),*)),
    }
}

pub(crate) fn recorders_of(plan: &Plan, call: &Call) -> TokenStream {
    together(call.recorders.iter().map(|one| recorder(plan, one)).collect())
}

pub(crate) fn all_recorders(plan: &Plan) -> TokenStream {
    let recorders = plan.calls.iter().flat_map(|call| &call.recorders);
    together(recorders.map(|one| recorder(plan, one)).collect())
}

/// The recorders of the one call, or a tuple with those of each.
pub(crate) fn recorders_by_call(plan: &Plan) -> TokenStream {
    match plan.calls.as_slice() {
        [call] => recorders_of(plan, call),
        calls => {
            let calls = calls.iter().map(|call| recorders_of(plan, call));
            q!((#(#calls),*))
        }
    }
}
