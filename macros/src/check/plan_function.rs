//! Makes the plan of a function whose attributes have been checked.

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::check::native;
use crate::check::plan_family::descriptor;
use crate::kind::Attribute;
use crate::parse::args::Args;
use crate::parse::function::Function;
use crate::parse::shape::Shape;
use crate::plan::family::Descriptor;
use crate::plan::function::{Call, Late, Place, Plan, Recorder, Site};
use crate::plan::records::{Bits, Records};

impl Plan {
    /// The plan of a function and its checked attributes.
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

    fn add(&mut self, args: &Args) {
        let call = self.call_of(args);
        let when = args.expr("when").map(|when| {
            self.conditions.push(when.clone());
            self.conditions.len() - 1
        });
        // Only a future can be cancelled.
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
            if args.flag("oldest").is_some() {
                let oldest = Descriptor::of_oldest(args, &self.function);
                self.sites.push(Site::Metric(Box::new(oldest)));
            }
            let records = self.records(args, call);
            if let Records::Late(_) = records {
                let labels = args.error_labels().iter();
                let values = labels.map(|label| (label.name.text(), label.value.clone())).collect();
                let only = args.only().cloned();
                self.calls[call].late.push(Late { site, when, only, values });
            }
            let place = Place::Site(site);
            self.calls[call].recorders.push(Recorder { place, records, when, completed });
        } else {
            self.add_nameless(args, call, when, completed);
        }
    }

    /// One site for all attributes without a name that record the same calls.
    fn add_nameless(&mut self, args: &Args, call: usize, when: Option<usize>, completed: bool) {
        let bits = bits(args) | Bits::TIMED_COMPLETED.when(completed);
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
                *what = *what | bits;
                self.sites[site] = Site::Function(*what);
            }
            _ => {
                let place = Place::Site(self.sites.len());
                self.sites.push(Site::Function(bits));
                let recorder = Recorder { place, records, when, completed: false };
                self.calls[call].recorders.push(recorder);
            }
        }
        if args.flag("oldest").is_some() {
            let place = Place::Site(self.sites.len());
            self.sites.push(Site::Function(Bits::OLDEST));
            let recorder = Recorder { place, records: Records::Oldest, when, completed: false };
            self.calls[call].recorders.push(recorder);
        }
    }

    /// The call that an attribute belongs to. A call ends with one outcome, so there is one for
    /// each definition of an error. Attributes that don't look at the outcome join the first.
    fn call_of(&mut self, args: &Args) -> usize {
        let error_if = args.expr("error_if").cloned();
        let text = error_if.as_ref().map(|closure| closure.to_token_stream().to_string());
        let joins = |call: &Call| args.needs_outcome().is_none() || call.text == text;
        self.calls.iter().position(joins).unwrap_or_else(|| {
            self.calls.push(Call { error_if, text, ..Call::default() });
            self.calls.len() - 1
        })
    }

    /// What is recorded in a family that is not shared.
    fn records(&mut self, args: &Args, call: usize) -> Records {
        let summary = args.flag("summary").is_some();
        let native = native::schema(args);
        if let Some(schema) = native {
            return if args.by_outcome() {
                Records::OutcomeNativeDurations(schema)
            } else {
                Records::NativeDurations(schema)
            };
        }
        match (args.attribute, args.by_outcome()) {
            (Attribute::Counted, true) => Records::Outcomes,
            (Attribute::Counted | Attribute::Metric, _) => Records::Calls,
            (Attribute::Timed, false) if summary => Records::Summaries,
            (Attribute::Timed, true) if summary => Records::OutcomeSummaries,
            (Attribute::Timed, false) => Records::Durations,
            (Attribute::Timed, true) => Records::OutcomeDurations,
            (Attribute::InProgress, _) if args.flag("oldest").is_some() => {
                Records::InProgressAndOldest
            }
            (Attribute::InProgress, _) => Records::InProgress,
            (Attribute::CountExceptions, _) => {
                let which = which(args);
                if !args.error_labels().is_empty() {
                    return Records::Late(which.without(Bits::ERRORS));
                }
                let Some(only) = args.only() else { return Records::Exceptions(which) };
                let patterns = &mut self.calls[call].patterns;
                patterns.push(only.clone());
                Records::Matching {
                    pattern: patterns.len() - 1,
                    which: which.without(Bits::ERRORS),
                }
            }
        }
    }
}

/// The ends that `count_exceptions` counts. With `only`, panics count only if that is asked for.
fn which(args: &Args) -> Bits {
    let panics = args.truth("panics").unwrap_or(args.only().is_none());
    let cancelled = args.truth("cancelled").unwrap_or(false);
    Bits::ERRORS | Bits::PANICS.when(panics) | Bits::CANCELLED.when(cancelled)
}

/// What an attribute without a name records.
fn bits(args: &Args) -> Bits {
    let exemplars = match args.attribute {
        Attribute::Counted => Bits::COUNTED_EXEMPLARS,
        Attribute::Timed => Bits::TIMED_EXEMPLARS,
        Attribute::CountExceptions => Bits::EXCEPTION_EXEMPLARS,
        Attribute::InProgress | Attribute::Metric => Bits::NONE,
    };
    let records = match (args.attribute, args.by_outcome()) {
        (Attribute::Counted, false) => Bits::COUNTED,
        (Attribute::Counted, true) => Bits::COUNTED_OUTCOME,
        (Attribute::Timed, false) => Bits::TIMED,
        (Attribute::Timed, true) => Bits::TIMED_OUTCOME,
        (Attribute::InProgress, _) => Bits::IN_PROGRESS,
        (Attribute::CountExceptions, _) => which(args),
        (Attribute::Metric, _) => Bits::NONE,
    };
    records | exemplars.when(args.flag("exemplars").is_some())
}
