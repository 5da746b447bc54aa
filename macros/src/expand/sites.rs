//! Prints the sites of a function and their registration, which are known at compile time.
//!
//! Items have no hygiene: an expression of the user may name something that is called like one of
//! ours. So if there are such expressions (labels, conditions, declared metrics), the items are in
//! a block of their own, whose value are references to them. What follows uses these references,
//! which are locals and have hygiene.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::Expr;

use crate::plan::family::Descriptor;
use crate::plan::function::{Late, Place, Plan, Site};
use crate::plan::label::LabelValue;
use crate::plan::records::Bits;
use crate::tokens::q;

/// Binds the value of an expression that refers to sites.
pub(crate) fn begin(plan: &Plan, pattern: &TokenStream, expression: &TokenStream) -> TokenStream {
    if !has_expressions(plan) {
        let items = items(plan);
        return q!(let #pattern = { #items #expression };);
    }
    let before = before(plan);
    if plan.calls.iter().any(|call| !call.late.is_empty()) {
        // An error's series is looked up at the end.
        return q!(#before let #pattern = #expression;);
    }
    q!(let #pattern = { #before #expression };)
}

/// The same for statements that bind nothing.
pub(crate) fn begin_only(plan: &Plan, statements: &TokenStream) -> TokenStream {
    if has_expressions(plan) {
        let before = before(plan);
        return q!({ #before #statements });
    }
    // Items last: clippy doesn't look at a function that begins with one.
    let items = items(plan);
    q!({ #statements #items })
}

/// Whether an expression of the user is evaluated when a call begins.
pub(crate) fn has_expressions(plan: &Plan) -> bool {
    !plan.conditions.is_empty()
        || plan.calls.iter().any(|call| {
            !call.late.is_empty()
                || call.recorders.iter().any(|recorder| matches!(recorder.place, Place::Metric(_)))
        })
        || plan.sites.iter().any(|site| match site {
            Site::Function(_) => false,
            Site::Metric(descriptor) => descriptor.values().next().is_some(),
        })
}

/// The items with their references, the conditions, and the labels of error series that are known
/// when the call begins.
fn before(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    let mut tokens = TokenStream::new();
    if !plan.sites.is_empty() {
        let items = items(plan);
        let own = own_bounds(plan).map(|(index, _)| bounds_local(index));
        let values =
            own_bounds(plan).map(|(index, descriptor)| descriptor.bounds_value(krate, index));
        let values: Vec<_> = values.collect();
        tokens.extend(if values.is_empty() {
            let sites = site_items(plan);
            q!(let __sites = { #items &#sites };)
        } else {
            q!(let (__sites, #(#own),*) = { #items (&__SITES, #(#values),*) };)
        });
    }
    for (index, when) in plan.conditions.iter().enumerate() {
        let local = condition(index);
        tokens.extend(q!(let #local: #krate::bool = #when;));
    }
    for late in plan.calls.iter().flat_map(|call| &call.late) {
        let (local, site) = (partial(late), site(plan, late.site));
        let made = with_values(plan, late.site, |values| q!(#site.partial(#values)));
        let made = match late.when.map(condition) {
            None => made,
            Some(when) => q!(
                if #when { #krate::Option::Some(#made) } else { #krate::Option::None }
            ),
        };
        tokens.extend(q!(let #local = #made;));
    }
    tokens
}

/// What the only site of a function records, if its attributes have no names and one definition of
/// an error. That is the common case.
pub(crate) fn lone(plan: &Plan) -> Option<Bits> {
    match plan.sites.as_slice() {
        [Site::Function(what)] => Some(*what),
        _ => None,
    }
}

/// The `static` that [`items`] makes.
fn site_items(plan: &Plan) -> TokenStream {
    if lone(plan).is_some() { q!(__SITE) } else { q!(__SITES) }
}

/// The items of a function: one `static` for its sites, and one registration.
fn items(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    if plan.sites.is_empty() {
        return TokenStream::new();
    }
    if let Some(what) = lone(plan) {
        let what = number(what);
        return q!(
            struct __Here;
            static __SITE: #krate::FunctionSite<#what> =
                #krate::FunctionSite::new::<__Here>(&__SITE, #krate::module_path!());
            #krate::inventory::submit! { __SITE.sites() }
        );
    }
    let count = Literal::usize_unsuffixed(plan.sites.len());
    let mut before = TokenStream::new();
    if plan.sites.iter().any(|site| matches!(site, Site::Function(_))) {
        before.extend(q!(
            struct __Here;
        ));
    }
    let mut sites = Vec::new();
    for (index, site) in plan.sites.iter().enumerate() {
        let place = Literal::usize_unsuffixed(index);
        let slot = q!(&__SLOTS[#place]);
        match site {
            Site::Function(what) => {
                let what = number(*what);
                sites.push(q!(#krate::Site::function(
                    #slot, #krate::type_name::<__Here>, #krate::module_path!(), #what
                )));
            }
            Site::Metric(descriptor) => {
                before.extend(descriptor.bounds_item(krate, index));
                let descriptor = descriptor.print(krate, index);
                sites.push(q!(#krate::Site::metric(#slot, #descriptor)));
            }
        }
    }
    q!(
        #before
        static __SLOTS: [#krate::Slot; #count] = [#krate::Slot::NEW; #count];
        static __SITES: [#krate::Site; #count] = [#(#sites),*];
        #krate::inventory::submit! { #krate::Sites(&__SITES) }
    )
}

fn own_bounds(plan: &Plan) -> impl Iterator<Item = (usize, &Descriptor)> {
    plan.sites.iter().enumerate().filter_map(|(index, site)| match site {
        Site::Metric(descriptor) if descriptor.has_own_bounds() => Some((index, &**descriptor)),
        _ => None,
    })
}

/// A site, through the item or through the local reference.
pub(crate) fn site(plan: &Plan, index: usize) -> TokenStream {
    if lone(plan).is_some() {
        return if has_expressions(plan) { q!(__sites) } else { q!(__SITE) };
    }
    let index = Literal::usize_unsuffixed(index);
    if has_expressions(plan) { q!(__sites[#index]) } else { q!(__SITES[#index]) }
}

/// A call that takes references to the values of a site's labels. Each has the span of its value.
fn with_values(
    plan: &Plan,
    index: usize,
    call: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let Some(Site::Metric(descriptor)) = plan.sites.get(index) else { return call(q!(())) };
    let mut locals = TokenStream::new();
    let mut names = Vec::new();
    for (index, value) in descriptor.values().enumerate() {
        let (ty, value) = match value {
            LabelValue::Of(ty, value) => (Some(ty), operand(value)),
            LabelValue::Argument(_, name) => (None, name.to_token_stream()),
            LabelValue::Open(value) => (None, operand(value)),
            LabelValue::Literal(_) | LabelValue::OfError => continue,
        };
        let local = label_local(index, &value);
        let ty = ty.map(|ty| q!(: &#ty));
        let reference = referred(value);
        locals.extend(q!(let #local #ty = #reference;));
        names.push(local);
    }
    if names.is_empty() {
        return call(q!(()));
    }
    let call = call(q!((#(#names,)*)));
    q!({ #locals #call })
}

/// The local for a label's value. Its span makes messages about the type point at the value.
pub(crate) fn label_local(index: usize, value: &TokenStream) -> Ident {
    format_ident!("__label_{index}", span = place(value))
}

/// An expression as the operand of `&`.
pub(crate) fn operand(value: &Expr) -> TokenStream {
    match value {
        Expr::Path(_)
        | Expr::Lit(_)
        | Expr::Paren(_)
        | Expr::MethodCall(_)
        | Expr::Call(_)
        | Expr::Field(_)
        | Expr::Macro(_) => value.to_token_stream(),
        other => q!((#other)),
    }
}

/// A reference with the span of the value, so that messages about its type point there.
pub(crate) fn referred(value: impl ToTokens) -> TokenStream {
    let value = value.into_token_stream();
    let span = place(&value);
    quote_spanned!(span=> &#value)
}

/// The span for messages about a value.
fn place(value: &TokenStream) -> Span {
    let first = value.clone().into_iter().next();
    Span::mixed_site().located_at(first.map_or_else(Span::call_site, |first| first.span()))
}

/// The first cell of the site's series, or `DROPPED` if the condition is false.
pub(crate) fn cell(plan: &Plan, index: usize, when: Option<usize>) -> TokenStream {
    let krate = &plan.krate;
    let site = site(plan, index);
    let has_values = match &plan.sites[index] {
        Site::Function(_) => false,
        Site::Metric(descriptor) => descriptor.values().next().is_some(),
    };
    if !has_values {
        return q!(#site.slot());
    }
    let row = with_values(plan, index, |values| q!(#site.row(#values)));
    match when.map(condition) {
        None => row,
        Some(when) => q!(if #when { #row } else { #krate::DROPPED }),
    }
}

/// The same of a site and of the one behind it, whose labels are the same. The labels' values are
/// evaluated once.
pub(crate) fn cells(plan: &Plan, index: usize, when: Option<usize>) -> TokenStream {
    let krate = &plan.krate;
    let (first, second) = (site(plan, index), site(plan, index + 1));
    let has_values = match &plan.sites[index] {
        Site::Function(_) => false,
        Site::Metric(descriptor) => descriptor.values().next().is_some(),
    };
    if !has_values {
        return q!((#first.slot(), #second.slot()));
    }
    let rows = with_values(plan, index, |values| q!((#first.row(#values), #second.row(#values))));
    match when.map(condition) {
        None => rows,
        Some(when) => q!(if #when { #rows } else { (#krate::DROPPED, #krate::DROPPED) }),
    }
}

pub(crate) fn condition(index: usize) -> Ident {
    format_ident!("__when_{index}", span = Span::mixed_site())
}

pub(crate) fn number(bits: Bits) -> Literal {
    Literal::u32_unsuffixed(bits.number())
}

pub(crate) fn partial(late: &Late) -> Ident {
    format_ident!("__partial_{}", late.site, span = Span::mixed_site())
}

pub(crate) fn bounds_local(index: usize) -> Ident {
    format_ident!("__nanos_{index}", span = Span::mixed_site())
}

pub(crate) fn call_name(plan: &Plan, index: usize) -> Ident {
    if plan.calls.len() == 1 {
        Ident::new("__call", Span::mixed_site())
    } else {
        local("call", index)
    }
}

fn local(name: &str, index: usize) -> Ident {
    format_ident!("__{name}_{index}", span = Span::mixed_site())
}
