//! The kinds of metrics: of a site, which records one, and of a family, which is shown. Each has
//! one table of what is true of it.

use core::fmt;

use super::Value;
use super::cells::Encoding;
use super::mode::GaugeMode;
use super::rules::Class;
use super::table::table;

/// The kind of a site. It decides the metric's type, the type of its value and the number of its
/// cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A counter of calls (`#[counted]`).
    Calls,
    /// A histogram of durations in nanoseconds (`#[timed]`).
    Durations,
    /// A gauge of calls in progress (`#[in_progress]`).
    InProgress,
    /// When the oldest call in progress began (`#[in_progress(oldest)]`).
    OldestStart,
    /// A counter of calls that ended with an error or a panic (`#[count_exceptions]`).
    Exceptions,
    /// [`Counter`](crate::Counter).
    Counter,
    /// [`Gauge`](crate::Gauge).
    Gauge,
    /// [`Histogram`](crate::Histogram).
    Histogram,
    /// [`Summary`](crate::Summary).
    Summary,
    /// Sum and number of durations in nanoseconds (`#[timed(summary)]`).
    DurationSummary,
    /// [`Counter<f64>`](crate::Counter).
    FloatCounter,
    /// [`Info`](crate::Info).
    Info,
    /// [`StateSet`](crate::StateSet).
    StateSet,
    /// A [`Histogram`](crate::Histogram) with native buckets.
    NativeHistogram,
    /// A native histogram of durations in nanoseconds (`#[timed(native)]`).
    NativeDurations,
}

struct Row {
    encoding: Encoding,
    ending: Ending,
    /// What the rules for names depend on.
    class: Class,
    origin: Origin,
}

/// What declares a family of a kind.
enum Origin {
    /// `#[metric]`, with a handle of this type.
    Handle(&'static str),
    /// An attribute of functions; with the name and the help text of the family that all functions
    /// share if the attribute has no name.
    Function(&'static str, &'static str),
}

const fn handle(name: &'static str, encoding: Encoding, ending: Ending, class: Class) -> Row {
    Row { encoding, ending, class, origin: Origin::Handle(name) }
}

const fn function(
    encoding: Encoding,
    ending: Ending,
    class: Class,
    name: &'static str,
    help: &'static str,
) -> Row {
    Row { encoding, ending, class, origin: Origin::Function(name, help) }
}

table! {
    Kind, Row:
    Calls = function(
        Encoding::Counter, Ending::Total, Class::Counter,
        "function_calls_total", "Calls of annotated functions.",
    );
    Durations = function(
        Encoding::NanosHistogram, Ending::Seconds, Class::Durations,
        "function_calls_duration_seconds", "How long calls of annotated functions took.",
    );
    InProgress = function(
        Encoding::InProgress, Ending::Free, Class::Value,
        "function_calls_concurrent", "Calls of annotated functions in progress.",
    );
    OldestStart = function(
        Encoding::OldestStart, Ending::Seconds, Class::Value,
        "function_calls_concurrent_oldest_start_timestamp_seconds",
        "When the oldest call in progress of an annotated function began.",
    );
    Exceptions = function(
        Encoding::Counter, Ending::Total, Class::Counter,
        "function_exceptions_total",
        "Calls of annotated functions that ended with an error or a panic.",
    );
    Counter         = handle("Counter",   Encoding::Counter,      Ending::Total, Class::Counter);
    Gauge           = handle("Gauge",     Encoding::Gauge,        Ending::Free,  Class::Value);
    Histogram       = handle("Histogram", Encoding::Histogram,    Ending::Free,  Class::Value);
    Summary         = handle("Summary",   Encoding::Summary,      Ending::Free,  Class::Value);
    DurationSummary = function(Encoding::NanosSummary, Ending::Seconds, Class::Durations, "", "");
    FloatCounter    = handle("Counter",   Encoding::FloatCounter, Ending::Total, Class::Counter);
    Info            = handle("Info",      Encoding::Info,         Ending::Info,  Class::Info);
    StateSet        = handle("StateSet",  Encoding::StateSet,     Ending::Free,  Class::StateSet);
    NativeHistogram = handle("Histogram", Encoding::Native,       Ending::Free,  Class::Value);
    NativeDurations = function(Encoding::NanosNative, Ending::Seconds, Class::Durations, "", "");
}

impl Kind {
    pub(crate) const fn encoding(self) -> Encoding {
        self.row().encoding
    }

    /// Whether it is a native histogram.
    pub(crate) const fn is_native(self) -> bool {
        self.encoding().layout().is_native()
    }

    /// The type of the family.
    pub(crate) const fn metric(self) -> MetricType {
        self.encoding().metric()
    }

    pub(crate) const fn ending(self) -> Ending {
        self.row().ending
    }

    pub(crate) const fn class(self) -> Class {
        self.row().class
    }

    /// The mode until a declaration sets another one. It has no effect where there are no modes.
    pub(crate) const fn default_mode(self) -> GaugeMode {
        match self {
            Self::Info => GaugeMode::LiveMax,
            Self::OldestStart => GaugeMode::LiveMin,
            _ => GaugeMode::LiveSum,
        }
    }

    /// The mode that a log has for a declaration, if any. An info that ends with its process has
    /// none.
    pub(crate) const fn mode_in_log(self, mode: GaugeMode) -> Option<GaugeMode> {
        if self.encoding().allows(Some(mode)) { Some(mode) } else { None }
    }

    /// The rule that a declaration with this mode breaks, if it breaks one. A kind without modes
    /// has no rule.
    pub(crate) const fn broken_rule(self, mode: GaugeMode) -> Option<&'static str> {
        match (self, mode) {
            (Self::Info, GaugeMode::Max | GaugeMode::LiveMax) => None,
            (Self::Info, _) => Some("an `Info` has the mode `max` or `livemax`"),
            _ if self.metric().has_mode() && !self.encoding().allows(Some(mode)) => Some(
                "calls in progress are counted, not set, and of their beginnings only the first \
                 counts",
            ),
            _ => None,
        }
    }

    /// The name and the help text of the family that all annotated functions share; empty if there
    /// is none of this kind.
    pub(crate) const fn shared_family(self) -> (&'static str, &'static str) {
        match self.row().origin {
            Origin::Function(name, help) => (name, help),
            Origin::Handle(_) => ("", ""),
        }
    }

    /// The name of the handle's type; empty if only attributes of functions declare this kind.
    pub(crate) const fn handle(self) -> &'static str {
        match self.row().origin {
            Origin::Handle(name) => name,
            Origin::Function(..) => "",
        }
    }
}

/// The ending that the names of a kind must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Any that is not reserved for another kind.
    Free,
    Total,
    Info,
    Seconds,
}

impl Ending {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "",
            Self::Total => "_total",
            Self::Info => "_info",
            Self::Seconds => "_seconds",
        }
    }
}

/// The type of a family.
///
/// ```
/// use headcount::{Collector, MetricType, metric};
///
/// /// Facts.
/// #[metric(name = "type_shop_info", labels(version = "1"))]
/// static SHOP: headcount::Info;
///
/// let _ = SHOP;
/// let snapshot = Collector::new().collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "type_shop_info").unwrap();
/// assert_eq!(family.kind, MetricType::Info);
/// assert_eq!(MetricType::StateSet.to_string(), "stateset");
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MetricType {
    /// A value that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observed values, counted in buckets, with their sum.
    Histogram,
    /// The sum and the number of observed values.
    Summary,
    /// Facts about a program, in labels, with the value 1.
    Info,
    /// The current one of a few states: one series for each state, with the value 1 or 0. A family
    /// has this type only if each process is shown, or one; numbers of processes in each state are
    /// a gauge.
    StateSet,
}

struct TypeRow {
    /// The type's name in `OpenMetrics`.
    word: &'static str,
    /// The ending of a family's name.
    ending: Ending,
    /// Its name in the text format, which lacks some types.
    in_text: &'static str,
    /// The same in a sentence.
    phrase: &'static str,
    /// The endings of its samples in the text format.
    samples: &'static [&'static str],
    /// A label that an exposition adds to some samples.
    own_label: &'static str,
    has_mode: bool,
    has_unit: bool,
    /// Whether values only grow, from a time that is shown.
    is_total: bool,
}

table! {
    MetricType, TypeRow:
    Counter = TypeRow {
        word: "counter",
        ending: Ending::Total,
        in_text: "counter",
        phrase: "a counter",
        samples: &[""],
        own_label: "",
        has_mode: false,
        has_unit: true,
        is_total: true,
    };
    Gauge = TypeRow {
        word: "gauge",
        ending: Ending::Free,
        in_text: "gauge",
        phrase: "a gauge",
        samples: &[""],
        own_label: "",
        has_mode: true,
        has_unit: true,
        is_total: false,
    };
    Histogram = TypeRow {
        word: "histogram",
        ending: Ending::Free,
        in_text: "histogram",
        phrase: "a histogram",
        samples: &["_bucket", "_count", "_sum"],
        own_label: "le",
        has_mode: false,
        has_unit: true,
        is_total: true,
    };
    Summary = TypeRow {
        word: "summary",
        ending: Ending::Free,
        in_text: "summary",
        phrase: "a summary",
        samples: &["_count", "_sum"],
        own_label: "quantile",
        has_mode: false,
        has_unit: true,
        is_total: true,
    };
    Info = TypeRow {
        word: "info",
        ending: Ending::Info,
        in_text: "gauge",
        phrase: "an info",
        samples: &[""],
        own_label: "",
        has_mode: false,
        has_unit: false,
        is_total: false,
    };
    StateSet = TypeRow {
        word: "stateset",
        ending: Ending::Free,
        in_text: "gauge",
        phrase: "a state set",
        samples: &[""],
        own_label: "",
        has_mode: true,
        has_unit: false,
        is_total: false,
    };
}

impl MetricType {
    /// The type's name in `OpenMetrics`.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// The type's name in the text format. It has no type for infos and state sets.
    pub(crate) const fn in_text(self) -> &'static str {
        self.row().in_text
    }

    /// The type's name in a sentence.
    pub(crate) const fn phrase(self) -> &'static str {
        self.row().phrase
    }

    /// The endings of a family's samples in the text format.
    pub(crate) const fn samples(self) -> &'static [&'static str] {
        self.row().samples
    }

    /// The endings that a family's samples may have in `OpenMetrics`, behind its name without its
    /// own ending.
    pub(crate) fn suffixes_in_openmetrics(self) -> impl Iterator<Item = &'static str> {
        let ending = self.ending().as_str();
        let samples = if ending.is_empty() { self.samples() } else { &[] };
        let created = if self.is_total() { "_created" } else { "" };
        let suffixes = core::iter::once(ending).chain(samples.iter().copied()).chain([created]);
        suffixes.filter(|suffix| !suffix.is_empty())
    }

    /// The label that an exposition adds to some samples, and so no series may have; or an empty
    /// string.
    pub(crate) const fn own_label(self) -> &'static str {
        self.row().own_label
    }

    /// Whether a declaration says how the values of processes are combined.
    pub(crate) const fn has_mode(self) -> bool {
        self.row().has_mode
    }

    pub(crate) const fn has_unit(self) -> bool {
        self.row().has_unit
    }

    /// Whether values only grow, from a time that is shown.
    pub(crate) const fn is_total(self) -> bool {
        self.row().is_total
    }

    /// Whether a declaration has bounds of buckets.
    pub(crate) const fn has_bounds(self) -> bool {
        matches!(self, Self::Histogram)
    }

    /// The ending of a family's name.
    pub(crate) const fn ending(self) -> Ending {
        self.row().ending
    }

    /// Whether the values of such a family look like this one.
    pub(crate) const fn has(self, value: &Value) -> bool {
        match self {
            Self::Counter => matches!(value, Value::Counter(_)),
            Self::Gauge | Self::Info | Self::StateSet => matches!(value, Value::Gauge(_)),
            Self::Histogram => matches!(value, Value::Histogram(_)),
            Self::Summary => matches!(value, Value::Summary(_)),
        }
    }
}

/// Prints the type's name in `OpenMetrics`: `counter`, `gauge`, `histogram`, `summary`, `info`,
/// `stateset`.
impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
