//! The attributes, and the kinds of families that they declare.

use crate::rules::{Class, SHARED};

/// The attributes that take keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Counted,
    Timed,
    InProgress,
    CountExceptions,
    Metric,
}

impl Attribute {
    pub(crate) const ALL: [Self; 5] =
        [Self::Counted, Self::Timed, Self::InProgress, Self::CountExceptions, Self::Metric];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Timed => "timed",
            Self::InProgress => "in_progress",
            Self::CountExceptions => "count_exceptions",
            Self::Metric => "metric",
        }
    }

    /// The attribute with this name.
    pub(crate) fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// The family that the attribute counts in when it has no `name`: one for all functions.
    pub(crate) fn shared_family(self) -> &'static str {
        let own = SHARED.iter().find(|(_, attribute)| *attribute == self.name());
        own.map_or("", |(family, _)| family)
    }
}

/// What a family holds. Which names it may have, and which keys, depends on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Calls,
    Durations,
    InProgress,
    Exceptions,
    Counter,
    Gauge,
    Histogram,
    Summary,
    Info,
    StateSet,
    /// The type of a metric has a name that is not known here, an alias for example. Names are then
    /// checked when the compiler evaluates the descriptor.
    Unknown,
}

/// What is true of a kind. The runtime has a table of its own; a test holds the two together.
struct Row {
    /// The handle's type as it is written in a declaration; empty if only attributes of functions
    /// declare the kind.
    handle: &'static str,
    /// The kind in a sentence.
    phrase: &'static str,
    /// Whether a declaration must have a mode.
    needs_mode: bool,
    /// Whether a declaration may have buckets.
    has_buckets: bool,
}

impl Kind {
    /// The kinds that have a handle, in the order of messages.
    const HANDLES: [Self; 6] =
        [Self::Counter, Self::Gauge, Self::Histogram, Self::Summary, Self::Info, Self::StateSet];

    fn row(self) -> Row {
        let row = |handle, phrase| Row { handle, phrase, needs_mode: false, has_buckets: false };
        match self {
            Self::Calls | Self::Exceptions => row("", "a counter"),
            Self::Durations => Row { has_buckets: true, ..row("", "a histogram") },
            Self::InProgress => row("", "a gauge"),
            Self::Counter => row("Counter", "a counter"),
            Self::Gauge => Row { needs_mode: true, ..row("Gauge", "a gauge") },
            Self::Histogram => Row { has_buckets: true, ..row("Histogram", "a histogram") },
            Self::Summary => row("Summary", "a summary"),
            Self::Info => row("Info", "an info"),
            Self::StateSet => Row { needs_mode: true, ..row("StateSet<..>", "a state set") },
            Self::Unknown => Row { has_buckets: true, ..row("", "a metric") },
        }
    }

    /// The kind of family that an attribute of a function declares.
    pub(crate) fn of(attribute: Attribute) -> Self {
        match attribute {
            Attribute::Counted => Kind::Calls,
            Attribute::Timed => Kind::Durations,
            Attribute::InProgress => Kind::InProgress,
            Attribute::CountExceptions => Kind::Exceptions,
            Attribute::Metric => Kind::Unknown,
        }
    }

    /// The kind whose handle has a type of this name.
    pub(crate) fn with_handle(name: &str) -> Option<Self> {
        Self::HANDLES.into_iter().find(|kind| kind.type_name() == name)
    }

    /// The kinds that have a handle.
    pub(crate) fn with_handles() -> impl Iterator<Item = Self> {
        Self::HANDLES.into_iter()
    }

    /// The handle's type as it is written in a declaration; empty if there is none.
    pub(crate) fn handle(self) -> &'static str {
        self.row().handle
    }

    /// The name of the handle's type.
    pub(crate) fn type_name(self) -> &'static str {
        self.handle().split('<').next().unwrap_or_default()
    }

    /// The kind in a sentence.
    pub(crate) fn phrase(self) -> &'static str {
        self.row().phrase
    }

    /// What the rules for names depend on.
    pub(crate) fn class(self) -> Class {
        match self {
            Kind::Calls | Kind::Exceptions | Kind::Counter => Class::Counter,
            Kind::Durations => Class::Durations,
            Kind::Info => Class::Info,
            Kind::StateSet => Class::StateSet,
            Kind::Gauge | Kind::InProgress | Kind::Histogram | Kind::Summary => Class::Value,
            Kind::Unknown => Class::Unknown,
        }
    }

    pub(crate) fn needs_mode(self) -> bool {
        self.row().needs_mode
    }

    /// Whether it counts single events. A type that is not known may be an alias of one that does,
    /// which the compiler finds out.
    pub(crate) fn may_have_exemplars(self) -> bool {
        self.has_buckets() || matches!(self, Self::Calls | Self::Exceptions | Self::Counter)
    }

    pub(crate) fn has_buckets(self) -> bool {
        self.row().has_buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::__private::kinds;
    use std::collections::BTreeSet;

    #[test]
    fn kinds_are_those_of_the_runtime() {
        let mut handles = BTreeSet::new();
        for (runtimes, handle, ending) in kinds() {
            // `#[timed(summary)]` has the rules of `#[timed]`.
            let name = format!("{runtimes:?}").replace("DurationSummary", "Durations");
            // `#[in_progress(oldest)]` is an attribute of calls in progress.
            let name = name.replace("OldestStart", "InProgress");
            let name = name.replace("NativeDurations", "Durations");
            let mut of_functions = Attribute::ALL.into_iter().map(Kind::of);
            let kind = match handle {
                "" => of_functions.find(|kind| format!("{kind:?}") == name),
                handle => Kind::with_handle(handle),
            };
            let is_counter = kind.map(|kind| kind.class().is_counter());
            assert_eq!(is_counter, Some(ending == "_total"), "{runtimes:?}");
            handles.insert(handle);
        }
        handles.remove("");
        assert_eq!(handles, Kind::with_handles().map(Kind::type_name).collect());
    }
}
