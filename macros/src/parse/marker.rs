//! The marker in which the attributes of a function wait for each other, as it is found on an item:
//! `#[..::__private::finish(counted(..), inherited("Type" timed(..)))]`. What it is for is
//! described in `attributes/combine.rs`.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use crate::kind::Attribute;
use crate::parse::item::{is_function, take_attributes};

/// One attribute in a marker: `counted(..)`. The span of its name is that of the attribute.
pub(crate) struct Entry {
    pub(crate) attribute: Attribute,
    pub(crate) span: Span,
    pub(crate) args: TokenStream,
    /// If the attribute is a block's: the name of the type or trait that the block is of, or an
    /// empty string for a module.
    pub(crate) block: Option<String>,
}

/// A function of which only the attributes are read. The rest is parsed by the last attribute.
pub(crate) struct Waiting {
    attributes: Vec<TokenTree>,
    rest: Vec<TokenTree>,
}

/// Built-in attributes, which rustc doesn't expand. If one is missing here, functions that have it
/// take one more step of expansion, and nothing else changes.
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
    /// `None` if the item is not a function.
    pub(crate) fn of(item: &TokenStream) -> Option<Self> {
        let mut rest: Vec<TokenTree> = item.clone().into_iter().collect();
        if let [TokenTree::Group(group)] = rest.as_slice() {
            // An item that a `macro_rules!` macro passes on.
            rest = group.stream().into_iter().collect();
        }
        let attributes = take_attributes(&mut rest);
        is_function(&rest).then_some(Self { attributes, rest })
    }

    /// Removes the marker, and returns what it holds.
    pub(crate) fn take_marker(&mut self) -> Option<TokenStream> {
        let found = self.attributes.iter().enumerate().find_map(|(index, token)| match token {
            TokenTree::Group(group) => Some((index, marker(group)?)),
            _ => None,
        });
        let (index, entries) = found?;
        self.attributes.drain(index.saturating_sub(1)..=index);
        Some(entries)
    }

    /// Whether there are attributes that rustc has still to expand. Ours may be among them.
    pub(crate) fn has_others(&self) -> bool {
        self.attributes.iter().any(|token| match token {
            TokenTree::Group(group) => match first_word(group) {
                Some(word) => !INERT.contains(&word.to_string().as_str()),
                None => true,
            },
            _ => false,
        })
    }

    /// The function again, with a marker behind its other attributes.
    pub(crate) fn print(self, marker: TokenStream) -> TokenStream {
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

/// What the marker holds, if these are the brackets of the marker.
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

/// Reads what a marker holds.
pub(crate) fn entries(tokens: TokenStream) -> Vec<Entry> {
    parse_entries.parse2(tokens).unwrap_or_default()
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
