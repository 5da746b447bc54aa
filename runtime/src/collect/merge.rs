//! Many segments, one set of families. Pure: the same segments give the same result in any order.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::descriptor::Mode;
use crate::error::{Error, ErrorKind};

use super::decode::{Age, Cells, Layout, LogFamily, LogSeries, Segment};
use super::exact::ExactSum;
use super::liveness::Life;
use super::snapshot::{Family, FamilyKind, Series, SummaryValue, Value};
use super::sums::{GaugeSum, HistogramSum, Sum, bounds_of, position};

/// A segment and whether its process can still write it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Segment,
    pub(super) life: Life,
}

impl Part {
    pub(super) fn is_alive(&self) -> bool {
        self.life != Life::Dead
    }
}

/// Families sorted by name, and what had to be left out.
pub(super) fn merge(parts: &[Part]) -> (Vec<Family>, Vec<Error>) {
    let layouts = layouts(parts);
    let mut declared = BTreeMap::<&str, Vec<Use<'_>>>::new();
    for (number, (layout, segments)) in layouts.iter().enumerate() {
        let Some(newest) = segments.iter().map(|part| part.segment.age()).max() else { continue };
        // A family without series has nothing to say, and no say in what is shown.
        let used: HashSet<usize> = layout.series.iter().map(|series| series.family).collect();
        for (id, family) in layout.families.iter().enumerate().filter(|(id, _)| used.contains(id)) {
            let source = (number, id);
            let name = family.name.as_str();
            let used = Use { family, source, segments: segments.len(), newest };
            declared.entry(name).or_default().push(used);
        }
    }
    let mut skipped = Vec::new();
    let mut merged: Vec<(usize, Merging)> = Vec::new();
    for (name, uses) in declared {
        let kind = majority(&uses);
        let (uses, others): (Vec<_>, Vec<_>) =
            uses.into_iter().partition(|used| shape(used.family) == kind);
        // Of several, one that doesn't depend on the order.
        if let Some(other) = others.iter().max_by_key(|used| (used.newest, used.source.1)) {
            skipped.push(conflict(name, kind, other.family));
        }
        merged.push((segments(&uses), Merging::new(&uses)));
        skipped.extend(different_bounds(name, &uses));
    }
    let mut merged = without_collisions(merged, &mut skipped);
    let mut targets = HashMap::<Source, usize>::new();
    for (at, family) in merged.iter().enumerate() {
        targets.extend(family.sources.iter().map(|source| (*source, at)));
    }
    for (number, (layout, segments)) in layouts.iter().enumerate() {
        for series in &layout.series {
            let target = targets.get(&(number, series.family)).and_then(|at| merged.get_mut(*at));
            if let (Some(target), Some(family)) = (target, layout.families.get(series.family)) {
                target.add(family, series, segments);
            }
        }
    }
    (merged.into_iter().map(Merging::finish).collect(), skipped)
}

/// The segments of each layout, so that labels are looked at once for all of them.
fn layouts(parts: &[Part]) -> Vec<(&Layout, Vec<&Part>)> {
    let mut numbers = HashMap::new();
    let mut layouts: Vec<(&Layout, Vec<&Part>)> = Vec::new();
    for part in parts {
        let layout = &*part.segment.layout;
        let number = *numbers.entry(core::ptr::from_ref(layout)).or_insert(layouts.len());
        match layouts.get_mut(number) {
            Some((_, segments)) => segments.push(part),
            None => layouts.push((layout, vec![part])),
        }
    }
    layouts
}

/// A layout's number, and the number of a family in it.
type Source = (usize, usize);

/// A family's declaration, and who has it.
struct Use<'a> {
    family: &'a LogFamily,
    source: Source,
    segments: usize,
    newest: Age,
}

/// What must agree for two declarations to be one family.
type Shape = (FamilyKind, Option<Mode>);

fn shape(family: &LogFamily) -> Shape {
    (family.kind, family.mode)
}

/// The shape that most segments have; of equally many, the first in the order of kinds and modes.
fn majority(uses: &[Use<'_>]) -> Shape {
    let mut counts = BTreeMap::<Shape, Vec<&Use<'_>>>::new();
    for used in uses {
        counts.entry(shape(used.family)).or_default().push(used);
    }
    let counts: BTreeMap<Shape, usize> =
        counts.into_iter().map(|(shape, uses)| (shape, segments(uses))).collect();
    let most = counts.values().copied().max().unwrap_or(0);
    let first = counts.into_iter().find(|(_, count)| *count == most);
    first.map_or((FamilyKind::Counter, None), |(shape, _)| shape)
}

/// How many segments these are: one that declares a family several times is still one.
fn segments<'a>(uses: impl IntoIterator<Item = &'a Use<'a>>) -> usize {
    let of_layouts: BTreeMap<usize, usize> =
        uses.into_iter().map(|used| (used.source.0, used.segments)).collect();
    of_layouts.values().sum()
}

/// Only the bounds that all declarations have can be shown; whoever loses some should hear of it.
fn different_bounds(name: &str, uses: &[Use<'_>]) -> Option<Error> {
    let first = bounds_of(uses.first()?.family);
    let differs = uses.iter().any(|used| bounds_of(used.family) != first);
    differs.then(|| {
        let message =
            format!("`{name}` is declared with different buckets: those that all have are shown");
        Error::new(ErrorKind::Conflict { message })
    })
}

fn conflict(name: &str, kept: Shape, other: &LogFamily) -> Error {
    let message = format!(
        "`{name}` is {} in most processes, and {} as declared at {}: the latter is left out",
        words(kept),
        words(shape(other)),
        if other.place.is_empty() { "an unknown place" } else { &other.place },
    );
    Error::new(ErrorKind::Conflict { message })
}

fn words((kind, mode): Shape) -> String {
    match (kind, mode) {
        (FamilyKind::Counter, _) => "a counter".to_owned(),
        (FamilyKind::Histogram, _) => "a histogram".to_owned(),
        (FamilyKind::Summary, _) => "a summary".to_owned(),
        (FamilyKind::Info, _) => "an info".to_owned(),
        (FamilyKind::StateSet, _) => "a state set".to_owned(),
        (FamilyKind::Gauge, None) => "a gauge".to_owned(),
        (FamilyKind::Gauge, Some(mode)) => format!("a gauge of mode {mode:?}").to_lowercase(),
    }
}

/// Leaves out families whose samples would have the names of another's: a counter `x_count` beside a histogram `x`.
/// The one that fewer segments declare goes.
fn without_collisions(
    mut families: Vec<(usize, Merging)>,
    skipped: &mut Vec<Error>,
) -> Vec<Merging> {
    families.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.family.name.cmp(&y.family.name)));
    let mut taken = HashSet::new();
    let mut kept = Vec::new();
    for (_, family) in families {
        let names = crate::expose::sample_names(&family.family);
        if names.iter().any(|name| taken.contains(name)) {
            let name = &family.family.name;
            let message = format!("`{name}` is left out: another family has samples of that name");
            skipped.push(Error::new(ErrorKind::Conflict { message }));
            continue;
        }
        taken.extend(names);
        kept.push(family);
    }
    kept.sort_by(|x, y| x.family.name.cmp(&y.family.name));
    kept
}

/// A family while segments are added to it.
struct Merging {
    family: Family,
    mode: Option<Mode>,
    /// Which families of which layouts these are.
    sources: Vec<Source>,
    /// The bounds that all declarations have, in the family's unit.
    bounds: Vec<f64>,
    series: HashMap<Labels, Sum>,
}

/// Sorted by name, without empty values: to Prometheus an empty label is an absent one.
type Labels = Vec<(String, String)>;

impl Merging {
    fn new(uses: &[Use<'_>]) -> Self {
        // The newest segment's words; they seldom differ.
        let newest = uses.iter().max_by_key(|u| (u.newest, core::cmp::Reverse(u.source.1)));
        let words = newest.map(|used| used.family);
        let mut bounds: Option<Vec<f64>> = None;
        for used in uses {
            let own: Vec<f64> = bounds_of(used.family);
            bounds = Some(match bounds {
                None => own,
                Some(common) => {
                    common.into_iter().filter(|bound| position(&own, *bound).is_some()).collect()
                }
            });
        }
        let text = |f: fn(&LogFamily) -> &String| words.map(f).cloned().unwrap_or_default();
        Self {
            family: Family {
                name: text(|f| &f.name),
                help: text(|f| &f.help),
                unit: text(|f| &f.unit),
                kind: words.map_or(FamilyKind::Counter, |f| f.kind),
                series: Vec::new(),
            },
            mode: words.and_then(|f| f.mode),
            sources: uses.iter().map(|used| used.source).collect(),
            bounds: bounds.unwrap_or_default(),
            series: HashMap::new(),
        }
    }

    /// Adds a series of all segments that have it.
    fn add(&mut self, declared: &LogFamily, series: &LogSeries, segments: &[&Part]) {
        let labels = declared.labels.iter().zip(&series.values);
        let labels = labels.filter(|(_, value)| !value.is_empty());
        let mut labels: Labels = labels.map(|(n, v)| (n.clone(), v.clone())).collect();
        labels.sort();
        let slot = series.slot;
        let segments_of = segments.iter().map(|part| &part.segment);
        match declared.kind {
            FamilyKind::Counter if declared.cells == Cells::Float => {
                let new = || Sum::Float(ExactSum::default());
                let sum = self.series.entry(labels).or_insert_with(new);
                for bits in segments_of.flat_map(|segment| segment.each(slot, 0)) {
                    sum.add_float(f64::from_bits(bits));
                }
            }
            FamilyKind::Counter => {
                let sum = self.series.entry(labels).or_insert(Sum::Unsigned(0));
                segments_of.for_each(|segment| sum.add_unsigned(segment.sum(slot, 0).0));
            }
            FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
                for part in segments {
                    self.add_gauge(part, declared, slot, &labels);
                }
            }
            // A summary is a histogram with no bucket but the last.
            FamilyKind::Histogram | FamilyKind::Summary => {
                let new = || Sum::Histogram(HistogramSum::default());
                if let Sum::Histogram(sum) = self.series.entry(labels).or_insert_with(new) {
                    let own = bounds_of(declared);
                    for segment in segments_of {
                        sum.add(segment, declared.cells, &own, slot, &self.bounds);
                    }
                }
            }
        }
    }

    fn add_gauge(&mut self, part: &Part, declared: &LogFamily, slot: u32, labels: &Labels) {
        let Some(mode) = self.mode else { return };
        if mode.is_live() && !part.is_alive() {
            return;
        }
        let value = match declared.cells {
            // Below 0 only while a call's end was seen and its beginning wasn't yet.
            #[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "FORMAT.md")]
            Cells::Wrapping => Some((part.segment.sum(slot, 0).0 as i64).max(0) as f64),
            _ => crate::metric::gauge_value(part.segment.process_cell(slot)),
        };
        let is_sum = matches!(mode, Mode::Sum | Mode::LiveSum);
        // What nobody has set is 0 as a sum, and nothing otherwise.
        if value.is_none() && !is_sum {
            return;
        }
        let mut labels = labels.clone();
        if matches!(mode, Mode::All | Mode::LiveAll) {
            labels.push(("pid".to_owned(), part.segment.header.pid.to_string()));
            labels.sort();
        }
        let new = || Sum::Gauge(GaugeSum::default());
        let Sum::Gauge(sum) = self.series.entry(labels).or_insert_with(new) else { return };
        let Some(value) = value else { return };
        if is_sum {
            sum.sum.add(value);
        } else {
            sum.choose(mode, value, part.segment.age());
        }
    }

    fn finish(mut self) -> Family {
        let is_sum = matches!(self.mode, Some(Mode::Sum | Mode::LiveSum));
        let series = self.series.into_iter();
        let mut series: Vec<Series> = series
            .map(|(labels, sum)| {
                let value = match sum.value(is_sum, &self.bounds) {
                    Value::Histogram(h) if self.family.kind == FamilyKind::Summary => {
                        Value::Summary(SummaryValue { sum: h.sum, count: h.count() })
                    }
                    value => value,
                };
                Series { labels, value, created: None }
            })
            .collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.family.series = series;
        self.family
    }
}


#[cfg(test)]
mod tests;
