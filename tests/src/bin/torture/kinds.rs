//! What is recorded, and what a snapshot says of it.

use headcount::{
    Counter, Gauge, Histogram, LabelValue, Number, Series, Snapshot, Summary, Value, metric,
};

/// Processes that count together, one after another: a leader with two threads, a child of it with
/// two as well, and as one more member all children while they are in a handler, or were forked in
/// one.
pub(super) const GANGS: usize = 6;
pub(super) const MEMBERS: usize = 5;
pub(super) const STRAYS: usize = 4;

/// Who counts, as a label of which all values are known.
#[derive(Clone, Copy, LabelValue)]
pub(super) enum Gang {
    A,
    B,
    C,
    D,
    E,
    F,
}

pub(super) const NAMES: [(Gang, &str); GANGS] = [
    (Gang::A, "a"),
    (Gang::B, "b"),
    (Gang::C, "c"),
    (Gang::D, "d"),
    (Gang::E, "e"),
    (Gang::F, "f"),
];

/// Work done.
#[metric(name = "work_total")]
pub(super) fn work(gang: Gang) -> Counter;

/// Energy used.
#[metric(name = "energy_joules_total", unit = "joules")]
pub(super) fn energy(gang: &str) -> Counter<f64>;

/// Sizes.
#[metric(name = "sizes", buckets = [1.0, 2.0])]
pub(super) fn sizes(gang: &str) -> Histogram;

/// Loads: whole powers of two, up to 1 and beyond.
#[metric(name = "loads", native(schema = 5))]
pub(super) fn loads(gang: &str) -> Histogram;

/// Waits.
#[metric(name = "waits")]
pub(super) fn waits(gang: &str) -> Summary;

/// Rows that come up one after another, in each process anew.
#[metric(name = "rows_total")]
pub(super) fn rows(gang: &str, id: u64) -> Counter;

/// Rows that come and go in each process, but for one that has died and had them all: so their
/// counts stay.
#[metric(name = "guests_total")]
pub(super) fn guests(gang: &str, id: usize) -> Counter;

/// How many guests each gang has.
pub(super) const GUESTS: usize = 2 * MEMBERS;

/// Rows of which each comes and goes once, all set to the same number.
#[metric(name = "strangers", mode = "livemax")]
pub(super) fn strangers(gang: &str, id: u64) -> Gauge;

/// What a stranger is set to while it is there.
pub(super) const STRANGER: u64 = 3;

/// Things that were put there, by whoever has lived.
#[metric(name = "stock", mode = "sum")]
pub(super) fn stock(gang: &str) -> Gauge;

/// The greatest ticket that anyone drew.
#[metric(name = "peak", mode = "max")]
pub(super) fn peak(gang: &str) -> Gauge;

/// The ticket that a leader drew last.
#[metric(name = "latest", mode = "mostrecent")]
pub(super) fn latest(gang: &str) -> Gauge;

/// Processes that live.
#[metric(name = "present", mode = "livesum")]
pub(super) fn present(gang: Gang) -> Gauge;

/// What each member records, and what of it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Work,
    Energy,
    Sizes,
    SmallSizes,
    SumOfSizes,
    Loads,
    LargeLoads,
    Waits,
    SumOfWaits,
    Rows,
    Guests,
    Stock,
    Peak,
    Latest,
}

pub(super) const KINDS: [Kind; 14] = [
    Kind::Work,
    Kind::Energy,
    Kind::Sizes,
    Kind::SmallSizes,
    Kind::SumOfSizes,
    Kind::Loads,
    Kind::LargeLoads,
    Kind::Waits,
    Kind::SumOfWaits,
    Kind::Rows,
    Kind::Guests,
    Kind::Stock,
    Kind::Peak,
    Kind::Latest,
];

/// Observed sizes: one that the first bucket holds, and one that only the last does.
pub(super) const SMALL: u64 = 1;
pub(super) const LARGE: u64 = 4;

impl Kind {
    /// A number that is set, each time to a greater one: of several the greatest counts, not their
    /// sum.
    pub(super) fn is_height(self) -> bool {
        matches!(self, Self::Peak | Self::Latest)
    }

    /// What all members come to.
    pub(super) fn total(self, of: impl Iterator<Item = u64>) -> u64 {
        if self.is_height() { of.max().unwrap_or(0) } else { of.sum() }
    }

    /// How much a member makes in one go.
    pub(super) fn at_once(self) -> u64 {
        if self == Self::SumOfSizes { LARGE } else { 1 }
    }
}

/// A number of each gang, by kind.
pub(super) type Counted = [[u64; KINDS.len()]; GANGS];

/// What a snapshot says.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) counted: Counted,
    pub(super) present: [u64; GANGS],
    /// The greatest number that any of them is set to.
    pub(super) strangers: u64,
}

impl Seen {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut seen = Self::default();
        for family in snapshot.families() {
            for series in &family.series {
                let gang = series.labels.get("gang");
                let gang = gang.and_then(|gang| NAMES.iter().position(|(_, name)| *name == gang));
                if let Some(gang) = gang {
                    seen.take(gang, &family.name, series);
                }
            }
        }
        seen
    }

    fn take(&mut self, gang: usize, family: &str, series: &Series) {
        let mut add = |kind: Kind, n: u64| self.counted[gang][kind as usize] += n;
        match (family, &series.value) {
            ("work_total", Value::Counter(Number::Integer(n))) => add(Kind::Work, *n),
            // Each is a half.
            ("energy_joules_total", Value::Counter(n)) => {
                add(Kind::Energy, whole(n.as_f64() * 2.0));
            }
            ("sizes", Value::Histogram(histogram)) => {
                add(Kind::Sizes, histogram.count());
                add(Kind::SmallSizes, histogram.buckets.first().map_or(0, |bucket| bucket.count));
                add(Kind::SumOfSizes, whole(histogram.sum));
            }
            ("loads", Value::Histogram(histogram)) => {
                add(Kind::Loads, histogram.count());
                let buckets = histogram.native.iter().flat_map(|native| &native.positive);
                let large = buckets.filter(|(index, _)| *index > 0).map(|(_, n)| n);
                add(Kind::LargeLoads, large.sum());
            }
            ("waits", Value::Summary(summary)) => {
                add(Kind::Waits, summary.count);
                add(Kind::SumOfWaits, whole(summary.sum * 2.0));
            }
            ("rows_total", Value::Counter(Number::Integer(n))) => add(Kind::Rows, *n),
            ("guests_total", Value::Counter(Number::Integer(n))) => add(Kind::Guests, *n),
            ("strangers", Value::Gauge(n)) => self.strangers = self.strangers.max(whole(*n)),
            ("stock", Value::Gauge(n)) => add(Kind::Stock, whole(*n)),
            ("peak", Value::Gauge(n)) => add(Kind::Peak, whole(*n)),
            ("latest", Value::Gauge(n)) => add(Kind::Latest, whole(*n)),
            ("present", Value::Gauge(n)) => self.present[gang] = whole(*n),
            _ => {}
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^53")]
fn whole(value: f64) -> u64 {
    value as u64
}
