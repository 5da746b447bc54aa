//! Adds dead segments to the archive. Pure: the order and the batches in which segments are
//! compacted make no difference to a collection's result.

use std::sync::Arc;

use crate::error::Error;
use crate::merge::archived::{Archive, ArchivedFamily, Tombstone};
use crate::merge::declared::{DeclaredFamily, archived_families, uses, votes};
use crate::merge::family::FamilyMerge;
use crate::merge::part::Part;
use crate::merge::totals::{EqualLogs, logs};
use crate::model::GaugeMode;
use crate::model::cells::Encoding;
use crate::model::instance::InstanceId;
use crate::model::sorted::{SortedMap, SortedSet};
use crate::model::{LabelSet, LabelSets, cold_sort};
use crate::process::now_ns;
use crate::reader::family::LogFamily;
use crate::reader::layout::{LogSeries, labels_of};
use crate::reader::segment::ENDLESS;
use crate::reader::times::Clock;

/// The number of generations for which a tombstone is kept after its segment was last seen. A
/// collection during which more generations were written begins again.
pub(crate) const TOMBSTONE_GENERATIONS: u64 = 4;

/// Two declarations have one sum if they agree in all of this.
type Identity<'a> = (&'a str, Encoding, Form<'a>, [&'a str; 2], Vec<&'a str>);
/// The mode of a gauge, and the buckets of a histogram.
type Form<'a> = (Option<GaugeMode>, u8, &'a [u64]);

/// What the sums are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The archive, which may leave out what no page needs.
    Archive,
    /// A collector's memory: a merge with the sums has to have the result of a merge with the
    /// segments.
    Memory,
}

impl Purpose {
    fn identity(self, family: &LogFamily) -> Identity<'_> {
        let mut labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
        cold_sort::sort_by(&mut labels, Ord::cmp);
        let form: Form<'_> = (family.mode, family.schema, &family.bounds);
        // Which help text is shown depends on how old each of them is.
        let help = if self == Self::Memory { &*family.help } else { "" };
        (&family.name, family.encoding.archived(), form, [&family.unit, help], labels)
    }
}

/// The present.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Now {
    /// By the wall clock.
    pub(crate) wall: u64,
    /// By the base of the archive's times.
    pub(crate) base: u64,
}

impl Now {
    pub(crate) fn by(clock: &Clock) -> Self {
        Self { wall: now_ns(), base: clock.now() }
    }
}

/// The next generation: the archive and these dead segments. `listed` are the instances whose files
/// exist.
pub(crate) fn compact(
    old: Archive,
    dead: &[Part],
    listed: &SortedSet<InstanceId>,
    now: Now,
) -> Archive {
    let generation = old.generation.saturating_add(1);
    let families = {
        let logs = logs(dead);
        let mut found = SortedMap::<Identity<'_>, Vec<DeclaredFamily<'_>>>::new();
        for used in uses(&logs).filter(|used| used.family.outlives_processes()) {
            found.or_default(Purpose::Archive.identity(used.family)).push(used);
        }
        joined(found, &old.families, now, Purpose::Archive)
    };
    let sum = |of: fn(&Part) -> u64| dead.iter().map(of).fold(0, u64::saturating_add);
    let mut tombstones = old.tombstones;
    for tombstone in &mut tombstones {
        if listed.contains(&tombstone.instance) {
            tombstone.last_seen = generation;
        }
    }
    tombstones.retain(|tombstone| {
        generation.saturating_sub(tombstone.last_seen) <= TOMBSTONE_GENERATIONS
    });
    tombstones.extend(
        dead.iter().map(|part| Tombstone {
            instance: part.segment.header.instance,
            last_seen: generation,
        }),
    );
    cold_sort::sort_by_key(&mut tombstones, |tombstone| tombstone.instance);
    Archive {
        generation,
        segments: old.segments.saturating_add(dead.len() as u64),
        dropped_operations: old
            .dropped_operations
            .saturating_add(sum(|part| part.segment.dropped_operations)),
        cut_label_values: old
            .cut_label_values
            .saturating_add(sum(|part| part.segment.cut_label_values)),
        base: old.base,
        tombstones,
        families,
    }
}

/// Adds dead segments to the sums that a collector has in memory. Unlike compaction, this keeps the
/// votes of families that show nothing of the dead, and all that a series has of each process: a
/// merge with the sums has the result of a merge with the segments.
///
/// No segment may declare one family twice: it would have two votes.
pub(crate) fn add_to_sums(
    old: &[Arc<ArchivedFamily>],
    dead: &[Part],
    now: Now,
) -> Vec<Arc<ArchivedFamily>> {
    let logs = logs(dead);
    let mut found = SortedMap::<Identity<'_>, Vec<DeclaredFamily<'_>>>::new();
    for used in uses(&logs) {
        found.or_default(Purpose::Memory.identity(used.family)).push(used);
    }
    joined(found, old, now, Purpose::Memory)
}

/// The old families, with what was found of them added.
fn joined(
    found: SortedMap<Identity<'_>, Vec<DeclaredFamily<'_>>>,
    old: &[Arc<ArchivedFamily>],
    now: Now,
    purpose: Purpose,
) -> Vec<Arc<ArchivedFamily>> {
    let mut known: SortedMap<Identity<'_>, &Arc<ArchivedFamily>> =
        old.iter().map(|family| (purpose.identity(&family.family), family)).collect();
    let mut families = Vec::new();
    for (identity, uses) in found {
        let family = archived_family(&uses, known.remove(&identity), now, purpose);
        families.extend(family.map(Arc::new));
    }
    families.extend(known.into_values().map(|family| match purpose {
        Purpose::Archive => without_old_exemplars(family, now.base),
        Purpose::Memory => Arc::clone(family),
    }));
    cold_sort::sort_by(&mut families, |a, b| {
        purpose.identity(&a.family).cmp(&purpose.identity(&b.family))
    });
    families
}

/// Adds families of another library's dead processes, whose files have these identities.
pub(super) fn take_in(
    archive: &mut Archive,
    others: &[Arc<ArchivedFamily>],
    instances: &[InstanceId],
    now: Now,
) {
    let mut found = SortedMap::<Identity<'_>, Vec<DeclaredFamily<'_>>>::new();
    for used in archived_families(others, 0) {
        found.or_default(Purpose::Archive.identity(used.family)).push(used);
    }
    archive.families = joined(found, &archive.families, now, Purpose::Archive);
    let last_seen = archive.generation;
    let tombstones = instances.iter().map(|instance| Tombstone { instance: *instance, last_seen });
    archive.tombstones.extend(tombstones);
    cold_sort::sort_by_key(&mut archive.tombstones, |tombstone| tombstone.instance);
}

/// A family to which nothing is added.
fn without_old_exemplars(family: &Arc<ArchivedFamily>, now: u64) -> Arc<ArchivedFamily> {
    let mut family = Arc::clone(family);
    let has_some = |family: &ArchivedFamily| {
        family.series.iter().flat_map(|series| &series.spans.0).any(|s| !s.exemplars.is_empty())
    };
    if has_some(&family) {
        let series = &mut Arc::make_mut(&mut family).series;
        for span in series.iter_mut().flat_map(|series| &mut series.spans.0) {
            span.exemplars.leave_out_old(now);
        }
    }
    family
}

fn archived_family(
    uses: &[DeclaredFamily<'_>],
    archived: Option<&Arc<ArchivedFamily>>,
    now: Now,
    purpose: Purpose,
) -> Option<ArchivedFamily> {
    let newest = uses.iter().max_by_key(|used| (used.newest, core::cmp::Reverse(used.place())))?;
    let (age, mut family) = (newest.newest, newest.family.clone());
    family.labels.sort_unstable();
    match (purpose, archived) {
        (Purpose::Archive, _) => (family.file, family.line) = (String::new(), 0),
        // A page that tells of a contradiction names the newest place.
        (Purpose::Memory, Some(archived)) if archived.newest > age => {
            family.file.clone_from(&archived.family.file);
            family.line = archived.family.line;
        }
        (Purpose::Memory, _) => {}
    }
    family.encoding = family.encoding.archived();
    let mut newest = age;
    let mut merging = FamilyMerge::new(uses, now.base);
    // Not all of them may have a help text.
    family.help.clone_from(&merging.family().help);
    if let Some(archived) = archived {
        let help = &archived.family.help;
        if family.help.is_empty() || archived.newest > age && !help.is_empty() {
            family.help.clone_from(help);
        }
        newest = newest.max(archived.newest);
        merging.add_archived(archived);
    }
    let series = merging.into_archived(now.wall, purpose == Purpose::Archive);
    let before = archived.map_or(0, |archived| archived.segments);
    let segments = votes(uses).1.saturating_add(before);
    Some(ArchivedFamily { family, newest, segments, series })
}

/// Leaves out spans that have ended and that no other span can join: they will never be shown
/// again. `others` are the series of all segments that are not in the archive; it is called only if
/// there is such a span.
pub(crate) fn leave_out_ended(
    archive: &mut Archive,
    others: impl FnOnce() -> Result<Vec<SeriesOfSegments>, Error>,
) -> Result<(), Error> {
    let mut ended = SortedMap::<(String, LabelSet), Vec<(u64, u64)>>::new();
    for family in &archive.families {
        for series in &family.series {
            if series.spans.0.iter().any(|span| span.until != ENDLESS) {
                ended.or_default((family.family.name.clone(), series.labels.clone()));
            }
        }
    }
    if ended.is_empty() {
        return Ok(());
    }
    // Families with other buckets may have the same series.
    for family in &archive.families {
        for series in &family.series {
            let key = (family.family.name.clone(), series.labels.clone());
            if let Some(known) = ended.get_mut(&key) {
                known.extend(series.spans.0.iter().map(|span| (span.from, span.until)));
            }
        }
    }
    for (name, labels, span) in others()? {
        if let Some(known) = ended.get_mut(&(name, labels)) {
            known.push(span);
        }
    }
    let current: SortedMap<_, Option<u64>> =
        ended.into_iter().map(|(key, spans)| (key, since(spans))).collect();
    for family in archive.families.iter_mut().map(Arc::make_mut) {
        for series in &mut family.series {
            let key = (family.family.name.clone(), series.labels.clone());
            let Some(since) = current.get(&key) else { continue };
            series.spans.0.retain(|span| since.is_some_and(|since| span.until >= since));
        }
        family.series.retain(|series| !series.spans.0.is_empty());
    }
    archive.families.retain(|family| !family.series.is_empty());
    Ok(())
}

/// A series of a segment: its family's name, its labels, and its span.
pub(crate) type SeriesOfSegments = (String, LabelSet, (u64, u64));

/// The series of these segments.
pub(crate) fn series_of(parts: &[Part]) -> Vec<SeriesOfSegments> {
    let mut all = Vec::new();
    for EqualLogs { layout, parts, .. } in logs(parts) {
        let families = |series: &LogSeries| layout.families.get(series.family as usize);
        let known = || layout.series.iter().filter_map(|series| Some((series, families(series)?)));
        let mut sets = LabelSets::default();
        known().for_each(|(series, family)| sets.push(labels_of(layout, family, series)));
        for ((series, family), labels) in known().zip(sets.into_sets()) {
            let spans = parts.iter().map(|part| part.segment.span(series));
            all.extend(spans.map(|span| (family.name.clone(), labels.clone(), span)));
        }
    }
    all
}

/// When the span that has not ended began, after joining those that touch.
pub(crate) fn since(mut spans: Vec<(u64, u64)>) -> Option<u64> {
    cold_sort::sort_by(&mut spans, Ord::cmp);
    let mut current: Option<(u64, u64)> = None;
    for (from, until) in spans {
        current = match current {
            Some((since, end)) if from <= end => Some((since, end.max(until))),
            _ => Some((from, until)),
        };
    }
    current.filter(|(_, end)| *end == ENDLESS).map(|(since, _)| since)
}
