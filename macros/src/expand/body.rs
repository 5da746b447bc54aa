//! Prints a function with another body, or tokens in the place of its body.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::quote;

use crate::parse::function::Function;
use crate::tokens::mentions;

impl Function {
    /// Tokens in braces with the span of the body's: they have its edition, and lints look at them.
    pub(crate) fn in_braces(&self, tokens: TokenStream) -> TokenStream {
        let mut block = Group::new(Delimiter::Brace, tokens);
        if let Some(body) = &self.body {
            block.set_span(body.braces);
        }
        TokenTree::Group(block).into()
    }

    /// A keyword with the span of the body's braces.
    pub(crate) fn at_braces(&self, keyword: &str) -> Ident {
        let span = self.body.as_ref().map_or_else(Span::mixed_site, |body| body.braces);
        Ident::new(keyword, span)
    }

    /// The body with another name for `self`, if that is possible.
    pub(crate) fn body_with_self(&self, renamed: &Ident) -> Option<TokenStream> {
        with_self(self.statements(), renamed)
    }

    pub(crate) fn set_body(&mut self, statements: TokenStream) {
        if let Some(body) = &mut self.body {
            body.statements = statements;
        }
    }

    /// The function with these statements as its body.
    pub(crate) fn print(&self, statements: TokenStream) -> TokenStream {
        let Function { attrs, head, sig, body } = self;
        let inner = body.as_ref().map(|body| &body.attrs);
        let body = self.in_braces(statements);
        quote!(#(#attrs)* #inner #head #sig #body)
    }
}

/// The tokens with another name for `self`. `None` if it is unclear which `self` is meant: an item
/// or a macro that is defined in them mentions it, or a format string does.
fn with_self(tokens: TokenStream, renamed: &Ident) -> Option<TokenStream> {
    let mut out = TokenStream::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let token = match token {
            TokenTree::Ident(ident) => match ident.to_string().as_str() {
                "fn" | "impl" | "trait" | "macro_rules" | "pub" | "mod" => {
                    // An item may have a `self` of its own.
                    let mut item = TokenStream::from(TokenTree::from(ident));
                    for token in rest.by_ref() {
                        let ends = match &token {
                            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                            TokenTree::Punct(punct) => punct.as_char() == ';',
                            _ => false,
                        };
                        item.extend([token]);
                        if ends {
                            break;
                        }
                    }
                    if mentions(item.clone(), &Ident::new("self", Span::call_site())) {
                        return None;
                    }
                    out.extend(item);
                    continue;
                }
                "self" => {
                    let is_path = matches!(rest.peek(), Some(TokenTree::Punct(punct))
                        if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
                    if is_path {
                        ident.into()
                    } else {
                        let mut renamed = renamed.clone();
                        renamed.set_span(ident.span());
                        renamed.into()
                    }
                }
                _ => ident.into(),
            },
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), with_self(group.stream(), renamed)?);
                inner.set_span(group.span());
                inner.into()
            }
            TokenTree::Literal(literal) => {
                if literal.to_string().contains("{self") {
                    return None;
                }
                literal.into()
            }
            punct @ TokenTree::Punct(_) => punct,
        };
        out.extend([token]);
    }
    Some(out)
}
