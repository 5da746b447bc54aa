//! The merge plan: how the series of one family are grouped, ordered and labelled. It does not
//! depend on the counts, so it is cached between collections.

use core::cmp::Ordering;
use std::sync::Arc;

use crate::model::sorted::SortedMap;
use crate::model::{LabelSet, LabelSets};
use crate::reader::layout::Layout;

use super::archived::ArchivedFamily;
use super::declared::DeclaredIn;
use super::sort::{Sorted, groups};

/// A series of one declaration: the declaration's number, and the series' number in it.
pub(crate) type Item = (u32, u32);

/// The plan of one family.
#[derive(Debug)]
pub(crate) struct Plan {
    declarations: Vec<Declared>,
    batches: Arc<Vec<Batch>>,
    /// How many label sets were left out since all were made. Text that they shared with others may
    /// still be there.
    left_out: usize,
    /// The memory that it takes, without logs and archives.
    pub(crate) size: usize,
}

/// A batch of series, so small that their sums fit into the processor's second-level cache, and so
/// large that each log's part of it is read in one go. Going series by series, each log would be
/// fetched again for each series, and be in no cache.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Ascending.
    pub(crate) labels: Vec<LabelSet>,
    /// Grouped by declaration.
    pub(crate) entries: Vec<Entry>,
}

impl Batch {
    fn size(&self) -> usize {
        size_of_val(&*self.entries) + self.labels.iter().map(LabelSet::size).sum::<usize>()
    }
}

/// The number of series in a batch.
pub(super) const BATCH: usize = 2048;

/// A series of one declaration, and its place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) declaration: u32,
    pub(crate) series: u32,
    pub(crate) place: u32,
    /// Of a series in a log: its first slot, and its record. They are here so that a scrape need
    /// not read the log's list of series, which is in no cache.
    pub(crate) slot: u32,
    pub(crate) record: u32,
}

/// What a plan needs to know of the series of new declarations.
pub(crate) trait NewSeries {
    /// The series of the declarations with these numbers, sorted.
    fn sorted(&self, declarations: &[u32]) -> Vec<Sorted<Item>>;

    /// How these labels compare with those of a series.
    fn compare(&self, labels: &LabelSet, item: Item) -> Ordering;

    /// Adds the labels of a series.
    fn labels(&self, item: Item, sets: &mut LabelSets);

    /// The entry of a series at a place in its batch.
    fn entry(&self, item: Item, place: u32) -> Entry;
}

/// Where a family's series come from. Sources are compared by address. The address cannot belong to
/// another one meanwhile, since the plan holds a reference.
#[derive(Debug, Clone)]
pub(crate) enum Declared {
    /// A log, and the family's number in it.
    Log(Arc<Layout>, usize),
    Archive(Arc<ArchivedFamily>),
}

impl Declared {
    pub(crate) fn of(source: DeclaredIn<'_>) -> Self {
        match source {
            DeclaredIn::Log { log, id, .. } => Self::Log(Arc::clone(log.layout), id),
            DeclaredIn::Archive { archived, .. } => Self::Archive(Arc::clone(archived)),
        }
    }

    /// Whether it is this very source, and not an earlier version of its log.
    fn is_exactly(&self, source: DeclaredIn<'_>) -> bool {
        match (self, source) {
            (Self::Log(layout, known), DeclaredIn::Log { log, id, .. }) => {
                Arc::ptr_eq(layout, log.layout) && *known == id
            }
            (Self::Archive(family), DeclaredIn::Archive { archived, .. }) => {
                Arc::ptr_eq(family, archived)
            }
            _ => false,
        }
    }

    fn is(&self, source: DeclaredIn<'_>) -> bool {
        match (self, source) {
            // The log may have grown; this family's series are the same.
            (Self::Log(layout, known), DeclaredIn::Log { log, id, .. }) => {
                let lists = layout.by_family.get(id).zip(log.layout.by_family.get(id));
                lists.is_some_and(|(a, b)| Arc::ptr_eq(a, b)) && *known == id
            }
            (Self::Archive(family), DeclaredIn::Archive { archived, .. }) => {
                Arc::ptr_eq(family, archived)
            }
            _ => false,
        }
    }
}

impl Plan {
    /// The plan for the sorted series of these declarations.
    pub(crate) fn new(
        declarations: Vec<Declared>,
        sorted: &[Sorted<Item>],
        series: &impl NewSeries,
    ) -> Self {
        let (mut sets, mut batches, mut batch) =
            (LabelSets::default(), Vec::new(), Batch::default());
        let mut place = 0;
        for group in groups(sorted) {
            series.labels(group[0].item, &mut sets);
            batch.entries.extend(group.iter().map(|sorted| series.entry(sorted.item, place)));
            place += 1;
            if place as usize == BATCH {
                batches.push(core::mem::take(&mut batch));
                place = 0;
            }
        }
        batches.push(batch);
        let mut sets = sets.into_sets();
        for batch in &mut batches {
            batch.labels = sets.by_ref().take(BATCH).collect();
            batch.entries.sort_unstable();
            batch.entries.shrink_to_fit();
        }
        Self::of(declarations, batches, 0)
    }

    pub(super) fn of(declarations: Vec<Declared>, batches: Vec<Batch>, left_out: usize) -> Self {
        let size = size_of::<Self>() + size_of_val(&*declarations) + size_of_val(&*batches);
        let size = size + batches.iter().map(Batch::size).sum::<usize>();
        Self { declarations, batches: Arc::new(batches), left_out, size }
    }

    pub(super) fn declarations(&self) -> &[Declared] {
        &self.declarations
    }

    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The same plan for logs that have grown by series of other families.
    pub(crate) fn renewed(&self, declarations: Vec<Declared>) -> Self {
        let Self { left_out, size, .. } = *self;
        Self { declarations, batches: Arc::clone(&self.batches), left_out, size }
    }

    /// The plan without the declarations whose sources are not kept.
    pub(crate) fn only(&self, is_kept: impl Fn(&Declared) -> bool) -> Self {
        let (mut numbers, mut declarations) = (Vec::new(), Vec::new());
        for declared in &self.declarations {
            let number = u32::try_from(declarations.len()).unwrap_or(u32::MAX);
            let is_kept = is_kept(declared);
            numbers.push(is_kept.then_some(number));
            declarations.extend(is_kept.then(|| declared.clone()));
        }
        let batches = self.batches.iter().map(|batch| {
            let kept = batch.entries.iter().filter_map(|entry| {
                let declaration = (*numbers.get(entry.declaration as usize)?)?;
                Some(Entry { declaration, ..*entry })
            });
            let mut entries: Vec<Entry> = kept.collect();
            entries.shrink_to_fit();
            Batch { labels: batch.labels.clone(), entries }
        });
        Self::of(declarations, batches.collect(), self.left_out)
    }

    /// Whether it is the plan for declarations from these very sources, and not from earlier
    /// versions of their logs.
    pub(crate) fn is_exactly<'a>(
        &self,
        sources: impl ExactSizeIterator<Item = DeclaredIn<'a>>,
    ) -> bool {
        let declarations = &self.declarations;
        declarations.len() == sources.len()
            && declarations
                .iter()
                .zip(sources)
                .all(|(declared, source)| declared.is_exactly(source))
    }

    /// Whether it is the plan for declarations from these sources.
    pub(crate) fn is_of<'a>(&self, sources: impl ExactSizeIterator<Item = DeclaredIn<'a>>) -> bool {
        self.declarations.len() == sources.len()
            && self.declarations.iter().zip(sources).all(|(declared, source)| declared.is(source))
    }

    /// The number of series, if all of them have something to show.
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.labels.len()).sum()
    }

    /// In ascending order.
    pub(crate) fn batches(&self) -> &[Batch] {
        &self.batches
    }
}

/// The plan of each family, by name.
pub(crate) type Plans = SortedMap<String, Arc<Plan>>;
