//! What is fuzzed: the files of a directory, through the collector, as an operator's process would
//! meet them. The decoders stay private.
//!
//! An input is a file without its holes and checksums, so that few bytes say much; here it becomes
//! the file.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use headcount::{Collector, Config, Counter, Format, ProcessMetrics, Snapshot, metric};
use headcount_tests::page::Page;
use tempfile::TempDir;

/// Counted by the fuzzing process itself: whatever the other files say, it is there.
#[metric(name = "intact_total")]
static INTACT: Counter;
const COUNTED: u64 = 42;

/// The first bytes of a segment's header, of which the rest is zeros and a checksum.
const FIELDS: usize = 192;
/// Moving words; limits, two in each.
const WORDS: usize = 8;
const LIMITS: usize = 4;
/// What stands before the log: choices, fields, words, limits, the length of the log.
pub const SEGMENT_HEAD: usize = 1 + FIELDS + 8 * (WORDS + LIMITS) + 2;

/// The choices: which checksums are made right, and whether the directory is compacted then.
pub const SEAL: u8 = 1;
pub const SEAL_RECORDS: u8 = 2;
pub const COMPACT: u8 = 4;

/// Of a file of Python's: its length is made right.
pub const PYTHON_SEAL: u8 = 8;

const HEADER: usize = 4096;
const LOG_OFF: u64 = 0x2000;
/// Longer files are refused by no filesystem, but by their size already.
const LONGEST: u64 = 8 << 30;

/// The directory, made at the first input.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    let made = DIRECTORY.get_or_init(|| {
        // Where `run` says; it removes it as well, since a fuzzer ends without cleaning up.
        let folder = tempfile::tempdir().expect("a temporary directory");
        headcount::init(Config::new().directory(folder.path())).expect("a segment");
        INTACT.inc_by(COUNTED);
        folder
    });
    made.path()
}

/// Removes what the last input has left; what belongs to this process stays.
fn clean(directory: &Path) {
    for entry in fs::read_dir(directory).expect("it is there") {
        let entry = entry.expect("an entry");
        let own = format!("{}-", std::process::id());
        if !entry.file_name().to_string_lossy().starts_with(&own) {
            fs::remove_file(entry.path()).expect("ours");
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

/// What an input says of a segment, in the order in which it says it.
struct Segment<'a> {
    choices: u8,
    fields: &'a [u8],
    words: &'a [u8],
    limits: &'a [u8],
    log: &'a [u8],
    cells: &'a [u8],
}

impl<'a> Segment<'a> {
    fn of(data: &'a [u8]) -> Option<Self> {
        let (choices, rest) = data.split_first()?;
        let (fields, rest) = rest.split_at_checked(FIELDS)?;
        let (words, rest) = rest.split_at_checked(8 * WORDS)?;
        let (limits, rest) = rest.split_at_checked(8 * LIMITS)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (log, cells) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        Some(Self { choices: *choices, fields, words, limits, log, cells })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut header = [0; HEADER];
        header[..FIELDS].copy_from_slice(self.fields);
        if self.choices & SEAL != 0 {
            let crc = crc32fast::hash(&header[..HEADER - 4]);
            header[HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
        }
        let mut log = self.log.to_vec();
        if self.choices & SEAL_RECORDS != 0 {
            seal_records(&mut log);
        }
        let file = File::create(path)?;
        file.set_len(word(self.fields, 176).min(LONGEST))?;
        file.write_all_at(&header, 0)?;
        for (line, word) in (0x1000..).step_by(64).zip(self.words.chunks(8)) {
            file.write_all_at(word, line)?;
        }
        file.write_all_at(self.limits, 0x1800)?;
        file.write_all_at(&log, LOG_OFF)?;
        // Half of the cells are the process's, half a thread's.
        let (process, thread) = self.cells.split_at(self.cells.len() / 16 * 8);
        let cells = word(self.fields, 160).min(LONGEST);
        file.write_all_at(process, cells)?;
        let stride = word(self.fields, 168).min(LONGEST);
        file.write_all_at(thread, cells + stride)
    }
}

/// Makes the records' checksums right, as far as their lengths lead.
fn seal_records(mut log: &mut [u8]) {
    while let Some(length) = log.first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length < 16 || length > log.len() {
            return;
        }
        let (record, rest) = log.split_at_mut(length);
        record[12..16].fill(0);
        let crc = crc32fast::hash(record);
        record[12..16].copy_from_slice(&crc.to_le_bytes());
        log = rest;
    }
}

/// An input from a real segment.
pub fn segment_seed(file: &[u8]) -> Vec<u8> {
    let mut seed = vec![SEAL | SEAL_RECORDS | COMPACT];
    seed.extend_from_slice(&file[..FIELDS]);
    for line in (0x1000..).step_by(64).take(WORDS) {
        seed.extend_from_slice(&file[line..line + 8]);
    }
    seed.extend_from_slice(&file[0x1800..0x1800 + 8 * LIMITS]);
    let place = |offset: u64| usize::try_from(offset).expect("a file that was read");
    let used = place(word(file, 0x1040));
    seed.extend_from_slice(&u16::try_from(used).expect("a short log").to_le_bytes());
    let log = place(LOG_OFF);
    seed.extend_from_slice(&file[log..log + used]);
    let count = 8 * place(word(file, 0x1080));
    let cells = place(word(file, 160));
    let stride = place(word(file, 168));
    seed.extend_from_slice(&file[cells..cells + count]);
    seed.extend_from_slice(&file[cells + stride..cells + stride + count]);
    seed
}

/// A segment of the dead.
pub fn segment(data: &[u8]) {
    let Some(segment) = Segment::of(data) else { return };
    let directory = directory();
    clean(directory);
    // A file that can't be made, for its length, is no input.
    if segment.write(&directory.join("1-fuzzed.hc")).is_ok() {
        look(directory, segment.choices);
    }
}

/// An archive; with the first byte as for a segment.
pub fn archive(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first() else { return };
    let directory = directory();
    clean(directory);
    let mut bytes = bytes.to_vec();
    if choices & SEAL != 0 && bytes.len() >= 144 {
        let len = bytes.len() as u64;
        bytes[48..56].copy_from_slice(&len.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        let body = bytes.len() - 16;
        bytes.copy_within(32..40, body);
        let crc = crc32fast::hash(&bytes[..body]);
        bytes[body + 8..body + 12].copy_from_slice(&crc.to_le_bytes());
        bytes[body + 12..].copy_from_slice(b"HCAE");
    }
    fs::write(directory.join("archive.hca"), bytes).expect("ours");
    look(directory, *choices);
}

/// The ledger of processes; with the first byte as for a segment.
pub fn ledger(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first() else { return };
    let directory = directory();
    clean(directory);
    let mut bytes = bytes.to_vec();
    if choices & SEAL != 0 && bytes.len() >= 64 {
        bytes[60..64].fill(0);
        let crc = crc32fast::hash(&bytes);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(directory.join("processes.hcl"), bytes).expect("ours");
    let collector = Collector::from_directory(directory).auto_compact(false).process_metrics(ProcessMetrics::Sum);
    let first = checked(&collector.collect().expect("this process can be read"));
    // What the first has written down is read by the second.
    let second = checked(&collector.collect().expect("this process can be read"));
    let name = "process_cpu_seconds_total";
    if let (Some(before), Some(after)) = (first.value(name), second.value(name)) {
        assert!(after >= before, "{name}: {after} after {before}");
    }
}

/// The names under which files of Python's client are fuzzed.
const PYTHON: [&str; 8] = [
    "counter_2.db",
    "gauge_all_2.db",
    "gauge_livemin_2.db",
    "gauge_max_2.db",
    "gauge_mostrecent_2.db",
    "gauge_sum_2.db",
    "histogram_2.db",
    "summary_2.db",
];

/// A file of Python's client; the first byte says which, and whether its length is made right. It
/// lies there twice, since two files are merged.
pub fn python(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first() else { return };
    let directory = directory();
    clean(directory);
    let mut bytes = bytes.to_vec();
    if choices & PYTHON_SEAL != 0 && bytes.len() >= 8 {
        bytes.truncate(bytes.len() & !7);
        let used = u32::try_from(bytes.len()).expect("a short input");
        bytes[..4].copy_from_slice(&used.to_le_bytes());
    }
    let name = PYTHON[usize::from(choices % 8)];
    let paths = [directory.join(name), directory.join(name.replace("_2", "_3"))];
    for path in &paths {
        fs::write(path, &bytes).expect("ours");
    }
    let collector = Collector::from_directory(directory).auto_compact(false);
    let first = checked(&collector.collect().expect("this process can be read"));
    // By what was kept of the first.
    let second = checked(&collector.collect().expect("this process can be read"));
    let of = |page: &Page| -> Vec<(String, u64)> {
        let theirs = page.samples.iter().filter(|(name, _)| !name.starts_with("headcount_"));
        theirs.map(|(name, value)| (name.clone(), value.to_bits())).collect()
    };
    assert_eq!(of(&first), of(&second));
    for accumulate in [true, false] {
        let merged = headcount::python::merge(&paths, accumulate);
        assert!(merged.skipped.iter().all(|skipped| !skipped.to_string().is_empty()));
    }
}

/// The header by which a client says what it takes.
pub fn accept(data: &[u8]) {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    let Ok(accept) = str::from_utf8(data) else { return };
    let snapshot = SNAPSHOT.get_or_init(|| Collector::from_directory(directory()).collect().expect("ours"));
    let page = snapshot.render(accept);
    let is_openmetrics = page.content_type().starts_with("application/openmetrics-text;");
    let types = ["text/plain;", "application/vnd.google.protobuf;", "application/json"];
    assert!(is_openmetrics || types.iter().any(|known| page.content_type().starts_with(known)));
    assert_eq!(page.body().ends_with(b"# EOF\n"), is_openmetrics);
    assert!(
        !is_openmetrics || accept.to_ascii_lowercase().contains("openmetrics-text"),
        "{accept}"
    );
}

/// Collects; and compacts, if the choices say so, after which the same must be there.
fn look(directory: &Path, choices: u8) {
    let collector = Collector::from_directory(directory).auto_compact(false);
    let before = checked(&collector.collect().expect("this process can be read"));
    if choices & COMPACT == 0 || collector.compact().is_err() {
        return;
    }
    let snapshot = collector.collect().expect("this process can be read");
    let archive: PathBuf = directory.join("archive.hca");
    let refused = snapshot.skipped().iter().find(|skipped| skipped.path() == Some(&archive));
    assert!(refused.is_none(), "what was compacted can't be read: {refused:?}");
    let after = checked(&snapshot);
    for (family, kind) in &before.types {
        // The collector's words about itself say what it did.
        if kind == "gauge" || family.starts_with("headcount_") {
            continue;
        }
        let of = |page: &Page| -> Vec<(String, u64)> {
            let is_ours = |name: &str| {
                let name = name.split('{').next().unwrap_or_default();
                let suffix = name.strip_prefix(family.as_str());
                matches!(suffix, Some("" | "_bucket" | "_sum" | "_count"))
            };
            let ours = page.samples.iter().filter(|(name, _)| is_ours(name));
            ours.map(|(name, value)| (name.clone(), value.to_bits())).collect()
        };
        assert_eq!(of(&before), of(&after), "{family}, before and after it was compacted");
    }
}

/// The page of a snapshot, which nobody's file has spoiled.
fn checked(snapshot: &Snapshot) -> Page {
    for skipped in snapshot.skipped() {
        assert!(!skipped.to_string().is_empty());
    }
    let page = Page::parse(&snapshot.to_text());
    let page = page.unwrap_or_else(|error| panic!("a page that can't be read: {error}"));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let counted = COUNTED as f64;
    assert_eq!(page.value("intact_total").map(f64::to_bits), Some(counted.to_bits()));
    let openmetrics = snapshot.render("application/openmetrics-text");
    assert!(openmetrics.body().ends_with(b"# EOF\n"));
    for format in [Format::Text1, Format::Protobuf, Format::Json] {
        snapshot.encode(format, &mut std::io::sink()).expect("it takes all");
    }
    page
}
