//! What an expansion is printed from, and how it is made of arguments that were checked. Nothing in here can be
//! wrong any more.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, Ident, Lit, LitStr, Type};

use crate::parse::args::{Args, ungrouped};
use crate::parse::function::Function;
use crate::parse::keys::Attribute;
use crate::parse::shape::{self, Shape};
use crate::parse::values::{self, Only};
use crate::plan::family::{Descriptor, descriptor};

/// A function and all that is to be recorded of it.
pub(crate) struct Plan {
    /// The path of `__private`.
    pub(crate) krate: TokenStream,
    pub(crate) function: Function,
    pub(crate) shape: Shape,
    /// Whether the compiler is to be asked if the type hides a future.
    pub(crate) asks: bool,
    /// Whether it is said that the returned value is a future, and the call what counts: it is no
    /// error, and nobody has to look at it.
    pub(crate) is_call: bool,
    pub(crate) sites: Vec<Site>,
    /// Each `when`.
    pub(crate) conditions: Vec<Expr>,
    pub(crate) calls: Vec<Call>,
}

/// One entry of the function's `static`.
pub(crate) enum Site {
    /// Nameless attributes together: the bits of what they record.
    Function(u32),
    Metric(Box<Descriptor>),
}

/// Recorders that agree on what an error is, and so can share one guard.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) error_if: Option<Expr>,
    /// `error_if` as text, to compare.
    text: Option<String>,
    pub(crate) recorders: Vec<Recorder>,
    /// The patterns against which an error is held; a recorder knows its own by the index.
    pub(crate) patterns: Vec<Only>,
    /// What is counted in a series that only the error tells.
    pub(crate) late: Vec<Late>,
}

pub(crate) struct Recorder {
    pub(crate) place: Place,
    pub(crate) records: Records,
    /// Index into [`Plan::conditions`].
    pub(crate) when: Option<usize>,
    /// Leaves out calls that are cancelled.
    pub(crate) completed: bool,
}

/// Where a recorder's cells are.
pub(crate) enum Place {
    /// Index into [`Plan::sites`].
    Site(usize),
    /// A metric that is declared elsewhere.
    Metric(Expr),
}

/// An error's series: labels that were known at the beginning, and those that the error gives.
pub(crate) struct Late {
    pub(crate) site: usize,
    pub(crate) when: Option<usize>,
    pub(crate) only: Option<Only>,
    /// Each label's name, and what makes its value of the error; none for the error itself.
    pub(crate) values: Vec<(Ident, Option<Expr>)>,
}

/// The recorders of `__private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    Function(u32),
    Calls,
    Outcomes,
    Durations,
    OutcomeDurations,
    Summaries,
    OutcomeSummaries,
    InProgress,
    /// With the bits of the ends that count, here and below.
    Exceptions(u32),
    Matching {
        pattern: usize,
        which: u32,
    },
    Late(u32),
}

/// Bits of a nameless site, as `__private` has them.
const COUNTED: u32 = 1;
const COUNTED_OUTCOME: u32 = 2;
const TIMED: u32 = 4;
const TIMED_OUTCOME: u32 = 8;
const IN_PROGRESS: u32 = 16;
pub(crate) const ERRORS: u32 = 32;
pub(crate) const PANICS: u32 = 64;
pub(crate) const CANCELLED: u32 = 128;
const TIMED_COMPLETED: u32 = 256;

impl Recorder {
    /// Whether it has to know how the call ended.
    pub(crate) fn needs_outcome(&self) -> bool {
        self.completed
            || self.looks()
            || match self.records {
                Records::Function(what) => what & (PANICS | CANCELLED | TIMED_COMPLETED) != 0,
                Records::Late(_) => true,
                _ => false,
            }
    }

    /// Whether it has to know if the returned value is an error.
    pub(crate) fn looks(&self) -> bool {
        match self.records {
            Records::Function(what) => what & (COUNTED_OUTCOME | TIMED_OUTCOME | ERRORS) != 0,
            Records::Outcomes
            | Records::OutcomeDurations
            | Records::OutcomeSummaries
            | Records::Exceptions(_)
            | Records::Matching { .. } => true,
            Records::Calls
            | Records::Durations
            | Records::Summaries
            | Records::InProgress
            | Records::Late(_) => false,
        }
    }

    /// Whether it has to know how long the call took.
    pub(crate) fn takes_time(&self) -> bool {
        match self.records {
            Records::Function(what) => what & (TIMED | TIMED_OUTCOME) != 0,
            Records::Durations
            | Records::OutcomeDurations
            | Records::Summaries
            | Records::OutcomeSummaries => true,
            _ => false,
        }
    }

    /// Whether all is recorded when the call begins.
    pub(crate) fn only_counts(&self) -> bool {
        matches!(self.place, Place::Site(_))
            && matches!(self.records, Records::Calls | Records::Function(COUNTED))
    }
}

impl Plan {
    /// What is to be printed of a function and its checked attributes.
    pub(crate) fn new(
        krate: TokenStream,
        function: Function,
        shape: Shape,
        attributes: &[Args],
    ) -> Self {
        let sites = Vec::new();
        let asks = attributes.iter().all(|args| args.future() != Some(false));
        let is_call = attributes.iter().any(Args::is_call);
        let (conditions, calls) = (Vec::new(), Vec::new());
        let mut plan = Plan { krate, function, shape, asks, is_call, sites, conditions, calls };
        for args in attributes {
            plan.add(args);
        }
        plan
    }

    /// Whether the function's value is no error, whatever it is: nobody has to look at it.
    pub(crate) fn never_fails(&self) -> bool {
        self.is_call
            || !self.shape.returns_future()
                && shape::written_type(&self.function.sig).is_none_or(shape::never_an_error)
    }

    /// The user's expressions that are evaluated before the body or after it.
    pub(crate) fn expressions(&self) -> TokenStream {
        let mut all = TokenStream::new();
        for condition in &self.conditions {
            condition.to_tokens(&mut all);
        }
        for site in &self.sites {
            let Site::Metric(descriptor) = site else { continue };
            for value in descriptor.values() {
                match value {
                    LabelValue::Open(value) | LabelValue::Of(_, value) => value.to_tokens(&mut all),
                    LabelValue::Argument(_, name) => name.to_tokens(&mut all),
                    LabelValue::Literal(_) | LabelValue::OfError => {}
                }
            }
        }
        for call in &self.calls {
            call.error_if.to_tokens(&mut all);
            for recorder in &call.recorders {
                if let Place::Metric(metric) = &recorder.place {
                    metric.to_tokens(&mut all);
                }
            }
            for late in &call.late {
                late.values.iter().for_each(|(_, value)| value.to_tokens(&mut all));
            }
            let late = call.late.iter().filter_map(|late| late.only.as_ref());
            for only in call.patterns.iter().chain(late) {
                only.guard.to_tokens(&mut all);
            }
        }
        all
    }

    fn add(&mut self, args: &Args) {
        let call = self.call_of(args);
        let when = args.expr("when").map(|when| {
            self.conditions.push(when.clone());
            self.conditions.len() - 1
        });
        // What is no future can't be cancelled.
        let completed = args.attribute == Attribute::Timed
            && args.truth("cancelled") == Some(false)
            && self.shape.is_future();
        if let Some(metric) = args.expr("metric") {
            let place = Place::Metric(metric.clone());
            let records = self.records(args, call);
            self.calls[call].recorders.push(Recorder { place, records, when, completed });
        } else if args.text("name").is_some() || args.text("prefix").is_some() {
            let site = self.sites.len();
            let descriptor = descriptor(args, &self.function);
            self.sites.push(Site::Metric(Box::new(descriptor)));
            let records = self.records(args, call);
            if let Records::Late(_) = records {
                let labels = args.error_labels().iter();
                let values =
                    labels.map(|label| (label.name.clone(), label.value.clone())).collect();
                let only = args.only().cloned();
                self.calls[call].late.push(Late { site, when, only, values });
            }
            let place = Place::Site(site);
            self.calls[call].recorders.push(Recorder { place, records, when, completed });
        } else {
            self.add_nameless(args, call, when, completed);
        }
    }

    /// One site for all nameless attributes that record the same calls.
    fn add_nameless(&mut self, args: &Args, call: usize, when: Option<usize>, completed: bool) {
        let bits = bits(args) | if completed { TIMED_COMPLETED } else { 0 };
        let mut records = Records::Function(bits);
        if args.only().is_some() {
            records = self.records(args, call);
        }
        let shared = self.calls[call].recorders.iter_mut().find_map(|recorder| {
            match (&recorder.place, &mut recorder.records) {
                (Place::Site(site), Records::Function(what)) if recorder.when.is_none() => {
                    Some((*site, what))
                }
                _ => None,
            }
        });
        match (shared, records) {
            (Some((site, what)), Records::Function(_)) if when.is_none() => {
                *what |= bits;
                self.sites[site] = Site::Function(*what);
            }
            _ => {
                let place = Place::Site(self.sites.len());
                self.sites.push(Site::Function(bits));
                let recorder = Recorder { place, records, when, completed: false };
                self.calls[call].recorders.push(recorder);
            }
        }
    }

    /// One call for each meaning of "error", since a call ends with one outcome. What looks at no
    /// outcome ends with any call, so it joins the first.
    fn call_of(&mut self, args: &Args) -> usize {
        let error_if = args.expr("error_if").cloned();
        let text = error_if.as_ref().map(|closure| closure.to_token_stream().to_string());
        let joins = |call: &Call| args.needs_outcome().is_none() || call.text == text;
        self.calls.iter().position(joins).unwrap_or_else(|| {
            self.calls.push(Call { error_if, text, ..Call::default() });
            self.calls.len() - 1
        })
    }

    /// What a family of its own records.
    fn records(&mut self, args: &Args, call: usize) -> Records {
        let summary = args.flag("summary").is_some();
        match (args.attribute, args.by_outcome()) {
            (Attribute::Counted, true) => Records::Outcomes,
            (Attribute::Counted | Attribute::Metric, _) => Records::Calls,
            (Attribute::Timed, false) if summary => Records::Summaries,
            (Attribute::Timed, true) if summary => Records::OutcomeSummaries,
            (Attribute::Timed, false) => Records::Durations,
            (Attribute::Timed, true) => Records::OutcomeDurations,
            (Attribute::InProgress, _) => Records::InProgress,
            (Attribute::CountExceptions, _) => {
                let which = which(args);
                if !args.error_labels().is_empty() {
                    return Records::Late(which & !ERRORS);
                }
                let Some(only) = args.only() else { return Records::Exceptions(which) };
                let patterns = &mut self.calls[call].patterns;
                patterns.push(only.clone());
                Records::Matching { pattern: patterns.len() - 1, which: which & !ERRORS }
            }
        }
    }
}

/// The ends that `count_exceptions` counts. With `only` it counts only what was asked for.
fn which(args: &Args) -> u32 {
    let panics = args.truth("panics").unwrap_or(args.only().is_none());
    let cancelled = args.truth("cancelled").unwrap_or(false);
    ERRORS | if panics { PANICS } else { 0 } | if cancelled { CANCELLED } else { 0 }
}

/// The bits of `__private::COUNTED` and its siblings.
fn bits(args: &Args) -> u32 {
    match (args.attribute, args.by_outcome()) {
        (Attribute::Counted, false) => COUNTED,
        (Attribute::Counted, true) => COUNTED_OUTCOME,
        (Attribute::Timed, false) => TIMED,
        (Attribute::Timed, true) => TIMED_OUTCOME,
        (Attribute::InProgress, _) => IN_PROGRESS,
        (Attribute::CountExceptions, _) => which(args),
        (Attribute::Metric, _) => 0,
    }
}

/// One label of a family.
pub(crate) struct Label {
    pub(crate) name: LitStr,
    pub(crate) value: LabelValue,
}

pub(crate) enum LabelValue {
    /// The same in every call.
    Literal(LitStr),
    /// Evaluated in each call, of any type.
    Open(Expr),
    /// Evaluated in each call, of this type.
    Of(Type, Expr),
    /// An argument of this type.
    Argument(Type, Ident),
    /// Taken from the error.
    OfError,
}

/// The text of a label that is written out: it is the same in every call.
pub(crate) fn literal(label: &values::Label) -> Option<LitStr> {
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

/// An identifier as it is read, as a literal at its place.
pub(crate) fn text_of(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}
