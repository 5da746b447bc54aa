//! The layouts of one collection: each log is parsed once, whoever has it.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{Error, ErrorKind};

use super::layout::Layout;
use super::parse::{parse, parse_more};

/// Bytes of label names and values, once for each cell, as an exposition repeats them, in all files of a directory together: 4 GiB. Whoever
/// may write there may write many of them.
pub(crate) const MAX_TEXT_OF_ALL: u64 = 1 << 32;

/// Layouts with the logs that they were read from, as far as logs have them in common, by the logs' checksums.
pub(crate) type ByLog = HashMap<u32, Vec<Arc<Known>>>;

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) log: Vec<u8>,
    pub(crate) layout: Arc<Layout>,
}

/// The layouts of one collection, found again by the log's bytes: by all of them, since a checksum can be forged.
#[derive(Debug)]
pub(crate) struct Layouts {
    known: ByLog,
    /// Those that an earlier collection read.
    earlier: Arc<ByLog>,
    /// Whose text was taken from what is left: their addresses.
    admitted: HashSet<usize>,
    /// Bytes of text in labels that there is room for yet.
    text_left: u64,
}

impl Default for Layouts {
    fn default() -> Self {
        Self::of_text(MAX_TEXT_OF_ALL)
    }
}

impl Layouts {
    /// With so many bytes of text in labels at most.
    pub(crate) fn of_text(most: u64) -> Self {
        let (known, earlier, admitted) = Default::default();
        Self { known, earlier, admitted, text_left: most }
    }

    /// Those of an earlier collection need not be parsed again.
    pub(crate) fn after(earlier: Arc<ByLog>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// For the next collection: those that this one had use for.
    pub(crate) fn into_known(self) -> ByLog {
        let Self { mut known, earlier, admitted, .. } = self;
        for (crc, alike) in &*earlier {
            let is_used = |known: &&Arc<Known>| admitted.contains(&address(&known.layout));
            let used = alike.iter().filter(is_used);
            for one in used {
                known.entry(*crc).or_default().push(Arc::clone(one));
            }
        }
        known
    }

    /// What a log says, by what logs have in common.
    pub(crate) fn of(&mut self, common: Vec<u8>, slots_used: u32) -> Result<Arc<Layout>, Error> {
        let crc = crc32fast::hash(&common);
        let find = |layouts: &ByLog| {
            let alike = layouts.get(&crc)?.iter();
            alike.clone().find(|known| known.log == common).map(|known| Arc::clone(&known.layout))
        };
        if let Some(layout) = find(&self.known).or_else(|| find(&self.earlier)) {
            self.admit(&layout, slots_used)?;
            return Ok(layout);
        }
        let mut layout = parse(&common, slots_used)?;
        layout.crc = crc;
        let layout = Arc::new(layout);
        self.admit(&layout, slots_used)?;
        let known = Known { log: common, layout: Arc::clone(&layout) };
        self.known.entry(crc).or_default().push(Arc::new(known));
        Ok(layout)
    }

    /// What a log says that has grown by so much; `None` if it isn't known any more what it was.
    /// What hasn't changed is not looked at.
    pub(crate) fn extended(
        &mut self,
        layout: &Arc<Layout>,
        more: &[u8],
        slots_used: u32,
    ) -> Option<Result<Arc<Layout>, Error>> {
        if more.is_empty() {
            return Some(self.admit(layout, slots_used).map(|()| Arc::clone(layout)));
        }
        let of_it = |layouts: &ByLog| {
            let mut alike = layouts.get(&layout.crc)?.iter();
            alike.find(|known| Arc::ptr_eq(&known.layout, layout)).map(Arc::clone)
        };
        let base = of_it(&self.known).or_else(|| of_it(&self.earlier))?;
        let crc = crc_behind(layout.crc, base.log.len(), more);
        let is_it = |known: &&Arc<Known>| {
            let behind = known.log.strip_prefix(base.log.as_slice());
            behind.is_some_and(|behind| behind == more)
        };
        let find = |layouts: &ByLog| layouts.get(&crc)?.iter().find(is_it).map(Arc::clone);
        if let Some(known) = find(&self.known).or_else(|| find(&self.earlier)) {
            let layout = Arc::clone(&known.layout);
            return Some(self.admit(&layout, slots_used).map(|()| layout));
        }
        let mut layout = match parse_more(Layout::clone(layout), more, slots_used) {
            Ok(layout) => layout,
            Err(e) => return Some(Err(e)),
        };
        layout.crc = crc;
        let layout = Arc::new(layout);
        if let Err(e) = self.admit(&layout, slots_used) {
            return Some(Err(e));
        }
        let known = Known { log: [&*base.log, more].concat(), layout: Arc::clone(&layout) };
        self.known.entry(crc).or_default().push(Arc::new(known));
        Some(Ok(layout))
    }

    /// Makes a layout one of this collection's, for a segment that uses so many slots.
    pub(crate) fn admit(&mut self, layout: &Arc<Layout>, slots_used: u32) -> Result<(), Error> {
        // The same log beside a smaller number of slots would be another file's lie.
        if layout.end > slots_used {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        if !self.admitted.contains(&address(layout)) {
            // Other files' doing: this one is not damaged, and must not be set aside.
            let crowded = "too much text in labels, with that of the files before it";
            self.text_left = self
                .text_left
                .checked_sub(layout.cost)
                .ok_or_else(|| Error::new(ErrorKind::Crowded { reason: crowded }))?;
            self.admitted.insert(address(layout));
        }
        Ok(())
    }
}

/// The checksum of so many bytes that have this one, and of those behind them.
fn crc_behind(crc: u32, len: usize, more: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial_len(crc, len as u64);
    hasher.update(more);
    hasher.finalize()
}

/// No other layout's, as long as this one is held: by the segments' logs that a collection has, and by what an earlier one has kept.
fn address(layout: &Arc<Layout>) -> usize {
    Arc::as_ptr(layout) as usize
}
