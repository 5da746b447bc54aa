//! Makes segments that lie: records, families and headers with any numbers, and right checksums.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(crate) const COUNTER: u8 = 1;

pub(crate) const GAUGE: u8 = 2;

pub(crate) const HISTOGRAM: u8 = 3;

pub(crate) const STATE_SET: u8 = 6;

pub(crate) const NATIVE: u8 = 7;

pub(crate) const U64: u8 = 1;

pub(crate) const F64: u8 = 2;

pub(crate) const NANOS: u8 = 3;

/// A record that is put together by hand, with a right length and checksum.
pub(crate) struct Record(pub(crate) Vec<u8>);

impl Record {
    pub(crate) fn new(kind: u8, slot: u32) -> Self {
        let mut bytes = vec![0; 16];
        bytes[4] = kind;
        bytes[8..12].copy_from_slice(&slot.to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u16(self, n: usize) -> Self {
        self.bytes(&u16::try_from(n).expect("small").to_le_bytes())
    }

    pub(crate) fn u32(self, n: u32) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    pub(crate) fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    pub(crate) fn string(self, text: &str) -> Self {
        self.u16(text.len()).bytes(text.as_bytes())
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        seal(&mut self.0);
        self.0
    }
}

/// Makes a record's length and checksum right.
pub(crate) fn seal(record: &mut [u8]) {
    let len = u32::try_from(record.len()).expect("small");
    record[..4].copy_from_slice(&len.to_le_bytes());
    record[12..16].fill(0);
    let crc = crc32fast::hash(record);
    record[12..16].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) fn seal_header(header: &mut [u8]) {
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..4096].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) struct Family<'a> {
    pub(crate) metric: u8,
    pub(crate) value: u8,
    pub(crate) mode: u8,
    pub(crate) name: &'a str,
    pub(crate) help: &'a str,
    pub(crate) labels: &'a [&'a str],
    pub(crate) bounds: &'a [u64],
}

impl Default for Family<'_> {
    fn default() -> Self {
        Self {
            metric: COUNTER,
            value: U64,
            mode: 0,
            name: "x_total",
            help: "forged",
            labels: &[],
            bounds: &[],
        }
    }
}

impl Family<'_> {
    pub(crate) fn record(&self, id: u32) -> Vec<u8> {
        let mut record = Record::new(1, 0).u32(id).bytes(&[self.metric, self.value, self.mode, 0]);
        record = record.u16(self.labels.len()).u16(self.bounds.len()).u32(1);
        for bound in self.bounds {
            record = record.u64(*bound);
        }
        record = record.string(self.name).string("").string(self.help).string("");
        for label in self.labels {
            record = record.string(label);
        }
        record.end()
    }
}

/// Series of one label or none.
pub(crate) fn series(family: u32, slot: u32, width: u32, values: &[String]) -> Vec<u8> {
    let count = u32::try_from(values.len().max(1)).expect("small");
    let mut record = Record::new(2, slot).u32(family).u32(width).u32(count).u64(0);
    if !values.is_empty() {
        record = record.u16(values.len());
        for value in values {
            record = record.string(value);
        }
    }
    record.end()
}

pub(crate) fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| i.to_string()).collect()
}

/// A segment of the large geometry: a few kilobytes on the disk, whatever it says.
pub(crate) struct Forged {
    pub(crate) instance: u8,
    pub(crate) log: Vec<u8>,
    pub(crate) cells: Vec<(u64, u64)>,
    pub(crate) slots_used: u64,
    pub(crate) shards: u32,
    pub(crate) limit: u32,
}

impl Forged {
    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        const CELLS: u64 = 0x400_0000;
        const STRIDE: u64 = 0x80_0000;
        const LEN: u64 = CELLS + 512 * STRIDE;
        let mut header = vec![0; 4096];
        header[..8].copy_from_slice(b"HCSEG\r\n\x1a");
        header[8] = 1;
        header[12..16].copy_from_slice(&4096_u32.to_le_bytes());
        header[32..48].fill(self.instance);
        header[72] = 77;
        header[120] = 1;
        header[128..132].copy_from_slice(&(1_u32 << 20).to_le_bytes());
        header[132..136].copy_from_slice(&512_u32.to_le_bytes());
        for (at, n) in [
            (136, 0x2000),
            (144, CELLS - 0x2000),
            (152, 0x1800),
            (160, CELLS),
            (168, STRIDE),
            (176, LEN),
        ] {
            header[at..at + 8].copy_from_slice(&u64::to_le_bytes(n));
        }
        seal_header(&mut header);
        // Sorts first.
        let path = directory.join(format!("0-{:032x}.hc", self.instance));
        let file = File::create(&path).expect("a file");
        file.set_len(LEN).expect("space");
        let put = |at: u64, bytes: &[u8]| file.write_all_at(bytes, at).expect("written");
        put(0, &header);
        let log_used = self.log.len() as u64;
        for (at, n) in [
            (0x1000, 1),
            (0x1040, log_used),
            (0x1080, self.slots_used),
            (0x10c0, u64::from(self.shards)),
        ] {
            put(at, &u64::to_le_bytes(n));
        }
        for shard in 0..u64::from(self.shards) {
            put(0x1800 + 4 * shard, &self.limit.to_le_bytes());
        }
        put(0x2000, &self.log);
        for run in self.cells.chunk_by(|(slot, _), (next, _)| slot + 1 == *next) {
            let bytes: Vec<u8> = run.iter().flat_map(|(_, value)| value.to_le_bytes()).collect();
            put(CELLS + run[0].0 * 8, &bytes);
        }
        path
    }
}
