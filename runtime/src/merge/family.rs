//! Merges one family: adds up its series from segments and the archive. Pure.

use core::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::exemplar::Held;
use crate::model::{
    GaugeMode, LabelSet, LabelSets, MetricFamily, MetricType, Series, SummaryValue, Value,
    cold_sort,
};
use crate::reader::family::LogFamily;
use crate::reader::layout::{LogSeries, labels_of};
use crate::reader::segment::ENDLESS;

use super::archived::{ArchivedFamily, ArchivedSeries};
use super::columns::Columns;
use super::declaration::{Declaration, value_of};
use super::declared::{DeclaredFamily, DeclaredIn};
use super::exemplars::is_kept;
use super::part::Part;
use super::plan::{Declared, Entry, Item, NewSeries, Plan, Plans};
use super::sort::{self, Sorted};
use super::spans::Spans;
use super::sums::{Bounds, Each, GaugeSum, Sum, bounds_of, position};
use super::totals::EqualLogs;

/// One family while its parts are added up.
pub(crate) struct FamilyMerge<'a> {
    family: MetricFamily,
    mode: Option<GaugeMode>,
    /// The bounds that all declarations have, in the family's unit.
    bounds: Vec<f64>,
    declarations: Vec<Declaration<'a>>,
    /// The present, by which exemplars of the dead are too old.
    now: u64,
}

/// A series with its sums.
struct Gathered<'a> {
    spans: &'a mut Spans,
    /// When something was last added to it in the archive; [`NOW`] if a segment has the series.
    touched: u64,
}

const NOW: u64 = u64::MAX;

impl<'a> FamilyMerge<'a> {
    pub(crate) fn new(uses: &[DeclaredFamily<'a>], now: u64) -> Self {
        // Help and unit are those of the newest segment that has a help text; they seldom differ.
        let rank = |u: &&DeclaredFamily<'_>| {
            (!u.family.help.is_empty(), u.newest, core::cmp::Reverse(u.place()))
        };
        let newest = uses.iter().max_by_key(rank);
        let words = newest.map(|used| used.family);
        let mut bounds = uses.first().map(|used| bounds_of(used.family)).unwrap_or_default();
        let pairs = uses.iter().zip(uses.iter().skip(1));
        for (_, used) in pairs.filter(|(before, used)| !used.family.has_bounds_of(before.family)) {
            let own = bounds_of(used.family);
            bounds.retain(|bound| position(&own, *bound).is_some());
        }
        let text = |f: fn(&LogFamily) -> &String| words.map(f).cloned().unwrap_or_default();
        let mut declarations: Vec<Declaration<'_>> = Vec::with_capacity(uses.len());
        for DeclaredFamily { family, source, .. } in uses {
            let alike = declarations.last().filter(|before| before.family.has_bounds_of(family));
            let bounds = match alike {
                Some(before) => Rc::clone(&before.bounds),
                None => Rc::new(Bounds::new(&bounds_of(family), &bounds)),
            };
            declarations.push(Declaration { family, bounds, source: *source });
        }
        Self {
            declarations,
            now,
            family: MetricFamily {
                name: text(|f| &f.name),
                help: text(|f| &f.help),
                unit: text(|f| &f.unit),
                kind: words.map_or(MetricType::Counter, LogFamily::kind),
                series: Vec::new(),
            },
            mode: match words.map(LogFamily::kind) {
                // All that exist. Each declaration says whether those of the dead still do.
                Some(MetricType::Info) => Some(GaugeMode::Max),
                _ => words.and_then(|f| f.mode),
            },
            bounds,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.family.name
    }

    pub(crate) fn family(&self) -> &MetricFamily {
        &self.family
    }

    /// Adds the archive's part of the family.
    pub(crate) fn add_archived(&mut self, archived: &'a Arc<ArchivedFamily>) {
        let source = DeclaredIn::Archive { number: 0, archived };
        let family = &archived.family;
        let bounds = Rc::new(Bounds::new(&bounds_of(family), &self.bounds));
        self.declarations.push(Declaration { family, bounds, source });
    }

    /// The series of these declarations, sorted by their labels. Only equal labels are one series.
    fn sorted_of(&self, which: impl Iterator<Item = u32>) -> Vec<Sorted<Item>> {
        let labels = self.declarations.iter().flat_map(|declaration| &declaration.family.labels);
        let mut names: Vec<&str> = labels.map(String::as_str).collect();
        cold_sort::sort_by(&mut names, Ord::cmp);
        names.dedup();
        let place = |name: &str| {
            let place = names.binary_search(&name).unwrap_or(names.len());
            u32::try_from(place).unwrap_or(u32::MAX)
        };
        let places: Vec<Vec<u32>> = self
            .declarations
            .iter()
            .map(|declaration| declaration.family.labels.iter().map(|name| place(name)).collect())
            .collect();
        let declared = which.filter_map(|n| Some((n, self.declarations.get(n as usize)?)));
        let items = declared.flat_map(|(number, declaration)| {
            declaration.series().map(move |series| (number, series))
        });
        let label = |(number, series): Item, nth: usize| {
            let source = self.declarations.get(number as usize)?.source;
            match source {
                DeclaredIn::Log { log, .. } => {
                    let series = log.layout.series.get(series as usize)?;
                    let label = *log.layout.labels(series).get(nth)?;
                    let place = *places.get(number as usize)?.get(usize::from(label.name))?;
                    Some((place, log.layout.value(label)))
                }
                DeclaredIn::Archive { archived, .. } => {
                    let labels = &archived.series.get(series as usize)?.labels;
                    let (name, value) = labels.iter().nth(nth)?;
                    Some((place(name), value))
                }
            }
        };
        sort::sorted(items, label)
    }

    /// Returns the earlier plan if it has the same series; otherwise one that is made of it, or a
    /// new one.
    fn plan(&self, earlier: Option<&Arc<Plan>>) -> Arc<Plan> {
        let sources = || self.declarations.iter().map(|declaration| declaration.source);
        if let Some(plan) = earlier.filter(|plan| plan.is_of(sources())) {
            if plan.is_exactly(sources()) {
                return Arc::clone(plan);
            }
            // The earlier plan would keep the log's earlier layout in memory.
            return Arc::new(plan.renewed(sources().map(Declared::of).collect()));
        }
        let declarations = || sources().map(Declared::of).collect();
        let updated = earlier.and_then(|earlier| earlier.updated(declarations(), self));
        Arc::new(updated.unwrap_or_else(|| {
            let all = 0..u32::try_from(self.declarations.len()).unwrap_or(u32::MAX);
            Plan::new(declarations(), &self.sorted_of(all), self)
        }))
    }

    /// Adds up the series of a plan, and passes each to `done` with its labels, in order.
    fn gather(&self, plan: &Plan, mut done: impl FnMut(&LabelSet, Gathered<'_>)) {
        let mut all: Vec<(Spans, u64)> = Vec::new();
        let mut columns = Columns::new(self.family.kind, self.bounds.len());
        for batch in plan.batches() {
            all.resize_with(batch.labels.len().max(all.len()), Default::default);
            columns.begin(batch.labels.len());
            self.add(&batch.entries, &mut columns, &mut all);
            for ((place, labels), (spans, touched)) in (0..).zip(&batch.labels).zip(&mut all) {
                if columns.finish(place, spans) {
                    *touched = NOW;
                }
                spans.settle(self.mode);
                done(labels, Gathered { spans, touched: core::mem::take(touched) });
                spans.clear();
            }
        }
    }

    /// Adds each declaration's part of these series.
    fn add(&self, entries: &[Entry], columns: &mut Columns, all: &mut [(Spans, u64)]) {
        for of_one in entries.chunk_by(|a, b| a.declaration == b.declaration) {
            let number = of_one.first().map_or(0, |entry| entry.declaration);
            let Some(declaration) = self.declarations.get(number as usize) else { continue };
            if declaration.add_plain(of_one, columns) {
                continue;
            }
            for entry in of_one {
                let Some((spans, touched)) = all.get_mut(entry.place as usize) else { continue };
                let number = entry.series as usize;
                match declaration.source {
                    DeclaredIn::Log { log, .. } => {
                        let Some(series) = log.layout.series.get(number) else { continue };
                        self.add_log(declaration, series, log, spans);
                        // Where none may be, a forged file has none.
                        let layout = declaration.family.encoding.layout();
                        if log.has_exemplars() && layout.has_exemplars() {
                            self.add_exemplars(declaration, series, log, spans);
                        }
                        *touched = NOW;
                    }
                    DeclaredIn::Archive { archived, .. } => {
                        let Some(series) = archived.series.get(number) else { continue };
                        self.add_sums(declaration, &series.spans, spans);
                        *touched = series.touched.max(*touched);
                    }
                }
            }
        }
    }

    /// Adds a series of all segments that have it.
    fn add_log(
        &self,
        declaration: &Declaration<'_>,
        series: &LogSeries,
        log: &EqualLogs<'_>,
        spans: &mut Spans,
    ) {
        let layout = declaration.family.encoding.layout();
        if layout.is_gauge() {
            for part in &log.parts {
                self.add_gauge(part, declaration.family, series, spans);
            }
            return;
        }
        if layout.octaves().is_some() {
            // Each process has blocks of its own, so nothing can be added up for all of them.
            for part in &log.parts {
                let span = part.segment.span(series);
                let sum = spans.at(span, None, || Sum::of(layout));
                if let Sum::Histogram(sum) = sum {
                    sum.add_native(&part.segment, declaration.family, series);
                }
            }
            return;
        }
        if let Some(since) = log.since(series) {
            declaration.add_cells(series, (since, ENDLESS), log, spans);
        }
        for segment in log.others() {
            declaration.add_cells(series, segment.span(series), segment, spans);
        }
    }

    /// Adds the exemplars of a series of all segments that have it.
    #[cold]
    fn add_exemplars(
        &self,
        declaration: &Declaration<'_>,
        series: &LogSeries,
        log: &EqualLogs<'_>,
        spans: &mut Spans,
    ) {
        for part in &log.parts {
            let segment = &part.segment;
            let times = segment.times;
            let all = segment.exemplars_of(series.slot).iter();
            let all = all.map(|(_, held)| Held { when: times.at(held.when), ..*held });
            for held in all.filter(|held| part.is_alive() || is_kept(held.when, self.now)) {
                let new = || Sum::of(declaration.family.encoding.layout());
                let span = spans.span_at(segment.span(series), None, new);
                span.exemplars.add(held, &self.bounds);
            }
        }
    }

    /// Adds one process's gauge. A removed gauge takes no part: a gauge may fall.
    fn add_gauge(&self, part: &Part, declared: &LogFamily, series: &LogSeries, spans: &mut Spans) {
        let takes_part = part.is_alive() || declared.outlives_processes();
        let is_removed = part.segment.span(series).1 != ENDLESS;
        let Some(mode) = self.mode.filter(|_| takes_part && !is_removed) else { return };
        let value = value_of(part, declared, series);
        // A gauge that was never set is 0 in a sum, and is left out otherwise.
        if value.is_none() && !mode.is_sum() {
            return;
        }
        let new = || Sum::of(declared.encoding.layout());
        let Sum::Gauge(sum) = spans.at((0, ENDLESS), Some(mode), new) else { return };
        let Some((when, value)) = value else { return };
        if mode.is_all() {
            let (age, is_alive) = (part.segment.age(), part.is_alive());
            sum.set_of(part.segment.header.pid, Each { age, value, is_alive });
        } else {
            sum.set(mode, when, value);
        }
    }

    /// Adds the archive's part of a series.
    fn add_sums(&self, declaration: &Declaration<'_>, archived: &Spans, spans: &mut Spans) {
        for span in &archived.0 {
            let new = || Sum::of(declaration.family.encoding.layout());
            let at = spans.span_at((span.from, span.until), self.mode, new);
            if let (Sum::Histogram(sum), Sum::Histogram(other)) = (&mut at.sum, &span.sum) {
                sum.add(other, &declaration.bounds);
            } else {
                at.sum.add(span.sum.clone(), self.mode);
            }
            for held in span.exemplars.iter().filter(|held| is_kept(held.when, self.now)) {
                at.exemplars.add(*held, &self.bounds);
            }
        }
    }

    /// The series as the archive stores them, touched `now` if a segment has them. `is_limited`:
    /// of gauges in which each process has its own series only the newest processes are kept.
    pub(crate) fn into_archived(self, now: u64, is_limited: bool) -> Vec<ArchivedSeries> {
        let plan = self.plan(None);
        let mut all = Vec::with_capacity(plan.len());
        self.gather(&plan, |labels, Gathered { spans, touched }| {
            for span in spans.0.iter_mut().filter(|_| is_limited) {
                if let Sum::Gauge(gauge) = &mut span.sum {
                    gauge.keep_newest();
                }
            }
            if !spans.0.is_empty() {
                let (labels, spans) = (labels.clone(), core::mem::take(spans));
                let touched = if touched == NOW { now } else { touched };
                all.push(ArchivedSeries { labels, spans, touched });
            }
        });
        all
    }

    /// The family as it is shown, and its plan, which is the earlier one if that is still valid.
    pub(crate) fn finish(mut self, earlier: &Plans) -> (MetricFamily, Arc<Plan>) {
        let plan = self.plan(earlier.get(self.name()));
        let mut series = Vec::with_capacity(plan.len());
        self.gather(&plan, |labels, Gathered { spans, .. }| {
            let Some(span) = spans.current() else { return };
            // 0 is an unknown time: that of a process of another library.
            let created = Some(Duration::from_nanos(span.from)).filter(|from| !from.is_zero());
            let created = created.and_then(|from| SystemTime::UNIX_EPOCH.checked_add(from));
            match span.sum {
                Sum::Counter(sum) => {
                    let value = Value::Counter(sum.value());
                    let exemplars = span.exemplars.into_shown();
                    series.push(Series { labels: labels.clone(), value, created, exemplars });
                }
                Sum::Histogram(sum) => {
                    let value = sum.value(&self.bounds);
                    let value = if self.family.kind == MetricType::Summary {
                        Value::Summary(SummaryValue { sum: value.sum, count: value.count() })
                    } else {
                        Value::Histogram(value)
                    };
                    let exemplars = span.exemplars.into_shown();
                    series.push(Series { labels: labels.clone(), value, created, exemplars });
                }
                Sum::Gauge(sum) => self.finish_gauge(labels, sum, &mut series),
            }
        });
        if self.mode.is_some_and(GaugeMode::is_all) {
            // The pid is one of the labels now.
            cold_sort::sort_series(&mut series);
        }
        self.family.series = series;
        // The number of processes in each state is not a state set.
        if self.family.kind == MetricType::StateSet && self.mode.is_some_and(GaugeMode::is_sum) {
            self.family.kind = MetricType::Gauge;
        }
        (self.family, plan)
    }

    fn finish_gauge(&self, labels: &LabelSet, sum: GaugeSum, series: &mut Vec<Series>) {
        let Some(mode) = self.mode else { return };
        sum.show(mode, |pid, value| {
            let labels = match pid {
                Some(pid) => labels.iter().chain([("pid", &*pid.to_string())]).collect(),
                None => labels.clone(),
            };
            series.push(Series::new(labels, Value::Gauge(value)));
        });
    }
}

impl NewSeries for FamilyMerge<'_> {
    fn sorted(&self, declarations: &[u32]) -> Vec<Sorted<Item>> {
        self.sorted_of(declarations.iter().copied())
    }

    fn compare(&self, labels: &LabelSet, (number, series): Item) -> Ordering {
        let known = self.declarations.get(number as usize);
        let series = series as usize;
        match known.map(|declaration| (declaration.family, declaration.source)) {
            Some((family, DeclaredIn::Log { log, .. })) => {
                let series = log.layout.series.get(series);
                let other = series.into_iter().flat_map(|s| labels_of(log.layout, family, s));
                labels.iter().cmp(other)
            }
            Some((_, DeclaredIn::Archive { archived, .. })) => {
                let series = archived.series.get(series);
                labels.iter().cmp(series.into_iter().flat_map(|series| series.labels.iter()))
            }
            None => labels.iter().cmp([]),
        }
    }

    fn labels(&self, (number, series): Item, sets: &mut LabelSets) {
        let declaration = self.declarations.get(number as usize);
        let number = series as usize;
        match declaration.map(|declaration| (declaration.family, declaration.source)) {
            Some((family, DeclaredIn::Log { log, .. })) => {
                if let Some(series) = log.layout.series.get(number) {
                    return sets.push(labels_of(log.layout, family, series));
                }
            }
            Some((_, DeclaredIn::Archive { archived, .. })) => {
                if let Some(series) = archived.series.get(number) {
                    return sets.push(series.labels.iter());
                }
            }
            None => {}
        }
        sets.push([]);
    }

    fn entry(&self, (declaration, series): Item, place: u32) -> Entry {
        let source = self.declarations.get(declaration as usize).map(|known| known.source);
        let in_log = match source {
            Some(DeclaredIn::Log { log, .. }) => log.layout.series.get(series as usize),
            Some(DeclaredIn::Archive { .. }) | None => None,
        };
        let (slot, record) = in_log.map_or((0, 0), |series| (series.slot, series.record));
        Entry { declaration, series, place, slot, record }
    }
}
