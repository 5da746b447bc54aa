//! Brings all attributes of one function together.
//!
//! Each attribute of ours could print its own guard around the function, but one guard for all costs
//! one `static`, one registration and two clock reads instead of four of each. So an attribute that
//! sees others waiting on the item does not expand: it moves what it was given into a marker,
//! `#[..::__private::finish(counted(..), timed(..))]`, which it keeps last. rustc then expands the
//! others, and those of ours add themselves to the marker, under whatever name they were imported
//! and behind `cfg_attr` too: nothing is guessed from tokens. When the marker's turn comes, no
//! attribute macro is left, and `finish` expands the sum. It never waits itself, so that this ends.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};

use crate::args::Args;
use crate::errors::Errors;
use crate::expand::q;
use crate::function::Function;
use crate::keys::Attribute;
use crate::{check, expand, fallback};

/// One attribute of ours as the marker keeps it: `counted(..)`. The name has the attribute's place.
struct Entry {
    attribute: Attribute,
    span: Span,
    args: TokenStream,
}

/// Expands one attribute, or lets it wait for the others.
pub(crate) fn attribute(attribute: Attribute, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut function = match Function::parse(item.clone(), attribute.name()) {
        Ok(function) => function,
        Err(error) => {
            let mut errors = Errors::new();
            errors.push(error);
            return fallback::expand(&errors, item);
        }
    };
    let name = Ident::new(attribute.name(), Span::call_site());
    let mut entries = function.take_marker().unwrap_or_default();
    if !entries.is_empty() {
        entries.extend(quote!(,));
    }
    entries.extend(quote!(#name(#args)));
    if !function.has_waiting_attributes() {
        return finish(entries, function.into_token_stream());
    }
    let own = Args::parse(attribute, name.span(), args, &mut Errors::new());
    let krate = check::private_path(own.krate());
    function.marker = q!(#[#krate::finish(#entries)]);
    function.into_token_stream()
}

/// Expands all attributes that the marker holds.
pub(crate) fn finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let entries = parse_entries.parse2(entries).unwrap_or_default();
    let attributes: Vec<Args> = entries
        .into_iter()
        .map(|entry| Args::parse(entry.attribute, entry.span, entry.args, &mut errors))
        .collect();
    let first = attributes.first().map_or("counted", |args| args.attribute.name());
    let plan = match Function::parse(item.clone(), first) {
        Ok(function) => check::function(&attributes, function, &mut errors),
        Err(error) => {
            errors.push(error);
            None
        }
    };
    match plan {
        Some(plan) => expand::function(plan),
        None => fallback::expand(&errors, item),
    }
}

fn parse_entries(input: ParseStream<'_>) -> syn::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        let name = input.call(Ident::parse_any)?;
        let content;
        syn::parenthesized!(content in input);
        if let Some(attribute) = Attribute::called(&name.to_string()) {
            entries.push(Entry { attribute, span: name.span(), args: content.parse()? });
        }
        let _: Option<Token![,]> = input.parse()?;
    }
    Ok(entries)
}
