//! The attributes, and the kinds of families that they declare.

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
        match self {
            Self::Counted => "function_calls_total",
            Self::Timed => "function_calls_duration_seconds",
            Self::InProgress => "function_calls_concurrent",
            Self::CountExceptions => "function_exceptions_total",
            Self::Metric => "",
        }
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

impl Kind {
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

    pub(crate) fn is_counter(self) -> bool {
        matches!(self, Kind::Calls | Kind::Exceptions | Kind::Counter)
    }
}
