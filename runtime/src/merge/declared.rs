//! The declarations of one family: which segments have them, which type and mode most of them
//! declare, and which contradict that. Pure.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::model::MetricType;
use crate::model::instance::Age;
use crate::model::sorted::SortedMap;
use crate::reader::family::{LogFamily, Shape};

use super::archived::{Archive, ArchivedFamily};
use super::sums::bounds_of;
use super::totals::EqualLogs;

/// Where a family is declared and has its series.
#[derive(Clone, Copy)]
pub(crate) enum DeclaredIn<'a> {
    /// In a group of equal logs: the number of the group, and the family's number in the log.
    Log { number: usize, id: usize, log: &'a EqualLogs<'a> },
    /// In the archive: the family's number.
    Archive { number: usize, archived: &'a Arc<ArchivedFamily> },
}

/// A declaration of a family, with the segments that contain it.
pub(crate) struct DeclaredFamily<'a> {
    pub(crate) family: &'a LogFamily,
    pub(crate) source: DeclaredIn<'a>,
    votes: Votes,
    pub(crate) newest: Age,
}

impl DeclaredFamily<'_> {
    /// The family's number in its log, or in the archive. It does not depend on the number or the
    /// order of the logs.
    pub(crate) fn place(&self) -> usize {
        match self.source {
            DeclaredIn::Log { id: place, .. } | DeclaredIn::Archive { number: place, .. } => place,
        }
    }
}

/// The number of living processes that declare something, and of all segments that do. Living
/// processes count first: what runs now is right about the meaning of a name, however many dead
/// processes declared it differently.
pub(crate) type Votes = (u64, u64);

/// The families of each log that have series. A family without series shows nothing and has no
/// vote.
pub(crate) fn uses<'a>(logs: &'a [EqualLogs<'a>]) -> impl Iterator<Item = DeclaredFamily<'a>> {
    logs.iter().enumerate().flat_map(|(number, log)| {
        let newest = log.parts.iter().map(|part| part.segment.age()).max().unwrap_or_default();
        let living = log.parts.iter().filter(|part| part.is_alive()).count() as u64;
        let votes = (living, log.parts.len() as u64);
        let families = log.layout.families.iter().zip(&log.layout.by_family).enumerate();
        families.filter(|(_, (_, series))| !series.is_empty()).map(move |(id, (family, _))| {
            DeclaredFamily { family, source: DeclaredIn::Log { number, id, log }, votes, newest }
        })
    })
}

pub(crate) fn archived(archive: &Archive) -> impl Iterator<Item = DeclaredFamily<'_>> {
    archived_families(&archive.families, 0)
}

/// These families, numbered from `first` on.
pub(crate) fn archived_families(
    families: &[Arc<ArchivedFamily>],
    first: usize,
) -> impl Iterator<Item = DeclaredFamily<'_>> {
    (first..).zip(families).map(|(number, archived)| DeclaredFamily {
        family: &archived.family,
        source: DeclaredIn::Archive { number, archived },
        votes: (0, archived.segments),
        newest: archived.newest,
    })
}

/// The shape that most segments have. If several have equally many, the first in the order of types
/// and modes.
pub(crate) fn majority(uses: &[DeclaredFamily<'_>]) -> Shape {
    let mut shapes = uses.iter().map(|used| used.family.shape());
    if let Some(first) = shapes.next().filter(|first| shapes.all(|other| other == *first)) {
        return first;
    }
    let mut counts = SortedMap::<Shape, Vec<&DeclaredFamily<'_>>>::new();
    for used in uses {
        counts.or_default(used.family.shape()).push(used);
    }
    let counts: SortedMap<Shape, Votes> =
        counts.into_iter().map(|(shape, uses)| (shape, votes(uses))).collect();
    let most = counts.values().copied().max().unwrap_or_default();
    let first = counts.into_iter().find(|(_, count)| *count == most);
    first.map_or((MetricType::Counter, None), |(shape, _)| shape)
}

/// Counts the segments of these declarations. A segment that declares a family several times counts
/// once; its declarations are neighbours.
pub(crate) fn votes<'a>(uses: impl IntoIterator<Item = &'a DeclaredFamily<'a>>) -> Votes {
    let (mut living, mut all, mut before) = (0_u64, 0_u64, None);
    for used in uses {
        let who = match used.source {
            DeclaredIn::Log { number, .. } => (false, number),
            DeclaredIn::Archive { number, .. } => (true, number),
        };
        if before.replace(who) != Some(who) {
            living = living.saturating_add(used.votes.0);
            all = all.saturating_add(used.votes.1);
        }
    }
    (living, all)
}

/// Reports that declarations have different bounds. Only the bounds that all of them have can be
/// shown.
pub(crate) fn different_bounds(name: &str, uses: &[DeclaredFamily<'_>]) -> Option<Error> {
    let first = uses.first()?.family;
    let differs = uses.iter().any(|used| {
        !used.family.has_bounds_of(first) && bounds_of(used.family) != bounds_of(first)
    });
    differs.then(|| {
        let message =
            format!("`{name}` is declared with different buckets: those that all have are shown");
        Error::new(ErrorKind::Conflict { message })
    })
}

pub(crate) fn conflict(name: &str, kept: Shape, other: &LogFamily) -> Error {
    let place = match &*other.file {
        "" => "an unknown place".to_owned(),
        file => format!("{file}:{}", other.line),
    };
    let message = format!(
        "`{name}` is {} in most processes, and {} as declared at {place}: the latter is left out",
        words(kept),
        words(other.shape()),
    );
    Error::new(ErrorKind::Conflict { message })
}

pub(crate) fn words((kind, mode): Shape) -> String {
    match (kind, mode) {
        (MetricType::Gauge, Some(mode)) => format!("{} of mode {mode}", kind.phrase()),
        _ => kind.phrase().to_owned(),
    }
}
