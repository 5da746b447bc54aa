//! Puts a block's attribute on each of its functions.
//!
//! Each function gets a marker (`combine.rs`) with the attribute that it inherits. Its own
//! attributes and `#[skip]` find it there, under whatever name they were imported.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;

use crate::check::args as rules;
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::item::{
    Item, Kind, inner_attributes, is_braces, next_item, self_type, trait_name,
};
use crate::parse::marker;
use crate::report::errors::Errors;
use crate::report::fallback;
use crate::tokens::{private_path, q};

/// What the functions of a block inherit.
struct Inherited {
    krate: TokenStream,
    attribute: Ident,
    args: TokenStream,
}

/// Expands an attribute on an `impl` block, a trait or an inline module. `None` for any other item.
pub(crate) fn attribute(
    attribute: Attribute,
    args: &TokenStream,
    item: &TokenStream,
) -> Option<TokenStream> {
    let mut rest: Vec<TokenTree> = item.clone().into_iter().collect();
    let block = next_item(&mut rest);
    if !rest.is_empty() || !matches!(block.kind, Kind::Impl | Kind::Trait | Kind::Module) {
        return None;
    }
    let name = Ident::new(attribute.name(), proc_macro2::Span::call_site());
    let mut errors = Errors::new();
    let parsed = Args::parse(attribute, name.span(), args.clone(), &mut errors);
    rules::check(&parsed, true, &mut errors);
    if !is_braces(block.end.as_ref()) {
        errors.on(
            block.head.iter().cloned().collect::<TokenStream>(),
            "only an inline module can have this attribute: put it on the items in the module",
        );
    }
    if !errors.is_empty() {
        return Some(fallback::expand(&errors, item.clone()));
    }
    let krate = private_path(parsed.krate());
    let inherited = Inherited { krate, attribute: name, args: args.clone() };
    Some(inherited.cover(block, ""))
}

impl Inherited {
    /// The item with a marker, or if it is a block, with a marker on each function in it.
    fn cover(&self, mut item: Item, ty: &str) -> TokenStream {
        let ty = match item.kind {
            Kind::Function if is_braces(item.end.as_ref()) => {
                let entry = self.entry(ty);
                mark(&mut item, &self.krate, Some(&entry));
                return item.into_tokens();
            }
            // These are left out anyway, so `#[skip]` is not a mistake.
            Kind::Function | Kind::ConstFunction => {
                mark(&mut item, &self.krate, None);
                return item.into_tokens();
            }
            Kind::Impl => self_type(&item.head),
            Kind::Trait => trait_name(&item.head),
            Kind::Module => String::new(),
            Kind::Other => return item.into_tokens(),
        };
        if let Some(TokenTree::Group(braces)) = &item.end {
            let mut rest: Vec<TokenTree> = braces.stream().into_iter().collect();
            let mut covered = inner_attributes(&mut rest);
            while !rest.is_empty() {
                let inner = next_item(&mut rest);
                covered.extend(self.cover(inner, &ty));
            }
            let mut block = Group::new(Delimiter::Brace, covered);
            block.set_span(braces.span());
            item.end = Some(block.into());
        }
        item.into_tokens()
    }

    fn entry(&self, ty: &str) -> TokenStream {
        let Inherited { attribute, args, .. } = self;
        quote!(inherited(#ty #attribute(#args)))
    }
}

/// Adds an entry to the marker, or a marker if there is none. An empty marker tells `#[skip]` that
/// the function is in a block with an attribute, though it can't be measured.
fn mark(item: &mut Item, krate: &TokenStream, entry: Option<&TokenStream>) {
    let marker = item.attributes.iter().position(|token| match token {
        TokenTree::Group(group) => marker::marker(group).is_some(),
        _ => false,
    });
    if let Some(index) = marker {
        let Some(entry) = entry else { return };
        if let Some(TokenTree::Group(group)) = item.attributes.get(index) {
            let before = marker::marker(group).unwrap_or_default();
            let entries = if before.is_empty() { quote!(#entry) } else { quote!(#before, #entry) };
            let inner = q!(#krate::finish(#entries));
            item.attributes[index] = Group::new(Delimiter::Bracket, inner).into();
        }
        return;
    }
    if entry.is_some() || !item.attributes.is_empty() {
        let entry = entry.cloned().unwrap_or_else(|| quote!(inherited("")));
        item.attributes.extend(q!(#[#krate::finish(#entry)]));
    }
}
