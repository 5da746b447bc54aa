//! The values of many files, merged as `MultiProcessCollector.merge` does it. Pure.
//!
//! * A family is known by its name alone. The first file decides its type and its help text, and
//!   the last file its mode: so files come in the order of their names.
//! * Counters and summaries are added up. Buckets of histograms are added up for each bound, and
//!   then from the least bound on; their last one is the count.
//! * Gauges are combined by their mode. `min` and `max` keep what was read first unless a
//!   comparison is true, which it never is with NaN. The most recent value is the one with the
//!   greatest time; 0 means that it was never set. A user's label `pid` gives way.
//!
//! One thing differs: sums are exact, so they do not depend on the order.

use std::collections::HashMap;

use crate::error::Error;
use crate::model::cold_sort;
use crate::model::mode::Combination;
use crate::model::{GaugeMode, MetricType};

use super::family::{Bucket, Child, Combined};
use super::file_name::FileName;
use super::key::{Fault, Key};
use super::key_table::{KeyId, KeyTable};
use super::layout::{Entry, Layout};
use super::pass::other_client;
use super::total::Total;

/// Families while files are added.
#[derive(Debug, Default)]
pub(super) struct Merging {
    families: Vec<Family>,
    by_name: HashMap<String, usize>,
    totals: Vec<Total>,
    /// Where the values of each key go, by the key's number, if it was met.
    places: Vec<Place>,
    /// Names of processes.
    pids: Vec<String>,
}

/// Labels, sorted by name.
type Labels = Vec<(String, String)>;

#[derive(Debug)]
struct Family {
    name: String,
    help: String,
    kind: MetricType,
    mode: Option<GaugeMode>,
    has_conflict: bool,
    differs: bool,
    series: Vec<Series>,
    by_labels: HashMap<Labels, usize>,
    /// The values of a gauge, as its mode is known at the end only.
    values: Vec<GaugeValue>,
}

/// The series with the same labels, but for `le`.
#[derive(Debug)]
struct Series {
    labels: Labels,
    /// The samples by their names, and the numbers of their totals.
    samples: Vec<(String, usize)>,
    buckets: Vec<(f64, String, usize)>,
    /// Where those behind the first [`FEW`] are.
    behind: Option<Box<Behind>>,
}

/// So many samples or buckets of a series are compared one by one. Few series have more.
const FEW: usize = 32;

/// The positions of samples by name, and of buckets by the bits of their bounds. A forged file may
/// have a hundred thousand of either in one series.
#[derive(Debug, Default)]
struct Behind {
    samples: HashMap<String, usize>,
    buckets: HashMap<u64, usize>,
}

#[derive(Debug, Clone, Copy)]
struct GaugeValue {
    series: u32,
    sample: u32,
    /// None if the file is not one of gauges.
    pid: Option<u32>,
    value: f64,
    time: f64,
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Unknown,
    /// Values of this family's are added up in this total, if their file has the family's type.
    Total {
        family: u32,
        total: u32,
    },
    Gauge {
        family: u32,
        series: u32,
        sample: u32,
    },
    /// Left out.
    Faulty(Fault),
}

/// What of a file was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Entries whose keys are no keys.
    pub(super) no_keys: usize,
    /// Entries with a label's value, or a help text, that is no text.
    pub(super) no_texts: usize,
}

impl Merging {
    /// Adds a file: its layout, and the values with their keys and times.
    pub(super) fn add(
        &mut self,
        file: FileName<'_>,
        layout: &Layout,
        values: impl Iterator<Item = (KeyId, f64, f64)>,
        keys: &KeyTable,
    ) -> Result<LeftOut, Error> {
        // Before anything is added: such a file has no entry that counts.
        let is_other = |entry: &Entry| keys.get(entry.key) == Err(Fault::OtherClient);
        if layout.width == 8 && layout.entries.iter().any(is_other) {
            return Err(other_client());
        }
        if self.places.len() < keys.len() {
            self.places.resize(keys.len(), Place::Unknown);
        }
        let pid = number(self.pids.len());
        if file.mode.is_some() {
            self.pids.push(file.pid.to_owned());
        }
        let mut left_out = LeftOut::default();
        for (key, value, time) in values {
            // The most frequent case, in a few instructions.
            let place = self.places.get(key as usize).copied().unwrap_or_default();
            if let Place::Total { family, total } = place {
                let family = self.families.get(family as usize);
                if family.is_some_and(|family| family.kind == file.kind) {
                    if let Some(total) = self.totals.get_mut(total as usize) {
                        total.add(value);
                    }
                    continue;
                }
            }
            match self.place(key, file, keys) {
                Place::Total { total, .. } => {
                    if let Some(total) = self.totals.get_mut(total as usize) {
                        total.add(value);
                    }
                }
                Place::Gauge { family, series, sample } => {
                    let Some(family) = self.families.get_mut(family as usize) else { continue };
                    let pid = file.mode.is_some().then_some(pid);
                    family.mode = file.mode.or(family.mode);
                    family.values.push(GaugeValue { series, sample, pid, value, time });
                }
                Place::Faulty(Fault::NotText) => left_out.no_texts += 1,
                Place::Faulty(_) | Place::Unknown => left_out.no_keys += 1,
            }
        }
        Ok(left_out)
    }

    /// The number of keys that were met.
    pub(super) fn met(&self) -> usize {
        self.places.iter().filter(|place| !matches!(place, Place::Unknown)).count()
    }

    fn place(&mut self, id: KeyId, file: FileName<'_>, keys: &KeyTable) -> Place {
        let known = self.places.get(id as usize).copied().unwrap_or_default();
        let is_of_type = |family: u32| {
            self.families.get(family as usize).is_some_and(|family| family.kind == file.kind)
        };
        match known {
            Place::Gauge { family, .. } | Place::Total { family, .. } if is_of_type(family) => {
                if let Some(family) = self.families.get_mut(family as usize) {
                    family.differs |= family.mode != file.mode;
                }
                return known;
            }
            Place::Faulty(_) => return known,
            _ => {}
        }
        let place = match keys.get(id) {
            Ok(key) => self.place_of(key, file),
            Err(fault) => Place::Faulty(fault),
        };
        if let Some(known) = self.places.get_mut(id as usize) {
            *known = place;
        }
        place
    }

    /// Where the values of a key go that come from such a file.
    fn place_of(&mut self, key: &Key, file: FileName<'_>) -> Place {
        let at = self.by_name.get(&key.family).copied().unwrap_or_else(|| {
            self.families.push(Family::new(key, file));
            self.by_name.insert(key.family.clone(), self.families.len() - 1);
            self.families.len() - 1
        });
        let Some(family) = self.families.get_mut(at) else { return Place::Unknown };
        family.differs |= (family.kind, family.mode) != (file.kind, file.mode);
        family.has_conflict |= family.help != key.help;
        let mut labels = key.labels.clone();
        let mut bound = None;
        match family.kind {
            MetricType::Gauge => labels.retain(|(name, _)| name != "pid"),
            // A file of gauges whose family is not one, as an earlier file says.
            _ if file.mode.is_some() => {
                labels.retain(|(name, _)| name != "pid");
                labels.push(("pid".to_owned(), file.pid.to_owned()));
                cold_sort::sort_by(&mut labels, Ord::cmp);
            }
            _ => {}
        }
        if family.kind == MetricType::Histogram {
            if let Some(le) = labels.iter().position(|(name, _)| name == "le") {
                let (_, text) = labels.remove(le);
                match text.trim().parse::<f64>() {
                    // Negative zero is zero.
                    Ok(le) if !le.is_nan() => bound = Some((le + 0.0, text)),
                    _ => return Place::Faulty(Fault::NotText),
                }
            }
        }
        let at_series = family.series_of(labels);
        let Some(series) = family.series.get_mut(at_series) else { return Place::Unknown };
        let total = if let Some((le, text)) = bound {
            series.bucket(le, text, &mut self.totals)
        } else {
            let sample = series.sample(&key.name, &mut self.totals);
            if family.kind == MetricType::Gauge {
                let (series, sample) = (number(at_series), number(sample));
                return Place::Gauge { family: number(at), series, sample };
            }
            series.samples.get(sample).map_or(0, |(_, total)| *total)
        };
        Place::Total { family: number(at), total: number(total) }
    }

    /// The families, in the order in which they were met.
    pub(super) fn finish(self) -> Vec<Combined> {
        let Self { families, mut totals, pids, .. } = self;
        families.into_iter().map(|family| family.finish(&mut totals, &pids)).collect()
    }
}

/// There are fewer of anything than a pass may read bytes.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Family {
    fn new(key: &Key, file: FileName<'_>) -> Self {
        Self {
            name: key.family.clone(),
            help: key.help.clone(),
            kind: file.kind,
            mode: file.mode,
            has_conflict: false,
            differs: false,
            series: Vec::new(),
            by_labels: HashMap::new(),
            values: Vec::new(),
        }
    }

    fn series_of(&mut self, labels: Labels) -> usize {
        if let Some(known) = self.by_labels.get(&labels) {
            return *known;
        }
        self.by_labels.insert(labels.clone(), self.series.len());
        self.series.push(Series { labels, samples: Vec::new(), buckets: Vec::new(), behind: None });
        self.series.len() - 1
    }

    fn finish(mut self, totals: &mut [Total], pids: &[String]) -> Combined {
        let mut take = |at: usize| totals.get_mut(at).map(core::mem::take).unwrap_or_default();
        let children = if self.kind == MetricType::Gauge {
            self.gauges(pids)
        } else {
            let child = |series: Series| {
                let samples = series.samples.into_iter().map(|(name, at)| (name, take(at)));
                let samples = samples.collect();
                let buckets = series.buckets.into_iter();
                let bucket = |(le, text, at)| Bucket { le, text, total: take(at) };
                let mut buckets: Vec<Bucket> = buckets.map(bucket).collect();
                cold_sort::sort_by(&mut buckets, |a, b| a.le.total_cmp(&b.le));
                Child { labels: series.labels, pid: None, samples, buckets, times: Vec::new() }
            };
            core::mem::take(&mut self.series).into_iter().map(child).collect()
        };
        Combined {
            name: self.name,
            help: self.help,
            kind: self.kind,
            mode: self.mode,
            has_conflict: self.has_conflict || self.differs,
            differs: self.differs,
            children,
        }
    }

    /// Combines the values of a gauge.
    fn gauges(&mut self, pids: &[String]) -> Vec<Child> {
        let mode = self.mode.unwrap_or(GaugeMode::All);
        let mut found: Vec<Shown> = Vec::new();
        let mut by_place = HashMap::<(u32, u32, Option<&str>), usize>::new();
        for new in &self.values {
            let pid = new.pid.filter(|_| mode.is_all()).and_then(|pid| pids.get(pid as usize));
            let pid = pid.map(String::as_str);
            // A value that was never set is in no series.
            if mode.is_recent() && (new.time.is_nan() || new.time <= 0.0) {
                continue;
            }
            let at = *by_place.entry((new.series, new.sample, pid)).or_insert(found.len());
            let Some(known) = found.get_mut(at) else {
                let mut total = Total::default();
                total.add(new.value);
                found.push(Shown { of: *new, pid: pid.map(str::to_owned), total });
                continue;
            };
            let replaces = match mode.combination() {
                Combination::Sum => {
                    known.total.add(new.value);
                    false
                }
                Combination::Least => new.value < known.of.value,
                Combination::Greatest => new.value > known.of.value,
                Combination::Latest => new.time > known.of.time,
                Combination::Each => true,
            };
            if replaces {
                known.of = *new;
            }
        }
        let child = |Shown { of, pid, total }: Shown| {
            let series = self.series.get(of.series as usize)?;
            let (name, _) = series.samples.get(of.sample as usize)?;
            let total = if mode.is_sum() {
                total
            } else {
                // Kept as it is: a negative zero too.
                Total::of(of.value)
            };
            let (labels, samples) = (series.labels.clone(), vec![(name.clone(), total)]);
            Some(Child { labels, pid, samples, buckets: Vec::new(), times: vec![of.time] })
        };
        found.into_iter().filter_map(child).collect()
    }
}

/// A value of a gauge that is shown.
struct Shown {
    of: GaugeValue,
    pid: Option<String>,
    total: Total,
}

impl Series {
    /// The position of a sample.
    fn sample(&mut self, name: &str, totals: &mut Vec<Total>) -> usize {
        let known = self.samples.iter().take(FEW).position(|(known, _)| known == name);
        let behind = || self.behind.as_ref()?.samples.get(name).copied();
        if let Some(known) = known.or_else(behind) {
            return known;
        }
        let at = self.samples.len();
        if at >= FEW {
            self.behind.get_or_insert_default().samples.insert(name.to_owned(), at);
        }
        totals.push(Total::default());
        self.samples.push((name.to_owned(), totals.len() - 1));
        at
    }

    /// The number of a bucket's total.
    fn bucket(&mut self, le: f64, text: String, totals: &mut Vec<Total>) -> usize {
        let mut few = self.buckets.iter().take(FEW);
        let known = few.position(|(known, ..)| known.total_cmp(&le).is_eq());
        let behind = || self.behind.as_ref()?.buckets.get(&le.to_bits()).copied();
        let known = known.or_else(behind).and_then(|at| self.buckets.get(at));
        if let Some((.., total)) = known {
            return *total;
        }
        if self.buckets.len() >= FEW {
            let at = self.buckets.len();
            self.behind.get_or_insert_default().buckets.insert(le.to_bits(), at);
        }
        totals.push(Total::default());
        self.buckets.push((le, text, totals.len() - 1));
        totals.len() - 1
    }
}
