//! Parses the arguments of an attribute.
//!
//! A mistake in one key doesn't hide mistakes in others: it is recorded, and parsing continues
//! after the next comma. What the values mean is for `check`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitInt, LitStr, Path, Token};

use crate::kind::Attribute;
use crate::parse::full_name::{BEFORE, FullName, Part};
use crate::parse::keys::{self, Key};
use crate::parse::list::{comma, skip_to_comma};
use crate::parse::values::{Buckets, Label, Native, Only, Value, value};
use crate::report::errors::Errors;
use crate::report::suggest;
use crate::tokens::{is_closure, is_function_path};

/// One attribute as it was written.
pub(crate) struct Args {
    pub(crate) attribute: Attribute,
    /// Where the attribute stands.
    pub(crate) span: Span,
    pub(crate) given: Vec<Given>,
    /// If the attribute is a block's: the name of the type or trait that the block is of, or an
    /// empty string for a module.
    pub(crate) block: Option<String>,
    /// Keys that are present but could not be parsed.
    unread: Vec<&'static str>,
}

/// One key and its value.
pub(crate) struct Given {
    pub(crate) key: &'static Key,
    pub(crate) ident: Ident,
    pub(crate) value: Value,
}

impl Args {
    /// Parses the tokens between an attribute's brackets.
    pub(crate) fn parse(
        attribute: Attribute,
        span: Span,
        tokens: TokenStream,
        errors: &mut Errors,
    ) -> Self {
        let mut args = Args { attribute, span, given: Vec::new(), block: None, unread: Vec::new() };
        let read = |input: ParseStream<'_>| {
            args.read(input, errors);
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// Whether a key is present, parsed or not: a mistake in a key is not also a missing key.
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

    pub(crate) fn part(&self, key: &str) -> Option<&Part> {
        match &self.get(key)?.value {
            Value::Part(part) => Some(part),
            _ => None,
        }
    }

    /// The name, with the namespace and the subsystem before it.
    pub(crate) fn full_name(&self) -> Option<FullName> {
        self.text("name").map(|name| self.full_name_of(name.clone()))
    }

    /// This name, with the namespace and the subsystem before it.
    pub(crate) fn full_name_of(&self, name: LitStr) -> FullName {
        let before = BEFORE.iter().filter_map(|key| Some((*key, self.part(key)?.clone())));
        FullName { before: before.collect(), name, is_utf8: self.has_utf8_names() }
    }

    /// Whether names may be any text.
    pub(crate) fn has_utf8_names(&self) -> bool {
        self.flag("utf8_names").is_some()
    }

    /// The flag's own token, if it was given.
    pub(crate) fn flag(&self, key: &str) -> Option<&Ident> {
        self.get(key).map(|given| &given.ident)
    }

    pub(crate) fn labels(&self) -> &[Label] {
        self.list("labels")
    }

    /// Labels that are taken from the error.
    pub(crate) fn error_labels(&self) -> &[Label] {
        self.list("error_labels")
    }

    fn list(&self, key: &str) -> &[Label] {
        match self.get(key).map(|given| &given.value) {
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

    pub(crate) fn expr(&self, key: &str) -> Option<&Expr> {
        match &self.get(key)?.value {
            Value::Expr(expr) => Some(expr),
            _ => None,
        }
    }

    pub(crate) fn truth(&self, key: &str) -> Option<bool> {
        match &self.get(key)?.value {
            Value::Bool(value) => Some(value.value),
            _ => None,
        }
    }

    /// The value of `future`.
    pub(crate) fn future(&self) -> Option<bool> {
        self.truth("future")
    }

    /// Whether `future = false` stands on the function itself.
    pub(crate) fn is_call(&self) -> bool {
        self.future() == Some(false) && self.block.is_none()
    }

    pub(crate) fn number(&self, key: &str) -> Option<&LitInt> {
        match &self.get(key)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn native(&self) -> Option<&Native> {
        match &self.get("native")?.value {
            Value::Native(native) => Some(native),
            _ => None,
        }
    }

    pub(crate) fn only(&self) -> Option<&Only> {
        match &self.get("only")?.value {
            Value::Pattern(only) => Some(only),
            _ => None,
        }
    }

    /// Whether there is a series for each outcome.
    pub(crate) fn by_outcome(&self) -> bool {
        self.flag("outcome").is_some() || self.metric_of_outcome().is_some()
    }

    /// The closure or function that chooses the metric by outcome: `metric = |outcome| ..`, or
    /// `metric = function, outcome`.
    pub(crate) fn metric_of_outcome(&self) -> Option<&Expr> {
        let takes_outcome = matches!(self.attribute, Attribute::Counted | Attribute::Timed);
        let by_function = self.flag("outcome").is_some();
        self.expr("metric").filter(|metric| {
            takes_outcome && (is_closure(metric) || (by_function && is_function_path(metric)))
        })
    }

    /// The part of this attribute that needs to know how the call ended, for messages.
    pub(crate) fn needs_outcome(&self) -> Option<&'static str> {
        if self.attribute == Attribute::CountExceptions {
            return Some("`#[count_exceptions]`");
        }
        if self.metric_of_outcome().is_some() {
            return Some("`metric = |outcome| ..`");
        }
        self.flag("outcome").map(|_| "`outcome`")
    }

    /// Identifies the family that the attribute records in, if that is not the shared one.
    pub(crate) fn family(&self) -> Option<String> {
        if let Some(name) = self.full_name() {
            return Some(name.key());
        }
        self.expr("metric").map(|metric| metric.to_token_stream().to_string())
    }

    /// The path of the library, if it is not `::headcount`.
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
                suggest::list(keys::accepted(self.attribute))
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
