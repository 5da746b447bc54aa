//! `catalog`: which families there are, from what the segments and the archive declare.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use headcount::{Declaration, MetricFamily, Snapshot};
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
}

/// All families of a directory, by name. Two versions of a program may declare one differently:
/// then there are two entries.
pub(crate) fn entries(declarations: Vec<Declaration>, snapshot: &Snapshot) -> Vec<Entry> {
    let shown: BTreeMap<&str, &MetricFamily> =
        snapshot.families().iter().map(|family| (family.name.as_str(), family)).collect();
    let entry = |declared: Declaration| {
        let series = shown.get(declared.name.as_str()).map(|family| &family.series);
        let labels = series.into_iter().flatten().flat_map(|series| series.labels.iter());
        let labels: BTreeSet<String> =
            labels.map(|(name, _)| name.to_owned()).chain(declared.labels.clone()).collect();
        let series = series.map_or(0, Vec::len);
        Entry { declared, series, labels: labels.into_iter().collect() }
    };
    declarations.into_iter().map(entry).collect()
}

pub(crate) fn write(
    out: &mut impl Write,
    entries: &[Entry],
    format: CatalogFormat,
) -> io::Result<()> {
    match format {
        CatalogFormat::Md => write_markdown(out, entries),
        CatalogFormat::Json => {
            let all: Vec<serde_json::Value> = entries.iter().map(as_json).collect();
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)
        }
        CatalogFormat::Grafana => {
            serde_json::to_writer_pretty(&mut *out, &dashboard::of(entries))?;
            writeln!(out)
        }
        CatalogFormat::Rules => out.write_all(rules::of(entries).as_bytes()),
    }
}

fn write_markdown(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    writeln!(out, "| family | type | unit | labels | series | help |")?;
    writeln!(out, "|---|---|---|---|---:|---|")?;
    for Entry { declared, series, labels } in entries {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{}`", cell(label))).collect();
        let mode = declared.mode.map(|mode| format!(", {mode}")).unwrap_or_default();
        writeln!(
            out,
            "| `{}` | {}{mode} | {} | {} | {series} | {} |",
            cell(&declared.name),
            declared.kind,
            cell(&declared.unit),
            labels.join(", "),
            cell(&declared.help),
        )?;
    }
    Ok(())
}

fn as_json(Entry { declared, series, labels }: &Entry) -> serde_json::Value {
    json!({
        "name": declared.name, "type": declared.kind.to_string(), "unit": declared.unit,
        "labels": labels, "series": series, "help": declared.help,
        "mode": declared.mode.map(|mode| mode.to_string()), "buckets": declared.buckets,
        "file": declared.file, "line": declared.line,
    })
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    escaped(&text.replace('\n', " ")).replace('\\', "\\\\").replace('|', "\\|")
}
