//! One family while segments and the archive are added to it. Pure.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::descriptor::Mode;

use super::archive::ArchivedFamily;
use super::layout::{Cells, LogFamily, LogSeries};
use super::merge::{Part, Source, Use};
use super::snapshot::{Family, FamilyKind, Series, SummaryValue, Value};
use super::spans::{ENDLESS, Spans};
use super::sums::{CounterSum, Each, GaugeSum, HistogramSum, Sum, bounds_of, position};

pub(super) struct Merging {
    family: Family,
    mode: Option<Mode>,
    /// Which declarations these are.
    sources: Vec<Source>,
    /// The bounds that all declarations have, in the family's unit.
    bounds: Vec<f64>,
    series: HashMap<Labels, Spans>,
}

/// Sorted by name, without empty values: to Prometheus an empty label is an absent one.
pub(super) type Labels = Vec<(String, String)>;

pub(super) fn labels_of(declared: &LogFamily, series: &LogSeries) -> Labels {
    let labels = declared.labels.iter().zip(&series.values);
    let labels = labels.filter(|(_, value)| !value.is_empty());
    let mut labels: Labels = labels.map(|(n, v)| (n.clone(), v.clone())).collect();
    labels.sort();
    labels
}

impl Merging {
    pub(super) fn new(uses: &[Use<'_>]) -> Self {
        // The newest segment's words; they seldom differ.
        let newest = uses.iter().max_by_key(|u| (u.newest, core::cmp::Reverse(u.place())));
        let words = newest.map(|used| used.family);
        let mut bounds: Option<Vec<f64>> = None;
        for used in uses {
            let own: Vec<f64> = bounds_of(used.family);
            bounds = Some(match bounds {
                None => own,
                Some(common) => {
                    common.into_iter().filter(|bound| position(&own, *bound).is_some()).collect()
                }
            });
        }
        let text = |f: fn(&LogFamily) -> &String| words.map(f).cloned().unwrap_or_default();
        Self {
            family: Family {
                name: text(|f| &f.name),
                help: text(|f| &f.help),
                unit: text(|f| &f.unit),
                kind: words.map_or(FamilyKind::Counter, |f| f.kind),
                series: Vec::new(),
            },
            mode: words.and_then(|f| f.mode),
            sources: uses.iter().map(|used| used.source).collect(),
            bounds: bounds.unwrap_or_default(),
            series: HashMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.family.name
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What was added, by labels.
    pub(super) fn into_series(self) -> HashMap<Labels, Spans> {
        self.series
    }

    /// Adds a series of all segments that have it.
    pub(super) fn add(&mut self, declared: &LogFamily, series: &LogSeries, segments: &[&Part]) {
        let labels = labels_of(declared, series);
        let slot = series.slot;
        match declared.kind {
            FamilyKind::Counter => {
                let spans = self.series.entry(labels).or_default();
                let new = || Sum::Counter(CounterSum::default());
                for Part { segment, .. } in segments {
                    let Sum::Counter(sum) = spans.at(segment.span(series), None, new) else {
                        return;
                    };
                    if declared.cells == Cells::Float {
                        // No program counts less than nothing, or no number; one that an archive can't have would keep it from being written.
                        let counted = segment.each(slot, 0).map(f64::from_bits);
                        counted.filter(|n| *n >= 0.0).for_each(|n| sum.add_float(n));
                    } else {
                        sum.whole = sum.whole.wrapping_add(segment.sum(slot, 0).0);
                    }
                }
            }
            // A summary is a histogram with no bucket but the last.
            FamilyKind::Histogram | FamilyKind::Summary => {
                let own = bounds_of(declared);
                let spans = self.series.entry(labels).or_default();
                let new = || Sum::Histogram(HistogramSum::default());
                for Part { segment, .. } in segments {
                    let Sum::Histogram(sum) = spans.at(segment.span(series), None, new) else {
                        return;
                    };
                    sum.add_cells(segment, declared.cells, &own, slot, &self.bounds);
                }
            }
            FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
                for part in segments {
                    self.add_gauge(part, declared, series, &labels);
                }
            }
        }
    }

    /// A gauge that was removed takes no part: nobody minds if it falls.
    fn add_gauge(
        &mut self,
        part: &Part,
        declared: &LogFamily,
        series: &LogSeries,
        labels: &Labels,
    ) {
        // What a program is ends with it.
        let mode = self.mode.unwrap_or(Mode::LiveMax);
        if mode.is_live() && !part.is_alive() || part.segment.span(series).1 != ENDLESS {
            return;
        }
        let value = value_of(part, declared, series);
        // What nobody has set is 0 as a sum, and nothing otherwise.
        if value.is_none() && !mode.is_sum() {
            return;
        }
        let spans = match self.series.get_mut(labels) {
            Some(spans) => spans,
            None => self.series.entry(labels.clone()).or_default(),
        };
        let new = || Sum::Gauge(GaugeSum::default());
        let Sum::Gauge(sum) = spans.at((0, ENDLESS), Some(mode), new) else { return };
        let Some((when, value)) = value else { return };
        if mode.is_all() {
            let (age, is_alive) = (part.segment.age(), part.is_alive());
            sum.set_of(part.segment.header.pid, Each { age, value, is_alive });
        } else {
            sum.set(mode, when, value);
        }
    }

    /// Adds what the archive has of a declaration.
    pub(super) fn add_archived(&mut self, archived: &ArchivedFamily) {
        let own = bounds_of(&archived.family);
        for (labels, spans) in archived.series() {
            let target = self.series.entry(labels).or_default();
            for span in &spans.0 {
                let new = || empty(&span.sum);
                let at = target.at((span.from, span.until), self.mode, new);
                if let (Sum::Histogram(sum), Sum::Histogram(other)) = (&mut *at, &span.sum) {
                    sum.add(other, Some((&own, &self.bounds)));
                } else {
                    at.add(span.sum.clone(), self.mode);
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Family {
        let mut series = Vec::with_capacity(self.series.len());
        for (labels, spans) in core::mem::take(&mut self.series) {
            let Some(span) = spans.current() else { continue };
            let created = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(span.from));
            match span.sum {
                Sum::Counter(sum) => {
                    series.push(Series { labels, value: Value::Counter(sum.value()), created });
                }
                Sum::Histogram(sum) => {
                    let value = sum.value(&self.bounds);
                    let value = if self.family.kind == FamilyKind::Summary {
                        Value::Summary(SummaryValue { sum: value.sum, count: value.count() })
                    } else {
                        Value::Histogram(value)
                    };
                    series.push(Series { labels, value, created });
                }
                Sum::Gauge(sum) => self.finish_gauge(labels, sum, &mut series),
            }
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.family.series = series;
        // How many processes are in each state is no longer a state.
        if self.family.kind == FamilyKind::StateSet && self.mode.is_some_and(Mode::is_sum) {
            self.family.kind = FamilyKind::Gauge;
        }
        self.family
    }

    fn finish_gauge(&self, labels: Labels, mut sum: GaugeSum, series: &mut Vec<Series>) {
        let mode = self.mode.unwrap_or(Mode::LiveMax);
        let gauge = |labels, value| Series { labels, value: Value::Gauge(value), created: None };
        if mode.is_all() {
            sum.keep_newest();
            for (pid, each) in sum.each {
                let mut labels = labels.clone();
                labels.push(("pid".to_owned(), pid.to_string()));
                labels.sort();
                series.push(gauge(labels, each.value));
            }
        } else if mode.is_sum() {
            series.push(gauge(labels, sum.sum.total()));
        } else if let Some((_, value)) = sum.one {
            series.push(gauge(labels, value));
        }
    }
}

fn empty(like: &Sum) -> Sum {
    match like {
        Sum::Counter(_) => Sum::Counter(CounterSum::default()),
        Sum::Gauge(_) => Sum::Gauge(GaugeSum::default()),
        Sum::Histogram(_) => Sum::Histogram(HistogramSum::default()),
    }
}

/// When a process set a gauge, where that matters, and to what; `None` if it never did.
fn value_of(part: &Part, declared: &LogFamily, series: &LogSeries) -> Option<(u64, f64)> {
    let (segment, slot) = (&part.segment, series.slot);
    match (declared.kind, declared.cells) {
        (FamilyKind::Info, _) => Some((0, 1.0)),
        (FamilyKind::StateSet, _) => {
            // The state that was entered last holds, and none before the first was.
            let (first, count) = series.states;
            let states = || (first..first.saturating_add(count)).map(|at| segment.process_cell(at));
            let newest = states().max().filter(|when| *when > 0)?;
            let holds = (first..).zip(states()).find(|(_, when)| *when == newest)?.0;
            Some((newest, if holds == slot { 1.0 } else { 0.0 }))
        }
        // Below 0 only while a call's end was seen and its beginning wasn't yet.
        #[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "FORMAT.md")]
        (_, Cells::Wrapping) => Some((0, (segment.sum(slot, 0).0 as i64).max(0) as f64)),
        _ if declared.mode.is_some_and(Mode::is_recent) => segment.recent(slot),
        _ => crate::metric::gauge_value(segment.process_cell(slot)).map(|value| (0, value)),
    }
}
