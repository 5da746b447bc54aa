//! Brings all attributes of one function together.
//!
//! Each attribute of ours could print its own guard around the function, but one guard for all costs
//! one `static`, one registration and two clock reads instead of four of each. So an attribute that
//! sees others waiting on the item does not expand: it moves what it was given into a marker,
//! `#[..::__private::finish(counted(..), timed(..))]`, which it keeps last. rustc then expands the
//! others, and those of ours add themselves to the marker, under whatever name they were imported
//! and behind `cfg_attr` too: nothing is guessed from tokens. When the marker's turn comes, no
//! attribute macro is left, and `finish` expands the sum. It never waits itself, so that this ends.
//!
//! What a function has from a block around it (`block.rs`) is `inherited(..)` in the marker. An attribute of its
//! own of the same kind replaces it, and `#[skip]` takes it away.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use crate::args::Args;
use crate::errors::Errors;
use crate::expand::q;
use crate::function::Function;
use crate::keys::Attribute;
use crate::{block, check, expand, fallback};

/// One attribute of ours as the marker keeps it: `counted(..)`. The name has the attribute's place.
struct Entry {
    attribute: Attribute,
    span: Span,
    args: TokenStream,
    /// For what is inherited, the type that the function belongs to, or nothing.
    block: Option<String>,
}

/// Expands one attribute, or lets it wait for the others.
pub(crate) fn attribute(attribute: Attribute, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut function = match Function::parse(item.clone(), attribute.name()) {
        Ok(function) => function,
        Err(error) => {
            if let Some(block) = block::attribute(attribute, &args, &item) {
                return block;
            }
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
    wait(function, &entries, &check::private_path(own.krate()))
}

fn wait(mut function: Function, entries: &TokenStream, krate: &TokenStream) -> TokenStream {
    function.marker = q!(#[#krate::finish(#entries)]);
    function.into_token_stream()
}

/// Expands `#[skip]`: what the function inherits is taken away.
pub(crate) fn skip(args: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    if !args.is_empty() {
        errors.on(args, "`#[skip]` takes nothing");
    }
    let function = Function::parse(item.clone(), "skip");
    let marker = function.ok().and_then(|mut function| Some((function.take_marker()?, function)));
    let entries = marker.map(|(marker, function)| (parse(marker), function));
    let Some((entries, function)) = entries.filter(|(entries, _)| {
        entries.iter().any(|entry| entry.block.is_some()) || entries.is_empty()
    }) else {
        errors.at(
            Span::call_site(),
            "`#[skip]` leaves a function out of a block that an attribute covers, and here is none",
        );
        return fallback::expand(&errors, item);
    };
    if !errors.is_empty() {
        return fallback::expand(&errors, item);
    }
    let own: Vec<_> = entries.into_iter().filter(|entry| entry.block.is_none()).collect();
    let Some(first) = own.first() else { return function.into_token_stream() };
    let first = Args::parse(first.attribute, first.span, first.args.clone(), &mut errors);
    let entries = own.iter().map(|entry| {
        let name = Ident::new(entry.attribute.name(), entry.span);
        let args = &entry.args;
        quote!(#name(#args))
    });
    wait(function, &quote!(#(#entries),*), &check::private_path(first.krate()))
}

/// Expands all attributes that the marker holds.
pub(crate) fn finish(entries: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let entries = parse(entries);
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

/// What the marker holds, if the brackets of an attribute are the marker's.
pub(crate) fn marker(brackets: &Group) -> Option<TokenStream> {
    let tokens: Vec<TokenTree> = brackets.stream().into_iter().collect();
    let [path @ .., TokenTree::Group(entries)] = tokens.as_slice() else { return None };
    let path: String = path.iter().map(ToString::to_string).collect();
    let is_marker = path.ends_with("__private::finish");
    (is_marker && entries.delimiter() == Delimiter::Parenthesis).then(|| entries.stream())
}

fn parse(entries: TokenStream) -> Vec<Entry> {
    parse_entries.parse2(entries).unwrap_or_default()
}

fn parse_entries(input: ParseStream<'_>) -> syn::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        let name = input.call(Ident::parse_any)?;
        let content;
        syn::parenthesized!(content in input);
        if let Some(attribute) = Attribute::called(&name.to_string()) {
            entries.push(Entry {
                attribute,
                span: name.span(),
                args: content.parse()?,
                block: None,
            });
        } else {
            let ty: LitStr = content.parse()?;
            for mut entry in content.call(parse_entries)? {
                entry.block = Some(ty.value());
                entries.push(entry);
            }
        }
        let _: Option<Token![,]> = input.parse()?;
    }
    Ok(entries)
}
