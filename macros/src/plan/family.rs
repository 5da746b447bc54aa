//! The families that attributes declare, as far as they are known at compile time.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::{Expr, ExprPath, Ident, LitInt, LitStr, Type};

use crate::check::args::{self as rules, nowhere};
use crate::check::buckets;
use crate::check::durations;
use crate::check::modes;
use crate::expand::function::q;
use crate::expand::sites::operand;
use crate::parse::args::Args;
use crate::parse::full_name::FullName;
use crate::parse::function::Function;
use crate::parse::keys::Attribute;
use crate::parse::shape;
use crate::parse::values::{self, Buckets};
use crate::plan::function::{Label, LabelValue, literal, text_of};

/// A family with a name of its own.
pub(crate) struct Descriptor {
    attribute: Attribute,
    name: FullName,
    help: Help,
    unit: Option<LitStr>,
    pub(crate) labels: Vec<Label>,
    outcome: bool,
    summary: bool,
    mode: Option<Ident>,
    max_series: Option<LitInt>,
    idle_timeout: Option<u32>,
    bounds: Bounds,
}

enum Help {
    Given(LitStr),
    /// Made of the function's name and its module.
    Function(&'static str, String),
}

pub(crate) enum Bounds {
    Default,
    Literal(Vec<TokenStream>),
    Const(Expr),
}

/// The family of one attribute that has a `name` or, from a block, a `prefix`.
pub(crate) fn descriptor(args: &Args, function: &Function) -> Descriptor {
    let what = match args.attribute {
        Attribute::Timed => "Duration of calls of",
        Attribute::InProgress => "Calls in progress of",
        Attribute::CountExceptions => "Errors and panics of",
        Attribute::Counted | Attribute::Metric => "Calls of",
    };
    let ident = &function.sig.ident;
    let mut labels = Vec::new();
    let mut help = Help::Function(what, ident.unraw().to_string());
    let mut name = args.text("name").cloned();
    if let Some(prefix) = args.text("prefix") {
        let place = prefix.span();
        let suffix = args.attribute.shared_family().trim_start_matches("function");
        name = Some(LitStr::new(&format!("{}{suffix}", prefix.value()), place));
        // One family for all functions of the block: nothing of it may depend on one.
        let of_all = format!("{what} functions of `{}`.", prefix.value());
        help = Help::Given(LitStr::new(&of_all, place));
        let path = match args.block.as_deref() {
            None | Some("") => ident.unraw().to_string(),
            Some(ty) => format!("{ty}::{}", ident.unraw()),
        };
        let value = LabelValue::Literal(LitStr::new(&path, ident.span()));
        labels.push(Label { name: LitStr::new("function", place), value });
    }
    if let Some(given) = args.text("help") {
        help = Help::Given(given.clone());
    }
    labels.extend(args.labels().iter().map(|label| checked_label(label, function)));
    labels.extend(
        args.error_labels()
            .iter()
            .map(|label| Label { name: text_of(&label.name), value: LabelValue::OfError }),
    );
    Descriptor {
        attribute: args.attribute,
        name: FullName::of(args, name.unwrap_or_else(|| text_of(ident))),
        help,
        unit: args.text("unit").cloned(),
        labels,
        outcome: args.flag("outcome").is_some(),
        summary: args.flag("summary").is_some(),
        mode: args.text("mode").and_then(modes::variant),
        max_series: args.number("max_series").cloned(),
        idle_timeout: durations::idle_timeout(args),
        bounds: match args.buckets() {
            None => Bounds::Default,
            Some(Buckets::Literal(list)) => Bounds::Literal(buckets::values(list)),
            Some(Buckets::Const(expr)) => Bounds::Const(expr.clone()),
        },
    }
}

fn checked_label(label: &values::Label, function: &Function) -> Label {
    let name = text_of(&label.name);
    let value = match (&label.value, &label.ty) {
        (Some(value), Some(ty)) => LabelValue::Of(shape::without_lifetimes(ty), value.clone()),
        (Some(value), None) => match literal(label) {
            Some(text) => LabelValue::Literal(text),
            None => LabelValue::Open(value.clone()),
        },
        (None, _) => match function.argument_type(&label.name) {
            Some(ty)
                if shape::is_known_here(ty, &function.sig.generics)
                    && !shape::has_many_values(ty) =>
            {
                LabelValue::Argument(shape::without_lifetimes(ty), label.name.clone())
            }
            _ => LabelValue::Open(path_of(&label.name)),
        },
    };
    Label { name, value }
}

fn path_of(ident: &Ident) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: ident.clone().into() })
}

impl Descriptor {
    /// The constant that declares it.
    pub(crate) fn print(&self, krate: &TokenStream, index: usize) -> TokenStream {
        let kind = match self.attribute {
            Attribute::Timed if self.summary => q!(DurationSummary),
            Attribute::Timed => q!(Durations),
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
        let name = self.name.print(krate, rules::kind(self.attribute), &kind);
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
            tokens.extend(q!(.idle_timeout(#seconds)));
        }
        if self.outcome {
            tokens.extend(q!(.outcome()));
        }
        if let Some(unit) = &self.unit {
            tokens.extend(q!(.unit(#unit)));
        }
        if let Some(mode) = &self.mode {
            tokens.extend(q!(.mode(#krate::Mode::#mode)));
        }
        if self.has_bounds() {
            let bounds = self.bounds_value(krate, index);
            tokens.extend(q!(.nanos(#bounds)));
        }
        tokens
    }

    fn has_bounds(&self) -> bool {
        self.attribute == Attribute::Timed && !self.summary
    }

    /// Whether its bounds are an item of their own.
    pub(crate) fn has_own_bounds(&self) -> bool {
        self.has_bounds() && !matches!(self.bounds, Bounds::Default)
    }

    /// The item that holds the bounds, where they aren't the default.
    pub(crate) fn bounds_item(&self, krate: &TokenStream, index: usize) -> TokenStream {
        let name = bounds_name(index);
        match &self.bounds {
            Bounds::Default => TokenStream::new(),
            Bounds::Literal(values) => {
                let count = Literal::usize_unsuffixed(values.len());
                q!(static #name: [#krate::u64; #count] = #krate::nanos(&[#(#values),*]);)
            }
            Bounds::Const(expr) => {
                let list = operand(expr);
                q!(static #name: [#krate::u64; #list.len()] = #krate::nanos(&#list);)
            }
        }
    }

    /// A reference to the bounds, among the items.
    pub(crate) fn bounds_value(&self, krate: &TokenStream, index: usize) -> TokenStream {
        if !self.has_own_bounds() {
            return q!(#krate::DEFAULT_NANOS);
        }
        let name = bounds_name(index);
        q!(&#name)
    }

    /// The labels whose values are taken when a call begins.
    pub(crate) fn values(&self) -> impl Iterator<Item = &LabelValue> {
        self.labels.iter().map(|label| &label.value).filter(|value| {
            matches!(value, LabelValue::Open(_) | LabelValue::Of(..) | LabelValue::Argument(..))
        })
    }
}

/// A label of a family, with all its values where its type knows them.
pub(crate) fn declare(krate: &TokenStream, label: &Label) -> TokenStream {
    let name = &label.name;
    match &label.value {
        LabelValue::Literal(value) => q!(#krate::Label::Const(#name, #value)),
        LabelValue::Open(_) | LabelValue::OfError => q!(#krate::Label::Open(#name)),
        LabelValue::Of(ty, _) | LabelValue::Argument(ty, _) => label_of(krate, name, ty),
    }
}

/// A label of a type: closed, if the type knows all its values.
pub(crate) fn label_of(krate: &TokenStream, name: &LitStr, ty: &Type) -> TokenStream {
    if shape::has_many_values(ty) {
        return q!(#krate::Label::Open(#name));
    }
    // Asked so that a type that is no label is one error, where its value is taken.
    q!(#krate::Label::Of(#name, { use #krate::NoValues as _; #krate::Values::<#ty>::ALL }))
}

pub(crate) fn bounds_name(index: usize) -> Ident {
    format_ident!("__NANOS_{index}", span = nowhere())
}
