//! A segment's memory, written by several threads while others read it. Under miri the memory comes
//! from the allocator, and miri checks every access.

use core::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use crate::config::SegmentSize;

use super::create::{Created, Heritage, filled};
use super::format::{CELL, Geometry, Header, LIMITS_OFF, LIVENESS_OFD, LOG_OFF, Word};
use super::mapping::{Backing, Region};
use super::memory::{Memory, View};
use super::publish::{Places, publish};
use super::records::LogWriter;
use super::shard::{self, Cells};

/// Eight pages before the cells, and two pages of cells in each shard.
const TINY: Geometry = Geometry { slot_cap: 1024, shard_cap: 4, cells_off: 0x8000 };
const PAGE_CELLS: u32 = 512;

/// The number of repetitions of something that rarely goes wrong. Miri tries other interleavings
/// with other seeds instead.
pub(crate) const OFTEN: u32 = if cfg!(miri) { 8 } else { 2_000 };

/// A segment as the store has it, in memory of this process only. It is not known to the store or
/// to its fork handlers.
pub(crate) struct Private {
    pub(crate) header: Header,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) memory: Memory,
    used: u64,
    slots: u32,
}

impl Private {
    pub(crate) fn new() -> Self {
        Self::with_log(&[], 1)
    }

    fn with_log(log: &[u8], slots_used: u32) -> Self {
        // Never freed, like every region. It stays reachable, so that leak checkers report nothing.
        static KEPT: Mutex<Vec<Region>> = Mutex::new(Vec::new());
        let region = Region::reserve_private(TINY.logical_len()).unwrap();
        KEPT.lock().unwrap().push(region);
        let heritage = Heritage {
            region: None,
            size: SegmentSize::Large,
            process_cells: slots_used,
            log,
            slots_used,
            parent: [0; 16],
            log_epoch_ns: None,
            is_same_process: &|| true,
        };
        let Created { memory, header } =
            filled(region, Backing::none(), &heritage, TINY, LIVENESS_OFD, true).unwrap();
        let state = State { memory, used: log.len() as u64, slots: slots_used };
        Self { header, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn view(&self) -> View {
        self.lock().memory.view()
    }
}

impl State {
    /// Appends records, and publishes that `slots` more slots are assigned.
    pub(crate) fn publish(&mut self, records: &[u8], slots: u32) -> std::io::Result<()> {
        let slots = self.slots + slots;
        self.memory.grow_shard(0, slots)?;
        self.memory.grow_head(self.used + records.len() as u64)?;
        let places = Places {
            log: LOG_OFF,
            log_used: Word::LogUsed.offset(),
            logs_written: Word::LogsWritten.offset(),
            slots_used: Word::SlotsUsed.offset(),
            base: 0,
        };
        self.used = publish(&self.memory, places, self.used, records, slots);
        self.slots = slots;
        Ok(())
    }

    /// The next slot.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }
}

fn words(view: &View, offset: u64, count: usize) -> Vec<u64> {
    let mut words = vec![u64::MAX; count];
    view.read(offset, &mut words);
    words
}

fn word(view: &View, offset: u64) -> u64 {
    words(view, offset, 1)[0]
}

fn bytes(view: &View, offset: u64, len: u64) -> Vec<u8> {
    let words = words(view, offset, usize::try_from(len / 8).unwrap());
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

fn removal(slot: u32) -> Vec<u8> {
    let mut record = Vec::new();
    LogWriter::new(&mut record).remove(slot, 1, 0);
    record
}

#[test]
fn a_segment_that_is_filled_is_whole() {
    let log = [removal(3), removal(4)].concat();
    let segment = Private::with_log(&log, 700);
    let view = segment.view();
    assert_eq!(Header::decode(&bytes(&view, 0, 4096)).unwrap(), segment.header);
    assert_eq!(bytes(&view, LOG_OFF, log.len() as u64), log);
    for (is, should) in [
        (Word::Ready, 1),
        (Word::LogUsed, log.len() as u64),
        (Word::SlotsUsed, 700),
        (Word::ShardsUsed, 1),
        (Word::DroppedOperations, 0),
    ] {
        assert_eq!(word(&view, is.offset()), should, "{is:?}");
    }
    // Page-aligned space for its slots, which nobody has written.
    assert_eq!(word(&view, LIMITS_OFF), 1024);
    assert_eq!(words(&view, TINY.cells_off, 1024), vec![0; 1024]);
}

#[test]
fn what_has_no_blocks_reads_as_zeros_and_the_rest_stays_as_it_is() {
    let segment = Private::new();
    let mut state = segment.lock();
    let cell = |shard, at: u32| TINY.shard_off(shard) + u64::from(at) * CELL;
    assert_eq!(word(&state.memory.view(), cell(1, 0)), 0);
    state.memory.grow_shard(1, 1).unwrap();
    assert_eq!(state.memory.limit(1), PAGE_CELLS);
    shard::set_own(state.memory.shard(1));
    shard::own(PAGE_CELLS - 1, 0).unwrap().add(0, 7);
    assert!(shard::own(PAGE_CELLS, 0).is_none() && shard::own(PAGE_CELLS - 1, 1).is_none());
    assert!(shard::own(u32::MAX, u32::MAX).is_none());

    let before = state.memory.view();
    state.memory.grow_shard(1, PAGE_CELLS + 1).unwrap();
    shard::set_own(state.memory.shard(1));
    let run = shard::own(PAGE_CELLS - 1, 1).unwrap();
    run.add(1, 5);
    let after = state.memory.view();
    assert_eq!(words(&before, cell(1, PAGE_CELLS - 1), 2), [7, 0]);
    assert_eq!(words(&after, cell(1, PAGE_CELLS - 1), 2), [7, 5]);
    // The shards before and after it have no cells.
    assert_eq!(word(&after, cell(2, 0)), 0);
    assert_eq!(word(&after, TINY.logical_len()), 0);
    assert_eq!(word(&after, 4), 0, "not a whole word");
    shard::set_own(shard::Shard::NONE);

    // Limits are stored two at a time.
    state.memory.grow_shard(2, 1).unwrap();
    state.memory.grow_shard(3, PAGE_CELLS + 1).unwrap();
    assert_eq!(
        words(&state.memory.view(), LIMITS_OFF, 2),
        [u64::from(PAGE_CELLS) | 1024 << 32, u64::from(PAGE_CELLS) | 1024 << 32]
    );
    for refused in [state.memory.grow_shard(1, 1025), state.memory.grow_shard(4, 1)] {
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
    assert!(state.memory.grow_head(TINY.log_cap() + 8).is_err());
    state.memory.grow_head(TINY.log_cap()).unwrap();
}

/// Records that do not end at a page, so that some cross the border of the part that has just
/// become usable.
#[test]
fn who_reads_while_records_are_published_finds_whole_ones_and_their_slots() {
    let segment = Private::new();
    let records = TINY.log_cap() / removal(0).len() as u64;
    let records = u32::try_from(records).unwrap().min(if cfg!(miri) { 40 } else { 1_000 });
    let all: Vec<u8> = (0..records).flat_map(removal).collect();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < records {
                    let view = segment.view();
                    thread::yield_now();
                    let used = word(&view, Word::LogUsed.offset());
                    fence(Ordering::Acquire);
                    let slots = word(&view, Word::SlotsUsed.offset());
                    let log = bytes(&view, LOG_OFF, used);
                    assert!(all.starts_with(&log), "{used} bytes");
                    let count = u32::try_from(log.len() / removal(0).len()).unwrap();
                    assert!(count >= last && slots > u64::from(count));
                    last = count;
                }
            });
        }
        for slot in 0..records {
            segment.lock().publish(&removal(slot), 1).unwrap();
        }
    });
}

#[test]
fn threads_count_in_rows_of_their_own_while_others_read_them() {
    let segment = Private::new();
    let writers = TINY.shard_cap - 1;
    let slots = [1, 2, PAGE_CELLS - 1, PAGE_CELLS, 1023];
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 1..=writers {
            let (segment, done) = (&segment, &done);
            scope.spawn(move || {
                for slot in slots {
                    let shard = {
                        let mut state = segment.lock();
                        state.memory.grow_shard(number, slot + 1).unwrap();
                        state.memory.shard(number)
                    };
                    shard::set_own(shard);
                    let own = shard::own(slot, 0).unwrap();
                    for _ in 0..OFTEN {
                        own.add(0, 1);
                    }
                }
                shard::set_own(shard::Shard::NONE);
                done.fetch_add(1, Ordering::Release);
            });
        }
        scope.spawn(|| {
            let mut last = [0; 5];
            loop {
                let all_done = done.load(Ordering::Acquire) == u64::from(writers);
                let view = segment.view();
                let now = slots.map(|slot| {
                    let cell = |number| TINY.shard_off(number) + u64::from(slot) * CELL;
                    (1..=writers).map(|number| word(&view, cell(number))).sum::<u64>()
                });
                let most = u64::from(writers * OFTEN);
                for (now, last) in now.iter().zip(last) {
                    assert!((last..=most).contains(now), "{now} after {last}");
                }
                last = now;
                if all_done {
                    assert_eq!(now, [most; 5]);
                    break;
                }
                thread::yield_now();
            }
        });
    });
}

/// The mutex orders the previous owner's last store before the next owner's first load.
#[test]
fn a_shard_that_is_given_on_keeps_its_counts() {
    let segment = Private::new();
    let free = Mutex::new(vec![1_u32]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..OFTEN {
                    let Some(number) = free.lock().unwrap().pop() else {
                        thread::yield_now();
                        continue;
                    };
                    let mut state = segment.lock();
                    state.memory.grow_shard(number, 10).unwrap();
                    shard::set_own(state.memory.shard(number));
                    drop(state);
                    // A count of 1, an observation of 0.5, and a sum that passes 2^64 every second
                    // time.
                    let own = shard::own(1, 3).unwrap();
                    own.add(0, 1);
                    own.add_f64(1, 0.5);
                    if own.add_carrying(2, 1 << 63) {
                        own.add(3, 1);
                    }
                    shard::set_own(shard::Shard::NONE);
                    free.lock().unwrap().push(number);
                }
            });
        }
    });
    let cells = words(&segment.view(), TINY.shard_off(1) + CELL, 4);
    let [count, sum, low, carries] = cells[..] else { panic!("{cells:?}") };
    assert!(count > 0);
    assert_eq!(f64::from_bits(sum) * 2.0, u32::try_from(count).unwrap().into());
    assert_eq!((low, carries), ((count % 2) << 63, count / 2));
}

/// A fork handler makes the memory inaccessible; the child uses the same addresses again.
#[test]
fn what_was_forsaken_is_not_touched_and_the_same_addresses_serve_again() {
    let log = removal(9);
    let segment = Private::with_log(&log, 20);
    let mut state = segment.lock();
    state.memory.grow_shard(1, 1).unwrap();
    shard::set_own(state.memory.shard(1));
    shard::own(5, 0).unwrap().add(0, 1);
    shard::set_own(shard::Shard::NONE);
    let region = state.memory.region();
    state.memory.forsake();
    region.replace_by_private().unwrap();
    assert!(state.memory.limit(0) == 0 && state.memory.limit(1) == 0);

    let mut memory = Memory::new(region, Backing::none(), TINY).unwrap();
    memory.grow_head(log.len() as u64).unwrap();
    memory.grow_shard(1, 6).unwrap();
    assert_eq!(words(&memory.view(), TINY.shard_off(1), 6), [0; 6]);
    shard::set_own(memory.shard(1));
    shard::own(5, 0).unwrap().add(0, 3);
    shard::set_own(shard::Shard::NONE);
    assert_eq!(word(&memory.view(), TINY.shard_off(1) + 5 * CELL), 3);
}
