//! Combines all attributes of one function.
//!
//! Each attribute could print a guard of its own around the function. One guard for all of them
//! needs one `static`, one registration and two clock reads, instead of up to four of each. So an
//! attribute that sees other attributes on the item doesn't expand. It moves its arguments into a
//! marker behind them, `#[..::__private::finish(counted(..), timed(..))]`. rustc then expands the
//! others, and those of this library add themselves to the marker. This works under whatever name
//! they were imported, and with `cfg_attr`: nothing is guessed from tokens. When rustc expands the
//! marker, no attribute macro is left, and `finish` expands what was collected. The marker never
//! waits, so this ends.
//!
//! An attribute of a block (`block.rs`) is `inherited(..)` in the markers of its functions. An
//! attribute of the same kind on the function replaces it, and `#[skip]` removes it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::attributes::block;
use crate::check;
use crate::expand;
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::parse::marker::{self, Waiting};
use crate::report::errors::Errors;
use crate::report::fallback;
use crate::tokens::{private_path, q};

/// Expands one attribute, or lets it wait for others.
pub(crate) fn attribute(attribute: Attribute, args: TokenStream, item: TokenStream) -> TokenStream {
    let name = Ident::new(attribute.name(), Span::call_site());
    let entry = quote!(#name(#args));
    let Some(mut function) = Waiting::of(&item) else {
        return elsewhere(attribute, &args, entry, item);
    };
    let entries = match function.take_marker() {
        Some(entries) if !entries.is_empty() => quote!(#entries, #entry),
        _ => entry,
    };
    if !function.has_others() {
        return finish(entries, function.print(TokenStream::new()));
    }
    let krate = if args.is_empty() {
        private_path(None)
    } else {
        let own = Args::parse(attribute, name.span(), args, &mut Errors::new());
        private_path(own.krate())
    };
    wait(function, &entries, &krate)
}

/// An attribute on an item that is not a function.
fn elsewhere(
    attribute: Attribute,
    args: &TokenStream,
    entry: TokenStream,
    item: TokenStream,
) -> TokenStream {
    if let Some(block) = block::attribute(attribute, args, &item) {
        return block;
    }
    match Function::parse(item.clone(), attribute.name()) {
        Ok(_) => finish(entry, item),
        Err(error) => {
            let mut errors = Errors::new();
            errors.push(error);
            fallback::expand(&errors, item)
        }
    }
}

fn wait(function: Waiting, entries: &TokenStream, krate: &TokenStream) -> TokenStream {
    function.print(q!(#[#krate::finish(#entries)]))
}

/// Expands `#[skip]`: removes what the function inherits.
pub(crate) fn skip(args: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    if !args.is_empty() {
        errors.on(args, "`#[skip]` takes no arguments");
    }
    let marker =
        Waiting::of(&item).and_then(|mut function| Some((function.take_marker()?, function)));
    let entries = marker.map(|(marker, function)| (marker::entries(marker), function));
    let Some((entries, function)) = entries.filter(|(entries, _)| {
        entries.iter().any(|entry| entry.block.is_some()) || entries.is_empty()
    }) else {
        errors.at(
            Span::call_site(),
            "`#[skip]` leaves a function out of a block that has an attribute, and \
             there is none here",
        );
        return fallback::expand(&errors, item);
    };
    if !errors.is_empty() {
        return fallback::expand(&errors, item);
    }
    let own: Vec<_> = entries.into_iter().filter(|entry| entry.block.is_none()).collect();
    let Some(first) = own.first() else { return function.print(TokenStream::new()) };
    let first = Args::parse(first.attribute, first.span, first.args.clone(), &mut errors);
    let entries = own.iter().map(|entry| {
        let name = Ident::new(entry.attribute.name(), entry.span);
        let args = &entry.args;
        quote!(#name(#args))
    });
    wait(function, &quote!(#(#entries),*), &private_path(first.krate()))
}

/// Expands all attributes that the marker holds.
pub(crate) fn finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let entries = marker::entries(entries);
    if entries.is_empty() {
        return item;
    }
    let own: Vec<_> =
        entries.iter().filter(|entry| entry.block.is_none()).map(|entry| entry.attribute).collect();
    let attributes: Vec<Args> = entries
        .into_iter()
        .filter(|entry| entry.block.is_none() || !own.contains(&entry.attribute))
        .map(|entry| {
            let mut args = Args::parse(entry.attribute, entry.span, entry.args, &mut errors);
            args.block = entry.block;
            args
        })
        .collect();
    let first = attributes.first().map_or("counted", |args| args.attribute.name());
    let plan = match Function::parse(item.clone(), first) {
        Ok(function) => check::function::function(&attributes, function, &mut errors),
        Err(error) => {
            errors.push(error);
            None
        }
    };
    match plan {
        Some(plan) => expand::function::function(plan),
        None => fallback::expand(&errors, item),
    }
}
