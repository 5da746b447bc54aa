//! Random changes of a segment.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::{Medium, for_as_long_as, temporary_directory};

use crate::forge::{Family, Forged, seal, seal_header, series};

/// A real segment's parts.
#[derive(Clone)]
struct Parts {
    /// The header, the moving words and the limits.
    head: Vec<u8>,
    records: Vec<Vec<u8>>,
    /// The first cells of shard 0 and of shard 1.
    cells: [Vec<u8>; 2],
    len: u64,
}

impl Parts {
    fn of(path: &Path) -> Self {
        let file = File::open(path).expect("ours");
        let read = |at: u64, len: usize| {
            let mut bytes = vec![0; len];
            file.read_exact_at(&mut bytes, at).expect("readable");
            bytes
        };
        let head = read(0, 0x2000);
        let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight"));
        let mut log = &read(0x2000, usize::try_from(word(0x1040)).expect("small"))[..];
        let mut records = Vec::new();
        while !log.is_empty() {
            let len = u32::from_le_bytes(log[..4].try_into().expect("four"));
            let (record, rest) = log.split_at(usize::try_from(len).expect("small"));
            records.push(record.to_vec());
            log = rest;
        }
        let cells = [read(word(160), 4096), read(word(160) + word(168), 4096)];
        let len = word(176);
        Self { head, records, cells, len }
    }

    fn mutate(&mut self, random: &mut Random) {
        let mut header_too = false;
        for _ in 0..=random.below(4) {
            let any = random.index(self.records.len());
            match random.below(10) {
                0 => {
                    header_too = true;
                    random.spoil(&mut self.head[..190], 8);
                }
                1 => {
                    let at = 0x1000 + 64 * random.index(8);
                    self.head[at..at + 8].copy_from_slice(&random.awkward().to_le_bytes());
                }
                2 => {
                    let shards = *random.pick(&[4, 512]);
                    let at = 0x1800 + 4 * random.index(shards);
                    self.head[at..at + 4].copy_from_slice(&random.awkward().to_le_bytes()[..4]);
                }
                3 => {
                    let record = self.records[any].clone();
                    self.records.insert(random.index(self.records.len()), record);
                }
                4 if self.records.len() > 1 => drop(self.records.remove(any)),
                5 => {
                    let cells = &mut self.cells[random.index(2)];
                    for _ in 0..random.below(80) {
                        random.spoil(cells, 0);
                    }
                }
                6 if random.below(2) == 0 => self.len = random.below(20_000),
                _ => {
                    let record = &mut self.records[any];
                    random.spoil(record, 4);
                    if random.below(8) == 0 {
                        record.resize(record.len() + 8 * random.index(4), 0);
                    }
                    // Most times nothing is left for the checksum to find.
                    if random.below(16) > 0 {
                        seal(record);
                    }
                }
            }
        }
        let used = self.records.iter().map(Vec::len).sum::<usize>() as u64;
        if random.below(30) > 0 {
            self.head[0x1040..0x1048].copy_from_slice(&used.to_le_bytes());
        }
        if header_too {
            seal_header(&mut self.head[..4096]);
        }
    }

    fn write(&self, path: &Path, original: &Self) {
        let file = File::create(path).expect("ours");
        file.set_len(self.len).expect("space");
        let word =
            |at: usize| u64::from_le_bytes(original.head[at..at + 8].try_into().expect("eight"));
        let log = self.records.concat();
        for (at, bytes) in [
            (0, &self.head),
            (0x2000, &log),
            (word(160), &self.cells[0]),
            (word(160) + word(168), &self.cells[1]),
        ] {
            if at + bytes.len() as u64 <= self.len {
                file.write_all_at(bytes, at).expect("written");
            }
        }
    }
}

#[test]
fn whatever_is_changed_in_a_segment_harms_nobody_else() {
    let mut random = Random::seeded();
    let seed = random.seed();

    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"));
    let output = worker.args(["count", "100"]).env("HEADCOUNT_DIR", &directory).output();
    assert!(output.expect("the worker runs").status.success());
    let bad = fs::read_dir(&directory).expect("readable").next().expect("a segment");
    let bad = bad.expect("an entry").path();
    let original = Parts::of(&bad);
    // A family that no mutation is likely to hit upon.
    let mut log = Family { name: "intact_total", ..Family::default() }.record(0);
    log.extend(series(0, 1, 1, &[]));
    let cells = vec![(1, 42)];
    Forged { log, cells, slots_used: 2, ..Forged::default() }.write(&directory);

    let started = Instant::now();
    let mut cases = 0;
    let enough = for_as_long_as(Duration::from_secs(4), Duration::from_secs(60));
    while started.elapsed() < enough {
        let mut parts = original.clone();
        parts.mutate(&mut random);
        parts.write(&bad, &original);
        let text = headcount::Collector::from_directory(&directory)
            .collect()
            .expect("a snapshot")
            .to_text();
        let page = Page::parse(&text);
        let page = page.unwrap_or_else(|error| panic!("seed {seed}, case {cases}: {error}"));
        assert_eq!(page.value("intact_total"), Some(42.0), "seed {seed}, case {cases}");
        cases += 1;
    }
    assert!(cases > 50, "{cases}");
}
