//! Parses what stands in an attribute's brackets.
//!
//! A mistake in one key does not hide the others: it is recorded, and reading goes on after the next
//! comma. What the values mean is not judged here.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitStr, Path, Token, token};

use crate::errors::Errors;
use crate::keys::{self, Attribute, Form, Key};

/// One attribute as it was written.
pub(crate) struct Args {
    pub(crate) attribute: Attribute,
    /// Where the attribute stands.
    pub(crate) span: Span,
    pub(crate) given: Vec<Given>,
    /// Keys that were written, but not so that they could be read.
    unread: Vec<&'static str>,
}

/// One key that was given.
pub(crate) struct Given {
    pub(crate) key: &'static Key,
    pub(crate) ident: Ident,
    pub(crate) value: Value,
}

/// A key's value, by [`Form`].
pub(crate) enum Value {
    Text(LitStr),
    Flag,
    Labels(Vec<Label>),
    Buckets(Buckets),
    Path(Path),
    Closure(Expr),
}

/// One label as it was written: `name = expression`, or `argument` for `argument = argument`.
pub(crate) struct Label {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// Bucket bounds.
#[derive(Clone)]
pub(crate) enum Buckets {
    Literal(syn::ExprArray),
    Const(syn::ExprPath),
}

impl Args {
    /// Reads the tokens between an attribute's brackets.
    pub(crate) fn parse(
        attribute: Attribute,
        span: Span,
        tokens: TokenStream,
        errors: &mut Errors,
    ) -> Self {
        let mut args = Args { attribute, span, given: Vec::new(), unread: Vec::new() };
        let read = |input: ParseStream<'_>| {
            args.read(input, errors);
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// Whether a key stands there, well or badly: a bad one is not also a missing one.
    pub(crate) fn mentions(&self, key: &str) -> bool {
        self.get(key).is_some() || self.unread.contains(&key)
    }

    fn get(&self, key: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.key.name == key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&LitStr> {
        match &self.get(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The flag's own token, if it was given.
    pub(crate) fn flag(&self, key: &str) -> Option<&Ident> {
        self.get(key).map(|given| &given.ident)
    }

    pub(crate) fn labels(&self) -> &[Label] {
        match self.get("labels").map(|given| &given.value) {
            Some(Value::Labels(labels)) => labels,
            _ => &[],
        }
    }

    pub(crate) fn buckets(&self) -> Option<&Buckets> {
        match &self.get("buckets")?.value {
            Value::Buckets(buckets) => Some(buckets),
            _ => None,
        }
    }

    pub(crate) fn closure(&self, key: &str) -> Option<(&Ident, &Expr)> {
        let given = self.get(key)?;
        match &given.value {
            Value::Closure(closure) => Some((&given.ident, closure)),
            _ => None,
        }
    }

    /// What in this attribute looks at how the call ended, if anything does.
    pub(crate) fn needs_outcome(&self) -> Option<&'static str> {
        if self.attribute == Attribute::CountExceptions {
            return Some("`#[count_exceptions]`");
        }
        self.flag("outcome").map(|_| "`outcome`")
    }

    /// Where the library is found, if not at `::headcount`.
    pub(crate) fn krate(&self) -> Option<&Path> {
        match &self.get("crate")?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        while !input.is_empty() {
            if let Err(error) = self.read_one(input, errors) {
                errors.push(error);
                skip_to_comma(input);
            }
            if let Err(error) = comma(input) {
                errors.push(error);
                skip_to_comma(input);
                let _: syn::Result<Token![,]> = input.parse();
            }
        }
    }

    fn read_one(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!(
                "`#[{}]` takes `key = value`: {}",
                self.attribute.name(),
                crate::suggest::list(keys::accepted(self.attribute))
            )));
        }
        let ident = input.call(Ident::parse_any)?;
        let name = ident.unraw().to_string();
        let Some(key) = keys::find(&name) else {
            return Err(syn::Error::new(ident.span(), keys::unknown(&name, self.attribute)));
        };
        if !key.on.contains(&self.attribute) {
            return Err(syn::Error::new(ident.span(), keys::misplaced(key, self.attribute)));
        }
        let value =
            value(key, &ident, input, errors).inspect_err(|_| self.unread.push(key.name))?;
        if self.given.iter().any(|given| given.key.name == key.name) {
            errors.at(ident.span(), format!("`{name}` is given twice"));
        } else {
            self.given.push(Given { key, ident, value });
        }
        Ok(())
    }
}

fn value(
    key: &Key,
    ident: &Ident,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Value> {
    let name = key.name;
    match key.form {
        Form::Flag => {
            if input.is_empty() || input.peek(Token![,]) {
                return Ok(Value::Flag);
            }
            Err(input.error(format!("`{name}` takes no value")))
        }
        Form::Labels => {
            if !input.peek(token::Paren) {
                return Err(syn::Error::new(
                    ident.span(),
                    format!("`{name}` takes a list: `{name}(name = expression, argument)`"),
                ));
            }
            let content;
            syn::parenthesized!(content in input);
            Ok(Value::Labels(labels(&content, errors)))
        }
        Form::Text => {
            let usage = format!("`{name}` takes a string literal: `{name} = \"..\"`");
            equals(ident, input, &usage)?;
            if input.peek(LitStr) {
                return Ok(Value::Text(input.parse()?));
            }
            Err(input.error(usage))
        }
        Form::Buckets => {
            let usage = format!(
                "`{name}` takes a list of numbers or a constant: `{name} = [0.1, 1.0]`, \
                 `{name} = path::TO_CONST`"
            );
            equals(ident, input, &usage)?;
            let expr: Expr =
                input.parse().map_err(|error| syn::Error::new(error.span(), &usage))?;
            match ungrouped(expr) {
                Expr::Array(list) => Ok(Value::Buckets(Buckets::Literal(list))),
                Expr::Path(path) => Ok(Value::Buckets(Buckets::Const(path))),
                other => Err(syn::Error::new_spanned(other, usage)),
            }
        }
        Form::Path => {
            let usage = format!("`{name}` takes a path: `{name} = some::path`");
            equals(ident, input, &usage)?;
            input
                .call(Path::parse_mod_style)
                .map(Value::Path)
                .map_err(|error| syn::Error::new(error.span(), usage))
        }
        Form::Closure => {
            let usage = format!("`{name}` takes a closure: `{name} = |value| ..`");
            equals(ident, input, &usage)?;
            input
                .parse()
                .map(Value::Closure)
                .map_err(|error| syn::Error::new(error.span(), format!("{usage}; {error}")))
        }
    }
}

fn labels(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Label> {
    let mut labels = Vec::new();
    while !input.is_empty() {
        match label(input) {
            Ok(label) => labels.push(label),
            Err(error) => {
                errors.push(error);
                skip_to_comma(input);
            }
        }
        if let Err(error) = comma(input) {
            errors.push(error);
            skip_to_comma(input);
            let _: syn::Result<Token![,]> = input.parse();
        }
    }
    labels
}

fn label(input: ParseStream<'_>) -> syn::Result<Label> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("a label is `name = expression`, or an argument's name"));
    }
    let name = input.call(Ident::parse_any)?;
    if input.is_empty() || input.peek(Token![,]) {
        let value = syn::parse2(TokenTree::from(name.clone()).into()).map_err(|_| {
            syn::Error::new(name.span(), format!("`{name}` needs a value: `{name} = expression`"))
        })?;
        return Ok(Label { name, value });
    }
    if !input.peek(Token![=]) {
        return Err(input.error(format!(
            "a label is `name = expression`, or an argument's name: `{name} = expression`"
        )));
    }
    let _: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            name.span(),
            format!("`{name}` needs a value: `{name} = expression`"),
        ));
    }
    Ok(Label { name, value: input.parse()? })
}

fn equals(key: &Ident, input: ParseStream<'_>, usage: &str) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(key.span(), usage));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(usage));
    }
    let _: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(key.span(), usage));
    }
    Ok(())
}

fn comma(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if !input.peek(Token![,]) {
        return Err(input.error("expected `,`"));
    }
    let _: Token![,] = input.parse()?;
    Ok(())
}

/// Leaves out the rest of what could not be read.
fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _: syn::Result<TokenTree> = input.parse();
    }
}

/// The expression inside the invisible brackets that `macro_rules!` puts around its fragments.
pub(crate) fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}
