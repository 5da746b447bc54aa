//! `catalog`: which families there are, from what the segments and the archive declare.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use headcount::{Declaration, MetricFamily, MetricType, Snapshot};
use serde_json::json;

use super::arguments::CatalogFormat;
use super::print::escaped;
use super::{dashboard, rules};

/// A family, as it is declared and as it is shown.
pub(crate) struct Entry {
    pub(crate) declared: Declaration,
    /// The series that exist now.
    pub(crate) series: usize,
    /// The labels of these, and of the declaration.
    pub(crate) labels: Vec<String>,
    /// The same labels as Prometheus stores them.
    stored: Vec<String>,
}

/// The labels that a Prometheus gives to each series that it scrapes.
const OF_TARGETS: [&str; 2] = ["job", "instance"];

impl Entry {
    fn new(declared: Declaration, series: usize, labels: BTreeSet<String>) -> Self {
        let is_taken = |name: &str| OF_TARGETS.contains(&name) || labels.contains(name);
        let stored = labels.iter().map(|label| {
            let mut name = label.clone();
            // As Prometheus does it without `honor_labels`, again and again.
            while OF_TARGETS.contains(&label.as_str()) && is_taken(&name) {
                name.insert_str(0, "exported_");
            }
            name
        });
        let stored = stored.collect();
        Self { declared, series, labels: labels.into_iter().collect(), stored }
    }

    /// The names that its labels have in a Prometheus: one that a target has too is stored as
    /// `exported_job` or `exported_instance`.
    pub(crate) fn label_names(&self) -> Vec<&str> {
        self.stored.iter().map(String::as_str).collect()
    }

    /// Whether a label has another name in a Prometheus than on the page.
    pub(crate) fn is_renamed(&self) -> bool {
        self.stored != self.labels
    }

    pub(crate) fn has_outcome(&self) -> bool {
        self.labels.iter().any(|label| label == "outcome")
    }

    pub(crate) fn is_native(&self) -> bool {
        self.declared.native.is_some()
    }

    /// The unit, which the name ends with if the declaration does not say it.
    pub(crate) fn unit(&self) -> &str {
        let Declaration { name, unit, .. } = &self.declared;
        let name = name.strip_suffix("_total").unwrap_or(name);
        if unit.is_empty() { name.rsplit_once('_').map_or("", |(_, last)| last) } else { unit }
    }

    /// Whether it observes how long something takes.
    pub(crate) fn is_duration(&self) -> bool {
        matches!(self.declared.kind, MetricType::Histogram | MetricType::Summary)
            && self.unit() == "seconds"
    }

    /// Whether the value of this gauge is a time.
    pub(crate) fn is_time(&self) -> bool {
        self.declared.kind == MetricType::Gauge
            && self.declared.name.ends_with("_timestamp_seconds")
    }
}

const RENAMED: &str = "\
Labels `job` and `instance` of families are asked for as `exported_job` and `exported_instance`, as \
Prometheus stores them unless the scrape has `honor_labels`.";

/// What a page shows.
pub(crate) struct Catalog {
    /// By name. Two versions of a program may declare a family differently: then there are two.
    pub(crate) entries: Vec<Entry>,
    /// What the names of all families begin with, but for the collector's own: nothing, or a word
    /// and an underscore.
    pub(crate) prefix: String,
}

impl Catalog {
    /// `snapshot` is that of a collector with the same prefix.
    pub(crate) fn new(declarations: Vec<Declaration>, snapshot: &Snapshot, prefix: &str) -> Self {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}_") };
        let shown: BTreeMap<&str, &MetricFamily> =
            snapshot.families().iter().map(|family| (family.name.as_str(), family)).collect();
        let entry = |mut declared: Declaration| {
            declared.name.insert_str(0, &prefix);
            let series = shown.get(declared.name.as_str()).map(|family| &family.series);
            let labels = series.into_iter().flatten().flat_map(|series| series.labels.iter());
            let labels: BTreeSet<String> =
                labels.map(|(name, _)| name.to_owned()).chain(declared.labels.clone()).collect();
            Entry::new(declared, series.map_or(0, Vec::len), labels)
        };
        Self { entries: declarations.into_iter().map(entry).collect(), prefix }
    }

    /// What to say of dashboards and rules, if a label has another name there than on the page.
    pub(crate) fn note(&self) -> &'static str {
        if self.entries.iter().any(Entry::is_renamed) { RENAMED } else { "" }
    }

    /// One entry for each name, since a page has one family of it.
    pub(crate) fn families(&self) -> Vec<&Entry> {
        let mut families: Vec<&Entry> = self.entries.iter().collect();
        families.dedup_by_key(|entry| &entry.declared.name);
        families
    }

    /// A family by its name without the prefix.
    pub(crate) fn family(&self, name: &str) -> Option<&Entry> {
        let has_name =
            |entry: &&Entry| entry.declared.name.strip_prefix(self.prefix.as_str()) == Some(name);
        self.entries.iter().find(has_name)
    }

    pub(crate) fn write(&self, out: &mut impl Write, format: CatalogFormat) -> io::Result<()> {
        match format {
            CatalogFormat::Md => self.write_markdown(out),
            CatalogFormat::Json => {
                let all: Vec<serde_json::Value> = self.entries.iter().map(as_json).collect();
                serde_json::to_writer_pretty(&mut *out, &all)?;
                writeln!(out)
            }
            CatalogFormat::Grafana => {
                serde_json::to_writer_pretty(&mut *out, &dashboard::of(self))?;
                writeln!(out)
            }
            CatalogFormat::Rules => {
                out.write_all(rules::of(self).map_err(io::Error::other)?.as_bytes())
            }
        }
    }

    fn write_markdown(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "| family | type | unit | labels | series | help |")?;
        writeln!(out, "|---|---|---|---|---:|---|")?;
        for Entry { declared, series, labels, .. } in &self.entries {
            let labels: Vec<String> =
                labels.iter().map(|label| format!("`{}`", cell(label))).collect();
            let mode = declared.mode.map(|mode| format!(", {mode}")).unwrap_or_default();
            let native = if declared.native.is_some() { ", native" } else { "" };
            writeln!(
                out,
                "| `{}` | {}{mode}{native} | {} | {} | {series} | {} |",
                cell(&declared.name),
                declared.kind,
                cell(&declared.unit),
                labels.join(", "),
                cell(&declared.help),
            )?;
        }
        Ok(())
    }
}

fn as_json(Entry { declared, series, labels, .. }: &Entry) -> serde_json::Value {
    json!({
        "name": declared.name, "type": declared.kind.to_string(), "unit": declared.unit,
        "labels": labels, "series": series, "help": declared.help,
        "mode": declared.mode.map(|mode| mode.to_string()), "buckets": declared.buckets,
        "native_schema": declared.native, "file": declared.file, "line": declared.line,
    })
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    escaped(&text.replace('\n', " ")).replace('\\', "\\\\").replace('|', "\\|")
}
