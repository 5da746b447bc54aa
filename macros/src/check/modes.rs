//! How the values of several processes become one.

use crate::kind::Kind;
use crate::parse::args::Args;
use crate::report::errors::Errors;
use crate::report::suggest::unknown_word;
use syn::LitStr;

/// Each mode: its name, the variant of `__private::Mode`, and what it means.
const MODES: [(&str, &str, &str); 10] = [
    ("sum", "Sum", "the sum of all processes, those that have ended as well"),
    ("livesum", "LiveSum", "the sum of the processes that are alive"),
    ("min", "Min", "the least value of all processes"),
    ("livemin", "LiveMin", "the least value of the living"),
    ("max", "Max", "the greatest value of all processes"),
    ("livemax", "LiveMax", "the greatest value of the living"),
    ("mostrecent", "MostRecent", "the value that was set last by any process"),
    ("livemostrecent", "LiveMostRecent", "the value that was set last by one of the living"),
    ("all", "All", "a series for each process, with the label `pid`"),
    ("liveall", "LiveAll", "a series for each process that is alive, with the label `pid`"),
];

/// The mode that was given, as far as a metric of this kind has one.
pub(crate) fn mode(args: &Args, kind: Kind, errors: &mut Errors) -> Option<&'static str> {
    let Some(mode) = args.text("mode") else {
        let what = match kind {
            Kind::Gauge => "a gauge",
            Kind::StateSet => "a state set",
            _ => return None,
        };
        if !args.mentions("mode") {
            errors.at(args.span, which_modes(what));
        }
        return None;
    };
    match kind {
        Kind::Gauge | Kind::StateSet | Kind::Unknown => {}
        Kind::Info => errors.on(
            mode,
            "`mode` belongs to gauges and state sets: what the living processes say is shown",
        ),
        _ => errors.on(
            mode,
            "`mode` belongs to gauges and state sets: counters and histograms are added up",
        ),
    }
    named(mode, errors)
}

/// Says which modes there are, one in each line.
fn which_modes(what: &str) -> String {
    let modes = MODES.iter().map(|(name, _, meaning)| format!("\n{name:>15}  {meaning}"));
    let modes: String = modes.collect();
    format!("{what} says what the values of several processes make: `mode = \"..\"`{modes}")
}

/// The mode of this name.
pub(crate) fn named(mode: &LitStr, errors: &mut Errors) -> Option<&'static str> {
    let variant = variant(mode);
    if variant.is_none() {
        let names: Vec<_> = MODES.iter().map(|(name, ..)| *name).collect();
        errors.on(mode, unknown_word("mode", &mode.value(), &names));
    }
    variant
}

/// The variant of `__private::Mode` of this name.
pub(crate) fn variant(mode: &LitStr) -> Option<&'static str> {
    let text = mode.value();
    let (_, variant, _) = MODES.iter().find(|(name, ..)| *name == text)?;
    Some(variant)
}

/// Whether a mode asks when a value was set.
pub(crate) fn is_recent(mode: &LitStr) -> bool {
    ["mostrecent", "livemostrecent"].contains(&mode.value().as_str())
}
