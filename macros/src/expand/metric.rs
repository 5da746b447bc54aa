//! Prints a metric that is declared for itself: the value of a `static`, and the body of a `fn`.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::ToTokens;

use crate::expand::bounds;
use crate::expand::family::label_of;
use crate::expand::sites::label_local;
use crate::kind::Kind;
use crate::parse::metric::{Family, Static};
use crate::parse::types::without_lifetimes;
use crate::plan::bounds::Bounds;
use crate::plan::metric::{Labels, Metric, Parameter};
use crate::tokens::q;

/// The `static` with this initialiser.
pub(crate) fn print_static(item: &Static, initialiser: &TokenStream, used: bool) -> TokenStream {
    let Static { attrs, vis, keyword, ident, colon, ty, .. } = item;
    // Constant labels are shown from the start, and nothing has to name the `static`. (A crate may
    // forbid to allow `dead_code`.)
    let used = used.then(|| q!(#[used]));
    q!(#(#attrs)* #used #vis #keyword #ident #colon #ty = { #initialiser };)
}

/// The function with this body.
pub(crate) fn print_family(family: &Family, body: &TokenStream) -> TokenStream {
    let Family { attrs, vis, sig, .. } = family;
    q!(#(#attrs)* #vis #sig { #body })
}

/// The handle of a metric that is one series.
pub(crate) fn handle(metric: &Metric) -> TokenStream {
    let Metric { krate, ty, .. } = metric;
    let items = items(metric);
    q!(#items #krate::at::<#ty>(&__SITES[0]))
}

/// The body of a family's function, which looks up a series.
pub(crate) fn series(metric: &Metric) -> TokenStream {
    let Metric { krate, ty, .. } = metric;
    let items = items(metric);
    let Labels::Parameters(parameters) = &metric.labels else { return handle(metric) };
    let mut locals = TokenStream::new();
    let mut values = Vec::new();
    for (index, Parameter { ident, .. }) in parameters.iter().enumerate() {
        let local = label_local(index, &ident.to_token_stream());
        locals.extend(q!(let #local = &#ident;));
        values.push(local);
    }
    q!(#items #locals #krate::member::<#ty>(&__SITES[0], (#(#values,)*)))
}

/// The site of a metric, and its registration.
fn items(metric: &Metric) -> TokenStream {
    let Metric { krate, kind, ty, name, help, unit, mode, max_series, idle_timeout, .. } = metric;
    let runtime_kind = q!(#krate::kind_of::<#ty>());
    let name = name.print(krate, *kind, &runtime_kind);
    let runtime_kind = if *kind == Kind::Unknown && mode.is_none() {
        q!(#krate::without_mode(#runtime_kind))
    } else {
        runtime_kind
    };
    let mut descriptor = q!(#krate::Descriptor::new(
        #runtime_kind, #name, #help, #krate::file!(), #krate::line!()
    ));
    if let Some(labels) = labels(metric) {
        descriptor.extend(q!(.labels(#labels)));
    }
    // A handle of any other kind has no states.
    if matches!(kind, Kind::StateSet | Kind::Unknown) {
        descriptor.extend(q!(.states(#krate::states_of::<#ty>())));
    }
    if let Some(max_series) = max_series {
        descriptor.extend(q!(.max_series(#max_series)));
    }
    if let Some(seconds) = idle_timeout.map(Literal::u32_unsuffixed) {
        descriptor.extend(q!(.idle_timeout(#seconds, #krate::remove_idle)));
    }
    if let Some(unit) = unit {
        descriptor.extend(q!(.unit(#unit)));
    }
    if let Some(mode) = mode {
        let mode = Ident::new(mode, Span::mixed_site());
        descriptor.extend(q!(.mode(#krate::GaugeMode::#mode)));
    }
    if metric.exemplars {
        descriptor.extend(q!(.exemplars()));
    }
    if let Some(schema) = metric.native.map(Literal::u8_unsuffixed) {
        descriptor.extend(q!(.native(#schema)));
    }
    match &metric.bounds {
        Bounds::Default if metric.native.is_some() => {}
        // The compiler knows whether an alias is a histogram.
        Bounds::Default if *kind == Kind::Unknown => {
            descriptor.extend(q!(.default_bounds()));
        }
        Bounds::Default => {}
        Bounds::Literal(values) => {
            let list = bounds::list(values);
            descriptor.extend(q!(.bounds(&#list)));
        }
        Bounds::Const(expr) => {
            descriptor.extend(q!(.bounds(#krate::bounds(const { &#expr }))));
        }
    }
    q!(
        static __SLOTS: [#krate::Slot; 1] = [#krate::Slot::NEW];
        static __SITES: [#krate::Site; 1] = [#krate::Site::metric(&__SLOTS[0], #descriptor)];
        #krate::inventory::submit! { #krate::Sites(&__SITES) }
    )
}

fn labels(metric: &Metric) -> Option<TokenStream> {
    let Metric { krate, ty, kind, labels, .. } = metric;
    match labels {
        Labels::None => None,
        Labels::Constant(labels) => {
            let labels = labels.iter().map(|(name, value)| q!(#krate::Label::Const(#name, #value)));
            let labels = q!(&[#(#labels),*]);
            Some(match kind {
                Kind::Unknown => q!(#krate::info_labels(#krate::kind_of::<#ty>(), #labels)),
                _ => labels,
            })
        }
        Labels::Parameters(parameters) => {
            let labels = parameters
                .iter()
                .map(|Parameter { label, ty, .. }| label_of(krate, label, &without_lifetimes(ty)));
            Some(q!(&[#(#labels),*]))
        }
    }
}
