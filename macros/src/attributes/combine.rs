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

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use crate::attributes::block;
use crate::check::function as check;
use crate::expand::function as expand;
use crate::expand::function::q;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::parse::keys::Attribute;
use crate::report::errors::Errors;
use crate::report::fallback;

/// One attribute of ours as the marker keeps it: `counted(..)`. The name has the attribute's place.
struct Entry {
    attribute: Attribute,
    span: Span,
    args: TokenStream,
    /// For what is inherited, the type that the function belongs to, or nothing.
    block: Option<String>,
}

/// A function of which only the attributes are looked at. To understand it is left to the last of ours.
struct Waiting {
    attributes: Vec<TokenTree>,
    rest: Vec<TokenTree>,
}

/// Attributes that stay on a function and expand to nothing. A forgotten one costs one more step of
/// expansion, nothing else.
const INERT: &[&str] = &[
    "allow",
    "cfg",
    "clippy",
    "cold",
    "deny",
    "deprecated",
    "diagnostic",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "ignore",
    "inline",
    "link_section",
    "must_use",
    "no_mangle",
    "rustfmt",
    "should_panic",
    "target_feature",
    "track_caller",
    "unsafe",
    "warn",
];

impl Waiting {
    /// None if the item is no function.
    fn of(item: &TokenStream) -> Option<Self> {
        let mut rest: Vec<TokenTree> = item.clone().into_iter().collect();
        if let [TokenTree::Group(group)] = rest.as_slice() {
            // An item that a `macro_rules!` macro was given.
            rest = group.stream().into_iter().collect();
        }
        let attributes = block::take_attributes(&mut rest);
        block::is_function(&rest).then_some(Self { attributes, rest })
    }

    /// Takes away the marker that an attribute of ours left, with what it holds.
    fn take_marker(&mut self) -> Option<TokenStream> {
        let found = self.attributes.iter().enumerate().find_map(|(index, token)| match token {
            TokenTree::Group(group) => Some((index, marker(group)?)),
            _ => None,
        });
        let (index, entries) = found?;
        self.attributes.drain(index.saturating_sub(1)..=index);
        Some(entries)
    }

    /// Whether attributes stand here that rustc has still to expand, ours perhaps among them.
    fn has_others(&self) -> bool {
        self.attributes.iter().any(|token| match token {
            TokenTree::Group(group) => match first_word(group) {
                Some(word) => !INERT.contains(&word.to_string().as_str()),
                None => true,
            },
            _ => false,
        })
    }

    /// The function again, with what is to stand behind its other attributes.
    fn print(self, marker: TokenStream) -> TokenStream {
        self.attributes.into_iter().chain(marker).chain(self.rest).collect()
    }
}

/// The first word of an attribute's path, which a `macro_rules!` macro may have put into groups.
fn first_word(group: &Group) -> Option<Ident> {
    match group.stream().into_iter().next()? {
        TokenTree::Ident(word) => Some(word),
        TokenTree::Group(group) => first_word(&group),
        _ => None,
    }
}

/// Expands one attribute, or lets it wait for the others.
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
        check::private_path(None)
    } else {
        let own = Args::parse(attribute, name.span(), args, &mut Errors::new());
        check::private_path(own.krate())
    };
    wait(function, &entries, &krate)
}

/// On what is no function.
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

/// Expands `#[skip]`: what the function inherits is taken away.
pub(crate) fn skip(args: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    if !args.is_empty() {
        errors.on(args, "`#[skip]` takes nothing");
    }
    let marker =
        Waiting::of(&item).and_then(|mut function| Some((function.take_marker()?, function)));
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
    let Some(first) = own.first() else { return function.print(TokenStream::new()) };
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
    let [
        ..,
        TokenTree::Ident(private),
        TokenTree::Punct(_),
        TokenTree::Punct(_),
        TokenTree::Ident(finish),
        TokenTree::Group(entries),
    ] = tokens.as_slice()
    else {
        return None;
    };
    (private == "__private" && finish == "finish").then(|| entries.stream())
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
