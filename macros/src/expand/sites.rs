//! Prints the part of an expansion that is known at compile time, the sites and their registration, and the
//! recorders that refer to them.
//!
//! Items have no hygiene, and a user's expression may name something that is called like one of ours. So where
//! there are such expressions (labels, conditions, declared metrics), the items stand in a block of their own that yields
//! references to them, and what follows names those: locals have hygiene.

use crate::plan::family::Descriptor;
use crate::plan::function::{Call, Late, Place, Plan, Recorder, Site};
use crate::plan::label::LabelValue;
use crate::plan::records::{Bits, Records};
use crate::tokens::q;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::Expr;

/// Evaluates an expression, made of recorders, with the items in reach, and binds its value.
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
    let before = if has_expressions(plan) { before(plan) } else { items(plan) };
    q!({ #before #statements })
}

/// Whether an expression of the user's is evaluated when a call begins.
fn has_expressions(plan: &Plan) -> bool {
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

/// The items behind locals, the conditions, and what is known already of errors' series.
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

/// What there is to record with nameless attributes only, of one meaning of "error": nearly always.
fn lone(plan: &Plan) -> Option<Bits> {
    match plan.sites.as_slice() {
        [Site::Function(what)] => Some(*what),
        _ => None,
    }
}

/// The `static` that [`items`] makes.
fn site_items(plan: &Plan) -> TokenStream {
    if lone(plan).is_some() { q!(__SITE) } else { q!(__SITES) }
}

/// The function's one `static` and its one registration.
fn items(plan: &Plan) -> TokenStream {
    let krate = &plan.krate;
    if plan.sites.is_empty() {
        return TokenStream::new();
    }
    if let Some(what) = lone(plan) {
        let what = number(what);
        return q!(
            enum __Here {}
            static __SITE: #krate::FunctionSite<#what> =
                #krate::FunctionSite::new::<__Here>(&__SITE, #krate::module_path!());
            #krate::inventory::submit! { __SITE.sites() }
        );
    }
    let count = Literal::usize_unsuffixed(plan.sites.len());
    let mut before = TokenStream::new();
    if plan.sites.iter().any(|site| matches!(site, Site::Function(_))) {
        before.extend(q!(
            enum __Here {}
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

/// A site, by the item or by the local.
fn site(plan: &Plan, index: usize) -> TokenStream {
    if lone(plan).is_some() {
        return if has_expressions(plan) { q!(__sites) } else { q!(__SITE) };
    }
    let index = Literal::usize_unsuffixed(index);
    if has_expressions(plan) { q!(__sites[#index]) } else { q!(__SITES[#index]) }
}

/// A call that takes references to the values of a site's labels, each at its own place.
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

/// The local of a label. Messages about the value's type point at the value.
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

/// A reference whose place is that of the value, so that messages about its type point there.
pub(crate) fn referred(value: impl ToTokens) -> TokenStream {
    let value = value.into_token_stream();
    let span = place(&value);
    quote_spanned!(span=> &#value)
}

/// Where a message about a value is to point.
fn place(value: &TokenStream) -> Span {
    let first = value.clone().into_iter().next();
    Span::mixed_site().located_at(first.map_or_else(Span::call_site, |first| first.span()))
}

/// The first cell of a site's series, none where the condition doesn't hold.
fn cell(plan: &Plan, index: usize, when: Option<usize>) -> TokenStream {
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

/// Counts a call of which nothing else is recorded: no slot is needed where the series is the site's own.
pub(crate) fn count(plan: &Plan, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let Place::Site(index) = recorder.place else { return TokenStream::new() };
    let cell = cell(plan, index, None);
    let has_values = matches!(&plan.sites[index], Site::Metric(it) if it.values().next().is_some());
    let count = if has_values {
        q!(#krate::count(#cell);)
    } else {
        let site = site(plan, index);
        q!(#site.count();)
    };
    match recorder.when.map(condition) {
        None => count,
        Some(when) => q!(if #when { #count }),
    }
}

fn recorder(plan: &Plan, call: &Call, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    let made = match &recorder.place {
        Place::Metric(metric) => on_metric(krate, recorder.records, metric),
        Place::Site(index) => at_site(plan, call, *index, recorder),
    };
    let made = if recorder.completed { q!(#krate::Completed(#made)) } else { made };
    match recorder.when.map(condition) {
        None => made,
        Some(when) => q!(#krate::When(#when, #made)),
    }
}

/// A recorder on a metric that is declared elsewhere.
fn on_metric(krate: &TokenStream, records: Records, metric: &Expr) -> TokenStream {
    match records {
        Records::Outcomes => q!(#krate::counted_on_each(#metric)),
        Records::Durations => q!(#krate::timed_on(#metric)),
        Records::OutcomeDurations => q!(#krate::timed_on_each(#metric)),
        Records::InProgress => q!(#krate::in_progress_on(#metric)),
        Records::Exceptions(which) => {
            let which = number(which);
            q!(#krate::exceptions_on::<#which>(#metric))
        }
        Records::Matching { pattern, which } => {
            let pattern = Literal::usize_unsuffixed(pattern);
            let which = number(which);
            q!(#krate::Matching::<#pattern, #which>(#krate::exceptions_on::<0>(#metric).0))
        }
        _ => q!(#krate::counted_on(#metric)),
    }
}

fn at_site(plan: &Plan, call: &Call, index: usize, recorder: &Recorder) -> TokenStream {
    let krate = &plan.krate;
    if let (Records::Function(_), Some(_)) = (recorder.records, lone(plan)) {
        let site = site(plan, index);
        return q!(#site.recorder());
    }
    let slot = || cell(plan, index, recorder.when);
    let bounds = || match &plan.sites[index] {
        Site::Metric(descriptor) if !descriptor.has_own_bounds() => q!(#krate::DEFAULT_NANOS),
        Site::Metric(_) if has_expressions(plan) => bounds_local(index).into_token_stream(),
        Site::Metric(descriptor) => descriptor.bounds_value(krate, index),
        Site::Function(_) => q!(#krate::DEFAULT_NANOS),
    };
    let (name, fields) = match recorder.records {
        Records::Function(what) => {
            let what = number(what);
            (q!(Function::<#what>), slot())
        }
        Records::Calls => (q!(Calls), slot()),
        Records::Outcomes => (q!(Outcomes), slot()),
        Records::Durations => {
            let (slot, bounds) = (slot(), bounds());
            (q!(Durations), q!(#slot, #bounds))
        }
        Records::OutcomeDurations => {
            let (slot, bounds) = (slot(), bounds());
            (q!(OutcomeDurations), q!(#slot, #bounds))
        }
        Records::Summaries => (q!(SummaryDurations), slot()),
        Records::OutcomeSummaries => (q!(OutcomeSummaries), slot()),
        Records::InProgress => (q!(InProgress), slot()),
        Records::Exceptions(which) => {
            let which = number(which);
            (q!(Exceptions::<#which>), slot())
        }
        Records::Matching { pattern, which } => {
            let pattern = Literal::usize_unsuffixed(pattern);
            let which = number(which);
            (q!(Matching::<#pattern, #which>), slot())
        }
        Records::Late(which) => {
            let late = call.late.iter().find(|late| late.site == index);
            let row = |bit, value| match late {
                Some(late) if which.has(bit) => named_row(plan, late, value),
                _ => q!(#krate::DROPPED),
            };
            let (panic, cancelled) =
                (row(Bits::PANICS, "panic"), row(Bits::CANCELLED, "cancelled"));
            let which = number(which);
            (q!(Late::<#which>), q!(#panic, #cancelled))
        }
    };
    q!(#krate::#name(#fields))
}

/// The series of ends without an error.
fn named_row(plan: &Plan, late: &Late, value: &str) -> TokenStream {
    let krate = &plan.krate;
    let (site, partial) = (site(plan, late.site), partial(late));
    if late.when.is_none() {
        return q!(#site.row_named(&#partial, #value));
    }
    q!(match &#partial {
        #krate::Option::Some(__partial) => #site.row_named(__partial, #value),
        #krate::Option::None => #krate::DROPPED,
    })
}

/// Counts in the series that an error tells; `values` are references to what it gives.
pub(crate) fn count_late(
    plan: &Plan,
    late: &Late,
    name: &Ident,
    values: &TokenStream,
) -> TokenStream {
    let krate = &plan.krate;
    let (site, partial) = (site(plan, late.site), partial(late));
    if late.when.is_none() {
        return q!(#name.count_here(#site.row_with(&#partial, #values)););
    }
    q!(if let #krate::Option::Some(__partial) = &#partial {
        #name.count_here(#site.row_with(__partial, #values));
    })
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
    together(call.recorders.iter().map(|one| recorder(plan, call, one)).collect())
}

pub(crate) fn all_recorders(plan: &Plan) -> TokenStream {
    let calls = plan.calls.iter();
    let recorders = calls.flat_map(|call| call.recorders.iter().map(move |one| (call, one)));
    together(recorders.map(|(call, one)| recorder(plan, call, one)).collect())
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

fn condition(index: usize) -> Ident {
    format_ident!("__when_{index}", span = Span::mixed_site())
}

fn partial(late: &Late) -> Ident {
    format_ident!("__partial_{}", late.site, span = Span::mixed_site())
}

fn bounds_local(index: usize) -> Ident {
    format_ident!("__nanos_{index}", span = Span::mixed_site())
}

fn number(bits: Bits) -> Literal {
    Literal::u32_unsuffixed(bits.number())
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
