//! Decodes a segment while it changes: the memory in which threads publish and count.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::declare::descriptor::Descriptor;
use crate::model::kind::Kind;
use crate::segment::own::Own;
use crate::segment::records::LogWriter;
use crate::segment::shard::{self, Cells, Shard};
use crate::segment::tests::{OFTEN, Private};

use super::*;

// Where there are files.
#[cfg(not(any(miri, headcount_private)))]
mod files;

const COUNTER: Descriptor = Descriptor::new(Kind::Counter, "made_total", "Made.", "", 0);

/// The records of a family and of its series, which have one cell each.
fn family() -> Vec<u8> {
    let mut records = Vec::new();
    LogWriter::new(&mut records).family(0, &COUNTER, &["number"]);
    records
}

fn series(slot: u32) -> Vec<u8> {
    let mut records = Vec::new();
    let value = format!("{slot}, of a good length, to fill pages");
    LogWriter::new(&mut records).series(0, slot, 1, 0, &[vec![&value]]);
    records
}

fn decode(segment: &Private, source: &Source) -> Segment {
    Segment::read(source, segment.header.clone(), &mut Logs::default()).unwrap()
}

#[test]
fn what_is_published_behind_a_readers_back_does_not_spoil_what_it_reads() {
    let segment = Private::new();
    segment.lock().publish(&family(), 0).unwrap();
    segment.lock().publish(&series(1), 1).unwrap();
    let source = Source::Own(Own::of(segment.header.clone(), segment.view()));
    // Beyond the page in which the log ended.
    for slot in 2..80 {
        segment.lock().publish(&series(slot), 1).unwrap();
    }
    assert_eq!(decode(&segment, &source).log.layout.series.len(), 1);
    let source = Source::Own(Own::of(segment.header.clone(), segment.view()));
    assert_eq!(decode(&segment, &source).log.layout.series.len(), 79);
}

#[test]
fn what_threads_count_is_decoded_while_they_do() {
    let segment = Private::new();
    segment.lock().publish(&family(), 0).unwrap();
    let is_over = AtomicBool::new(false);
    let slots = if cfg!(miri) { 1..6 } else { 1..100 };
    thread::scope(|scope| {
        let writers: Vec<_> = [1, 2]
            .into_iter()
            .map(|number| {
                let (segment, slots) = (&segment, slots.clone());
                scope.spawn(move || {
                    for at in slots {
                        let mut state = segment.lock();
                        // Each series is published before it is counted, whichever thread does it.
                        if state.slots() == at {
                            state.publish(&series(at), 1).unwrap();
                        }
                        state.memory.grow_shard(number, at + 1).unwrap();
                        let used = state.memory.word(Word::ShardsUsed);
                        used.fetch_max(u64::from(number) + 1, Ordering::Release);
                        shard::set_own(state.memory.shard(number));
                        drop(state);
                        let own = shard::own(at, 0).unwrap();
                        for _ in 0..OFTEN {
                            own.add(0, 1);
                        }
                    }
                    shard::set_own(Shard::NONE);
                })
            })
            .collect();
        let (segment, is_over) = (&segment, &is_over);
        let reader = scope.spawn(move || {
            let mut last = Vec::new();
            loop {
                let was_over = is_over.load(Ordering::Acquire);
                let source = Source::Own(Own::of(segment.header.clone(), segment.view()));
                let read = decode(segment, &source);
                let now: Vec<u64> = read
                    .log
                    .layout
                    .series
                    .iter()
                    .map(|series| read.sum(series.slot, 0).0)
                    .collect();
                assert!(now.len() >= last.len());
                for (now, last) in now.iter().zip(&last) {
                    assert!(now >= last && *now <= 2 * u64::from(OFTEN), "{now} after {last}");
                }
                if was_over {
                    return now;
                }
                last = now;
                thread::yield_now();
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::Release);
        assert_eq!(reader.join().unwrap(), vec![2 * u64::from(OFTEN); slots.len()]);
    });
}
