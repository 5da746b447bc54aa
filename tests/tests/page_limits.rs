//! A planted file of some megabytes that stands for a page of gigabytes: what a collection takes is
//! limited, what exceeds it is reported, and the rest of the page is whole.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use headcount::{Collector, Format, Limit, Snapshot};
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::planted::archive;
use headcount_tests::{Medium, temporary_directory};
use nix::sys::resource::{UsageWho, getrusage};

/// The most memory that this process has had at once, in bytes.
fn peak() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("this process");
    u64::try_from(usage.max_rss()).expect("not negative") << 10
}

fn collected(directory: &Path, limit: Option<u64>) -> Snapshot {
    let collector = Collector::from_directory(directory).auto_compact(false);
    let collector = match limit {
        Some(bytes) => collector.limit(Limit::bytes(bytes)),
        None => collector,
    };
    collector.collect().expect("a snapshot")
}

/// Counts bytes, and keeps none.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_planted_archive_costs_no_more_than_a_collection_may_take() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut remains = Command::new(env!("CARGO_BIN_EXE_remains"));
    let mut child = Child::start(remains.arg("count").arg(directory).arg("5"));
    assert!(child.wait().success(), "{}", child.output());

    let planted = archive(55);
    assert!(planted.len() < 5 << 20, "{}", planted.len());
    fs::write(directory.join("archive.hca"), planted).expect("written");
    let snapshot = collected(directory, None);
    let [skipped] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    let skipped = skipped.to_string();
    assert!(skipped.contains("planted_size") && skipped.contains("Collector::limit"), "{skipped}");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    page.assert(&[("made_total", 6.0), ("headcount_files_skipped{reason=\"invalid\"}", 1.0)]);
    assert!(page.value("planted_size_count").is_none());
    assert!(peak() < 200 << 20, "{}", peak());

    // Who raises the limit gets all of it; in pieces, which are never there all at once.
    fs::write(directory.join("archive.hca"), archive(5)).expect("written");
    let snapshot = collected(directory, Some(1 << 30));
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    for format in FORMATS {
        let mut length = Length(0);
        snapshot.encode(format, &mut length).expect("it takes all");
        // A histogram repeats its labels for each bucket in the text formats only.
        let repeats = ![Format::Protobuf, Format::Json].contains(&format);
        assert!(!repeats || length.0 > 256 << 20, "{}", length.0);
        assert!(peak() < 200 << 20, "{}", peak());
    }
    // By default it is too long.
    assert_eq!(collected(directory, None).skipped().len(), 1);

    // And what is read of all files together.
    let snapshot = collected(directory, Some(1 << 10));
    let reported: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
    assert!(reported.iter().any(|reported| reported.contains("archive.hca")), "{reported:?}");
    assert!(
        reported.iter().any(|reported| reported.contains(".hc: more than a collection")),
        "{reported:?}"
    );
    // Nothing of it is damaged.
    let compacted = Collector::from_directory(directory).limit(Limit::bytes(1 << 10)).compact();
    assert_eq!(compacted.expect("ours").segments(), 1);
}

const FORMATS: [Format; 5] =
    [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf, Format::Json];

/// Takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_page_in_pieces_is_the_page() {
    let folder = temporary_directory(Medium::Memory);
    let mut remains = Command::new(env!("CARGO_BIN_EXE_remains"));
    let mut child = Child::start(remains.arg("count").arg(folder.path()).arg("5"));
    assert!(child.wait().success(), "{}", child.output());
    let snapshot = collected(folder.path(), None);
    let encoded = |format| {
        let mut pieces = Vec::new();
        snapshot.encode(format, &mut pieces).expect("it takes all");
        pieces
    };
    assert_eq!(encoded(Format::Text), snapshot.to_text().into_bytes());
    for (format, accept) in FORMATS.into_iter().zip([
        "text/plain",
        "text/plain;version=1.0.0",
        "application/openmetrics-text",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        "application/json",
    ]) {
        assert_eq!(encoded(format), snapshot.render(accept).into_body(), "{format:?}");
        // Whoever takes no more is reported.
        let refused = snapshot.encode(format, &mut Full).expect_err("it takes nothing");
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }
}
