//! Parses the annotated function: its signature, while its body stays tokens.
//!
//! A body in which someone is typing may not parse. An editor must be able to help there, and for
//! that it needs the rest of the function.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, Pat, Signature, Token, Type, Visibility, token};

use crate::report::suggest;
use crate::tokens::mentions;

/// A function item.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    /// Visibility and `default`.
    pub(crate) head: TokenStream,
    pub(crate) sig: Signature,
    /// `None` for a declaration in a trait.
    pub(crate) body: Option<Body>,
}

/// A function's body.
pub(crate) struct Body {
    /// The span of the braces. It also determines the edition of the body, and whether lints take
    /// the function for a generated one and ignore it.
    pub(crate) braces: Span,
    /// The inner attributes, turned into outer ones.
    pub(crate) attrs: TokenStream,
    pub(crate) statements: TokenStream,
}

impl Body {
    fn of(mut braces: Group) -> Self {
        // A block that a `macro_rules!` macro passes on has invisible brackets around it.
        while braces.delimiter() == Delimiter::None {
            let mut inner = braces.stream().into_iter();
            match (inner.next(), inner.next()) {
                (Some(TokenTree::Group(group)), None) => braces = group,
                _ => break,
            }
        }
        let (attrs, statements) = split_inner_attributes(braces.stream());
        Self { braces: braces.span(), attrs, statements }
    }
}

impl Function {
    /// Parses an item as a function.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> syn::Result<Self> {
        let parser = |input: ParseStream<'_>| -> syn::Result<Self> {
            let attrs = input.call(Attribute::parse_outer)?;
            let vis: Visibility = input.parse()?;
            let mut head = vis.into_token_stream();
            if input.peek(Token![default]) && !input.peek2(Token![!]) {
                input.parse::<Token![default]>()?.to_tokens(&mut head);
            }
            if !is_function(input) {
                return Err(input.error(suggest::where_it_goes(attribute)));
            }
            let sig: Signature = input.parse()?;
            let body = if input.peek(token::Brace) {
                match input.parse()? {
                    TokenTree::Group(body) => Some(Body::of(body)),
                    _ => None,
                }
            } else {
                let _: Token![;] = input.parse()?;
                None
            };
            Ok(Function { attrs, head, sig, body })
        };
        parser.parse2(item)
    }

    pub(crate) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|attr| attr.path().is_ident(name))
    }

    /// The body without braces.
    pub(crate) fn statements(&self) -> TokenStream {
        self.body.as_ref().map(|body| body.statements.clone()).unwrap_or_default()
    }

    /// Whether the body can mention a name: as an identifier, or inside a format string.
    pub(crate) fn body_mentions(&self, name: &Ident) -> bool {
        mentions(self.statements(), name)
    }

    /// The type of the argument with this name.
    pub(crate) fn argument_type(&self, name: &Ident) -> Option<&Type> {
        self.sig.inputs.iter().find_map(|input| match input {
            FnArg::Typed(argument) => match &*argument.pat {
                Pat::Ident(pat) if pat.ident == *name && pat.by_ref.is_none() => {
                    // With a `cfg` on the argument, the type may not exist.
                    argument.attrs.is_empty().then_some(&*argument.ty)
                }
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }
}

/// Whether `const async unsafe extern "C" fn` follows, of which all but the last are optional.
fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let _: syn::Result<Option<Token![const]>> = ahead.parse();
    let _: syn::Result<Option<Token![async]>> = ahead.parse();
    let _: syn::Result<Option<Token![unsafe]>> = ahead.parse();
    if ahead.peek(Token![extern]) {
        let _: syn::Result<syn::Abi> = ahead.parse();
    }
    ahead.peek(Token![fn])
}

/// Separates leading `#![..]`, as outer attributes, from the statements.
fn split_inner_attributes(body: TokenStream) -> (TokenStream, TokenStream) {
    let mut inner = TokenStream::new();
    let mut rest: Vec<TokenTree> = body.into_iter().collect();
    loop {
        let is_inner = matches!(
            rest.as_slice(),
            [TokenTree::Punct(pound), TokenTree::Punct(bang), TokenTree::Group(group), ..]
                if pound.as_char() == '#'
                    && bang.as_char() == '!'
                    && group.delimiter() == Delimiter::Bracket
        );
        if !is_inner {
            return (inner, rest.into_iter().collect());
        }
        let mut head = rest.drain(..3);
        inner.extend(head.next());
        inner.extend(head.nth(1));
    }
}
