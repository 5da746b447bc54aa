//! The protocols between threads and processes, in every order in which their loads and stores can
//! become visible: the real code of the library's table of rows and of its publishing, on the model
//! checker's atomics.
//!
//! What the checker can't know: it treats a load that sees a later store as impossible. Its
//! findings are bugs; its silence is no proof.

/// As in the library: the file finds its atomics, and the size of its first table, above itself.
#[path = "."]
mod label {
    use loom::sync;

    const SMALLEST_TABLE: usize = 2;

    #[path = "../../runtime/src/label/table.rs"]
    pub(crate) mod table;
}

#[path = "."]
mod segment {
    use loom::sync;

    #[path = "../../runtime/src/segment/publish.rs"]
    pub(crate) mod publish;

    #[path = "../../runtime/src/segment/exemplar.rs"]
    #[allow(dead_code, reason = "when an exemplar is due is no question of orderings")]
    pub(crate) mod exemplar;

    /// In place of cells of a segment.
    pub(crate) mod shard {
        use loom::sync::atomic::AtomicU64;

        pub(crate) struct Shared(pub(crate) Vec<AtomicU64>);

        impl Shared {
            pub(crate) fn cell(&self, number: u32) -> &AtomicU64 {
                &self.0[number as usize]
            }
        }
    }
}

#[path = "."]
mod model {
    #[path = "../../runtime/src/model/exemplar.rs"]
    #[allow(dead_code, unreachable_pub, reason = "what pages need of it")]
    pub(crate) mod exemplar;
}

/// Nobody is killed in a model.
mod fault {
    macro_rules! step {
        ($name:literal, $step:expr) => {
            $step
        };
    }
    pub(crate) use step;
}

use label::table::{Entry, GONE, RowSlot, Rows};
use loom::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use model::exemplar::{Held, TraceContext};
use segment::exemplar;
use segment::publish::{Places, Words, publish, rewrite};
use segment::shard::Shared;

fn entry<K>(hash: u32, key: K, slot: u32) -> &'static Entry<K> {
    Box::leak(Box::new(Entry::new(hash, key, slot)))
}

/// Blocks behind a slot exist before the slot is found.
#[test]
fn a_row_that_is_found_is_whole_also_while_the_table_grows() {
    loom::model(|| {
        let rows = Arc::new(Rows::new(AtomicPtr::new(core::ptr::null_mut())));
        let blocks: Arc<[AtomicU64; 3]> = Arc::new([0, 1, 2].map(|_| AtomicU64::new(0)));
        let writer = {
            let (rows, blocks) = (Arc::clone(&rows), Arc::clone(&blocks));
            thread::spawn(move || {
                for (slot, block) in (0_u32..).zip(blocks.iter()) {
                    block.store(1, Ordering::Relaxed);
                    // Two have one hash; the second and the third make the table grow.
                    rows.insert(entry(slot / 2, slot, slot));
                }
            })
        };
        for slot in 0..3_u32 {
            if let Some(found) = rows.find(slot / 2, |key| *key == slot) {
                assert_eq!(found.load(), slot);
                assert_eq!(blocks[slot as usize].load(Ordering::Relaxed), 1);
            }
        }
        writer.join().expect("it ends");
        for slot in 0..3_u32 {
            let found = rows.find(slot / 2, |key| *key == slot);
            assert_eq!(found.map(RowSlot::load), Some(slot));
        }
    });
}

/// A thread that looks a row up while it is removed and comes back finds its old cells, its new
/// ones, that it is gone, or nothing: never another's. One that moves up in its place may be
/// missed, and then is asked for under the mutex.
#[test]
fn a_row_that_is_removed_and_comes_back_is_never_another_ones() {
    loom::model(|| {
        let rows = Arc::new(Rows::new(AtomicPtr::new(core::ptr::null_mut())));
        let first = entry(7, 'a', 10);
        rows.insert(first);
        rows.insert(entry(7, 'b', 20));
        let block = Arc::new(AtomicU64::new(0));
        let writer = {
            let (rows, block) = (Arc::clone(&rows), Arc::clone(&block));
            thread::spawn(move || {
                rows.remove(first);
                block.store(1, Ordering::Relaxed);
                rows.insert(entry(7, 'a', 30));
            })
        };
        match rows.find(7, |key| *key == 'a').map(RowSlot::load) {
            Some(30) => assert_eq!(block.load(Ordering::Relaxed), 1),
            found => assert!(matches!(found, None | Some(10 | GONE)), "{found:?}"),
        }
        let other = rows.find(7, |key| *key == 'b').map(RowSlot::load);
        assert!(matches!(other, None | Some(20)), "{other:?}");
        writer.join().expect("it ends");
        let found = |name| rows.find(7, |key| *key == name).map(RowSlot::load);
        assert_eq!((found('a'), found('b')), (Some(30), Some(20)));
        assert_eq!(first.slot.load(), GONE, "whoever kept it");
    });
}

struct Segment(Vec<AtomicU64>);

const PLACES: Places = Places { log: 24, log_used: 0, logs_written: 16, slots_used: 8, base: 0 };

impl Words for Segment {
    fn store(&self, offset: u64, word: u64, order: Ordering) {
        self.0[usize::try_from(offset / 8).expect("small")].store(word, order);
    }
}

/// As a collector reads: how long the log is, a fence, and then the rest.
#[test]
fn a_reader_sees_whole_records_and_the_slots_that_they_speak_of() {
    loom::model(|| {
        let segment = Arc::new(Segment((0..5).map(|_| AtomicU64::new(0)).collect()));
        let writer = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                let used = publish(&*segment, PLACES, 0, &5_u64.to_le_bytes(), 5);
                publish(&*segment, PLACES, used, &9_u64.to_le_bytes(), 9);
            })
        };
        let used = segment.0[0].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let slots = segment.0[1].load(Ordering::Relaxed);
        let records: Vec<u64> = (0..used / 8)
            .map(|at| segment.0[3 + usize::try_from(at).expect("small")].load(Ordering::Relaxed))
            .collect();
        assert!(matches!(records.as_slice(), [] | [5] | [5, 9]), "{records:?}");
        assert!(records.iter().all(|record| *record <= slots), "{records:?} {slots}");
        writer.join().expect("it ends");
    });
}

/// A log is replaced by another one beside it, and that by a third where the first was. A reader
/// that is in the middle of the first notices.
#[test]
fn a_log_that_is_replaced_while_it_is_read_is_not_taken_for_whole() {
    const LEN: u64 = 8;
    let record = |number: u64| 10 * (number + 1);
    // In the upper half of the word of the log's length: where it is, as the library has it.
    let places = |number: u64| Places { log: 24 + number % 2 * 8, base: number << 55, ..PLACES };
    loom::model(move || {
        let segment = Arc::new(Segment((0..5).map(|_| AtomicU64::new(0)).collect()));
        publish(&*segment, places(0), 0, &record(0).to_le_bytes(), 1);
        let writer = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                for number in 1..3 {
                    let log = record(number).to_le_bytes();
                    let word = rewrite(&*segment, places(number), number, &log, 1);
                    segment.store(PLACES.log_used, word, Ordering::Release);
                }
            })
        };
        let which = || [0, 2].map(|word: usize| segment.0[word].load(Ordering::Relaxed));
        let before = which();
        fence(Ordering::Acquire);
        let number = before[0] >> 55;
        assert_eq!(before[0], number << 55 | LEN);
        let at = usize::try_from(places(number).log / 8).expect("small");
        let read = segment.0[at].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if which() == before {
            assert_eq!(read, record(number), "{before:?}");
        }
        writer.join().expect("it ends");
    });
}

/// An exemplar is replaced while a reader copies the place, in whatever order its loads are made:
/// it finds one that was written, whole.
#[test]
fn an_exemplar_is_read_whole() {
    let held = |number: u64| Held {
        value: f64::from(u32::try_from(number).expect("small")),
        when: number,
        context: TraceContext::of(u128::from(number) << 64 | 1, number),
    };
    // Seventeen loads and ten stores in all their orders would take minutes.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    model.check(move || {
        let cells = (0..exemplar::PLACE).map(|_| AtomicU64::new(0)).collect();
        let place = Arc::new(Shared(cells));
        for number in 1..3 {
            exemplar::write(&place, number, &held(number));
        }
        let writer = {
            let place = Arc::clone(&place);
            thread::spawn(move || exemplar::write(&place, 3, &held(3)))
        };
        let words = || place.0.iter().map(|cell| cell.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let read = exemplar::newest(&words()).expect("the second stays until there is a third");
        let written = held(read.when);
        assert!(read.when > 1 && written.context == read.context, "{}", read.when);
        assert_eq!(written.value.to_bits(), read.value.to_bits());
        writer.join().expect("it ends");
        assert_eq!(exemplar::newest(&words()).expect("the third").when, 3);
    });
}

/// Two threads have an exemplar for one place: one of them gives its own up, or they are written
/// one after the other.
#[test]
fn two_writers_of_an_exemplar_do_not_mix() {
    let held = |number: u64| Held {
        value: 1.0,
        when: number,
        context: TraceContext::of(u128::from(number), number),
    };
    loom::model(move || {
        let cells = (0..exemplar::PLACE).map(|_| AtomicU64::new(0)).collect();
        let place = Arc::new(Shared(cells));
        let writers: Vec<_> = (1..3)
            .map(|number| {
                let place = Arc::clone(&place);
                thread::spawn(move || exemplar::write(&place, number, &held(number)))
            })
            .collect();
        for writer in writers {
            writer.join().expect("it ends");
        }
        let read: Vec<u64> = place.0.iter().map(|cell| cell.load(Ordering::Relaxed)).collect();
        let newest = exemplar::newest(&read).expect("one was written");
        assert_eq!(newest.context.ids().1, newest.when);
        assert_eq!(read[0] & 1, 0, "nobody holds it");
    });
}

/// A thread counts with plain loads and stores; when it ends, the mutex gives its shard to the
/// next, with its values.
#[test]
fn a_shard_that_is_given_on_keeps_its_counts() {
    loom::model(|| {
        let cell = Arc::new(AtomicU64::new(0));
        let free = Arc::new(Mutex::new(true));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (cell, free) = (Arc::clone(&cell), Arc::clone(&free));
                thread::spawn(move || {
                    let attached = core::mem::take(&mut *free.lock().expect("no panic"));
                    if attached {
                        for _ in 0..2 {
                            let n = cell.load(Ordering::Relaxed);
                            cell.store(n + 1, Ordering::Relaxed);
                        }
                        *free.lock().expect("no panic") = true;
                    }
                    attached
                })
            })
            .collect();
        let attached = threads.into_iter().map(thread::JoinHandle::join);
        let attached = attached.filter(|attached| *attached.as_ref().expect("it ends")).count();
        assert_eq!(cell.load(Ordering::Relaxed), 2 * attached as u64);
    });
}

/// A gauge that remembers when it was set: value, then time; a reader asks for the time first. What
/// the time says was set has been.
#[test]
fn a_time_is_never_seen_before_its_value() {
    loom::model(|| {
        let cells = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let writer = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || {
                for when in 1..3 {
                    cells[1].store(when, Ordering::Release);
                    cells[0].fetch_max(when, Ordering::Release);
                }
            })
        };
        let when = cells[0].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let value = cells[1].load(Ordering::Relaxed);
        assert!(value >= when, "{value} at {when}");
        writer.join().expect("it ends");
    });
}
