//! Many segments and an archive, one set of families. Pure: the same segments give the same result in any order, folded or not.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::descriptor::Mode;
use crate::error::{Error, ErrorKind};

use super::archive::Archive;
use super::decode::{Age, Segment};
use super::layout::{Layout, LogFamily};
use super::liveness::Life;
use super::merging::Merging;
use super::snapshot::{Family, FamilyKind};
use super::sums::bounds_of;

/// A segment and whether its process can still write it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) segment: Segment,
    pub(super) life: Life,
}

impl Part {
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running | Life::Locked)
    }
}

/// Families sorted by name, and what had to be left out.
pub(super) fn merge(parts: &[Part], archive: &Archive) -> (Vec<Family>, Vec<Error>) {
    let layouts = layouts(parts.iter());
    let mut declared = BTreeMap::<&str, Vec<Use<'_>>>::new();
    for used in uses(&layouts).chain(archived(archive)) {
        declared.entry(&used.family.name).or_default().push(used);
    }
    let mut skipped = Vec::new();
    let mut merged: Vec<(Votes, Merging)> = Vec::new();
    for (name, uses) in declared {
        let kind = majority(&uses);
        let (uses, others): (Vec<_>, Vec<_>) =
            uses.into_iter().partition(|used| shape(used.family) == kind);
        // Of several, one that doesn't depend on the order.
        if let Some(other) = others.iter().max_by_key(|used| (used.newest, used.place())) {
            skipped.push(conflict(name, kind, other.family));
        }
        merged.push((votes(&uses), Merging::new(&uses)));
        skipped.extend(different_bounds(name, &uses));
    }
    let mut merged = without_collisions(merged, &mut skipped);
    let mut targets = HashMap::<Source, usize>::new();
    for (at, family) in merged.iter().enumerate() {
        targets.extend(family.sources().iter().map(|source| (*source, at)));
    }
    for (number, (layout, segments)) in layouts.iter().enumerate() {
        for series in &layout.series {
            let source = Source::Layout(number, series.family);
            let target = targets.get(&source).and_then(|at| merged.get_mut(*at));
            if let (Some(target), Some(family)) = (target, layout.families.get(series.family)) {
                target.add(family, series, segments);
            }
        }
    }
    for (number, family) in archive.families.iter().enumerate() {
        let target = targets.get(&Source::Archive(number)).and_then(|at| merged.get_mut(*at));
        if let Some(target) = target {
            target.add_archived(family);
        }
    }
    (merged.into_iter().map(Merging::finish).collect(), skipped)
}

/// The segments of each layout, so that labels are looked at once for all of them.
pub(super) fn layouts<'a>(
    parts: impl Iterator<Item = &'a Part>,
) -> Vec<(&'a Layout, Vec<&'a Part>)> {
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

/// Where a family is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// A layout's number, and the number of a family in it.
    Layout(usize, usize),
    /// The number of a family in the archive.
    Archive(usize),
}

/// A family's declaration, and who has it.
pub(super) struct Use<'a> {
    pub(super) family: &'a LogFamily,
    pub(super) source: Source,
    votes: Votes,
    pub(super) newest: Age,
}

impl Use<'_> {
    /// Where in its log it stands: the same however many logs there are, in whatever order.
    pub(super) fn place(&self) -> usize {
        match self.source {
            Source::Layout(_, id) | Source::Archive(id) => id,
        }
    }
}

/// The segments that declare something: those of living processes first. What runs now is right about what a name means, however many have
/// died that thought otherwise.
pub(super) type Votes = (u64, u64);

/// The families of each layout that have series. One without has nothing to say, and no say in what is shown.
pub(super) fn uses<'a>(
    layouts: &'a [(&'a Layout, Vec<&'a Part>)],
) -> impl Iterator<Item = Use<'a>> {
    layouts.iter().enumerate().flat_map(|(number, (layout, segments))| {
        let newest = segments.iter().map(|part| part.segment.age()).max().unwrap_or_default();
        let living = segments.iter().filter(|part| part.is_alive()).count() as u64;
        let votes = (living, segments.len() as u64);
        let used: HashSet<usize> = layout.series.iter().map(|series| series.family).collect();
        let families = layout.families.iter().enumerate();
        families.filter(move |(id, _)| used.contains(id)).map(move |(id, family)| Use {
            family,
            source: Source::Layout(number, id),
            votes,
            newest,
        })
    })
}

fn archived(archive: &Archive) -> impl Iterator<Item = Use<'_>> {
    archive.families.iter().enumerate().map(|(number, archived)| Use {
        family: &archived.family,
        source: Source::Archive(number),
        votes: (0, archived.segments),
        newest: archived.newest,
    })
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
    let counts: BTreeMap<Shape, Votes> =
        counts.into_iter().map(|(shape, uses)| (shape, votes(uses))).collect();
    let most = counts.values().copied().max().unwrap_or_default();
    let first = counts.into_iter().find(|(_, count)| *count == most);
    first.map_or((FamilyKind::Counter, None), |(shape, _)| shape)
}

/// How many segments these are: one that declares a family several times is still one.
pub(super) fn votes<'a>(uses: impl IntoIterator<Item = &'a Use<'a>>) -> Votes {
    let by_log: BTreeMap<(bool, usize), Votes> = uses
        .into_iter()
        .map(|used| match used.source {
            Source::Layout(number, _) => ((false, number), used.votes),
            Source::Archive(number) => ((true, number), used.votes),
        })
        .collect();
    by_log.values().fold((0, 0), |(living, all), votes| {
        (living.saturating_add(votes.0), all.saturating_add(votes.1))
    })
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
    mut families: Vec<(Votes, Merging)>,
    skipped: &mut Vec<Error>,
) -> Vec<Merging> {
    families.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.name().cmp(y.name())));
    let mut taken = HashSet::new();
    let mut kept = Vec::new();
    for (_, family) in families {
        let names = crate::expose::sample_names(family.family());
        if names.iter().any(|name| taken.contains(name)) {
            let name = family.name();
            let message = format!("`{name}` is left out: another family has samples of that name");
            skipped.push(Error::new(ErrorKind::Conflict { message }));
            continue;
        }
        taken.extend(names);
        kept.push(family);
    }
    kept.sort_by(|x, y| x.name().cmp(y.name()));
    kept
}

#[cfg(test)]
mod tests;
