//! Puts a block's attribute on each of its functions.
//!
//! The block is walked by its tokens: where an item begins and ends can be told without understanding what is in
//! it, so a body in which someone is typing doesn't matter. A function gets the marker in which attributes wait
//! (`finish.rs`), with what it inherits; its own attributes and `#[skip]` then find it there, under whatever name they
//! were imported.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{ItemImpl, ItemTrait, Type};

use crate::attributes::combine as finish;
use crate::check::args as rules;
use crate::check::function as check;
use crate::expand::function::q;
use crate::parse::args::Args;
use crate::parse::keys::Attribute;
use crate::parse::shape;
use crate::report::errors::Errors;
use crate::report::fallback;

/// One item of a block: its attributes, what stands before its braces, and these, or `;`.
struct Item {
    attributes: Vec<TokenTree>,
    head: Vec<TokenTree>,
    end: Option<TokenTree>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    ConstFunction,
    Impl,
    Trait,
    Module,
    Other,
}

/// What a block's functions get.
struct Inherited {
    krate: TokenStream,
    attribute: Ident,
    args: TokenStream,
}

/// Expands an attribute on an `impl` block, a trait or an inline module; none if the item is no such block.
pub(crate) fn attribute(
    attribute: Attribute,
    args: &TokenStream,
    item: &TokenStream,
) -> Option<TokenStream> {
    let mut rest: Vec<TokenTree> = item.clone().into_iter().collect();
    let block = next_item(&mut rest);
    if !rest.is_empty() || !matches!(block.kind, Kind::Impl | Kind::Trait | Kind::Module) {
        return None;
    }
    let name = Ident::new(attribute.name(), proc_macro2::Span::call_site());
    let mut errors = Errors::new();
    let parsed = Args::parse(attribute, name.span(), args.clone(), &mut errors);
    rules::check(&parsed, true, &mut errors);
    if !is_braces(block.end.as_ref()) {
        errors.on(
            block.head.iter().cloned().collect::<TokenStream>(),
            "only a module that is written in place can be covered: put the attribute inside of it",
        );
    }
    if !errors.is_empty() {
        return Some(fallback::expand(&errors, item.clone()));
    }
    let krate = check::private_path(parsed.krate());
    let inherited = Inherited { krate, attribute: name, args: args.clone() };
    Some(inherited.cover(block, ""))
}

impl Inherited {
    /// The item, with the marker where it is a function, and with all functions in it where it is a block.
    fn cover(&self, mut item: Item, ty: &str) -> TokenStream {
        let ty = match item.kind {
            Kind::Function if is_braces(item.end.as_ref()) => {
                let entry = self.entry(ty);
                item.mark(&self.krate, Some(&entry));
                return item.into_tokens();
            }
            // Passed over, and so `#[skip]` is nothing wrong there.
            Kind::Function | Kind::ConstFunction => {
                item.mark(&self.krate, None);
                return item.into_tokens();
            }
            Kind::Impl => self_type(&item.head),
            Kind::Trait => trait_name(&item.head),
            Kind::Module => String::new(),
            Kind::Other => return item.into_tokens(),
        };
        if let Some(TokenTree::Group(braces)) = &item.end {
            let mut rest: Vec<TokenTree> = braces.stream().into_iter().collect();
            let mut covered = inner_attributes(&mut rest);
            while !rest.is_empty() {
                let inner = next_item(&mut rest);
                covered.extend(self.cover(inner, &ty));
            }
            let mut block = Group::new(Delimiter::Brace, covered);
            block.set_span(braces.span());
            item.end = Some(block.into());
        }
        item.into_tokens()
    }

    fn entry(&self, ty: &str) -> TokenStream {
        let Inherited { attribute, args, .. } = self;
        quote!(inherited(#ty #attribute(#args)))
    }
}

impl Item {
    /// Adds an entry to the marker, or a marker if there is none. An empty one says that a block covers what it can't
    /// measure; it is of use only to attributes that look for it.
    fn mark(&mut self, krate: &TokenStream, entry: Option<&TokenStream>) {
        let marker = self.attributes.iter().position(|token| match token {
            TokenTree::Group(group) => finish::marker(group).is_some(),
            _ => false,
        });
        if let Some(index) = marker {
            let Some(entry) = entry else { return };
            if let Some(TokenTree::Group(group)) = self.attributes.get(index) {
                let before = finish::marker(group).unwrap_or_default();
                let entries =
                    if before.is_empty() { quote!(#entry) } else { quote!(#before, #entry) };
                let inner = q!(#krate::finish(#entries));
                self.attributes[index] = Group::new(Delimiter::Bracket, inner).into();
            }
            return;
        }
        if entry.is_some() || !self.attributes.is_empty() {
            let entry = entry.cloned().unwrap_or_else(|| quote!(inherited("")));
            self.attributes.extend(q!(#[#krate::finish(#entry)]));
        }
    }

    fn into_tokens(self) -> TokenStream {
        self.attributes.into_iter().chain(self.head).chain(self.end).collect()
    }
}

/// Takes the attributes from the front of an item's tokens.
pub(crate) fn take_attributes(rest: &mut Vec<TokenTree>) -> Vec<TokenTree> {
    let mut attributes = 0;
    while is_punct(rest.get(attributes), '#') {
        attributes += 2;
    }
    rest.drain(..attributes.min(rest.len())).collect()
}

/// Whether a function begins here, after its attributes.
pub(crate) fn is_function(tokens: &[TokenTree]) -> bool {
    matches!(kind(tokens), Kind::Function | Kind::ConstFunction)
}

/// Takes the next item from the front of a block's tokens.
fn next_item(rest: &mut Vec<TokenTree>) -> Item {
    let attributes = take_attributes(rest);
    let kind = kind(rest);
    let until_semicolon = kind == Kind::Other && ends_with_semicolon(rest);
    let mut depth = 0_u32;
    let mut before = ' ';
    let end = rest.iter().position(|token| {
        let found = match token {
            TokenTree::Punct(punct) => match punct.as_char() {
                '<' => {
                    depth += 1;
                    false
                }
                // Of `->` and `=>` it is no bracket.
                '>' if before != '-' && before != '=' => {
                    depth = depth.saturating_sub(1);
                    false
                }
                ';' => true,
                _ => false,
            },
            TokenTree::Group(group) => {
                !until_semicolon && depth == 0 && group.delimiter() == Delimiter::Brace
            }
            _ => false,
        };
        before = match token {
            TokenTree::Punct(punct) => punct.as_char(),
            _ => ' ',
        };
        found
    });
    let Some(end) = end else {
        let head = std::mem::take(rest);
        return Item { attributes, head, end: None, kind: Kind::Other };
    };
    let mut head: Vec<_> = rest.drain(..=end).collect();
    let end = head.pop();
    Item { attributes, head, end, kind }
}

/// What begins here, after visibility and qualifiers.
fn kind(tokens: &[TokenTree]) -> Kind {
    let mut is_const = false;
    for token in tokens {
        let word = match token {
            TokenTree::Ident(word) => word.to_string(),
            // `pub(crate)`, and the ABI.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => continue,
            TokenTree::Literal(_) => continue,
            // The fragments of a `macro_rules!` macro: a visibility, or a whole item.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => continue,
            _ => return Kind::Other,
        };
        match word.as_str() {
            "pub" | "default" | "async" | "unsafe" | "extern" | "safe" | "auto" | "crate" => {}
            "const" => is_const = true,
            "fn" if is_const => return Kind::ConstFunction,
            "fn" => return Kind::Function,
            "impl" => return Kind::Impl,
            "trait" => return Kind::Trait,
            "mod" => return Kind::Module,
            _ => return Kind::Other,
        }
    }
    Kind::Other
}

/// Whether braces may stand inside of the item, before the `;` that ends it.
fn ends_with_semicolon(tokens: &[TokenTree]) -> bool {
    let words = tokens.iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    let mut words = words.skip_while(|word| word == "pub" || word == "default" || word == "unsafe");
    match words.next().as_deref() {
        Some("use" | "static" | "const" | "type" | "let") => true,
        Some("extern") => words.next().as_deref() == Some("crate"),
        _ => false,
    }
}

/// Takes the leading `#![..]`.
fn inner_attributes(rest: &mut Vec<TokenTree>) -> TokenStream {
    let mut inner = TokenStream::new();
    while is_punct(rest.first(), '#') && is_punct(rest.get(1), '!') && rest.len() >= 3 {
        inner.extend(rest.drain(..3));
    }
    inner
}

/// The name of the type that an `impl` block is for, without its path and arguments.
fn self_type(head: &[TokenTree]) -> String {
    let head: TokenStream = head.iter().cloned().collect();
    let parsed: syn::Result<ItemImpl> = syn::parse2(quote!(#head {}));
    let Ok(parsed) = parsed else { return String::new() };
    let mut ty = shape::ungrouped(&parsed.self_ty);
    while let Type::Reference(reference) = ty {
        ty = shape::ungrouped(&reference.elem);
    }
    match ty {
        Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default()
        }
        other => other.to_token_stream().to_string().replace(' ', ""),
    }
}

fn trait_name(head: &[TokenTree]) -> String {
    let head: TokenStream = head.iter().cloned().collect();
    let parsed: syn::Result<ItemTrait> = syn::parse2(quote!(#head {}));
    parsed.map(|parsed| parsed.ident.unraw().to_string()).unwrap_or_default()
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_braces(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}
