//! Parses the value of a key, by its [`Form`].

use core::fmt;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitBool, LitInt, LitStr, Pat, Path, Token, Type, token};

use crate::parse::full_name::Part;
use crate::parse::keys::{Form, Key};
use crate::parse::list::{comma, skip_to_comma};
use crate::report::errors::Errors;
use crate::tokens::{text_of, ungrouped};

/// The value of a key.
pub(crate) enum Value {
    Text(LitStr),
    Part(Part),
    Flag,
    Bool(LitBool),
    Number(LitInt),
    Native(Native),
    Labels(Vec<Label>),
    Buckets(Buckets),
    Path(Path),
    Expr(Expr),
    Pattern(Only),
}

/// One label as it was written: `name = expression`, `name: Type = expression`, or `argument`.
pub(crate) struct Label {
    pub(crate) name: LabelName,
    pub(crate) ty: Option<Type>,
    /// `None` for a name alone.
    pub(crate) value: Option<Expr>,
}

/// The name of a label: a word, or a text in quotes, which may be no word.
#[derive(Clone)]
pub(crate) enum LabelName {
    Word(Ident),
    Quoted(LitStr),
}

impl LabelName {
    pub(crate) fn text(&self) -> LitStr {
        match self {
            Self::Word(word) => text_of(word),
            Self::Quoted(text) => text.clone(),
        }
    }
}

impl ToTokens for LabelName {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Word(word) => word.to_tokens(tokens),
            Self::Quoted(text) => text.to_tokens(tokens),
        }
    }
}

/// As it was written.
impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => word.fmt(f),
            Self::Quoted(text) => text.token().fmt(f),
        }
    }
}

/// `native`, or `native(schema = 5)`.
pub(crate) struct Native {
    pub(crate) schema: Option<LitInt>,
}

/// Bucket bounds.
#[derive(Clone)]
pub(crate) enum Buckets {
    Literal(syn::ExprArray),
    Const(Expr),
}

/// Which errors count: `pattern`, or `pattern if guard`.
#[derive(Clone)]
pub(crate) struct Only {
    pub(crate) pattern: Pat,
    pub(crate) guard: Option<Expr>,
}

/// Parses the value of a key.
pub(crate) fn value(
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
        Form::Labels | Form::ErrorLabels => {
            let how = if key.form == Form::Labels {
                "name = expression, argument"
            } else {
                "kind = |error| .."
            };
            if !input.peek(token::Paren) {
                return Err(syn::Error::new(
                    ident.span(),
                    format!("`{name}` takes a list: `{name}({how})`"),
                ));
            }
            let content;
            syn::parenthesized!(content in input);
            Ok(Value::Labels(labels(&content, errors)))
        }
        Form::Text => {
            let usage = format!("`{name}` takes a string literal: `{name} = \"..\"`");
            equals(ident, input, &usage)?;
            literal(input, usage).map(Value::Text)
        }
        Form::Part => part(name, ident, input).map(Value::Part),
        Form::Bool => {
            let usage = format!("`{name}` takes `true` or `false`");
            equals(ident, input, &usage)?;
            literal(input, usage).map(Value::Bool)
        }
        Form::Native => native(input).map(Value::Native),
        Form::Switch => {
            if input.is_empty() || input.peek(Token![,]) {
                return Ok(Value::Bool(LitBool::new(true, ident.span())));
            }
            let usage = format!("`{name}` takes nothing, or `{name} = false`");
            equals(ident, input, &usage)?;
            literal(input, usage).map(Value::Bool)
        }
        Form::Number => {
            let usage = format!("`{name}` takes a number: `{name} = 500`");
            equals(ident, input, &usage)?;
            literal(input, usage).map(Value::Number)
        }
        Form::Buckets => buckets(name, ident, input).map(Value::Buckets),
        Form::Path => {
            let usage = format!("`{name}` takes a path: `{name} = some::path`");
            equals(ident, input, &usage)?;
            input
                .call(Path::parse_mod_style)
                .map(Value::Path)
                .map_err(|error| syn::Error::new(error.span(), usage))
        }
        Form::Closure => {
            expression(ident, input, &format!("`{name}` takes a closure: `{name} = |value| ..`"))
        }
        Form::Expr => {
            expression(ident, input, &format!("`{name}` takes an expression: `{name} = ..`"))
        }
        Form::Pattern => only(name, ident, input).map(Value::Pattern),
    }
}

/// A literal of the kind that the key takes. An error covers the whole expression.
fn literal<T: syn::parse::Parse>(input: ParseStream<'_>, usage: String) -> syn::Result<T> {
    let place = input.span();
    input.parse().map_err(|_| syn::Error::new(place, usage))
}

fn expression(ident: &Ident, input: ParseStream<'_>, usage: &str) -> syn::Result<Value> {
    equals(ident, input, usage)?;
    input
        .parse()
        .map(Value::Expr)
        .map_err(|error| syn::Error::new(error.span(), format!("{usage}; {error}")))
}

fn part(name: &str, ident: &Ident, input: ParseStream<'_>) -> syn::Result<Part> {
    let usage = format!(
        "`{name}` takes a string literal or a constant: `{name} = \"..\"`, \
         `{name} = path::TO_CONST`"
    );
    equals(ident, input, &usage)?;
    let expr: Expr = input.parse().map_err(|error| syn::Error::new(error.span(), &usage))?;
    match ungrouped(expr) {
        Expr::Path(path) => Ok(Part::Const(path)),
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Ok(Part::Text(text)),
        other => Err(syn::Error::new_spanned(other, usage)),
    }
}

fn buckets(name: &str, ident: &Ident, input: ParseStream<'_>) -> syn::Result<Buckets> {
    let usage = format!(
        "`{name}` takes a list of numbers, or a constant expression: `{name} = [0.1, 1.0]`, \
         `{name} = path::TO_CONST`, `{name} = headcount::linear_buckets::<10>(0.0, 5.0)`"
    );
    equals(ident, input, &usage)?;
    let expr: Expr = input.parse().map_err(|error| syn::Error::new(error.span(), &usage))?;
    match ungrouped(expr) {
        Expr::Array(list) => Ok(Buckets::Literal(list)),
        // These may be a list of numbers, which the compiler finds out.
        constant @ (Expr::Path(_)
        | Expr::Call(_)
        | Expr::MethodCall(_)
        | Expr::Macro(_)
        | Expr::Const(_)
        | Expr::Block(_)
        | Expr::Field(_)
        | Expr::Reference(_)) => Ok(Buckets::Const(constant)),
        other => Err(syn::Error::new_spanned(other, usage)),
    }
}

fn only(name: &str, ident: &Ident, input: ParseStream<'_>) -> syn::Result<Only> {
    let usage = format!(
        "`{name}` takes a pattern: `{name} = Type::Variant`, `{name} = Type::Variant(n) if *n > 3`"
    );
    equals(ident, input, &usage)?;
    let pattern = Pat::parse_multi_with_leading_vert(input)
        .map_err(|error| syn::Error::new(error.span(), format!("{usage}; {error}")))?;
    let guard = if input.peek(Token![if]) {
        let _: Token![if] = input.parse()?;
        Some(input.parse()?)
    } else {
        None
    };
    Ok(Only { pattern, guard })
}

fn native(input: ParseStream<'_>) -> syn::Result<Native> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Native { schema: None });
    }
    let usage = "`native` takes nothing, or a schema: `native(schema = 5)`";
    if !input.peek(token::Paren) {
        return Err(input.error(usage));
    }
    let content;
    let place = syn::parenthesized!(content in input).span.join();
    let wrong = |_| syn::Error::new(place, usage);
    let key: Ident = content.call(Ident::parse_any).map_err(wrong)?;
    let _: Token![=] = content.parse().map_err(wrong)?;
    let schema = content.parse().map_err(wrong)?;
    if key != "schema" || !content.is_empty() {
        return Err(syn::Error::new(place, usage));
    }
    Ok(Native { schema: Some(schema) })
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
    let name = if input.peek(LitStr) {
        LabelName::Quoted(input.parse()?)
    } else if input.peek(Ident::peek_any) {
        LabelName::Word(input.call(Ident::parse_any)?)
    } else {
        return Err(input.error("a label is `name = expression`, or an argument's name"));
    };
    let needs_value = || {
        let usage = format!("`{name}` needs a value: `{name} = expression`");
        syn::Error::new_spanned(&name, usage)
    };
    if input.is_empty() || input.peek(Token![,]) {
        // A keyword can be the name of a label, but not of an argument.
        let is_argument = match &name {
            LabelName::Word(word) => {
                word == "self" || syn::parse2::<Ident>(word.to_token_stream()).is_ok()
            }
            LabelName::Quoted(_) => false,
        };
        if !is_argument {
            return Err(needs_value());
        }
        return Ok(Label { name, ty: None, value: None });
    }
    let mut ty = None;
    if input.peek(Token![:]) && !input.peek(Token![::]) {
        let _: Token![:] = input.parse()?;
        ty = Some(input.parse()?);
    }
    if !input.peek(Token![=]) {
        if ty.is_some() {
            return Err(needs_value());
        }
        return Err(input.error(format!(
            "a label is `name = expression`, or an argument's name: `{name} = expression`"
        )));
    }
    let _: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(needs_value());
    }
    Ok(Label { value: Some(input.parse()?), name, ty })
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

/// The text of a label whose value is a literal.
pub(crate) fn literal_text(label: &Label) -> Option<LitStr> {
    let value = label.value.as_ref().filter(|_| label.ty.is_none())?;
    let Expr::Lit(literal) = ungrouped(value.clone()) else { return None };
    match literal.lit {
        Lit::Str(text) => Some(text),
        Lit::Int(int) => Some(LitStr::new(int.base10_digits(), int.span())),
        Lit::Bool(value) => {
            Some(LitStr::new(if value.value { "true" } else { "false" }, value.span))
        }
        Lit::Char(letter) => Some(LitStr::new(&letter.value().to_string(), letter.span())),
        _ => None,
    }
}
