//! What a segment's log says of families. Every byte is hostile: nothing is computed from a number before it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::descriptor::{MAX_BOUNDS, Mode};
use crate::error::Error;
use crate::segment::format::Fields;
use crate::segment::log::{
    METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO, METRIC_STATESET, METRIC_SUMMARY,
    VALUE_F64, VALUE_NANOS, VALUE_U64, VALUE_WRAPPING, mode_of,
};

use super::snapshot::FamilyKind;

/// How the cells of a family's series are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cells {
    Unsigned,
    Float,
    Nanos,
    Wrapping,
}

impl Cells {
    /// A bound in the family's unit.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub(super) fn bound(self, bits: u64) -> f64 {
        match self {
            Self::Nanos => bits as f64 / 1e9,
            _ => f64::from_bits(bits),
        }
    }
}

/// A family as one segment's log has it.
#[derive(Debug, Clone)]
pub(super) struct LogFamily {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) help: String,
    pub(super) place: String,
    pub(super) kind: FamilyKind,
    pub(super) cells: Cells,
    pub(super) mode: Option<Mode>,
    /// Bits of `f64`, or nanoseconds, as `cells` says.
    pub(super) bounds: Vec<u64>,
    pub(super) labels: Vec<String>,
    pub(super) width: u32,
}

/// So many labels, and bytes in a name, are more than anyone has use for.
pub(super) const MAX_LABELS: u16 = 64;
pub(super) const MAX_NAME: usize = 1024;

pub(super) fn family(f: &mut Fields<'_>, expected: usize) -> Result<LogFamily, Error> {
    if f.u32()? as usize != expected {
        return Err(Error::corrupt("a family's number"));
    }
    let (metric, value, mode) = (f.u8()?, f.u8()?, f.u8()?);
    f.u8()?;
    let (labels, bounds) = (f.u16()?, f.u16()?);
    if labels > MAX_LABELS || usize::from(bounds) >= MAX_BOUNDS {
        return Err(Error::corrupt("more labels or bounds than a family may have"));
    }
    let line = f.u32()?;
    let (kind, cells) = match (metric, value) {
        (METRIC_COUNTER, VALUE_U64) => (FamilyKind::Counter, Cells::Unsigned),
        (METRIC_COUNTER, VALUE_F64) => (FamilyKind::Counter, Cells::Float),
        (METRIC_GAUGE, VALUE_F64) => (FamilyKind::Gauge, Cells::Float),
        (METRIC_GAUGE, VALUE_WRAPPING) => (FamilyKind::Gauge, Cells::Wrapping),
        (METRIC_HISTOGRAM, VALUE_F64) => (FamilyKind::Histogram, Cells::Float),
        (METRIC_HISTOGRAM, VALUE_NANOS) => (FamilyKind::Histogram, Cells::Nanos),
        (METRIC_SUMMARY, VALUE_F64) => (FamilyKind::Summary, Cells::Float),
        (METRIC_SUMMARY, VALUE_NANOS) => (FamilyKind::Summary, Cells::Nanos),
        (METRIC_INFO, VALUE_U64) => (FamilyKind::Info, Cells::Unsigned),
        (METRIC_STATESET, VALUE_U64) => (FamilyKind::StateSet, Cells::Unsigned),
        _ => return Err(Error::corrupt("a family's type")),
    };
    let mode = match kind {
        FamilyKind::Gauge | FamilyKind::StateSet => {
            Some(mode_of(mode).ok_or_else(|| Error::corrupt("a gauge's mode"))?)
        }
        _ => None,
    };
    let is_recent = mode.is_some_and(Mode::is_recent);
    if is_recent && cells == Cells::Wrapping {
        return Err(Error::corrupt("a gauge's mode"));
    }
    let width = u32::from(bounds).saturating_add(match (kind, cells) {
        (FamilyKind::Histogram | FamilyKind::Summary, Cells::Nanos) => 3,
        (FamilyKind::Histogram | FamilyKind::Summary, _) => 2,
        (FamilyKind::Gauge, _) if is_recent => 2,
        _ => 1,
    });
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let file = f.string()?;
    let place = if file.is_empty() { String::new() } else { format!("{file}:{line}") };
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    LogFamily { name, unit, help, place, kind, cells, mode, bounds, labels, width }.checked()
}

impl LogFamily {
    /// Whether its bounds are written as the other's are. Mostly asked of declarations that are alike.
    pub(super) fn has_bounds_of(&self, other: &Self) -> bool {
        self.cells == other.cells && self.bounds == other.bounds
    }

    /// What can't stand in an exposition would spoil all of it.
    pub(super) fn checked(self) -> Result<Self, Error> {
        if (self.kind == FamilyKind::Histogram) == self.bounds.is_empty() {
            return Err(Error::corrupt("bounds of what has none, or none of what has some"));
        }
        // As they will be shown: two that differ in nanoseconds only, far out, are one label.
        let shown: Vec<f64> = self.bounds.iter().map(|bound| self.cells.bound(*bound)).collect();
        if !shown.iter().zip(shown.iter().skip(1)).all(|(a, b)| a < b)
            || !shown.iter().all(|bound| bound.is_finite())
        {
            return Err(Error::corrupt("bounds that don't ascend"));
        }
        let fits = |name: &String| name.len() <= MAX_NAME;
        if !fits(&self.name) || !self.labels.iter().all(fits) {
            return Err(Error::corrupt("a name of more than 1,024 bytes"));
        }
        if !is_name(&self.name, true) || !self.labels.iter().all(|label| is_name(label, false)) {
            return Err(Error::corrupt("a name with characters that names don't have"));
        }
        let reserved = match self.kind {
            FamilyKind::Histogram => "le",
            FamilyKind::Gauge | FamilyKind::StateSet => "pid",
            FamilyKind::Summary => "quantile",
            FamilyKind::Counter | FamilyKind::Info => "",
        };
        let distinct: std::collections::BTreeSet<&String> = self.labels.iter().collect();
        if distinct.len() != self.labels.len() || self.labels.iter().any(|label| label == reserved)
        {
            return Err(Error::corrupt("a label twice, or one that is reserved"));
        }
        Ok(self)
    }
}

pub(super) fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let mut chars = name.chars();
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}
