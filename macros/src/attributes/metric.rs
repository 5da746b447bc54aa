//! `#[metric]`: on a `static`, one series; on a `fn`, a family of them.
//!
//! Where something is wrong, the messages take the place of the initialiser or of the body. So the
//! name exists, with the type that was written, and rustc has no errors to add.

use proc_macro2::{Span, TokenStream};
use syn::FnArg;

use crate::check::{metric_family, metric_static};
use crate::expand::metric::{handle, print_family, print_static, series};
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::metric::{Family, Static, is_function};
use crate::report::errors::Errors;
use crate::report::fallback;

/// Expands `#[metric]` on an item.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = Args::parse(Attribute::Metric, Span::call_site(), args, &mut errors);
    let expanded = if is_function(&item) {
        Family::parse(item.clone()).map(|family| on_fn(&args, family, &mut errors))
    } else {
        Static::parse(item.clone()).map(|item| on_static(&args, &item, &mut errors))
    };
    expanded.unwrap_or_else(|error| {
        errors.push(error);
        fallback::expand(&errors, item)
    })
}

fn on_static(args: &Args, item: &Static, errors: &mut Errors) -> TokenStream {
    let initialiser = match metric_static::check(args, item, errors) {
        Some(metric) => handle(&metric),
        None => errors.to_compile_errors(),
    };
    print_static(item, &initialiser, args.flag("labels").is_some())
}

fn on_fn(args: &Args, mut family: Family, errors: &mut Errors) -> TokenStream {
    let body = if let Some(metric) = metric_family::check(args, &family, errors) {
        series(&metric)
    } else {
        // rustc would refuse these too.
        family.sig.asyncness = None;
        family.sig.constness = None;
        let inputs = family.sig.inputs.into_iter();
        family.sig.inputs = inputs.filter(|input| matches!(input, FnArg::Typed(_))).collect();
        errors.to_compile_errors()
    };
    print_family(&family, &body)
}
