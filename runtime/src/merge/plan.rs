//! Which series of a family are alike, in what order they are shown, and by what labels. It is the same as long as the same series are
//! there, however much is counted: so it is kept between collections.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{LabelSet, LabelSets};
use crate::reader::layout::Layout;

use super::archived::ArchivedFamily;
use super::declared::Source;
use super::sort::{Sorted, groups};

/// A series as one declaration has it: that one's number, and its own.
pub(crate) type Item = (u32, u32);

/// The series of one family.
#[derive(Debug)]
pub(crate) struct Plan {
    declarations: Vec<Declared>,
    blocks: Arc<Vec<Block>>,
    /// Bytes that keeping it takes, besides logs and archives.
    pub(crate) size: usize,
}

/// Some of the series: so many that their sums fit into the processor's nearest cache, and that what one log has of them is read in one go.
/// Series by series, each log would be met anew for each of them, and be in no cache.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Ascending.
    pub(crate) labels: Vec<LabelSet>,
    /// Each declaration's behind each other.
    pub(crate) entries: Vec<Entry>,
}

/// So many series are a block.
const BLOCK: usize = 512;

/// A series as one declaration has it, and which of the block's it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) declaration: u32,
    pub(crate) series: u32,
    pub(crate) place: u32,
}

/// Where a family's series come from. What is compared is whether it is the very same; it can't be another's by now, since the plan holds
/// on to it.
#[derive(Debug)]
pub(crate) enum Declared {
    /// A log, and the family's number in it.
    Log(Arc<Layout>, usize),
    Archive(Arc<ArchivedFamily>),
}

impl Declared {
    pub(crate) fn of(source: Source<'_>) -> Self {
        match source {
            Source::Log { log, id, .. } => Self::Log(Arc::clone(log.layout), id),
            Source::Archive { archived, .. } => Self::Archive(Arc::clone(archived)),
        }
    }

    fn is_exactly(&self, source: Source<'_>) -> bool {
        match (self, source) {
            (Self::Log(layout, _), Source::Log { log, .. }) => Arc::ptr_eq(layout, log.layout),
            _ => true,
        }
    }

    fn is(&self, source: Source<'_>) -> bool {
        match (self, source) {
            // A log that has grown says of this family what it said.
            (Self::Log(layout, known), Source::Log { log, id, .. }) => {
                let lists = layout.by_family.get(id).zip(log.layout.by_family.get(id));
                lists.is_some_and(|(a, b)| Arc::ptr_eq(a, b)) && *known == id
            }
            (Self::Archive(family), Source::Archive { archived, .. }) => {
                Arc::ptr_eq(family, archived)
            }
            _ => false,
        }
    }
}

impl Plan {
    /// Of the items of these declarations.
    pub(crate) fn new(
        declarations: Vec<Declared>,
        sorted: &[Sorted<Item>],
        labels: impl Fn(Item, &mut LabelSets),
    ) -> Self {
        let (mut sets, mut blocks, mut block) =
            (LabelSets::default(), Vec::new(), Block::default());
        let mut place = 0;
        for group in groups(sorted) {
            labels(group[0].item, &mut sets);
            let entry = |&(declaration, series): &Item| Entry { declaration, series, place };
            block.entries.extend(group.iter().map(|sorted| entry(&sorted.item)));
            place += 1;
            if place as usize == BLOCK {
                blocks.push(core::mem::take(&mut block));
                place = 0;
            }
        }
        blocks.push(block);
        let mut sets = sets.into_sets();
        let mut size = size_of::<Self>() + size_of_val(&*declarations) + size_of_val(&*blocks);
        for block in &mut blocks {
            block.labels = sets.by_ref().take(BLOCK).collect();
            block.entries.sort_unstable();
            block.entries.shrink_to_fit();
            size += size_of_val(&*block.entries);
            size += block.labels.iter().map(LabelSet::size).sum::<usize>();
        }
        Self { declarations, blocks: Arc::new(blocks), size }
    }

    /// The same, of logs that have grown since by other families.
    pub(crate) fn renewed(&self, declarations: Vec<Declared>) -> Self {
        Self { declarations, blocks: Arc::clone(&self.blocks), size: self.size }
    }

    /// Whether it is of these very sources.
    pub(crate) fn is_exactly<'a>(&self, sources: impl Iterator<Item = Source<'a>>) -> bool {
        self.declarations.iter().zip(sources).all(|(declared, source)| declared.is_exactly(source))
    }

    /// Whether declarations from these sources have no other plan.
    pub(crate) fn is_of<'a>(&self, sources: impl ExactSizeIterator<Item = Source<'a>>) -> bool {
        self.declarations.len() == sources.len()
            && self.declarations.iter().zip(sources).all(|(declared, source)| declared.is(source))
    }

    /// How many series there will be, if each has something to show.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.labels.len()).sum()
    }

    /// In ascending order.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

/// The plan of each family.
pub(crate) type Plans = BTreeMap<String, Arc<Plan>>;
