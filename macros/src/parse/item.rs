//! Finds the items of a block in its tokens, without parsing them. So it doesn't matter if someone
//! is typing in a body.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{ItemImpl, ItemTrait, Type};

use crate::parse::types::ungrouped;

/// One item of a block: its attributes, the tokens before its braces, and the braces or `;`.
pub(crate) struct Item {
    pub(crate) attributes: Vec<TokenTree>,
    pub(crate) head: Vec<TokenTree>,
    pub(crate) end: Option<TokenTree>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    ConstFunction,
    Impl,
    Trait,
    Module,
    Other,
}

impl Item {
    /// The item again.
    pub(crate) fn into_tokens(self) -> TokenStream {
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
pub(crate) fn next_item(rest: &mut Vec<TokenTree>) -> Item {
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
                // In `->` and `=>` it is not a bracket.
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

/// The kind of item that begins here, after visibility and qualifiers.
fn kind(tokens: &[TokenTree]) -> Kind {
    let mut is_const = false;
    for token in tokens {
        let word = match token {
            TokenTree::Ident(word) => word.to_string(),
            // `pub(crate)`, and the ABI.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => continue,
            TokenTree::Literal(_) => continue,
            // A fragment of a `macro_rules!` macro: a visibility, or a whole item.
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

/// Whether the item ends with `;`, and braces before that are part of it.
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

/// Takes the inner attributes from the front.
pub(crate) fn inner_attributes(rest: &mut Vec<TokenTree>) -> TokenStream {
    let mut inner = TokenStream::new();
    while is_punct(rest.first(), '#') && is_punct(rest.get(1), '!') && rest.len() >= 3 {
        inner.extend(rest.drain(..3));
    }
    inner
}

/// The name of the type that an `impl` block is for, without its path and arguments.
pub(crate) fn self_type(head: &[TokenTree]) -> String {
    let head: TokenStream = head.iter().cloned().collect();
    let parsed: syn::Result<ItemImpl> = syn::parse2(quote!(#head {}));
    let Ok(parsed) = parsed else { return String::new() };
    let mut ty = ungrouped(&parsed.self_ty);
    while let Type::Reference(reference) = ty {
        ty = ungrouped(&reference.elem);
    }
    match ty {
        Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default()
        }
        other => other.to_token_stream().to_string().replace(' ', ""),
    }
}

pub(crate) fn trait_name(head: &[TokenTree]) -> String {
    let head: TokenStream = head.iter().cloned().collect();
    let parsed: syn::Result<ItemTrait> = syn::parse2(quote!(#head {}));
    parsed.map(|parsed| parsed.ident.unraw().to_string()).unwrap_or_default()
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

pub(crate) fn is_braces(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}
