//! Parses the families of a segment's log. Every byte is hostile: no number is used before it was
//! checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::Error;
use crate::model::GaugeMode;
use crate::model::MetricType;
use crate::model::cells::{Encoding, MAX_BOUNDS};
use crate::model::mode::NO_MODE;
use crate::model::native_schema::GREATEST_SCHEMA;
use crate::model::sorted::SortedSet;
use crate::model::text::{MAX_LABELS, MAX_NAME, cut, is_name_in_log};
use crate::segment::format::Fields;

/// The encoding and the mode that these codes stand for. `None` if this version does not know them
/// together.
pub(crate) fn types(
    metric: u8,
    value: u8,
    mode: u8,
) -> Result<Option<(Encoding, Option<GaugeMode>)>, Error> {
    let Some(encoding) = Encoding::with_code((metric, value)) else { return Ok(None) };
    if encoding.metric().has_mode() && mode == NO_MODE {
        // All versions write a mode here.
        return Err(Error::corrupt("a gauge without a mode"));
    }
    let known = GaugeMode::with_code(mode);
    let is_known = known.is_some() || mode == NO_MODE;
    Ok((is_known && encoding.allows(known)).then_some((encoding, known)))
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
    pub(crate) encoding: Encoding,
    pub(crate) mode: Option<GaugeMode>,
    /// The bits of an `f64`, or nanoseconds, depending on the encoding.
    pub(crate) bounds: Vec<u64>,
    /// Of a native histogram: how many buckets there are for each power of two.
    pub(crate) schema: u8,
    pub(crate) labels: Vec<String>,
    pub(crate) width: u32,
}

/// A type, and how the values of processes are combined where declarations must agree about that.
pub(crate) type Shape = (MetricType, Option<GaugeMode>);

/// What a FAMILY record holds.
#[derive(Debug)]
pub(crate) enum Read {
    Known(LogFamily),
    /// A family of a type that only a newer version knows.
    Unknown,
    /// A family that no page can show, since it breaks a rule of meaning. It costs only itself: the
    /// record is whole, and so are those behind it.
    Wrong(Wrong),
}

/// A family that no page can show.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    /// The beginning of its name.
    pub(crate) name: String,
    /// The rule that it breaks.
    pub(crate) rule: &'static str,
}

/// Parses a family.
pub(crate) fn family(f: &mut Fields<'_>, expected: usize) -> Result<Read, Error> {
    if f.u32()? as usize != expected {
        return Err(Error::corrupt("a family's number"));
    }
    let (metric, value, mode, schema) = (f.u8()?, f.u8()?, f.u8()?, f.u8()?);
    let Some((encoding, mode)) = types(metric, value, mode)? else {
        // In a type that this version does not know, the other fields may have another meaning.
        return Ok(Read::Unknown);
    };
    let (labels, bounds) = (f.u16()?, f.u16()?);
    if labels > MAX_LABELS || usize::from(bounds) >= MAX_BOUNDS {
        return Err(Error::corrupt("more labels or bounds than a family may have"));
    }
    let line = f.u32()?;
    let width = encoding.layout().width(mode, u32::from(bounds), schema);
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let file = f.string()?.to_owned();
    let line = if file.is_empty() { 0 } else { line };
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    let family =
        LogFamily { name, unit, help, file, line, encoding, mode, bounds, schema, labels, width };
    Ok(match family.broken_rule() {
        None => Read::Known(family),
        Some(rule) => Read::Wrong(Wrong { name: cut(&family.name, 100).to_owned(), rule }),
    })
}

impl LogFamily {
    /// Keeps the place of a family that is left out, so that the others keep their numbers.
    pub(crate) fn left_out() -> Self {
        let (name, unit, help, file) = Default::default();
        let (bounds, labels) = Default::default();
        let (encoding, mode) = (Encoding::Counter, None);
        Self {
            name,
            unit,
            help,
            file,
            line: 0,
            encoding,
            mode,
            bounds,
            schema: 0,
            labels,
            width: 0,
        }
    }

    pub(crate) fn kind(&self) -> MetricType {
        self.encoding.metric()
    }

    /// Two declarations of a name are one family if they agree in this. The mode of an info says
    /// only which processes take part, so each declaration has its own.
    pub(crate) fn shape(&self) -> Shape {
        (self.kind(), self.mode.filter(|_| self.kind().has_mode()))
    }

    /// Whether processes that have ended take part. An info ends with its process, unless its mode
    /// says otherwise.
    pub(crate) fn outlives_processes(&self) -> bool {
        match self.mode {
            Some(mode) => !mode.is_live(),
            None => self.kind() != MetricType::Info,
        }
    }

    /// A bound in the family's unit.
    pub(crate) fn bound(&self, bits: u64) -> f64 {
        self.encoding.layout().bound(bits)
    }

    /// Whether it is read. One of an unknown type, or one that no page can show, has no series
    /// here.
    pub(crate) fn is_read(&self) -> bool {
        self.width > 0
    }

    /// Whether both have the same bounds in the same encoding. Cheaper than comparing the values,
    /// and mostly true.
    pub(crate) fn has_bounds_of(&self, other: &Self) -> bool {
        self.encoding == other.encoding && self.bounds == other.bounds
    }

    /// The rule for names, labels and bounds that it breaks: it would make a whole exposition
    /// invalid.
    pub(crate) fn broken_rule(&self) -> Option<&'static str> {
        let is_native = self.encoding.layout().is_native();
        if is_native && self.schema > GREATEST_SCHEMA {
            return Some("a native histogram of a schema that there isn't");
        }
        if (self.kind().has_bounds() && !is_native) == self.bounds.is_empty() {
            return Some("buckets of a type without them, or a histogram without");
        }
        // Compared as they are shown: two large bounds that differ by nanoseconds have the same
        // label.
        let shown: Vec<f64> = self.bounds.iter().map(|bits| self.bound(*bits)).collect();
        if !shown.iter().zip(shown.iter().skip(1)).all(|(a, b)| a < b)
            || !shown.iter().all(|bound| bound.is_finite())
        {
            return Some("bounds that don't ascend");
        }
        let fits = |name: &String| name.len() <= MAX_NAME;
        if !fits(&self.name) || !self.labels.iter().all(fits) {
            return Some("a name of more than 1,024 bytes");
        }
        if !is_name_in_log(&self.name) || !self.labels.iter().all(|label| is_name_in_log(label)) {
            return Some("a name with characters that names don't have");
        }
        // A page adds a label to what it shows for each process.
        let is_each = self.mode.is_some_and(GaugeMode::is_all);
        let reserved = if is_each { "pid" } else { self.kind().own_label() };
        let is_reserved = |label: &String| label == reserved || label.starts_with("__");
        let distinct: SortedSet<&String> = self.labels.iter().collect();
        if distinct.len() != self.labels.len() || self.labels.iter().any(is_reserved) {
            return Some("a label twice, or one that is reserved");
        }
        None
    }
}
