//! The annotated function: its signature is understood, its body is kept as the tokens it is.
//!
//! A body that does not parse (someone is typing in it) must not take away the help that an editor
//! gives for the rest, so nobody parses it here.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, Meta, Pat, Signature, Token, Type, Visibility, token};

use crate::check::args as rules;
use crate::expand::arguments;
use crate::report::errors::Errors;

/// A function item.
pub(crate) struct Function {
    attrs: Vec<Attribute>,
    /// Visibility and `default`.
    head: TokenStream,
    pub(crate) sig: Signature,
    /// None for a declaration in a trait.
    body: Option<Body>,
}

/// What stands in a function's braces.
struct Body {
    /// The place of the braces. Their span also says of which edition the body is, and whether its
    /// function counts as written or as made by a macro, of which lints say nothing.
    braces: Span,
    /// The inner attributes, as outer ones.
    attrs: TokenStream,
    statements: TokenStream,
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
                return Err(input.error(rules::where_it_goes(attribute)));
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

    /// Tokens in the body's braces: they have its edition, and lints look at them.
    pub(crate) fn in_braces(&self, tokens: TokenStream) -> TokenStream {
        let mut block = Group::new(Delimiter::Brace, tokens);
        if let Some(body) = &self.body {
            block.set_span(body.braces);
        }
        TokenTree::Group(block).into()
    }

    /// A keyword with the place of the body's braces.
    pub(crate) fn at_braces(&self, keyword: &str) -> Ident {
        let span = self.body.as_ref().map_or_else(Span::mixed_site, |body| body.braces);
        Ident::new(keyword, span)
    }

    /// The body with another name for `self`, if that can be done.
    pub(crate) fn body_with_self(&self, renamed: &Ident) -> Option<TokenStream> {
        arguments::with_self(self.statements(), renamed)
    }

    pub(crate) fn set_body(&mut self, statements: TokenStream) {
        if let Some(body) = &mut self.body {
            body.statements = statements;
        }
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

    /// The function with these statements as its body.
    pub(crate) fn print(&self, statements: TokenStream) -> TokenStream {
        let Function { attrs, head, sig, body } = self;
        let inner = body.as_ref().map(|body| &body.attrs);
        let body = self.in_braces(statements);
        quote::quote!(#(#attrs)* #inner #head #sig #body)
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

/// Whether tokens can mention a name: as an identifier, or inside a format string.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    let plain = name.unraw().to_string();
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.unraw() == plain,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.contains(&format!("{{{plain}}}")) || text.contains(&format!("{{{plain}:"))
        }
        TokenTree::Punct(_) => false,
    })
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

/// Says of a function what no attribute can measure; `covered` where a block's attribute does.
pub(crate) fn check(function: &Function, covered: bool, errors: &mut Errors) {
    let naked = |attr: &&Attribute| match &attr.meta {
        Meta::List(list) => {
            list.path.is_ident("unsafe") && list.tokens.to_string().starts_with("naked")
        }
        meta => meta.path().is_ident("naked"),
    };
    if let Some(naked) = function.attrs.iter().find(naked) {
        let out = if covered {
            ": leave the function out of the block's attribute by `#[headcount::skip]`"
        } else {
            ""
        };
        errors.on(naked, format!("a naked function has no place in which to count{out}"));
    }
    if let Some(constness) = &function.sig.constness {
        errors.on(constness, "a `const fn` can run at compile time, where nothing can be counted");
    }
    if !function.has_body() {
        errors.on(
            &function.sig.ident,
            "there is no body to count here: put the attribute on the implementations",
        );
    }
}
