//! Makes the descriptor of a family from an attribute that has been checked.

use syn::ext::IdentExt;
use syn::{Expr, ExprPath, Ident, LitStr};

use crate::check::{buckets, durations, modes, native};
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::parse::known_types::has_many_values;
use crate::parse::types::{is_known_here, without_lifetimes};
use crate::parse::values::{self, LabelName, literal_text};
use crate::plan::family::{Descriptor, Help};
use crate::plan::label::{Label, LabelValue};
use crate::tokens::text_of;

/// The family of an attribute that has a `name` or, on a block, a `prefix`.
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
        // All functions of the block share the family, so its help text can't name one of them.
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
            .map(|label| Label { name: label.name.text(), value: LabelValue::OfError }),
    );
    Descriptor {
        attribute: args.attribute,
        name: args.full_name_of(name.unwrap_or_else(|| text_of(ident))),
        help,
        unit: args.text("unit").cloned(),
        labels,
        outcome: args.flag("outcome").is_some(),
        summary: args.flag("summary").is_some(),
        oldest: false,
        mode: args.text("mode").and_then(modes::variant),
        max_series: args.number("max_series").cloned(),
        idle_timeout: durations::idle_timeout(args),
        bounds: buckets::bounds(args.buckets()),
        native: native::schema(args),
        exemplars: args.flag("exemplars").is_some(),
    }
}

impl Descriptor {
    /// The family that says when the oldest call in progress began, beside that of the calls.
    pub(crate) fn of_oldest(args: &Args, function: &Function) -> Self {
        let mut of_calls = descriptor(args, function);
        let name = &of_calls.name.name;
        let text = of_calls.name.text().unwrap_or_else(|| name.value());
        let help = format!("When the oldest of the calls in `{text}` began.");
        let place = name.span();
        of_calls.name.name = LitStr::new(&format!("{}{OLDEST_START}", name.value()), place);
        of_calls.help = Help::Given(LitStr::new(&help, place));
        of_calls.unit = Some(LitStr::new("seconds", place));
        Self { oldest: true, mode: None, exemplars: false, ..of_calls }
    }
}

/// What the name of the family of the oldest call has behind that of the calls.
const OLDEST_START: &str = "_oldest_start_timestamp_seconds";

fn checked_label(label: &values::Label, function: &Function) -> Label {
    let name = label.name.text();
    let value = match (&label.value, &label.ty, &label.name) {
        (Some(value), Some(ty), _) => LabelValue::Of(without_lifetimes(ty), value.clone()),
        (None, _, LabelName::Word(word)) => match function.argument_type(word) {
            Some(ty) if is_known_here(ty, &function.sig.generics) && !has_many_values(ty) => {
                LabelValue::Argument(without_lifetimes(ty), word.clone())
            }
            _ => LabelValue::Open(path_of(word)),
        },
        (Some(value), None, _) => match literal_text(label) {
            Some(text) => LabelValue::Literal(text),
            None => LabelValue::Open(value.clone()),
        },
        // A text in quotes has a value, or it is no label.
        (None, _, LabelName::Quoted(text)) => LabelValue::Literal(text.clone()),
    };
    Label { name, value }
}

fn path_of(ident: &Ident) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: ident.clone().into() })
}
