//! Brings a merge plan up to date: some declarations are gone, and others are new. Pure.
//!
//! When one of many processes was replaced, only the series of the new one are sorted; those of the
//! others have their places already.

use core::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{LabelSet, LabelSets};

use super::plan::{BATCH, Batch, Declared, Entry, Item, NewSeries, Plan};
use super::sort::{Sorted, groups};

/// Where each declaration of the earlier plan is now, and which are new.
struct Numbers {
    now: Vec<Option<u32>>,
    new: Vec<u32>,
}

impl Numbers {
    fn of(earlier: &[Declared], declarations: &[Declared]) -> Self {
        // Several logs may share one list of a family's series.
        let mut by_list = HashMap::<(usize, usize), Vec<u32>>::new();
        let all = 0..u32::try_from(declarations.len()).unwrap_or(u32::MAX);
        // The first of them is taken first.
        for (number, declared) in all.zip(declarations).rev() {
            by_list.entry(declared.list()).or_default().push(number);
        }
        let mut now = |declared: &Declared| by_list.get_mut(&declared.list())?.pop();
        let now = earlier.iter().map(&mut now).collect();
        let mut new: Vec<u32> = by_list.into_values().flatten().collect();
        new.sort_unstable();
        Self { now, new }
    }

    /// The entries of each declaration that is still there, with its number now. Declaration by
    /// declaration, since a plan of many processes has many more entries.
    fn kept<'a>(&'a self, entries: &'a [Entry]) -> impl Iterator<Item = (u32, &'a [Entry])> {
        let of_one = entries.chunk_by(|a, b| a.declaration == b.declaration);
        of_one.filter_map(|entries| {
            let earlier = entries.first()?.declaration;
            Some(((*self.now.get(earlier as usize)?)?, entries))
        })
    }
}

/// The places of series among all of the new plan, in ascending order of their labels.
#[derive(Default)]
struct Places {
    /// `None`: the next of the new label sets.
    labels: Vec<Option<LabelSet>>,
    /// Of the earlier plan's series, batch by batch; `None` if no declaration has it any more.
    known: Vec<Vec<Option<u32>>>,
    new: Vec<(u32, Item)>,
}

impl Places {
    fn next(&self) -> u32 {
        u32::try_from(self.labels.len()).unwrap_or(u32::MAX)
    }

    /// Merges what is left of the earlier plan with the new series.
    fn of(
        earlier: &[Batch],
        numbers: &Numbers,
        sorted: &[Sorted<Item>],
        series: &impl NewSeries,
        sets: &mut LabelSets,
    ) -> Self {
        let mut places = Self::default();
        for batch in earlier {
            let mut is_there = vec![None; batch.labels.len()];
            for entry in numbers.kept(&batch.entries).flat_map(|(_, entries)| entries) {
                if let Some(is_there) = is_there.get_mut(entry.place as usize) {
                    *is_there = Some(0);
                }
            }
            places.known.push(is_there);
        }
        let mut known = (0..).zip(earlier).flat_map(|(number, batch)| {
            (0..).zip(&batch.labels).map(move |(place, labels)| ((number, place), labels))
        });
        let mut next = known.next();
        for group in groups(sorted) {
            let item = group[0].item;
            let place = loop {
                let order = next.map(|(_, labels)| series.compare(labels, item));
                match (next, order) {
                    (Some(one), Some(Ordering::Less)) => {
                        places.keep(one, false);
                        next = known.next();
                    }
                    (Some(one), Some(Ordering::Equal)) => {
                        next = known.next();
                        break places.keep(one, true);
                    }
                    _ => break None,
                }
            };
            let place = place.unwrap_or_else(|| {
                let place = places.next();
                places.labels.push(None);
                series.labels(item, sets);
                place
            });
            places.new.extend(group.iter().map(|sorted| (place, sorted.item)));
        }
        while let Some(one) = next {
            places.keep(one, false);
            next = known.next();
        }
        places
    }

    /// Keeps a series of the earlier plan if somebody still has it, or has it now, and returns its
    /// place.
    fn keep(
        &mut self,
        ((batch, place), labels): ((usize, usize), &LabelSet),
        is_new: bool,
    ) -> Option<u32> {
        let next = self.next();
        let known = self.known.get_mut(batch)?.get_mut(place)?;
        if known.is_some() || is_new {
            *known = Some(next);
            self.labels.push(Some(labels.clone()));
            return Some(next);
        }
        None
    }

    /// The places of an earlier batch's series; `None` if they are what they were.
    fn moved(&self, number: usize) -> Option<&[Option<u32>]> {
        let known = self.known.get(number)?;
        let first = number.saturating_mul(BATCH);
        let as_before = |(place, now): (usize, &Option<u32>)| {
            now.is_none_or(|now| now as usize == first.saturating_add(place))
        };
        (!known.iter().enumerate().all(as_before)).then_some(known)
    }
}

impl Plan {
    /// The plan for these declarations, of which this plan has some already; `None` if it has none,
    /// or has been brought up to date so often that it is better made anew.
    pub(crate) fn updated(
        &self,
        declarations: Vec<Declared>,
        series: &impl NewSeries,
    ) -> Option<Self> {
        let numbers = Numbers::of(self.declarations(), &declarations);
        if numbers.new.len() == declarations.len() {
            return None;
        }
        let sorted = series.sorted(&numbers.new);
        let mut sets = LabelSets::default();
        let places = Places::of(self.batches(), &numbers, &sorted, series, &mut sets);
        let gone = places.known.iter().flatten().filter(|place| place.is_none()).count();
        let left_out = self.left_out().saturating_add(gone);
        if left_out > places.labels.len() {
            return None;
        }
        let mut sets = sets.into_sets();
        let mut batches: Vec<Batch> = Vec::new();
        for labels in places.labels.chunks(BATCH) {
            let labels = labels.iter().cloned();
            let labels = labels.map(|known| known.or_else(|| sets.next()).unwrap_or_default());
            batches.push(Batch { labels: labels.collect(), entries: Vec::new() });
        }
        for (number, batch) in self.batches().iter().enumerate() {
            let moved = places.moved(number);
            if let Some(same) = batches.get_mut(number).filter(|_| moved.is_none()) {
                same.entries.reserve_exact(batch.entries.len());
                for (declaration, entries) in numbers.kept(&batch.entries) {
                    same.entries.extend(entries.iter().map(|e| Entry { declaration, ..*e }));
                }
                continue;
            }
            for (declaration, entries) in numbers.kept(&batch.entries) {
                for entry in entries {
                    let place = moved.and_then(|moved| *moved.get(entry.place as usize)?);
                    if let Some(place) = place {
                        add(&mut batches, Entry { declaration, place, ..*entry });
                    }
                }
            }
        }
        places.new.iter().for_each(|(place, item)| add(&mut batches, series.entry(*item, *place)));
        for batch in &mut batches {
            // It consists of a few parts that are sorted, which this sort merges.
            batch.entries.sort();
            batch.entries.shrink_to_fit();
        }
        Some(Self::of(declarations, batches, left_out))
    }
}

/// Puts an entry, whose place is that among all series, into its batch.
fn add(batches: &mut [Batch], entry: Entry) {
    let (batch, place) = (entry.place as usize / BATCH, entry.place as usize % BATCH);
    if let Some(batch) = batches.get_mut(batch) {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        batch.entries.push(Entry { place, ..entry });
    }
}

impl Declared {
    /// Identifies the list of series, as long as it exists.
    fn list(&self) -> (usize, usize) {
        match self {
            Self::Log(layout, id) => (layout.by_family.get(*id).map_or(0, address), *id),
            Self::Archive(family) => (address(family), 0),
        }
    }
}

fn address<T>(of: &Arc<T>) -> usize {
    Arc::as_ptr(of) as usize
}
