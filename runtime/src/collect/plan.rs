//! Which series of a family are alike, in what order they are shown, and by what labels. It is the same as long as the same series are
//! there, however much is counted: so it is kept between collections.

use std::sync::Arc;

use super::archive::ArchivedFamily;
use super::label_set::{LabelSet, LabelSets};
use super::layout::Layout;
use super::order::{Sorted, groups};

/// A series as one declaration has it: that one's number, and its own.
pub(super) type Item = (u32, u32);

/// The series of one family.
#[derive(Debug)]
pub(super) struct Plan {
    declarations: Vec<Declared>,
    /// Those that are alike together.
    items: Vec<Item>,
    series: Vec<Planned>,
    /// Bytes that keeping it takes, besides logs and archives.
    pub(super) size: usize,
}

/// Where a family's series come from. What is compared is whether it is the very same; it can't be another's by now, since the plan holds
/// on to it.
#[derive(Debug)]
pub(super) enum Declared {
    /// A log, and the family's number in it.
    Log(Arc<Layout>, usize),
    Archive(Arc<ArchivedFamily>),
}

#[derive(Debug)]
struct Planned {
    labels: LabelSet,
    /// Where its items end.
    end: usize,
}

impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Log(layout, id), Self::Log(other, of)) => Arc::ptr_eq(layout, other) && id == of,
            (Self::Archive(family), Self::Archive(other)) => Arc::ptr_eq(family, other),
            _ => false,
        }
    }
}

impl Plan {
    /// Of the items of these declarations.
    pub(super) fn new(
        declarations: Vec<Declared>,
        sorted: &[Sorted<Item>],
        labels: impl Fn(Item, &mut LabelSets),
    ) -> Self {
        let items = sorted.iter().map(|sorted| sorted.item).collect();
        let (mut sets, mut ends, mut end) = (LabelSets::default(), Vec::new(), 0);
        for group in groups(sorted) {
            labels(group[0].item, &mut sets);
            end += group.len();
            ends.push(end);
        }
        let planned = |(labels, end)| Planned { labels, end };
        let series: Vec<Planned> = sets.into_sets().zip(ends).map(planned).collect();
        let labels: usize = series.iter().map(|planned| planned.labels.size()).sum();
        let size = labels + (size_of::<Item>() + size_of::<usize>()) * sorted.len();
        Self { declarations, items, series, size }
    }

    /// Whether these declarations have no other plan.
    pub(super) fn is_of(&self, declarations: &[Declared]) -> bool {
        self.declarations == declarations
    }

    /// How many series there will be, if each has something to show.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// The labels of each series, in ascending order, and whoever has it.
    pub(super) fn series(&self) -> impl Iterator<Item = (&LabelSet, &[Item])> {
        let mut rest = &*self.items;
        let mut at = 0;
        self.series.iter().map(move |planned| {
            let (items, others) = rest.split_at(planned.end - at);
            (rest, at) = (others, planned.end);
            (&planned.labels, items)
        })
    }
}
