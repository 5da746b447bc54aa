//! Files that somebody made to harm: they may lie in every number. Each is skipped or has no
//! effect, the other files' numbers are intact, the page can be read, and a collector doesn't spend
//! gigabytes on it.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use headcount_tests::child::Child;
use headcount_tests::files::copy_sparsely;
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::{Medium, eventually, for_as_long_as, temporary_directory, within};

const COUNTER: u8 = 1;
const GAUGE: u8 = 2;
const HISTOGRAM: u8 = 3;
const U64: u8 = 1;
const F64: u8 = 2;
const NANOS: u8 = 3;

/// A record that is put together by hand, with a right length and checksum.
struct Record(Vec<u8>);

impl Record {
    fn new(kind: u8, slot: u32) -> Self {
        let mut bytes = vec![0; 16];
        bytes[4] = kind;
        bytes[8..12].copy_from_slice(&slot.to_le_bytes());
        Self(bytes)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(self, n: usize) -> Self {
        self.bytes(&u16::try_from(n).expect("small").to_le_bytes())
    }

    fn u32(self, n: u32) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    fn string(self, text: &str) -> Self {
        self.u16(text.len()).bytes(text.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        seal(&mut self.0);
        self.0
    }
}

/// Makes a record's length and checksum right.
fn seal(record: &mut [u8]) {
    let len = u32::try_from(record.len()).expect("small");
    record[..4].copy_from_slice(&len.to_le_bytes());
    record[12..16].fill(0);
    let crc = crc32fast::hash(record);
    record[12..16].copy_from_slice(&crc.to_le_bytes());
}

fn seal_header(header: &mut [u8]) {
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..4096].copy_from_slice(&crc.to_le_bytes());
}

struct Family<'a> {
    metric: u8,
    value: u8,
    mode: u8,
    name: &'a str,
    labels: &'a [&'a str],
    bounds: &'a [u64],
}

impl Default for Family<'_> {
    fn default() -> Self {
        Self { metric: COUNTER, value: U64, mode: 0, name: "x_total", labels: &[], bounds: &[] }
    }
}

impl Family<'_> {
    fn record(&self, id: u32) -> Vec<u8> {
        let mut record = Record::new(1, 0).u32(id).bytes(&[self.metric, self.value, self.mode, 0]);
        record = record.u16(self.labels.len()).u16(self.bounds.len()).u32(1);
        for bound in self.bounds {
            record = record.u64(*bound);
        }
        record = record.string(self.name).string("").string("forged").string("");
        for label in self.labels {
            record = record.string(label);
        }
        record.end()
    }
}

/// Series of one label or none.
fn series(family: u32, slot: u32, width: u32, values: &[String]) -> Vec<u8> {
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

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| i.to_string()).collect()
}

/// A segment of the large geometry: a few kilobytes on the disk, whatever it says.
struct Forged {
    instance: u8,
    log: Vec<u8>,
    cells: Vec<(u64, u64)>,
    slots_used: u64,
    shards: u32,
    limit: u32,
}

impl Default for Forged {
    fn default() -> Self {
        Self {
            instance: 0xab,
            log: vec![],
            cells: vec![],
            slots_used: 1 << 20,
            shards: 1,
            limit: 4096,
        }
    }
}

impl Forged {
    fn write(&self, directory: &Path) -> PathBuf {
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
        file.set_len(LEN).expect("room");
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
        for (slot, value) in &self.cells {
            put(CELLS + slot * 8, &value.to_le_bytes());
        }
        path
    }
}

/// A directory with two good segments, in which 100 were counted each.
fn with_two_segments() -> tempfile::TempDir {
    let folder = temporary_directory(Medium::Memory);
    for _ in 0..2 {
        let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"));
        let output = worker.args(["count", "100"]).env("HEADCOUNT_DIR", folder.path()).output();
        assert!(output.expect("the worker runs").status.success());
    }
    folder
}

/// What a collector in a process of its own finds beside the two good segments.
struct Found {
    page: Page,
    skipped: Vec<String>,
}

#[track_caller]
fn collect(directory: &Path) -> Found {
    let mut collector = Command::new(env!("CARGO_BIN_EXE_misbehaving"));
    let mut collector = Child::start(collector.arg("collect").arg(directory));
    let ended = within(Duration::from_secs(60), "a collection", || collector.ended());
    assert!(ended.success(), "{ended:?} {}", collector.output());
    let output = collector.all_output();
    let (head, page) = output.split_once("page:\n").expect("a page");
    let said = |what: &str| -> Vec<String> {
        head.lines().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
    };
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(page.value("work_total"), Some(200.0), "{:#?}", said("skipped: "));
    assert_eq!(page.at("work_size_count"), 200.0);
    assert_eq!(page.at("work_size_sum"), 200.0);
    assert_eq!(page.types["work_total"], "counter");
    assert_eq!(page.buckets("work_size", "").len(), 3);
    let peak: u64 = said("peak: ")[0].parse().expect("a number");
    assert!(peak < 1 << 20, "{peak} KiB");
    Found { page, skipped: said("skipped: ") }
}

/// The file is skipped, and why is said.
#[track_caller]
fn skips(forged: &Forged, says: &str) {
    let folder = with_two_segments();
    let path = forged.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.starts_with(path.to_str().expect("UTF-8")), "{skipped}");
    assert!(skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"corrupt\"}"), 1.0);
    assert_eq!(found.page.at("headcount_processes{state=\"dead\"}"), 2.0);
}

/// The file is read without its first family, which is reported; its family `intact_total`, with the
/// number 1, counts. So it is once a compaction has read the file.
#[track_caller]
fn leaves_out(first: &Family<'_>, width: u32, values: &[String], says: &str) {
    let folder = with_two_segments();
    let mut log = first.record(0);
    log.extend(Family { name: "intact_total", ..Family::default() }.record(1));
    log.extend(series(0, 1, width, values));
    let slot = 1 + width * u32::try_from(values.len().max(1)).expect("small");
    log.extend(series(1, slot, 1, &[]));
    let cells = vec![(u64::from(slot), 42)];
    let path = Forged { log, cells, limit: 1 << 17, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.starts_with(path.to_str().expect("UTF-8")), "{skipped}");
    assert!(skipped.contains(" is left out") && skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"invalid\"}"), 1.0);
    assert_eq!(found.page.at("headcount_processes{state=\"dead\"}"), 3.0);
    assert_eq!(found.page.at("intact_total"), 42.0);

    let compacted = headcount::Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!(compacted.segments(), 3);
    let [skipped] = compacted.skipped() else { panic!("{:?}", compacted.skipped()) };
    assert!(skipped.is_invalid() && skipped.to_string().contains(says), "{skipped}");
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("intact_total"), 42.0);
}

/// The file is read, and one conflict is told.
#[track_caller]
fn conflicts(forged: &Forged, says: &str) {
    let folder = with_two_segments();
    forged.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"conflict\"}"), 1.0);
}

#[test]
fn names_that_would_be_repeated_in_every_sample_are_short() {
    let name = "a".repeat(60_000);
    for family in [
        Family { labels: &[&name], ..Family::default() },
        Family { name: &name, labels: &["a"], ..Family::default() },
    ] {
        leaves_out(&family, 1, &numbers(0..20_000), "more than 1,024 bytes");
    }
    // Nor are values.
    let mut log = Family { labels: &["a"], ..Family::default() }.record(0);
    log.extend(series(0, 1, 1, &["v".repeat(1_025)]));
    skips(&Forged { log, ..Forged::default() }, "more than 1,024 bytes");
}

#[test]
fn values_that_multiply_are_bounded() {
    // Each value is short enough; all combinations are a gigabyte of text.
    let long: Vec<String> = (0..1_000).map(|i| format!("{i:01000}")).collect();
    let mut records = Family { labels: &["a", "b"], ..Family::default() }.record(0);
    let mut record = Record::new(2, 1).u32(0).u32(1).u32(1_000_000).u64(0);
    for _ in 0..2 {
        record = record.u16(long.len());
        for value in &long {
            record = record.string(value);
        }
    }
    records.extend(record.end());
    skips(&Forged { log: records, ..Forged::default() }, "more series than it has space for");
}

#[test]
fn series_that_lie_on_the_same_cells_are_bounded() {
    let bounds: Vec<u64> = (1..=999).collect();
    let family = Family {
        metric: HISTOGRAM,
        value: NANOS,
        labels: &["a"],
        bounds: &bounds,
        ..Family::default()
    };
    let mut log = family.record(0);
    for i in 0..20_000 {
        log.extend(series(0, 1, 1_002, &[i.to_string()]));
    }
    skips(&Forged { log, ..Forged::default() }, "more series than it has space for");
}

#[test]
fn a_histogram_of_more_bounds_than_one_may_have_is_skipped() {
    let bounds: Vec<u64> = (1..=65_535).collect();
    let family = Family { metric: HISTOGRAM, value: NANOS, bounds: &bounds, ..Family::default() };
    let mut log = family.record(0);
    log.extend(series(0, 1, 65_538, &[]));
    let forged = Forged { log, limit: 1 << 17, ..Forged::default() };
    skips(&forged, "more labels or bounds than a family may have");
}

#[test]
fn a_family_that_no_page_can_show_costs_itself_only() {
    let bits = |bounds: &[f64]| bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
    let (falling, equal) = (bits(&[2.0, 1.0]), bits(&[1.0, 1.0]));
    let (infinite, nan) = (bits(&[1.0, f64::INFINITY]), bits(&[f64::NAN]));
    let fine = bits(&[1.0]);
    let counter = Family::default;
    let gauge = || Family { metric: GAUGE, value: F64, mode: 8, ..Family::default() };
    let histogram = |bounds| Family { metric: HISTOGRAM, value: F64, bounds, ..counter() };
    let ascend = "bounds that don't ascend";
    let characters = "a name with characters that names don't have";
    let label = "a label twice, or one that is reserved";
    let value = [String::from("v")];
    for (family, width, says) in [
        // The bounds: none, some where none belong, and others.
        (histogram(&[]), 2, "bounds of what has none, or none of what has some"),
        (Family { bounds: &fine, ..counter() }, 2, "bounds of what has none"),
        (histogram(&falling), 4, ascend),
        (histogram(&equal), 4, ascend),
        (histogram(&infinite), 4, ascend),
        (histogram(&nan), 3, ascend),
        // Different as integers, equal as what they are shown as.
        (Family { value: NANOS, ..histogram(&[1 << 60, (1 << 60) + 1]) }, 5, ascend),
        (Family { name: "", ..counter() }, 1, characters),
        (Family { name: "a b_total", ..counter() }, 1, characters),
        (Family { name: "a\nb_total 7\nb_total", ..counter() }, 1, characters),
        (Family { labels: &["a b"], ..counter() }, 1, characters),
        (Family { labels: &[""], ..counter() }, 1, characters),
        (Family { labels: &["__name__"], ..counter() }, 1, label),
        (Family { labels: &["pid"], ..gauge() }, 1, label),
        (Family { labels: &["le"], ..histogram(&fine) }, 3, label),
    ] {
        let values = if family.labels.is_empty() { &[][..] } else { &value };
        leaves_out(&family, width, values, says);
    }
    let folder = with_two_segments();
    let mut log = Family { labels: &["a", "a"], ..counter() }.record(0);
    let twice = Record::new(2, 1).u32(0).u32(1).u32(1).u64(0).u16(1).string("x").u16(1);
    log.extend(twice.string("y").end());
    log.extend(Family { name: "b b", ..Family::default() }.record(1));
    Forged { log, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    let says = "the family `x_total` is left out (and another family): a label twice";
    assert!(skipped.contains(says), "{skipped}");
}

#[test]
fn what_is_wrong_in_a_later_version_is_left_alone() {
    let folder = with_two_segments();
    let mut log = Family { name: "a b", ..Family::default() }.record(0);
    log.extend(series(0, 1, 1, &[]));
    let path = Forged { log, ..Forged::default() }.write(folder.path());
    let mut header = vec![0; 4096];
    File::open(&path).expect("ours").read_exact_at(&mut header, 0).expect("longer");
    header[8] = 2;
    header[10] = 9;
    seal_header(&mut header);
    File::options().write(true).open(&path).expect("ours").write_all_at(&header, 0).expect("room");
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.contains("newer version"), "{skipped}");
    let compacted = headcount::Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!(compacted.segments(), 2);
    assert!(path.exists());
}

#[test]
fn gigabytes_that_are_not_there_are_not_read() {
    let folder = with_two_segments();
    for instance in 1..=60 {
        // 12 KiB on the disk, and 256 MiB of zeros in memory.
        Forged { instance, shards: 31, limit: 1 << 20, ..Forged::default() }.write(folder.path());
    }
    // The good ones are read, although these come before them.
    let found = collect(folder.path());
    for skipped in &found.skipped {
        assert!(skipped.contains("too many cells to read"), "{skipped}");
    }
}

#[test]
fn cells_that_no_series_lies_in_are_not_added_up() {
    let folder = with_two_segments();
    for instance in 1..=60 {
        // 16 KiB on the disk, and a series in the last of a million cells, in a log like no other.
        let name = format!("x{instance}_total");
        let mut log = Family { name: &name, ..Family::default() }.record(0);
        log.extend(series(0, (1 << 20) - 1, 1, &[]));
        Forged { instance, log, limit: 1 << 20, ..Forged::default() }.write(folder.path());
    }
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.value("x60_total"), Some(0.0));
}

#[test]
fn a_counter_below_zero_has_no_effect() {
    for value in [-5.0, f64::NAN, f64::NEG_INFINITY] {
        let folder = with_two_segments();
        let mut log = Family { value: F64, name: "x_total", ..Family::default() }.record(0);
        log.extend(series(0, 1, 1, &[]));
        let cells = vec![(1, value.to_bits())];
        Forged { log, cells, ..Forged::default() }.write(folder.path());
        let found = collect(folder.path());
        assert!(found.page.value("x_total").is_none_or(|value| value >= 0.0));
    }
}

#[test]
fn buckets_that_wrap_do_not_fall() {
    let family = Family { metric: HISTOGRAM, value: NANOS, bounds: &[1, 2], ..Family::default() };
    let mut log = family.record(0);
    log.extend(series(0, 1, 5, &[]));
    let cells = vec![(3, 5), (4, u64::MAX - 2), (5, u64::MAX)];
    let folder = with_two_segments();
    Forged { log, cells, ..Forged::default() }.write(folder.path());
    // A page whose buckets fall is refused by its reader.
    let found = collect(folder.path());
    assert!(found.page.value("x_total_count").is_some() || !found.skipped.is_empty());
}

#[test]
fn one_file_has_one_vote() {
    let family =
        Family { metric: GAUGE, value: F64, mode: 8, name: "work_total", ..Family::default() };
    let mut log = Vec::new();
    for id in 0..5 {
        log.extend(family.record(id));
        log.extend(series(id, id + 1, 1, &[]));
    }
    conflicts(&Forged { log, ..Forged::default() }, "`work_total` is a counter");
}

#[test]
fn a_family_without_series_says_nothing() {
    let folder = with_two_segments();
    // Other bounds would be dropped from what is shown, were it for this file.
    let bounds = [7.0_f64.to_bits()];
    let family = Family {
        metric: HISTOGRAM,
        value: F64,
        name: "work_size",
        bounds: &bounds,
        ..Family::default()
    };
    Forged { log: family.record(0), ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
}

#[test]
fn a_family_with_the_name_of_anothers_samples_is_left_out() {
    for (name, metric, value) in
        [("work_size_count", COUNTER, U64), ("work_size_bucket", GAUGE, F64)]
    {
        let mode = if metric == GAUGE { 8 } else { 0 };
        let family = Family { metric, value, mode, name, ..Family::default() };
        let mut log = Vec::new();
        for id in 0..4 {
            log.extend(family.record(id));
            log.extend(series(id, id + 1, 1, &[]));
        }
        conflicts(&Forged { log, ..Forged::default() }, &format!("`{name}` is left out"));
    }
}

#[test]
fn a_copy_that_sorts_first_does_not_hide_the_living_original() {
    let folder = temporary_directory(Medium::Memory);
    let path = folder.path().to_str().expect("UTF-8");
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"));
    let worker = Child::start(worker.args(["gauges", path, "3"]));
    eventually("it has set its gauges", || worker.output().contains("ready").then_some(()));
    let original = fs::read_dir(folder.path()).expect("readable").next().expect("a file");
    // One that sorts first, and one that sorts last.
    let copies = ["0-copy.hc", "z-copy.hc"].map(|name| folder.path().join(name));
    for copy in &copies {
        copy_sparsely(&original.as_ref().expect("an entry").path(), copy);
        let file = File::options().write(true).open(copy).expect("ours");
        // Says something else.
        file.write_all_at(&[0xff; 4096], 0x400_0000).expect("written");
    }
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.at("depth_livesum"), 3.0);
    assert_eq!(page.at("depth_added"), 3.0);
    assert_eq!(page.at("work_total"), 0.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 0.0);
    assert_eq!(snapshot.skipped().len(), 2, "{:?}", snapshot.skipped());
    for skipped in snapshot.skipped() {
        assert!(skipped.to_string().contains("a copy of another segment"), "{skipped}");
    }
}

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
        file.set_len(self.len).expect("room");
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
