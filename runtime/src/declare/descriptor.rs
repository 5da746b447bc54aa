//! The description of a metric at compile time. It is built and checked in `const`, so a mistake is
//! a compile error.
//!
//! It knows neither slots nor files.

use crate::model::cells::{BoundsUnit, Encoding, MAX_BOUNDS};
use crate::model::kind::Kind;
use crate::model::native_schema::GREATEST_SCHEMA;
use crate::model::outcome::OUTCOMES;
use crate::model::text::{ends_with, same};
use crate::model::{GaugeMode, MetricType};

/// One label of a metric.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Label {
    /// A label with one value, known at compile time.
    Const(&'static str, &'static str),
    /// A label whose values are known only at run time.
    Open(&'static str),
    /// A label with all values of its type, `LabelValue::VALUES`; the same as [`Open`](Self::Open)
    /// if the type has none.
    Of(&'static str, &'static [&'static str]),
}

impl Label {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Const(name, _) | Self::Open(name) | Self::Of(name, _) => name,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        match self {
            Self::Const(..) => false,
            Self::Open(_) => true,
            Self::Of(_, values) => values.is_empty(),
        }
    }

    #[track_caller]
    const fn check(&self) {
        let (name, values) = match self {
            Self::Const(name, value) => (name, core::slice::from_ref(value)),
            Self::Open(name) => (name, [].as_slice()),
            Self::Of(name, values) => (name, *values),
        };
        assert!(name.len() <= MAX_TEXT, "a label's name of more than 1,024 bytes");
        let mut i = 0;
        while i < values.len() {
            assert!(values[i].len() <= MAX_TEXT, "a label's value of more than 1,024 bytes");
            i += 1;
        }
    }

    /// The number of values that are known at compile time; 1 for an open label.
    const fn count(&self) -> u64 {
        match self {
            Self::Const(..) | Self::Open(_) => 1,
            Self::Of(_, values) => {
                if values.is_empty() {
                    1
                } else {
                    values.len() as u64
                }
            }
        }
    }
}

/// Bucket bounds, in the unit in which values are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bounds {
    None,
    Float(&'static [f64]),
    Nanos(&'static [u64]),
}

impl Bounds {
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Float(bounds) => bounds.len(),
            Self::Nanos(bounds) => bounds.len(),
        }
    }
}

/// Default bounds in seconds: those of Prometheus' own client libraries.
pub(crate) const DEFAULT_BOUNDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The same in nanoseconds.
pub const DEFAULT_NANOS: &[u64] = &nanos::<14>(DEFAULT_BOUNDS);

/// Removes idle rows: at once, or from now on in a thread.
pub(crate) type RemoveIdle = fn(in_a_thread: bool);

/// A metric as its author declared it.
#[derive(Debug, Clone, Copy)]
pub struct Descriptor {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) labels: &'static [Label],
    /// A last label whose values all exist for each row: `outcome`, or the states of a set.
    pub(crate) fan: Option<(&'static str, &'static [&'static str])>,
    pub(crate) mode: GaugeMode,
    pub(crate) bounds: Bounds,
    /// Of a native histogram: it has 2^schema buckets for each power of two.
    pub(crate) schema: u8,
    pub(crate) max_series: u32,
    /// After how many seconds an untouched row is removed; 0: never.
    pub(crate) idle_timeout: u32,
    /// What removes such rows. It stands here, since a program that declares none then doesn't
    /// contain what removing takes: reading the whole directory.
    pub(crate) remove_idle: Option<RemoveIdle>,
    /// Whether it keeps exemplars of its own accord.
    pub(crate) exemplars: bool,
    /// Whether a person wrote the help text.
    pub(crate) has_own_help: bool,
    /// Whether it was declared for another library, whose families may have series with different
    /// labels.
    pub(crate) is_foreign: bool,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl Descriptor {
    /// A metric without labels; a histogram has the default bounds until others are set.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty. Generated code calls this in a constant, where a panic is a
    /// compile error; the same holds for the methods below.
    #[track_caller]
    pub const fn new(
        kind: Kind,
        name: &'static str,
        help: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        let has_bounds = kind.metric().has_bounds();
        let bounds = match kind.encoding().layout().bounds() {
            BoundsUnit::None => Bounds::None,
            BoundsUnit::Nanos => Bounds::Nanos(if has_bounds { DEFAULT_NANOS } else { &[] }),
            BoundsUnit::OfTheFamily => Bounds::Float(if has_bounds { DEFAULT_BOUNDS } else { &[] }),
        };
        assert!(!name.is_empty(), "a metric needs a name");
        assert!(name.len() <= MAX_TEXT, "a name of more than 1,024 bytes");
        Self {
            kind,
            name,
            help,
            unit: "",
            labels: &[],
            fan: None,
            mode: kind.default_mode(),
            bounds,
            schema: 0,
            max_series: 1_000,
            idle_timeout: 0,
            remove_idle: None,
            exemplars: false,
            has_own_help: true,
            is_foreign: false,
            file,
            line,
        }
    }

    /// Sets the labels, in the order in which `Site::row` takes the values of the open ones.
    ///
    /// # Panics
    ///
    /// Panics if there are more than 60, or if a name or value is longer than 1,024 bytes: no
    /// reader would accept them.
    #[must_use]
    #[track_caller]
    pub const fn labels(mut self, labels: &'static [Label]) -> Self {
        assert!(labels.len() <= MOST_LABELS, "more than 60 labels");
        let mut i = 0;
        while i < labels.len() {
            labels[i].check();
            i += 1;
        }
        self.labels = labels;
        self
    }

    /// Sets the maximum number of series of a family with open labels in one process. Further
    /// series are counted in the one whose labels have the value `_other`.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    #[must_use]
    #[track_caller]
    pub const fn max_series(mut self, most: u32) -> Self {
        assert!(most > 0, "a family needs space for one series at least");
        self.max_series = most;
        self
    }

    /// Sets after how many seconds the process removes an untouched row, and the function
    /// that does it: `remove_idle`.
    #[must_use]
    pub const fn idle_timeout(mut self, seconds: u32, remove: RemoveIdle) -> Self {
        self.idle_timeout = seconds;
        self.remove_idle = Some(remove);
        self
    }

    /// Keeps exemplars of what is recorded while there is a source of traces.
    ///
    /// # Panics
    ///
    /// Panics if the metric is neither a counter nor a histogram.
    #[must_use]
    #[track_caller]
    pub const fn exemplars(mut self) -> Self {
        assert!(
            matches!(self.kind.metric(), MetricType::Counter | MetricType::Histogram),
            "`exemplars` belongs to a `Counter` or a `Histogram`"
        );
        self.exemplars = true;
        self
    }

    /// Adds the label `outcome`, with four series that all exist from the start.
    #[must_use]
    pub const fn outcome(mut self) -> Self {
        self.fan = Some(("outcome", &OUTCOMES));
        self
    }

    /// Sets the states of a [`StateSet`](crate::StateSet), as returned by `states_of`; does nothing
    /// for any other handle.
    ///
    /// # Panics
    ///
    /// Panics for a state set without states, or with a label that has the family's own name, which
    /// is the label of the states.
    #[must_use]
    #[track_caller]
    pub const fn states(mut self, states: &'static [&'static str]) -> Self {
        if matches!(self.kind, Kind::StateSet) {
            assert!(
                !states.is_empty(),
                "the states of a `StateSet` must be known: derive `LabelValue` on an enum without fields"
            );
            Label::Of(self.name, states).check();
            let mut i = 0;
            while i < self.labels.len() {
                assert!(
                    !same(self.labels[i].name(), self.name),
                    "the label that has a state set's name says the state"
                );
                i += 1;
            }
            self.fan = Some((self.name, states));
        }
        self
    }

    /// Marks the help text as generated from a function's name: it describes the function and not
    /// the family as a whole.
    #[must_use]
    pub const fn generated_help(mut self) -> Self {
        self.has_own_help = false;
        self
    }

    /// Sets the unit, as a word: `seconds`, `bytes`.
    ///
    /// # Panics
    ///
    /// Panics for an info or a state set, whose values have no unit.
    #[must_use]
    #[track_caller]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        assert!(self.kind.metric().has_unit(), "an `Info` and a `StateSet` have no unit");
        self.unit = unit;
        self
    }

    /// Sets how the values of processes are combined, for a gauge or a state set, or whether an
    /// info outlives its process.
    ///
    /// # Panics
    ///
    /// Panics for any other kind, and for a mode that the kind doesn't have.
    #[must_use]
    #[track_caller]
    pub const fn mode(mut self, mode: GaugeMode) -> Self {
        self.mode = mode;
        let has_one = self.has_mode() || matches!(self.kind, Kind::Info);
        assert!(has_one, "`mode` belongs to a `Gauge`, a `StateSet` or an `Info`");
        let broken = self.kind.broken_rule(mode);
        assert!(
            broken.is_none(),
            "{}",
            match broken {
                Some(rule) => rule,
                None => "",
            }
        );
        self
    }

    /// Sets the bounds of a histogram of plain values; pass them through [`bounds`].
    ///
    /// # Panics
    ///
    /// Panics if there are more than 1,000, or if the metric is of another kind.
    #[must_use]
    #[track_caller]
    pub const fn bounds(mut self, bounds: &'static [f64]) -> Self {
        assert!(
            matches!(self.kind.encoding(), Encoding::Histogram),
            "`buckets` belongs to a `Histogram`"
        );
        assert!(bounds.len() < MAX_BOUNDS, "more than 1,000 buckets");
        self.bounds = Bounds::Float(bounds);
        self
    }

    /// Makes it a native histogram, with `2^schema` buckets for each power of two.
    ///
    /// # Panics
    ///
    /// Panics if there is no such schema, or if the metric is no histogram.
    #[must_use]
    #[track_caller]
    pub const fn native(mut self, schema: u8) -> Self {
        assert!(schema <= GREATEST_SCHEMA, "the schema of a native histogram is 0 to 5");
        self.kind = match self.kind {
            Kind::Durations => Kind::NativeDurations,
            kind => {
                assert!(matches!(kind, Kind::Histogram), "`native` belongs to a `Histogram`");
                Kind::NativeHistogram
            }
        };
        self.bounds = Bounds::None;
        self.schema = schema;
        self
    }

    /// Keeps the default bounds, if it is a histogram of plain values.
    ///
    /// # Panics
    ///
    /// Panics if it is one whose name doesn't end in the unit of these bounds.
    #[must_use]
    #[track_caller]
    pub const fn default_bounds(self) -> Self {
        let name = self.name.as_bytes();
        let before = if name.len() > 7 { name[name.len() - 8] } else { 0xff };
        assert!(
            !matches!(self.kind.encoding(), Encoding::Histogram)
                || (ends_with(name, b"seconds")
                    && before.is_ascii()
                    && !before.is_ascii_alphanumeric()),
            "a histogram that is not in seconds needs `buckets`"
        );
        self
    }

    /// Sets the bounds of a histogram of durations; make them with [`nanos`].
    ///
    /// # Panics
    ///
    /// Panics if there are more than 1,000, or if the metric is of another kind.
    #[must_use]
    #[track_caller]
    pub const fn nanos(mut self, bounds: &'static [u64]) -> Self {
        assert!(
            matches!(self.kind.encoding(), Encoding::NanosHistogram),
            "buckets in seconds belong to durations"
        );
        assert!(bounds.len() < MAX_BOUNDS, "more than 1,000 buckets");
        self.bounds = Bounds::Nanos(bounds);
        self
    }

    pub(crate) const fn has_mode(&self) -> bool {
        self.kind.metric().has_mode()
    }

    /// The mode that a log has for it, if any.
    pub(crate) const fn mode_if_any(&self) -> Option<GaugeMode> {
        self.kind.mode_in_log(self.mode)
    }

    /// Whether its cells store the time at which the value was set.
    pub(crate) const fn is_stamped(&self) -> bool {
        self.kind.encoding().layout().is_stamped(self.mode_if_any())
    }

    /// The number of cells of one series.
    #[expect(clippy::cast_possible_truncation, reason = "fewer than MAX_BOUNDS")]
    pub(crate) const fn width(&self) -> u32 {
        self.kind.encoding().layout().width(
            self.mode_if_any(),
            self.bounds.len() as u32,
            self.schema,
        )
    }

    /// The number of series that share one set of label values: one, or one for each outcome or
    /// state.
    #[expect(clippy::cast_possible_truncation, reason = "checked by `product`")]
    pub(crate) const fn fan(&self) -> u32 {
        match self.fan {
            Some((_, values)) => values.len() as u32,
            None => 1,
        }
    }

    /// Whether a series appears when it is first looked up: the values of a label are known only at
    /// run time, or the metric is an info, which has no series before it is set.
    pub(crate) const fn is_open(&self) -> bool {
        let is_said = matches!(self.kind, Kind::Info);
        let mut i = 0;
        while i < self.labels.len() {
            if self.labels[i].is_open() || (is_said && !matches!(self.labels[i], Label::Const(..)))
            {
                return true;
            }
            i += 1;
        }
        false
    }

    /// The number of sets of label values, if all labels are closed.
    ///
    /// # Panics
    ///
    /// Panics if all their series together would need too many cells; in a constant, that is a
    /// compile error.
    #[expect(clippy::cast_possible_truncation, reason = "checked just before")]
    #[track_caller]
    pub(crate) const fn product(&self) -> u32 {
        let mut product = 1;
        let mut i = 0;
        while i < self.labels.len() {
            product *= self.labels[i].count();
            assert!(
                product * self.fan() as u64 * self.width() as u64 <= MAX_DENSE,
                "too many combinations of label values: leave one label open (write it as `name = expression`)"
            );
            i += 1;
        }
        product as u32
    }
}

/// The maximum length of a name or of a label's value, in bytes.
const MAX_TEXT: usize = crate::model::text::MAX_LABEL_VALUE_LEN;

/// The maximum number of cells of all series of a family with closed labels.
pub(super) const MAX_DENSE: u64 = 1 << 16;

/// The maximum number of labels. Readers accept a few more, for those that are added.
pub(super) const MOST_LABELS: usize = 60;

/// Checks bucket bounds: at least one, finite, ascending.
///
/// # Panics
///
/// Panics if they aren't. Generated code calls this in a constant, where that is a compile error.
#[track_caller]
pub const fn bounds(bounds: &'static [f64]) -> &'static [f64] {
    assert!(!bounds.is_empty(), "a histogram needs at least one bucket bound");
    let mut i = 0;
    while i < bounds.len() {
        assert!(bounds[i].is_finite(), "bucket bounds must be finite: +Inf is added by itself");
        if i > 0 {
            assert!(bounds[i - 1] < bounds[i], "bucket bounds must ascend");
        }
        i += 1;
    }
    bounds
}

/// Converts bounds in seconds to nanoseconds, and checks them.
///
/// # Panics
///
/// Panics if they aren't ascending, finite and above zero; in a constant, that is a compile error.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
#[track_caller]
pub const fn nanos<const N: usize>(seconds: &[f64]) -> [u64; N] {
    assert!(!seconds.is_empty(), "a histogram needs at least one bucket bound");
    assert!(seconds.len() == N, "as many bounds as were announced");
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        assert!(seconds[i].is_finite(), "bucket bounds must be finite: +Inf is added by itself");
        assert!(seconds[i] > 0.0, "bucket bounds of a duration must be above zero");
        assert!(seconds[i] < 1.0e9, "a bucket bound of over 30 years");
        out[i] = (seconds[i] * 1.0e9 + 0.5) as u64;
        if i > 0 {
            assert!(out[i - 1] < out[i], "bucket bounds must ascend (by a nanosecond at least)");
        }
        i += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_bounds_are_whole_nanoseconds() {
        assert_eq!(DEFAULT_NANOS[0], 5_000_000);
        assert_eq!(DEFAULT_NANOS[13], 10_000_000_000);
    }

    #[test]
    fn a_histogram_of_durations_has_cells_for_sum_carries_and_infinity() {
        let d = Descriptor::new(Kind::Durations, "a_seconds", "", "", 0).nanos(&[1, 2]);
        assert_eq!(d.width(), 5);
        let d = Descriptor::new(Kind::Histogram, "a", "", "", 0).bounds(&[1.0, 2.0]);
        assert_eq!(d.width(), 4);
    }
}
