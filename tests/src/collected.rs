//! Pages as the library makes them in the test's own process.

use std::path::Path;

use headcount::{Collector, counted};

use crate::page::Page;

/// What this process has counted until now.
pub fn own_page() -> Page {
    // The first use in a process declares everything, also what only other tests use.
    #[counted]
    fn looked_at() {}
    looked_at();
    page(&Collector::new())
}

/// What the processes of a directory have counted, each of whose files can be read.
#[track_caller]
pub fn page_of(directory: &Path) -> Page {
    page(&Collector::from_directory(directory))
}

#[track_caller]
fn page(collector: &Collector) -> Page {
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = snapshot.to_text();
    Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
