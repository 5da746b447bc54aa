//! The modes of gauges: how the values of several processes are combined.

use syn::LitStr;

use crate::kind::Kind;
use crate::parse::args::Args;
use crate::report::errors::Errors;
use crate::report::suggest::unknown_word;

/// Each mode: its name, the variant of `__private::GaugeMode`, and what it means. A test holds this
/// table to the runtime's.
const MODES: [(&str, &str, &str); 10] = [
    ("sum", "Sum", "the sum of all processes, including those that have ended"),
    ("livesum", "LiveSum", "the sum of the processes that are alive"),
    ("min", "Min", "the least value of all processes"),
    ("livemin", "LiveMin", "the least value of the processes that are alive"),
    ("max", "Max", "the greatest value of all processes"),
    ("livemax", "LiveMax", "the greatest value of the processes that are alive"),
    ("mostrecent", "MostRecent", "the value that was set last by any process"),
    ("livemostrecent", "LiveMostRecent", "the value that was set last by a process that is alive"),
    ("all", "All", "one series per process, with the label `pid`"),
    ("liveall", "LiveAll", "one series per process that is alive, with the label `pid`"),
];

/// The mode of a metric of this kind, if it has one.
pub(crate) fn mode(args: &Args, kind: Kind, errors: &mut Errors) -> Option<&'static str> {
    let Some(mode) = args.text("mode") else {
        if kind.needs_mode() && !args.mentions("mode") {
            errors.at(args.span, which_modes(kind.phrase()));
        }
        return None;
    };
    match kind {
        Kind::Unknown => {}
        kind if kind.needs_mode() => {}
        Kind::Info => {
            let variant = named(mode, errors)?;
            if !["Max", "LiveMax"].contains(&variant) {
                errors.on(
                    mode,
                    "an info is shown while its process is alive (`livemax`, the default), or also \
                     after it has ended (`max`)",
                );
            }
            return Some(variant);
        }
        _ => errors.on(
            mode,
            "`mode` belongs to gauges and state sets: counters and histograms are added up",
        ),
    }
    named(mode, errors)
}

/// The message for a missing mode: a list of all modes, one per line.
fn which_modes(what: &str) -> String {
    let modes = MODES.iter().map(|(name, _, meaning)| format!("\n{name:>15}  {meaning}"));
    let modes: String = modes.collect();
    format!(
        "{what} needs a mode, which combines the values of several processes: \
         `mode = \"..\"`{modes}"
    )
}

/// The mode with this name.
pub(crate) fn named(mode: &LitStr, errors: &mut Errors) -> Option<&'static str> {
    let variant = variant(mode);
    if variant.is_none() {
        let names: Vec<_> = MODES.iter().map(|(name, ..)| *name).collect();
        errors.on(mode, unknown_word("mode", &mode.value(), &names));
    }
    variant
}

/// The variant of `__private::GaugeMode` for the mode with this name.
pub(crate) fn variant(mode: &LitStr) -> Option<&'static str> {
    let text = mode.value();
    let (_, variant, _) = MODES.iter().find(|(name, ..)| *name == text)?;
    Some(variant)
}

/// Whether a mode depends on when values were set.
pub(crate) fn is_recent(mode: &LitStr) -> bool {
    ["mostrecent", "livemostrecent"].contains(&mode.value().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::__private::{Descriptor, Kind, MODES as RUNTIMES};
    use proc_macro2::Span;

    #[test]
    fn modes_are_those_of_the_runtime() {
        let mut own: Vec<_> = MODES.iter().map(|(name, variant, _)| (*name, *variant)).collect();
        let mut runtimes: Vec<_> =
            RUNTIMES.iter().map(|mode| (mode.to_string(), format!("{mode:?}"))).collect();
        own.sort_unstable();
        runtimes.sort_unstable();
        let runtimes: Vec<_> = runtimes.iter().map(|(name, debug)| (&**name, &**debug)).collect();
        assert_eq!(own, runtimes);
        for mode in RUNTIMES {
            // The runtime refuses modes that depend on time where calls are counted.
            let descriptor = Descriptor::new(Kind::InProgress, "calls", "", "", 0);
            let refused = std::panic::catch_unwind(|| descriptor.mode(*mode)).is_err();
            let name = LitStr::new(&mode.to_string(), Span::call_site());
            assert_eq!(is_recent(&name), refused, "{mode}");
        }
    }
}
