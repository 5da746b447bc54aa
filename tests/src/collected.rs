//! Pages as the library makes them in the test's own process.

use std::path::Path;

use headcount::Collector;

use crate::page::Page;

/// What this process has counted until now. Nothing is declared here, since this is linked into
/// programs whose declarations are compared.
pub fn own_page() -> Page {
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
