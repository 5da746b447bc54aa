//! How the values of several processes are combined into one gauge: the table of modes.

use core::fmt;

use super::table::table;

/// How the values of several processes are combined into one gauge, or into one state set.
/// [Three questions](crate::guide::gauge_modes) lead to the right one.
///
/// ```
/// use headcount::dynamic;
/// use headcount::{Gauge, GaugeMode, metric};
///
/// /// Jobs waiting.
/// #[metric(name = "mode_jobs_waiting", mode = "livesum")]
/// static WAITING: Gauge;
///
/// WAITING.set(3);
/// dynamic::gauge("mode_lag_seconds", "Lag.", GaugeMode::LiveMax).register()?.set(0.5);
///
/// let declared = headcount::declarations();
/// let mode = |name| declared.iter().find(|one| one.name == name).and_then(|one| one.mode);
/// assert_eq!(mode("mode_jobs_waiting"), Some(GaugeMode::LiveSum));
/// assert_eq!(mode("mode_lag_seconds"), Some(GaugeMode::LiveMax));
/// assert_eq!(GaugeMode::LiveMostRecent.to_string(), "livemostrecent");
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What a mode makes of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combination {
    /// A series of its own for each.
    Each,
    Least,
    Greatest,
    Sum,
    /// The value that was set last. So each cell is stored with the time at which it was set.
    Latest,
}

/// Which processes take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Everybody,
    TheLiving,
}

struct Row {
    /// The word in a declaration.
    word: &'static str,
    combination: Combination,
    of: Of,
}

const fn row(word: &'static str, combination: Combination, of: Of) -> Row {
    Row { word, combination, of }
}

table! {
    GaugeMode, u8, Row:
    All            = 1,  row("all",            Combination::Each,     Of::Everybody);
    LiveAll        = 2,  row("liveall",        Combination::Each,     Of::TheLiving);
    Min            = 3,  row("min",            Combination::Least,    Of::Everybody);
    LiveMin        = 4,  row("livemin",        Combination::Least,    Of::TheLiving);
    Max            = 5,  row("max",            Combination::Greatest, Of::Everybody);
    LiveMax        = 6,  row("livemax",        Combination::Greatest, Of::TheLiving);
    Sum            = 7,  row("sum",            Combination::Sum,      Of::Everybody);
    LiveSum        = 8,  row("livesum",        Combination::Sum,      Of::TheLiving);
    MostRecent     = 9,  row("mostrecent",     Combination::Latest,   Of::Everybody);
    LiveMostRecent = 10, row("livemostrecent", Combination::Latest,   Of::TheLiving);
}

/// The code of a family without a mode.
pub(crate) const NO_MODE: u8 = 0;

impl GaugeMode {
    /// The code of a family's mode, if it has one.
    pub(crate) fn code_of(mode: Option<Self>) -> u8 {
        mode.map_or(NO_MODE, Self::code)
    }

    /// The word in a declaration.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().word
    }

    pub(crate) const fn combination(self) -> Combination {
        self.row().combination
    }

    /// Whether only living processes take part.
    pub(crate) const fn is_live(self) -> bool {
        matches!(self.row().of, Of::TheLiving)
    }

    /// Whether each process has its own series.
    pub(crate) const fn is_all(self) -> bool {
        matches!(self.combination(), Combination::Each)
    }

    /// Whether the values of processes are added up.
    pub(crate) const fn is_sum(self) -> bool {
        matches!(self.combination(), Combination::Sum)
    }

    /// Whether the time at which a value was set matters.
    pub(crate) const fn is_recent(self) -> bool {
        matches!(self.combination(), Combination::Latest)
    }
}

/// Prints the word of a declaration: `livesum`, ..
impl fmt::Display for GaugeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_has_a_code_and_a_word_and_no_other_number_is_one() {
        let known: Vec<u8> =
            (0..=u8::MAX).filter(|code| GaugeMode::with_code(*code).is_some()).collect();
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        for mode in GaugeMode::ALL {
            assert_eq!(GaugeMode::with_code(mode.code()), Some(*mode));
            assert_eq!(mode.to_string(), format!("{mode:?}").to_lowercase());
            assert_eq!(mode.is_live(), mode.to_string().starts_with("live"));
        }
    }
}
