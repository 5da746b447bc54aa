//! Parses the families of a segment's log. Every byte is hostile: no number is used before it was
//! checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::Error;
use crate::model::GaugeMode;
use crate::model::MetricType;
use crate::model::cells::MAX_BOUNDS;
use crate::model::mode::NO_MODE;
use crate::model::text::{MAX_LABELS, MAX_NAME, is_name};
use crate::segment::format::Fields;
use crate::segment::records::{Metric, cells_of, metric_of};

pub(crate) use crate::segment::records::Cells;

/// The type of a metric in a snapshot.
pub(crate) fn kind_of(metric: Metric) -> MetricType {
    match metric {
        Metric::Counter => MetricType::Counter,
        Metric::Gauge => MetricType::Gauge,
        Metric::Histogram => MetricType::Histogram,
        Metric::Summary => MetricType::Summary,
        Metric::Info => MetricType::Info,
        Metric::StateSet => MetricType::StateSet,
    }
}

/// The inverse of [`kind_of`].
pub(crate) fn metric_of_kind(kind: MetricType) -> Metric {
    match kind {
        MetricType::Counter => Metric::Counter,
        MetricType::Gauge => Metric::Gauge,
        MetricType::Histogram => Metric::Histogram,
        MetricType::Summary => Metric::Summary,
        MetricType::Info => Metric::Info,
        MetricType::StateSet => Metric::StateSet,
    }
}

/// The type, the encoding of the cells and the mode that these codes stand for. `None` if this
/// version does not know the combination.
pub(crate) fn types(
    metric: u8,
    cells: u8,
    mode: u8,
) -> Result<Option<(MetricType, Cells, Option<GaugeMode>)>, Error> {
    let (Some(metric), Some(cells)) = (metric_of(metric), cells_of(cells)) else { return Ok(None) };
    let is_known = match metric {
        Metric::Counter => matches!(cells, Cells::Unsigned | Cells::Float),
        Metric::Gauge => matches!(cells, Cells::Float | Cells::Wrapping),
        Metric::Histogram | Metric::Summary => matches!(cells, Cells::Float | Cells::Nanos),
        Metric::Info | Metric::StateSet => cells == Cells::Unsigned,
    };
    let has_mode = matches!(metric, Metric::Gauge | Metric::StateSet);
    if has_mode && mode == NO_MODE {
        // All versions write a mode here.
        return Err(Error::corrupt("a gauge without a mode"));
    }
    let known_mode = GaugeMode::with_code(mode);
    let is_recent = known_mode.is_some_and(GaugeMode::is_recent);
    let is_mode_known = if has_mode {
        known_mode.is_some() && !(is_recent && cells == Cells::Wrapping)
    } else {
        mode == NO_MODE
    };
    let known = (kind_of(metric), cells, known_mode.filter(|_| has_mode));
    Ok((is_known && is_mode_known).then_some(known))
}

/// A bound in the family's unit.
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
pub(crate) fn bound(cells: Cells, bits: u64) -> f64 {
    match cells {
        Cells::Nanos => bits as f64 / 1e9,
        _ => f64::from_bits(bits),
    }
}

/// A family, as declared in one segment's log.
#[derive(Debug, Clone)]
pub(crate) struct LogFamily {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    /// Where it is declared; the file is empty if that is unknown.
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) kind: MetricType,
    pub(crate) cells: Cells,
    pub(crate) mode: Option<GaugeMode>,
    /// The bits of an `f64`, or nanoseconds, depending on `cells`.
    pub(crate) bounds: Vec<u64>,
    pub(crate) labels: Vec<String>,
    pub(crate) width: u32,
}

/// Parses a family. A family of a type that only a newer version knows keeps its place among the
/// others, without a name and [not known](LogFamily::is_known).
pub(crate) fn family(f: &mut Fields<'_>, expected: usize) -> Result<LogFamily, Error> {
    if f.u32()? as usize != expected {
        return Err(Error::corrupt("a family's number"));
    }
    let (metric, value, mode) = (f.u8()?, f.u8()?, f.u8()?);
    f.u8()?;
    let Some((kind, cells, mode)) = types(metric, value, mode)? else {
        // In a type that this version does not know, the other fields may have another meaning.
        return Ok(LogFamily::unknown());
    };
    let (labels, bounds) = (f.u16()?, f.u16()?);
    if labels > MAX_LABELS || usize::from(bounds) >= MAX_BOUNDS {
        return Err(Error::corrupt("more labels or bounds than a family may have"));
    }
    let line = f.u32()?;
    let is_recent = mode.is_some_and(GaugeMode::is_recent);
    let width = u32::from(bounds).saturating_add(match (kind, cells) {
        (MetricType::Histogram | MetricType::Summary, Cells::Nanos) => 3,
        (MetricType::Histogram | MetricType::Summary, _) => 2,
        (MetricType::Gauge, _) if is_recent => 2,
        _ => 1,
    });
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let file = f.string()?.to_owned();
    let line = if file.is_empty() { 0 } else { line };
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    LogFamily { name, unit, help, file, line, kind, cells, mode, bounds, labels, width }.checked()
}

impl LogFamily {
    fn unknown() -> Self {
        let (name, unit, help, file) = Default::default();
        let (bounds, labels) = Default::default();
        let (kind, cells, mode) = (MetricType::Counter, Cells::Unsigned, None);
        Self { name, unit, help, file, line: 0, kind, cells, mode, bounds, labels, width: 0 }
    }

    /// Whether this version knows its type. A family of an unknown type has no series here.
    pub(crate) fn is_known(&self) -> bool {
        self.width > 0
    }

    /// Whether both have the same bounds in the same encoding. Cheaper than comparing the values,
    /// and mostly true.
    pub(crate) fn has_bounds_of(&self, other: &Self) -> bool {
        self.cells == other.cells && self.bounds == other.bounds
    }

    /// Checks names, labels and bounds. An invalid one would make a whole exposition invalid.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        if (self.kind == MetricType::Histogram) == self.bounds.is_empty() {
            return Err(Error::corrupt("bounds of what has none, or none of what has some"));
        }
        // Compared as they are shown: two large bounds that differ by nanoseconds have the same
        // label.
        let shown: Vec<f64> = self.bounds.iter().map(|bits| bound(self.cells, *bits)).collect();
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
            MetricType::Histogram => "le",
            MetricType::Gauge | MetricType::StateSet => "pid",
            MetricType::Summary => "quantile",
            MetricType::Counter | MetricType::Info => "",
        };
        let distinct: std::collections::BTreeSet<&String> = self.labels.iter().collect();
        if distinct.len() != self.labels.len() || self.labels.iter().any(|label| label == reserved)
        {
            return Err(Error::corrupt("a label twice, or one that is reserved"));
        }
        Ok(self)
    }
}
