//! The items that `#[metric]` goes on: a `static` without a value, and a `fn` without a body.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, FnArg, Ident, Pat, Signature, Token, Type, Visibility, token};

/// A `static` item.
pub(crate) struct Static {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// `static`, or by mistake `const`.
    pub(crate) keyword: TokenStream,
    pub(crate) is_const: bool,
    pub(crate) mutability: Option<Token![mut]>,
    pub(crate) ident: Ident,
    pub(crate) colon: Token![:],
    pub(crate) ty: Type,
    pub(crate) initialiser: Option<Expr>,
}

/// A family as it was written.
pub(crate) struct Family {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Option<TokenTree>,
}

impl Static {
    pub(crate) fn parse(item: TokenStream) -> syn::Result<Self> {
        parse_static.parse2(item)
    }
}

impl Family {
    pub(crate) fn parse(item: TokenStream) -> syn::Result<Self> {
        parse_family.parse2(item)
    }
}

/// Whether an item is a function, or was meant to be one.
pub(crate) fn is_function(item: &TokenStream) -> bool {
    let mut tokens = item.clone().into_iter();
    // A `fn` in a type or in a body comes after one of the other words, or is inside brackets.
    let word = tokens.find_map(|token| match token {
        TokenTree::Ident(word) => {
            ["fn", "static", "struct", "enum", "impl", "mod", "trait", "type"]
                .into_iter()
                .find(|known| word == known)
        }
        _ => None,
    });
    word == Some("fn")
}

fn parse_static(input: ParseStream<'_>) -> syn::Result<Static> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let is_const = input.peek(Token![const]) && !input.peek2(Token![fn]);
    if !is_const && !input.peek(Token![static]) {
        return Err(input
            .error("`#[metric]` goes on a `static` without a value, or on a `fn` without a body"));
    }
    let keyword = input.parse::<TokenTree>()?.into();
    let mutability = input.parse()?;
    let ident = input.parse()?;
    let colon = input.parse()?;
    let ty = input.parse()?;
    let initialiser = if input.peek(Token![=]) {
        let _: Token![=] = input.parse()?;
        Some(input.parse()?)
    } else {
        None
    };
    let _: Token![;] = input.parse()?;
    Ok(Static { attrs, vis, keyword, is_const, mutability, ident, colon, ty, initialiser })
}

fn parse_family(input: ParseStream<'_>) -> syn::Result<Family> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let sig = input.parse()?;
    let body = if input.peek(token::Brace) {
        Some(input.parse()?)
    } else {
        let _: Token![;] = input.parse()?;
        None
    };
    Ok(Family { attrs, vis, sig, body })
}

/// The name of a parameter whose pattern is nothing but a name.
pub(crate) fn label(input: &FnArg) -> Option<&Ident> {
    let FnArg::Typed(argument) = input else { return None };
    match &*argument.pat {
        Pat::Ident(pat)
            if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() =>
        {
            Some(&pat.ident)
        }
        _ => None,
    }
}
