//! Prints the descriptor of a family.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::{LitStr, Type};

use crate::expand::bounds;
use crate::expand::sites::operand;
use crate::kind::{Attribute, Kind};
use crate::parse::known_types::has_many_values;
use crate::plan::bounds::Bounds;
use crate::plan::family::{Descriptor, Help};
use crate::plan::label::{Label, LabelValue};
use crate::tokens::q;

impl Descriptor {
    /// The expression that makes the descriptor.
    pub(crate) fn print(&self, krate: &TokenStream, index: usize) -> TokenStream {
        let kind = match self.attribute {
            Attribute::Timed if self.summary => q!(DurationSummary),
            Attribute::Timed => q!(Durations),
            Attribute::InProgress if self.oldest => q!(OldestStart),
            Attribute::InProgress => q!(InProgress),
            Attribute::CountExceptions => q!(Exceptions),
            _ => q!(Calls),
        };
        let help = match &self.help {
            Help::Given(help) => help.to_token_stream(),
            Help::Function(what, function) => {
                let before = format!("{what} `");
                let after = format!("::{function}`.");
                q!(#krate::concat!(#before, #krate::module_path!(), #after))
            }
        };
        let kind = q!(#krate::Kind::#kind);
        let name = self.name.print(krate, Kind::of(self.attribute), &kind);
        let mut tokens = q!(#krate::Descriptor::new(
            #kind, #name, #help, #krate::file!(), #krate::line!()
        ));
        if matches!(self.help, Help::Function(..)) {
            tokens.extend(q!(.generated_help()));
        }
        if !self.labels.is_empty() {
            let labels = self.labels.iter().map(|label| declare(krate, label));
            tokens.extend(q!(.labels(&[#(#labels),*])));
        }
        if let Some(max_series) = &self.max_series {
            tokens.extend(q!(.max_series(#max_series)));
        }
        if let Some(seconds) = self.idle_timeout.map(Literal::u32_unsuffixed) {
            tokens.extend(q!(.idle_timeout(#seconds, #krate::remove_idle)));
        }
        if self.outcome {
            tokens.extend(q!(.outcome()));
        }
        if let Some(unit) = &self.unit {
            tokens.extend(q!(.unit(#unit)));
        }
        if let Some(mode) = self.mode {
            let mode = Ident::new(mode, Span::mixed_site());
            tokens.extend(q!(.mode(#krate::GaugeMode::#mode)));
        }
        if self.exemplars {
            tokens.extend(q!(.exemplars()));
        }
        if let Some(schema) = self.native.map(Literal::u8_unsuffixed) {
            tokens.extend(q!(.native(#schema)));
        }
        if self.has_bounds() {
            let bounds = self.bounds_value(krate, index);
            tokens.extend(q!(.nanos(#bounds)));
        }
        tokens
    }

    /// The item with the bounds, unless they are the default.
    pub(crate) fn bounds_item(&self, krate: &TokenStream, index: usize) -> TokenStream {
        let name = bounds_name(index);
        match &self.bounds {
            Bounds::Default => TokenStream::new(),
            Bounds::Literal(values) => {
                let (count, list) = (Literal::usize_unsuffixed(values.len()), bounds::list(values));
                q!(static #name: [#krate::u64; #count] = #krate::nanos(&#list);)
            }
            Bounds::Const(expr) => {
                let list = operand(expr);
                q!(static #name: [#krate::u64; #list.len()] = #krate::nanos(&#list);)
            }
        }
    }

    /// A reference to the bounds, next to the items.
    pub(crate) fn bounds_value(&self, krate: &TokenStream, index: usize) -> TokenStream {
        if !self.has_own_bounds() {
            return q!(#krate::DEFAULT_NANOS);
        }
        let name = bounds_name(index);
        q!(&#name)
    }
}

/// A label of a family, with all its values if they are known.
fn declare(krate: &TokenStream, label: &Label) -> TokenStream {
    let name = &label.name;
    match &label.value {
        LabelValue::Literal(value) => q!(#krate::Label::Const(#name, #value)),
        LabelValue::Open(_) | LabelValue::OfError => q!(#krate::Label::Open(#name)),
        LabelValue::Of(ty, _) | LabelValue::Argument(ty, _) => label_of(krate, name, ty),
    }
}

/// A label with a type. It is closed if the type knows its values.
pub(crate) fn label_of(krate: &TokenStream, name: &LitStr, ty: &Type) -> TokenStream {
    if has_many_values(ty) {
        return q!(#krate::Label::Open(#name));
    }
    // With `NoValues`, a type that can't be a label is no error here: there is one where its value
    // is used.
    q!(#krate::Label::Of(#name, { use #krate::NoValues as _; #krate::Values::<#ty>::ALL }))
}

fn bounds_name(index: usize) -> Ident {
    format_ident!("__NANOS_{index}", span = Span::mixed_site())
}
