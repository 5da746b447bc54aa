//! `catalog`: which families there are.

use std::collections::BTreeSet;
use std::io::{self, Write};

use headcount::{MetricFamily, Snapshot};

use super::arguments::CatalogFormat;
use super::print::escaped;

pub(crate) fn write(
    out: &mut impl Write,
    snapshot: &Snapshot,
    format: CatalogFormat,
) -> io::Result<()> {
    // The collector's own families are the same everywhere.
    let own = |family: &&MetricFamily| family.name.starts_with("headcount_");
    let families = snapshot.families().iter().filter(|family| !own(family));
    match format {
        CatalogFormat::Md => {
            writeln!(out, "| family | type | unit | labels | series | help |")?;
            writeln!(out, "|---|---|---|---|---:|---|")?;
            for family in families {
                let labels: Vec<String> =
                    labels(family).into_iter().map(|label| format!("`{}`", cell(label))).collect();
                writeln!(
                    out,
                    "| `{}` | {} | {} | {} | {} | {} |",
                    cell(&family.name),
                    family.kind,
                    cell(&family.unit),
                    labels.join(", "),
                    family.series.len(),
                    cell(&family.help),
                )?;
            }
        }
        CatalogFormat::Json => {
            let families: Vec<serde_json::Value> = families
                .map(|family| {
                    serde_json::json!({
                        "name": family.name, "type": family.kind.to_string(), "unit": family.unit,
                        "labels": labels(family), "series": family.series.len(),
                        "help": family.help,
                    })
                })
                .collect();
            serde_json::to_writer_pretty(&mut *out, &families)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn labels(family: &MetricFamily) -> BTreeSet<&str> {
    family.series.iter().flat_map(|series| series.labels.iter().map(|(name, _)| name)).collect()
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    escaped(&text.replace('\n', " ")).replace('\\', "\\\\").replace('|', "\\|")
}
