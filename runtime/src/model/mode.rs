//! How the values of several processes are combined into one gauge.

/// How the values of several processes are combined into one gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GaugeMode {
    /// One series per process, with a label `pid`, living and dead.
    All,
    /// One series per living process, with a label `pid`.
    LiveAll,
    /// The least value, of living and dead.
    Min,
    /// The least value, of the living.
    LiveMin,
    /// The greatest value, of living and dead.
    Max,
    /// The greatest value, of the living.
    LiveMax,
    /// The sum, of living and dead.
    Sum,
    /// The sum, of the living.
    LiveSum,
    /// The value that was set last, by living or dead.
    MostRecent,
    /// The value that was set last, by the living.
    LiveMostRecent,
}

impl GaugeMode {
    /// The word in a declaration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::LiveAll => "liveall",
            Self::Min => "min",
            Self::LiveMin => "livemin",
            Self::Max => "max",
            Self::LiveMax => "livemax",
            Self::Sum => "sum",
            Self::LiveSum => "livesum",
            Self::MostRecent => "mostrecent",
            Self::LiveMostRecent => "livemostrecent",
        }
    }

    /// Whether only living processes take part.
    pub(crate) const fn is_live(self) -> bool {
        matches!(
            self,
            Self::LiveAll | Self::LiveMin | Self::LiveMax | Self::LiveSum | Self::LiveMostRecent
        )
    }

    /// Whether each process has its own series.
    pub(crate) const fn is_all(self) -> bool {
        matches!(self, Self::All | Self::LiveAll)
    }

    /// Whether the values of processes are added up.
    pub(crate) const fn is_sum(self) -> bool {
        matches!(self, Self::Sum | Self::LiveSum)
    }

    /// Whether the time at which a value was set matters.
    pub(crate) const fn is_recent(self) -> bool {
        matches!(self, Self::MostRecent | Self::LiveMostRecent)
    }
}
