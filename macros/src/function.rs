//! The annotated function: its signature is understood, its body is kept as the tokens it is.
//!
//! A body that does not parse (someone is typing in it) must not take away the help that an editor
//! gives for the rest, so nobody parses it here.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, Pat, Signature, Token, Type, Visibility, token};

use crate::errors::Errors;
use crate::rules;

/// A function item.
pub(crate) struct Function {
    attrs: Vec<Attribute>,
    /// Visibility and `default`.
    head: TokenStream,
    pub(crate) sig: Signature,
    /// The braces with all that is in them; none for a declaration in a trait.
    body: Option<Group>,
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
                    TokenTree::Group(body) => Some(body),
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

    /// The body's braces as they were written, and what is in them without the inner attributes,
    /// which [`Function::print`] puts before the function.
    pub(crate) fn body(&self) -> (Option<&Group>, TokenStream) {
        let Some(body) = &self.body else { return (None, TokenStream::new()) };
        (Some(body), split_inner_attributes(body.stream()).1)
    }

    /// Whether the body can mention a name: as an identifier, or inside a format string.
    pub(crate) fn body_mentions(&self, name: &Ident) -> bool {
        self.body.as_ref().is_some_and(|body| mentions(body.stream(), name))
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

    /// The names that the parameters bind, in their order, with the `mut` that stands before one.
    pub(crate) fn bindings(&mut self) -> Vec<Binding<'_>> {
        let mut bindings = Vec::new();
        for input in &mut self.sig.inputs {
            if let FnArg::Typed(argument) = input {
                // A parameter behind `cfg` is perhaps not there.
                if argument.attrs.iter().any(|attr| attr.path().is_ident("cfg")) {
                    continue;
                }
                bindings_of(&mut argument.pat, &mut bindings);
            }
        }
        bindings
    }

    /// The function with another body.
    pub(crate) fn print(&self, body: &TokenStream) -> TokenStream {
        let Function { attrs, head, sig, .. } = self;
        let inner = self.body.as_ref().map(|body| split_inner_attributes(body.stream()).0);
        quote::quote!(#(#attrs)* #inner #head #sig #body)
    }
}

/// A name that a parameter binds.
pub(crate) struct Binding<'a> {
    pub(crate) ident: Ident,
    pub(crate) mutability: &'a mut Option<Token![mut]>,
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

fn bindings_of<'a>(pat: &'a mut Pat, into: &mut Vec<Binding<'a>>) {
    match pat {
        Pat::Ident(pat) => {
            into.push(Binding { ident: pat.ident.clone(), mutability: &mut pat.mutability });
            if let Some((_, pat)) = &mut pat.subpat {
                bindings_of(pat, into);
            }
        }
        Pat::Paren(pat) => bindings_of(&mut pat.pat, into),
        Pat::Reference(pat) => bindings_of(&mut pat.pat, into),
        Pat::Type(pat) => bindings_of(&mut pat.pat, into),
        Pat::Slice(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::Tuple(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::TupleStruct(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::Struct(pat) => {
            pat.fields.iter_mut().for_each(|field| bindings_of(&mut field.pat, into));
        }
        // Alternatives bind the same names; the first speaks for all, and none is made `mut`-less.
        _ => {}
    }
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
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

/// Says of a function what no attribute can measure.
pub(crate) fn check(function: &Function, errors: &mut Errors) {
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
