//! The annotated function: its signature is understood, its body is kept as the tokens it is.
//!
//! A body that does not parse (someone is typing in it) must not take away the help that an editor
//! gives for the rest, so nobody parses it here.

use crate::report::suggest;
use crate::tokens::mentions;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, Pat, Signature, Token, Type, Visibility, token};

/// A function item.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    /// Visibility and `default`.
    pub(crate) head: TokenStream,
    pub(crate) sig: Signature,
    /// None for a declaration in a trait.
    pub(crate) body: Option<Body>,
}

/// What stands in a function's braces.
pub(crate) struct Body {
    /// The place of the braces. Their span also says of which edition the body is, and whether its
    /// function counts as written or as made by a macro, of which lints say nothing.
    pub(crate) braces: Span,
    /// The inner attributes, as outer ones.
    pub(crate) attrs: TokenStream,
    pub(crate) statements: TokenStream,
}

impl Body {
    fn of(mut braces: Group) -> Self {
        // What a `macro_rules!` macro was given as a block.
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
    /// Understands an item as a function, or says that it is none.
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

    /// The type of the argument of this name.
    pub(crate) fn argument_type(&self, name: &Ident) -> Option<&Type> {
        self.sig.inputs.iter().find_map(|input| match input {
            FnArg::Typed(argument) => match &*argument.pat {
                Pat::Ident(pat) if pat.ident == *name && pat.by_ref.is_none() => {
                    // Behind `cfg` its type is perhaps not there.
                    argument.attrs.is_empty().then_some(&*argument.ty)
                }
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }
}

/// `const async unsafe extern "C" fn`, in this order, each optional but the last.
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
