//! Files as `prometheus_client` writes them, made by hand.

use std::fs;
use std::path::Path;

use headcount::{Collector, Snapshot};

/// The two layouts of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// To 0.17.1: a value.
    Value,
    /// From 0.18.0 on: a value, and when it was set.
    ValueAndTime,
}

pub(crate) const LAYOUTS: [Layout; 2] = [Layout::Value, Layout::ValueAndTime];

/// A file while it is made.
#[derive(Debug, Clone)]
pub(crate) struct File {
    layout: Layout,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, bytes: [8_i32.to_le_bytes(), [0; 4]].concat() }
    }

    /// A file with times.
    pub(crate) fn today() -> Self {
        Self::new(Layout::ValueAndTime)
    }

    /// Adds an entry.
    #[must_use]
    pub(crate) fn with(self, key: impl AsRef<[u8]>, value: f64) -> Self {
        self.set_at(key, value, 0.0)
    }

    /// Adds an entry that was set at this time.
    #[must_use]
    pub(crate) fn set_at(mut self, key: impl AsRef<[u8]>, value: f64, time: f64) -> Self {
        let key = key.as_ref();
        self.bytes.extend(i32::try_from(key.len()).unwrap().to_le_bytes());
        self.bytes.extend(key);
        self.bytes.extend(&b"        "[..8 - (4 + key.len()) % 8]);
        self.bytes.extend(value.to_le_bytes());
        if self.layout == Layout::ValueAndTime {
            self.bytes.extend(time.to_le_bytes());
        }
        let used = i32::try_from(self.bytes.len()).unwrap();
        self.used(used)
    }

    /// Says that so many bytes count.
    #[must_use]
    pub(crate) fn used(mut self, used: i32) -> Self {
        self.bytes[..4].copy_from_slice(&used.to_le_bytes());
        self
    }

    /// Writes it, with zeros behind it as a writer has them.
    pub(crate) fn write(&self, path: impl AsRef<Path>) {
        let mut bytes = self.bytes.clone();
        bytes.resize(bytes.len().max(1 << 16), 0);
        fs::write(path, bytes).unwrap();
    }
}

/// The key of a family without labels.
pub(crate) fn key(family: &str, sample: &str) -> String {
    format!(r#"["{family}", "{sample}", {{}}, "Help of {family}."]"#)
}

/// A counter of a process.
pub(crate) fn counter(name: &str, value: f64) -> File {
    File::today().with(key(name, &format!("{name}_total")), value)
}

pub(crate) fn snapshot(directory: &Path) -> Snapshot {
    Collector::from_directory(directory).self_metrics(false).collect().unwrap()
}

/// The page without the library's own families.
pub(crate) fn page(directory: &Path) -> String {
    let page = snapshot(directory).to_text();
    let own = page.find("# HELP headcount_shared").unwrap();
    let end = page[own..].lines().take(3).map(|line| line.len() + 1).sum::<usize>();
    format!("{}{}", &page[..own], &page[own + end..])
}

/// The reasons for which something was left out, sorted.
pub(crate) fn reasons(directory: &Path) -> Vec<&'static str> {
    let snapshot = snapshot(directory);
    let mut reasons: Vec<_> = snapshot.skipped().iter().map(headcount::Error::reason).collect();
    reasons.sort_unstable();
    reasons
}
