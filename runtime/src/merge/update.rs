//! Brings a merge plan up to date: some declarations are gone, and others are new. Pure.
//!
//! When one of many processes was replaced, only the series of the new one are sorted; those of the
//! others have their places already.

use core::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{LabelSet, LabelSets};

use super::plan::{BATCH, Batch, Declared, Entry, Item, Plan};
use super::sort::{Sorted, groups};

/// What a plan needs to know of the series of new declarations.
pub(crate) trait NewSeries {
    /// The series of the declarations with these numbers, sorted.
    fn sorted(&self, declarations: &[u32]) -> Vec<Sorted<Item>>;

    /// How these labels compare with those of a series.
    fn compare(&self, labels: &LabelSet, item: Item) -> Ordering;

    /// Adds the labels of a series.
    fn labels(&self, item: Item, sets: &mut LabelSets);
}

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

    fn now(&self, entry: &Entry) -> Option<u32> {
        *self.now.get(entry.declaration as usize)?
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
            for entry in batch.entries.iter().filter(|entry| numbers.now(entry).is_some()) {
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

    fn known(&self, batch: usize, entry: &Entry) -> Option<u32> {
        *self.known.get(batch)?.get(entry.place as usize)?
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
        let mut add = |(declaration, series): Item, place: u32| {
            let (batch, place) = (place as usize / BATCH, place as usize % BATCH);
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            if let Some(batch) = batches.get_mut(batch) {
                batch.entries.push(Entry { declaration, series, place });
            }
        };
        for (number, batch) in self.batches().iter().enumerate() {
            for entry in &batch.entries {
                let place = places.known(number, entry);
                if let Some((declaration, place)) = numbers.now(entry).zip(place) {
                    add((declaration, entry.series), place);
                }
            }
        }
        places.new.iter().for_each(|(place, item)| add(*item, *place));
        for batch in &mut batches {
            // It consists of a few parts that are sorted, which this sort merges.
            batch.entries.sort();
            batch.entries.shrink_to_fit();
        }
        Some(Self::of(declarations, batches, left_out))
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
