//! What is accepted, a reader reads back equal; what a reader refuses is refused. And the rules are
//! those of constants that the compiler evaluates.

use crate::declare::checks;
use crate::declare::definition::Definition;
use crate::declare::descriptor::{Bounds, Descriptor, Label, bounds};
use crate::declare::registry::shared_family;
use crate::model::GaugeMode;
use crate::model::kind::Kind;
use crate::model::rules::{SHARED, ending_problem, name_problem, utf8_metric_problem};
use crate::reader::family::LogFamily;
use crate::reader::layout_cache::Layouts;
use crate::reader::log::Log;
use crate::segment::records::LogWriter;

const KINDS: [Kind; 8] = [
    Kind::Counter,
    Kind::FloatCounter,
    Kind::Gauge,
    Kind::Histogram,
    Kind::Summary,
    Kind::Info,
    Kind::StateSet,
    Kind::InProgress,
];

const NAMES: [&str; 27] = [
    "",
    "a",
    "a_total",
    "a_info",
    "a_state",
    "a_bucket",
    "a_created",
    "a:b_total",
    "9a_total",
    "a b_total",
    "a\nb_total",
    "a.b_total",
    "é_total",
    "a\u{0}_total",
    "a-b",
    " ",
    "a_ms",
    "a_ms_total",
    "headcount_a_total",
    "headcount.a_total",
    "headcountéa_total",
    "function.calls_total",
    "a\u{2003}b_total",
    "function_calls_total",
    "__name__",
    "pid",
    "le",
];

const LABELS: [&[&str]; 16] = [
    &[],
    &["a"],
    &["a", "b"],
    &["a", "a"],
    &[""],
    &["a b"],
    &["a:b"],
    &["le"],
    &["quantile"],
    &["pid"],
    &["__name__"],
    &["__a"],
    &["é"],
    &["a.b", "a_b"],
    &["a_state"],
    &["1a"],
];

const BOUNDS: [&[f64]; 10] = [
    &[],
    &[1.0],
    &[1.0, 2.0],
    &[2.0, 1.0],
    &[1.0, 1.0],
    &[-0.0, 0.0],
    &[0.0, -0.0],
    &[f64::INFINITY],
    &[f64::NAN],
    &[f64::NEG_INFINITY, 1.0],
];

/// The definition as it would be in a log if nobody had checked it.
fn record(definition: &Definition) -> Vec<u8> {
    fn text(text: &str) -> &'static str {
        Box::leak(text.to_owned().into_boxed_str())
    }
    let names: Vec<&'static str> = definition.labels.iter().map(|label| text(label)).collect();
    let labels: Vec<Label> = names.iter().copied().map(Label::Open).collect();
    let known = Descriptor::new(definition.kind, "a", "", "", 0);
    let has_bounds = definition.kind == Kind::Histogram;
    let own: Option<&'static [f64]> =
        definition.buckets.clone().map(|bounds| &*Box::leak(bounds.into_boxed_slice()));
    let d = Descriptor {
        name: text(&definition.name),
        help: text(&definition.help),
        unit: text(&definition.unit),
        labels: Box::leak(labels.into_boxed_slice()),
        mode: definition.mode,
        bounds: own.filter(|_| has_bounds).map_or(known.bounds, Bounds::Float),
        ..known
    };
    let state = (definition.kind == Kind::StateSet).then_some(d.name);
    let names: Vec<&str> = names.into_iter().chain(state).collect();
    let mut log = Vec::new();
    LogWriter::new(&mut log).family(0, &d, &names);
    log
}

/// What a reader makes of it: the family, or the rule that it breaks.
fn read(log: &[u8]) -> Result<LogFamily, &'static str> {
    let log = Log::parse(log).unwrap();
    let layout = Layouts::default().of(log.common, 1).unwrap();
    match layout.wrong.first() {
        Some(wrong) => Err(wrong.rule),
        None => Ok(layout.families[0].clone()),
    }
}

#[test]
#[cfg_attr(miri, ignore = "some ten thousand definitions, without any unsafe code")]
fn what_is_accepted_is_read_back_equal_and_what_a_reader_refuses_is_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for kind in KINDS {
        for (name, labels) in NAMES.iter().flat_map(|name| LABELS.map(|labels| (*name, labels))) {
            let bounds = if kind == Kind::Histogram { &BOUNDS[..] } else { &BOUNDS[..1] };
            for (bounds, flags) in bounds.iter().flat_map(|b| (0..4).map(move |flags| (*b, flags)))
            {
                let mut definition = Definition::new(kind, name.to_owned(), "Help.".to_owned());
                definition.labels = labels.iter().map(|label| (*label).to_owned()).collect();
                definition.buckets = (kind == Kind::Histogram).then(|| bounds.to_vec());
                definition.states = vec!["x".into(), "y".into()];
                definition.mode = GaugeMode::Max;
                (definition.is_utf8, definition.is_foreign) = (flags & 1 != 0, flags & 2 != 0);
                let read = read(&record(&definition));
                let Ok(()) = definition.check() else {
                    refused += 1;
                    continue;
                };
                accepted += 1;
                let family = read.unwrap_or_else(|rule| panic!("{definition:?}: {rule}"));
                assert_eq!(family.name, name);
                assert_eq!(family.help, "Help.");
                let has_mode = kind == Kind::Info || kind.metric().has_mode();
                assert_eq!(family.mode, has_mode.then_some(GaugeMode::Max));
                let state = (kind == Kind::StateSet).then_some(&name);
                assert!(family.labels.iter().eq(labels.iter().chain(state)), "{definition:?}");
                let bits: Vec<u64> = definition.bounds().iter().map(|b| b.to_bits()).collect();
                assert_eq!(family.bounds, bits);
            }
        }
    }
    assert!(accepted > 500 && refused > 5_000, "{accepted} and {refused}");
}

#[test]
fn constants_that_the_compiler_evaluates_have_the_same_rules() {
    let panics =
        |check: &(dyn Fn() + std::panic::RefUnwindSafe)| std::panic::catch_unwind(check).is_err();
    for kind in KINDS {
        for name in NAMES {
            let by_rules = name_problem(kind.class(), "", name, false);
            // Only the rules know units, since a constant has no unit at hand.
            if by_rules.as_ref().is_some_and(|problem| problem.contains("base units")) {
                continue;
            }
            let by_constant = panics(&move || {
                let _ = checks::name(kind, name);
            });
            assert_eq!(by_rules.is_some(), by_constant, "{kind:?} {name:?} {by_rules:?}");
            let by_rules = utf8_metric_problem(name)
                .or_else(|| ending_problem(kind.class(), name, true, str::to_owned));
            let by_constant = panics(&move || {
                let _ = checks::utf8_name(kind, name);
            });
            assert_eq!(by_rules.is_some(), by_constant, "{kind:?} {name:?} {by_rules:?}");
        }
    }
    for list in BOUNDS {
        let mut definition = Definition::new(Kind::Histogram, "a".to_owned(), "Help.".to_owned());
        definition.buckets = Some(list.to_vec());
        let by_constant = panics(&move || {
            let _ = bounds(list);
        });
        assert_eq!(definition.check().is_err(), by_constant, "{list:?}");
    }
    for kind in [Kind::Calls, Kind::Durations, Kind::InProgress, Kind::Exceptions] {
        let shared = shared_family(kind).name;
        assert!(SHARED.iter().any(|(name, _)| *name == shared), "{shared}");
    }
}

#[test]
fn another_librarys_labels_may_have_a_reserved_name_that_no_page_adds() {
    let is_accepted = |kind: Kind, mode, label: &str| {
        let mut definition = Definition::new(kind, "a".to_owned(), "Help.".to_owned());
        definition.labels = vec![label.to_owned()];
        (definition.mode, definition.is_foreign) = (mode, true);
        let is_accepted = definition.check().is_ok();
        assert_eq!(read(&record(&definition)).is_ok(), is_accepted, "{kind:?} {mode:?} {label}");
        is_accepted
    };
    for (kind, mode, label, expected) in [
        (Kind::Gauge, GaugeMode::All, "pid", false),
        (Kind::Gauge, GaugeMode::LiveAll, "pid", false),
        (Kind::Gauge, GaugeMode::Sum, "pid", true),
        (Kind::Gauge, GaugeMode::LiveMostRecent, "pid", true),
        (Kind::FloatCounter, GaugeMode::All, "pid", true),
        (Kind::Summary, GaugeMode::All, "quantile", false),
        (Kind::Summary, GaugeMode::All, "le", true),
        (Kind::Gauge, GaugeMode::All, "__a", false),
    ] {
        assert_eq!(is_accepted(kind, mode, label), expected, "{kind:?} {mode:?} {label}");
    }
}
