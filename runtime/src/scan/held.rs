//! Determines which of the rows that a process has removed are still held: another process has the
//! row, or had it in between. The counts of such a row are part of a sum that is still shown, so
//! they must be kept. The counts of the other rows will never be shown again.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use crate::archive::since;
use crate::directory::Directory;
use crate::error::Error;
use crate::merge::totals::{EqualLogs, logs};
use crate::model::instance::InstanceId;
use crate::reader::layout::labels_of;
use crate::reader::segment::ENDLESS;

use super::{CollectionCache, Limit, Scan, ThisProcess, Wanted};

/// A row that this process has removed.
#[derive(Debug)]
pub(crate) struct GoneRow {
    pub(crate) slot: u32,
    pub(crate) family: &'static str,
    pub(crate) labels: Vec<(String, String)>,
    /// The span in which it existed, and if it was created again, the span since then; in
    /// nanoseconds since 1970.
    pub(crate) spans: Vec<(u64, u64)>,
}

/// Identifies a series: the family's name and the labels, sorted by name.
fn key<'a>(out: &mut String, family: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    out.clear();
    out.push_str(family);
    for (name, value) in labels {
        // The length makes the key unambiguous, whatever a value contains.
        let _ = write!(out, "\0{name}\0{}\0{value}", value.len());
    }
}

/// Returns for each row whether it is held.
pub(crate) fn held(
    directory: &Directory,
    own: InstanceId,
    rows: &[GoneRow],
    this: ThisProcess,
) -> Result<Vec<bool>, Error> {
    let wanted = Wanted {
        directory,
        this,
        limit: Limit::NONE,
        with_own: false,
        with_python: false,
        with_sums: false,
    };
    let scan = Scan::of(wanted, &Arc::new(CollectionCache::default()))?;
    let mut spans = HashMap::<String, Vec<(u64, u64)>>::new();
    // This process's times are converted as those of the others are.
    let times = scan.own_times;
    let at = |ns| if ns == ENDLESS { ns } else { times.at(ns) };
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        // As in a layout: sorted, without empty values.
        let named = row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut labels: Vec<_> = named.filter(|(_, value)| !value.is_empty()).collect();
        labels.sort_unstable();
        let mut text = String::new();
        key(&mut text, row.family, labels.into_iter());
        let own = row.spans.iter().map(|(from, until)| (at(*from), at(*until)));
        spans.entry(text.clone()).or_default().extend(own);
        keys.push(text);
    }
    let families: HashSet<&str> = rows.iter().map(|row| row.family).collect();
    let mut text = String::new();
    for EqualLogs { layout, parts, .. } in logs(&scan.parts) {
        let others = || parts.iter().filter(|part| part.segment.header.instance != own);
        if others().next().is_none() {
            continue;
        }
        for series in &layout.series {
            let family = layout.families.get(series.family as usize);
            let family = family.filter(|family| families.contains(family.name.as_str()));
            let Some(family) = family else { continue };
            key(&mut text, &family.name, labels_of(layout, family, series));
            if let Some(spans) = spans.get_mut(&text) {
                spans.extend(others().map(|part| part.segment.span(series)));
            }
        }
    }
    for archived in &scan.archive().families {
        if !families.contains(archived.family.name.as_str()) {
            continue;
        }
        for series in &archived.series {
            key(&mut text, &archived.family.name, series.labels.iter());
            if let Some(spans) = spans.get_mut(&text) {
                spans.extend(series.spans.0.iter().map(|span| (span.from, span.until)));
            }
        }
    }
    let current: HashMap<_, _> =
        spans.into_iter().map(|(key, spans)| (key, since(spans))).collect();
    let is_held = |(row, key): (&GoneRow, &String)| {
        let current = current.get(key).copied().flatten();
        let until = row.spans.first().map_or(0, |(_, until)| at(*until));
        current.is_some_and(|since| until >= since)
    };
    Ok(rows.iter().zip(&keys).map(is_held).collect())
}
