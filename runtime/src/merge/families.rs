//! Merges all families of many segments and an archive. Pure: the same segments give the same
//! result in any order, compacted or not.

use core::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::model::sorted::SortedMap;
use crate::model::{MetricFamily, cold_sort};

use super::archived::{Archive, ArchivedFamily};
use super::declared::{
    DeclaredFamily, Votes, archived, archived_families, conflict, different_bounds, majority, uses,
    votes,
};
use super::family::FamilyMerge;
use super::part::Part;
use super::plan::Plans;
use super::totals::logs;

/// The result of merging segments and an archive.
#[derive(Default)]
pub(crate) struct Merged {
    /// Sorted by name.
    pub(crate) families: Vec<MetricFamily>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<Error>,
    /// The merge plans, for the next collection.
    pub(crate) plans: Plans,
}

/// Merges the families that have one of these names, or all if there are none. `now` is the
/// present, by which exemplars of the dead are too old.
pub(crate) fn merge(
    parts: &[Part],
    archive: &Archive,
    earlier: &Plans,
    names: &[String],
    now: u64,
) -> Merged {
    merge_with(parts, archive, &[], earlier, names, now, |_| Vec::new())
}

/// The same with sums of other segments, and with families that come from elsewhere. `others` is
/// told which families the segments and the archive have, and returns its part of these.
pub(crate) fn merge_with(
    parts: &[Part],
    archive: &Archive,
    sums: &[Arc<ArchivedFamily>],
    earlier: &Plans,
    names: &[String],
    now: u64,
    others: impl FnOnce(&dyn Fn(&str) -> bool) -> Vec<Arc<ArchivedFamily>>,
) -> Merged {
    let (logs, others_here) = (logs(parts), OnceCell::new());
    let mut declared = SortedMap::<&str, Vec<DeclaredFamily<'_>>>::new();
    let behind = archive.families.len();
    for used in uses(&logs).chain(archived(archive)).chain(archived_families(sums, behind)) {
        declared.or_default(&used.family.name).push(used);
    }
    let others = others(&|name| declared.contains_key(name));
    let others = others_here.get_or_init(|| others);
    for used in archived_families(others, behind.saturating_add(sums.len())) {
        declared.or_default(&used.family.name).push(used);
    }
    let mut skipped = Vec::new();
    let mut merged: Vec<(Votes, FamilyMerge<'_>)> = Vec::new();
    for (name, uses) in declared {
        let kind = majority(&uses);
        let (uses, others): (Vec<_>, Vec<_>) =
            uses.into_iter().partition(|used| used.family.shape() == kind);
        // Only one conflict is reported: one that does not depend on the order of the segments.
        if let Some(other) = others.iter().max_by_key(|used| (used.newest, used.place())) {
            skipped.push(conflict(name, kind, other.family));
        }
        merged.push((votes(&uses), FamilyMerge::new(&uses, now)));
        skipped.extend(different_bounds(name, &uses));
    }
    let mut all = Merged::default();
    for merging in without_collisions(merged, &mut skipped) {
        let family = merging.family();
        if !names.is_empty() && !family.is_named(names) {
            // Another collection may need the plan.
            let kept = earlier.get_key_value(&family.name);
            all.plans.extend(kept.map(|(name, plan)| (name.clone(), Arc::clone(plan))));
            continue;
        }
        let (family, plan) = merging.finish(earlier);
        all.plans.insert(family.name.clone(), plan);
        all.families.push(family);
    }
    Merged { skipped, ..all }
}

/// Leaves out families whose samples would have the names of another family's, such as a counter
/// `x_count` beside a histogram `x`. The family that fewer segments declare is left out.
fn without_collisions<'a>(
    mut families: Vec<(Votes, FamilyMerge<'a>)>,
    skipped: &mut Vec<Error>,
) -> Vec<FamilyMerge<'a>> {
    cold_sort::sort_by(&mut families, |(a, x), (b, y)| {
        b.cmp(a).then_with(|| x.name().cmp(y.name()))
    });
    let mut taken = HashSet::new();
    let mut kept = Vec::new();
    for (_, family) in families {
        let names = crate::model::sample_names::sample_names(family.family());
        if names.iter().any(|name| taken.contains(name)) {
            let name = family.name();
            let message = format!("`{name}` is left out: another family has samples of that name");
            skipped.push(Error::new(ErrorKind::Conflict { message }));
            continue;
        }
        taken.extend(names);
        kept.push(family);
    }
    cold_sort::sort_by(&mut kept, |x, y| x.name().cmp(y.name()));
    kept
}

#[cfg(test)]
mod tests;
