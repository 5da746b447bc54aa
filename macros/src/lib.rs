//! The attributes of `headcount`.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

use crate::keys::Attribute;

mod args;
mod buckets;
mod check;
mod errors;
mod expand;
mod fallback;
mod finish;
mod function;
mod keys;
mod metric;
mod names;
mod plan;
mod shape;
mod suggest;

#[cfg(test)]
mod snapshots;

/// Counts a function's calls.
#[proc_macro_attribute]
pub fn counted(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::attribute(Attribute::Counted, args.into(), item.into()).into()
}

/// Measures how long a function's calls take.
#[proc_macro_attribute]
pub fn timed(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::attribute(Attribute::Timed, args.into(), item.into()).into()
}

/// Counts a function's calls that are in progress.
#[proc_macro_attribute]
pub fn in_progress(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::attribute(Attribute::InProgress, args.into(), item.into()).into()
}

/// Counts a function's errors and panics.
#[proc_macro_attribute]
pub fn count_exceptions(args: TokenStream, item: TokenStream) -> TokenStream {
    finish::attribute(Attribute::CountExceptions, args.into(), item.into()).into()
}

/// Declares a metric.
#[proc_macro_attribute]
pub fn metric(args: TokenStream, item: TokenStream) -> TokenStream {
    metric::attribute(args.into(), item.into()).into()
}

/// The marker in which several attributes of one function wait for each other. Nobody writes it.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn __finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    finish::finish(entries.into(), item.into()).into()
}
