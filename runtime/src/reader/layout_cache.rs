//! The layouts of one collection. Logs that are equal are parsed once and share one layout.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{Error, ErrorKind};

use super::layout::Layout;
use super::parse::{parse, parse_more};

/// The most bytes of label names and values in all files of a directory together, counted once for
/// each cell, as an exposition repeats them: 4 GiB. Any user with write access to the directory can
/// create many files.
pub(crate) const MAX_TEXT_OF_ALL: u64 = 1 << 32;

/// Layouts, and the common part of the logs that they were parsed from, by the checksum of that
/// part.
pub(crate) type ByLog = HashMap<u32, Vec<Arc<Known>>>;

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) log: Vec<u8>,
    pub(crate) layout: Arc<Layout>,
}

/// The layouts of one collection. They are looked up by all bytes of the log, since a checksum can
/// be forged.
#[derive(Debug)]
pub(crate) struct Layouts {
    known: ByLog,
    /// Layouts that an earlier collection has parsed.
    earlier: Arc<ByLog>,
    /// The addresses of the layouts whose text is subtracted from `text_left` already.
    admitted: HashSet<usize>,
    /// The bytes of text in labels that are left.
    text_left: u64,
}

impl Default for Layouts {
    fn default() -> Self {
        Self::of_text(MAX_TEXT_OF_ALL)
    }
}

impl Layouts {
    /// With a limit for the bytes of text in labels.
    pub(crate) fn of_text(most: u64) -> Self {
        let (known, earlier, admitted) = Default::default();
        Self { known, earlier, admitted, text_left: most }
    }

    /// Reuses the layouts of an earlier collection.
    pub(crate) fn after(earlier: Arc<ByLog>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// The layouts that this collection has used, for the next one.
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

    /// The layout of a log, from its common part.
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

    /// The layout of a log that has grown by `more`, of which only `more` is parsed. `None` if the
    /// bytes of the earlier log are no longer cached.
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

    /// Makes a layout one of this collection's, for a segment that uses `slots_used` slots.
    pub(crate) fn admit(&mut self, layout: &Arc<Layout>, slots_used: u32) -> Result<(), Error> {
        // The layout may come from another segment with an equal log but more slots. In this
        // segment, some of its series lie outside the slots in use, so this file is forged or
        // damaged.
        if layout.end > slots_used {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        if !self.admitted.contains(&address(layout)) {
            self.take_text(layout.cost)?;
            self.admitted.insert(address(layout));
        }
        Ok(())
    }

    /// Takes so many bytes of text in labels of what is left.
    pub(crate) fn take_text(&mut self, bytes: u64) -> Result<(), Error> {
        // The files before it have used up the limit. This file is not damaged, and must not be set
        // aside.
        let crowded = "too much text in labels, with that of the files before it";
        self.text_left = self
            .text_left
            .checked_sub(bytes)
            .ok_or_else(|| Error::new(ErrorKind::OverLimit { reason: crowded }))?;
        Ok(())
    }
}

/// The checksum of `more` appended to `len` bytes that have the checksum `crc`.
fn crc_behind(crc: u32, len: usize, more: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial_len(crc, len as u64);
    hasher.update(more);
    hasher.finalize()
}

/// Identifies a layout. No other layout gets this address while this one exists, and the segments'
/// logs of this collection and the cache of the earlier one hold it.
fn address(layout: &Arc<Layout>) -> usize {
    Arc::as_ptr(layout) as usize
}
