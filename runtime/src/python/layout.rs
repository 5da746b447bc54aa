//! The entries of a file, and where their values are.
//!
//! ```text
//! 0   i32  used: the bytes of the file that count, with these; then 4 bytes of nothing
//! 8   entries, up to `used`:
//!     i32  the length of the key, the key, 1 to 8 spaces up to a multiple of 8
//!     f64  the value; since 0.18.0 a second one: when it was set, in seconds since 1970, or 0
//! ```
//!
//! Numbers are in the machine's own order of bytes, which is little-endian here. Nothing in a file
//! says which of the two layouts it has. It has the one in which its entries end exactly at `used`,
//! every key begins and ends as an array does, and every padding is of spaces. No file has both:
//! read in the other layout, the length of the second key is four characters of text, or half of a
//! time.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use super::key_table::{KeyId, KeyTable};

/// The bytes before the first entry.
pub(super) const HEAD: usize = 8;
/// The length of the shortest key, `["","",{},""]`; without help it has one that is shorter still.
const SHORTEST_KEY: usize = 10;

/// The entries of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Where the last entry ends.
    pub(super) used: usize,
    /// 16 with times, 8 without.
    pub(super) width: usize,
    pub(super) entries: Vec<Entry>,
}

/// Where a value is, and its key. Neither ever changes: entries are appended, and not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: u32,
    pub(super) key: KeyId,
}

impl Layout {
    pub(super) fn size(&self) -> u64 {
        size_of::<Self>().saturating_add(size_of_val(&*self.entries)) as u64
    }

    /// Its keys with values that were kept, which have no times.
    pub(super) fn with<'a>(
        &'a self,
        values: &'a [f64],
    ) -> impl Iterator<Item = (KeyId, f64, f64)> + 'a {
        self.entries.iter().zip(values).map(|(entry, value)| (entry.key, *value, 0.0))
    }

    /// The values, and when they were set: 0 if the file has no times.
    pub(super) fn values(&self, bytes: &[u8]) -> impl Iterator<Item = (KeyId, f64, f64)> {
        let has_times = self.width == 16;
        self.entries.iter().map(move |entry| {
            let at = entry.at as usize;
            let time = if has_times { number(bytes, at.saturating_add(8)) } else { 0.0 };
            (entry.key, number(bytes, at), time)
        })
    }
}

fn number(bytes: &[u8], at: usize) -> f64 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
    bytes.map_or(0.0, |bytes| f64::from_le_bytes(*bytes))
}

/// The number at the file's beginning, or before a key.
pub(super) fn int(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_le_bytes(*bytes))
}

/// Reads the entries of a file, of which more and more comes into memory.
#[derive(Debug)]
pub(super) struct Reading {
    used: usize,
    walks: [Option<Walk>; 2],
}

/// How far one of the two layouts was followed.
#[derive(Debug)]
struct Walk {
    layout: Layout,
    before: Option<KeyId>,
}

impl Reading {
    /// Begins at the end of what is known of the file.
    pub(super) fn new(used: usize, known: Option<&Layout>) -> Self {
        let new = |width| Some(Layout { used: HEAD, width, entries: Vec::new() });
        let layouts = match known {
            Some(known) => [Some(known.clone()), None],
            None => [new(16), new(8)],
        };
        let walk = |layout: Layout| Walk { before: layout.entries.last().map(|e| e.key), layout };
        Self { used, walks: layouts.map(|layout| layout.map(walk)) }
    }

    /// Goes on as far as the bytes reach. `false`: it has neither layout.
    pub(super) fn go_on(&mut self, bytes: &[u8], keys: &mut KeyTable) -> bool {
        let mut is_any = false;
        for place in &mut self.walks {
            let Some(walk) = place else { continue };
            if walk.go_on(bytes, self.used, keys) {
                // Nearly always the first one is right, and then nothing is looked at twice.
                is_any = true;
                if walk.layout.entries.len() > 1 {
                    break;
                }
            } else {
                *place = None;
            }
        }
        is_any
    }

    /// The layout in which the entries end where they should, if it is one.
    pub(super) fn end(self) -> Option<Layout> {
        let used = self.used;
        let ends = |walk: &Walk| walk.layout.used == used;
        let mut fitting = self.walks.into_iter().flatten().filter(ends);
        let layout = fitting.next()?.layout;
        let is_only = layout.entries.len() > 1 || fitting.next().is_none();
        (is_only || layout.entries.is_empty()).then_some(layout)
    }
}

impl Walk {
    fn go_on(&mut self, bytes: &[u8], used: usize, keys: &mut KeyTable) -> bool {
        loop {
            let at = self.layout.used;
            if at == used {
                return true;
            }
            let Some(length) = int(bytes, at) else {
                return at.saturating_add(4) <= used;
            };
            let Ok(length) = usize::try_from(length) else { return false };
            let start = at.saturating_add(4);
            let end = start.saturating_add(length);
            let value = padded(end);
            let behind = value.saturating_add(self.layout.width);
            if length < SHORTEST_KEY || behind > used {
                return false;
            }
            let Some(rest) = bytes.get(start..) else { return true };
            if !b"[\"".starts_with(rest.get(..2).unwrap_or(rest)) {
                return false;
            }
            if bytes.len() < behind {
                return true;
            }
            let (Some(key), Some(padding)) = (bytes.get(start..end), bytes.get(end..value)) else {
                return false;
            };
            if !key.ends_with(b"]") || padding.iter().any(|byte| *byte != b' ') {
                return false;
            }
            let key = keys.find(key, self.before);
            let Ok(at) = u32::try_from(value) else { return false };
            self.before = Some(key);
            self.layout.entries.push(Entry { at, key });
            self.layout.used = behind;
        }
    }
}

/// The next multiple of 8, and 8 more if it is one already.
fn padded(end: usize) -> usize {
    (end & !7).saturating_add(8)
}

/// One allocation for equal layouts: those of the processes of one program mostly are.
pub(super) fn shared(layout: Layout, known: Option<&Arc<Layout>>) -> Arc<Layout> {
    match known.filter(|known| ***known == layout) {
        Some(known) => Arc::clone(known),
        None => Arc::new(layout),
    }
}
