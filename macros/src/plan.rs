//! What an expansion is printed from, and how it is made of arguments that were checked. Nothing in here can be
//! wrong any more.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, ExprPath, Lit, LitStr};

use crate::args::{self, Args, Buckets, ungrouped};
use crate::buckets;
use crate::function::Function;
use crate::keys::Attribute;
use crate::shape::Shape;

/// A function and all that is to be recorded of it.
pub(crate) struct Plan {
    /// The path of `__private`.
    pub(crate) krate: TokenStream,
    pub(crate) function: Function,
    pub(crate) shape: Shape,
    pub(crate) sites: Vec<Site>,
    pub(crate) calls: Vec<Call>,
}

/// One entry of the function's `static`.
pub(crate) enum Site {
    /// All nameless attributes together: the bits of what they record.
    Function(u32),
    Metric(Descriptor),
}

/// Recorders that agree on what an error is, and so can share one guard.
pub(crate) struct Call {
    pub(crate) error_if: Option<Expr>,
    /// `error_if` as text, to compare.
    pub(crate) text: Option<String>,
    pub(crate) recorders: Vec<Recorder>,
}

pub(crate) struct Recorder {
    /// Index into [`Plan::sites`].
    pub(crate) site: usize,
    pub(crate) records: Records,
}

/// The recorders of `__private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    Function(u32),
    Calls,
    Outcomes,
    Durations,
    OutcomeDurations,
    InProgress,
    Exceptions,
}

impl Records {
    /// Whether it has to know how the call ended.
    pub(crate) fn needs_outcome(self) -> bool {
        match self {
            // The bits of outcomes, durations by outcome, and exceptions.
            Records::Function(what) => what & (2 | 8 | 32) != 0,
            Records::Outcomes | Records::OutcomeDurations | Records::Exceptions => true,
            Records::Calls | Records::Durations | Records::InProgress => false,
        }
    }

    /// Whether all is recorded when the call begins.
    pub(crate) fn only_counts(self) -> bool {
        matches!(self, Records::Calls | Records::Function(1))
    }
}

/// A family with a name of its own.
pub(crate) struct Descriptor {
    pub(crate) attribute: Attribute,
    pub(crate) name: LitStr,
    pub(crate) help: Help,
    pub(crate) unit: Option<LitStr>,
    pub(crate) labels: Vec<Label>,
    pub(crate) outcome: bool,
    pub(crate) bounds: Bounds,
}

pub(crate) enum Help {
    Given(LitStr),
    /// Made of the function's name and its module.
    Default {
        what: &'static str,
        function: String,
    },
}

pub(crate) struct Label {
    pub(crate) name: LitStr,
    pub(crate) value: LabelValue,
}

pub(crate) enum LabelValue {
    /// The same in every call.
    Literal(LitStr),
    /// Evaluated in each call.
    Open(Expr),
}

pub(crate) enum Bounds {
    Default,
    Literal(Vec<TokenStream>),
    Const(ExprPath),
}

/// One site for all nameless attributes, one for each named one; and one call for each meaning of
/// "error", since a call ends with one outcome.
pub(crate) fn sites_and_calls(attributes: &[Args], function: &Ident) -> (Vec<Site>, Vec<Call>) {
    let mut sites: Vec<Site> = Vec::new();
    let mut calls: Vec<Call> = Vec::new();
    for args in attributes {
        let error_if = args.closure("error_if").map(|(_, closure)| closure.clone());
        let text = error_if.as_ref().map(|closure| closure.to_token_stream().to_string());
        // What looks at no outcome ends with any call, so it joins the first.
        let found =
            calls.iter().position(|call| args.needs_outcome().is_none() || call.text == text);
        let index = found.unwrap_or_else(|| {
            calls.push(Call { error_if, text, recorders: Vec::new() });
            calls.len() - 1
        });
        let recorders = &mut calls[index].recorders;

        let outcome = args.flag("outcome").is_some();
        if let Some(name) = args.text("name") {
            recorders
                .push(Recorder { site: sites.len(), records: records(args.attribute, outcome) });
            sites.push(Site::Metric(descriptor(args, name, function)));
            continue;
        }
        let bits = bits(args.attribute, outcome);
        let shared = recorders.iter_mut().find_map(|recorder| match &mut recorder.records {
            Records::Function(what) => Some((recorder.site, what)),
            _ => None,
        });
        if let Some((site, what)) = shared {
            *what |= bits;
            sites[site] = Site::Function(*what);
        } else {
            recorders.push(Recorder { site: sites.len(), records: Records::Function(bits) });
            sites.push(Site::Function(bits));
        }
    }
    (sites, calls)
}

/// The bits of `__private::COUNTED` and its siblings.
fn bits(attribute: Attribute, outcome: bool) -> u32 {
    match (attribute, outcome) {
        (Attribute::Counted, false) => 1,
        (Attribute::Counted, true) => 2,
        (Attribute::Timed, false) => 4,
        (Attribute::Timed, true) => 8,
        (Attribute::InProgress, _) => 16,
        (Attribute::CountExceptions, _) => 32,
        (Attribute::Metric, _) => 0,
    }
}

fn records(attribute: Attribute, outcome: bool) -> Records {
    match (attribute, outcome) {
        (Attribute::Counted, true) => Records::Outcomes,
        (Attribute::Counted | Attribute::Metric, _) => Records::Calls,
        (Attribute::Timed, false) => Records::Durations,
        (Attribute::Timed, true) => Records::OutcomeDurations,
        (Attribute::InProgress, _) => Records::InProgress,
        (Attribute::CountExceptions, _) => Records::Exceptions,
    }
}

fn descriptor(args: &Args, name: &LitStr, function: &Ident) -> Descriptor {
    let what = match args.attribute {
        Attribute::Timed => "Duration of calls of",
        Attribute::InProgress => "Calls in progress of",
        Attribute::CountExceptions => "Errors and panics of",
        Attribute::Counted | Attribute::Metric => "Calls of",
    };
    let help = args.text("help").map_or_else(
        || Help::Default { what, function: function.unraw().to_string() },
        |help| Help::Given(help.clone()),
    );
    Descriptor {
        attribute: args.attribute,
        name: name.clone(),
        help,
        unit: args.text("unit").cloned(),
        labels: args.labels().iter().map(checked_label).collect(),
        outcome: args.flag("outcome").is_some(),
        bounds: match args.buckets() {
            None => Bounds::Default,
            Some(Buckets::Literal(list)) => Bounds::Literal(buckets::values(list)),
            Some(Buckets::Const(path)) => Bounds::Const(path.clone()),
        },
    }
}

fn checked_label(label: &args::Label) -> Label {
    let value = match literal(label) {
        Some(text) => LabelValue::Literal(text),
        None => LabelValue::Open(label.value.clone()),
    };
    Label { name: LitStr::new(&label.name.unraw().to_string(), label.name.span()), value }
}

/// The text of a label that is written out: it is the same in every call.
pub(crate) fn literal(label: &args::Label) -> Option<LitStr> {
    let Expr::Lit(literal) = ungrouped(label.value.clone()) else { return None };
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
