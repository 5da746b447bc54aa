//! `OpenMetrics` 1.0, as text: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! This format is stricter than the text format: a counter's family is named without `_total`, a
//! family claims the names of all samples that it may have, and a total is never negative. A family
//! that violates such a rule is written with a weaker type, under the names that it has in the text
//! format. So both formats always have the same samples, and only the type and the created times
//! are lost.

use std::collections::{HashMap, HashSet};
use std::time::UNIX_EPOCH;

use crate::model::cold_sort;
use crate::model::{
    Exemplar, HistogramValue, MetricFamily, MetricType, Number, Series, SummaryValue, Value,
};

use super::escaping::Named;
use super::number::{canonical, seconds};
use super::page::{Page, escape};

/// Writes the page, with the lines `_created` if `created` is set.
pub(super) async fn write(page: &mut Page, families: &[Named<'_>], created: bool) {
    let mut typed: Vec<Typed<'_>> = families.iter().map(Typed::new).collect();
    weaken_what_clashes(&mut typed);
    let mut taken = HashSet::new();
    for family in &typed {
        // No snapshot has two families of one name. A page with two such families would be invalid.
        let names = family.claims();
        if !names.iter().any(|name| taken.contains(name)) {
            family.write(page, created).await;
            taken.extend(names);
        }
    }
    page.out.push_str("# EOF\n");
}

/// Without series that follow one with the same labels.
fn distinct<'a>(series: impl Iterator<Item = &'a Series>) -> impl Iterator<Item = &'a Series> {
    let mut last: Option<&Series> = None;
    series
        .filter(move |series| last.replace(series).is_none_or(|last| last.labels != series.labels))
}

/// The name of a type. Of a family without a type, each name of a sample becomes a family.
fn word(kind: Option<MetricType>) -> &'static str {
    kind.map_or("unknown", MetricType::as_str)
}

/// A family, with the type and the name under which it is written.
struct Typed<'a> {
    named: &'a Named<'a>,
    family: &'a MetricFamily,
    /// `None` is the type `unknown`.
    kind: Option<MetricType>,
    name: &'a str,
}

impl<'a> Typed<'a> {
    fn new(named: &'a Named<'a>) -> Self {
        let (family, full) = (named.family, &*named.name);
        let every = |holds: fn(&Series) -> bool| family.series.iter().all(holds);
        let is_valid = match family.kind {
            MetricType::Counter => every(is_total),
            MetricType::Histogram => every(is_histogram),
            MetricType::Summary => every(is_summary),
            MetricType::Info => every(|s| s.value == Value::Gauge(1.0)),
            MetricType::StateSet => is_state_set(family),
            MetricType::Gauge => true,
        };
        let (kind, name) = if is_valid {
            let stem = full.strip_suffix(family.kind.ending().as_str());
            (Some(family.kind), stem.unwrap_or(full))
        } else {
            (weaker(family.kind), full)
        };
        let mut typed = Self { named, family, kind, name };
        if name.is_empty() {
            typed.weaken();
        }
        typed
    }

    fn weaken(&mut self) {
        self.kind = weaker(self.family.kind);
        self.name = &self.named.name;
    }

    /// All names that no other family may use.
    fn claims(&self) -> Vec<String> {
        let Some(kind) = self.kind else { return self.samples_in_text() };
        let suffixes = core::iter::once("").chain(kind.suffixes_in_openmetrics());
        suffixes.map(|suffix| format!("{}{suffix}", self.name)).collect()
    }

    /// The names of the samples in the text format. No two families share one there.
    fn samples_in_text(&self) -> Vec<String> {
        let suffixes = self.family.kind.samples();
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.named.name)).collect()
    }

    async fn write(&self, page: &mut Page, created: bool) {
        let Self { named, family, kind, name } = *self;
        page.begin_family(named);
        if kind.is_none() {
            for suffix in family.kind.samples() {
                self.describe(page, suffix);
                for series in distinct(family.series.iter()) {
                    write_part(page, name, suffix, series).await;
                    if page.is_full() {
                        page.hand_on().await;
                    }
                }
            }
            return;
        }
        self.describe(page, "");
        let mut sorted: Vec<&Series> = Vec::new();
        if kind == Some(MetricType::StateSet) {
            // The states of one process must be adjacent.
            let mut keyed = Vec::with_capacity(family.series.len());
            for series in &family.series {
                let (own, others): (Vec<_>, Vec<_>) =
                    series.labels.iter().partition(|(label, _)| *label == family.name);
                keyed.push(((others, own), series));
            }
            cold_sort::sort_by(&mut keyed, |(a, _), (b, _)| a.cmp(b));
            sorted.extend(keyed.into_iter().map(|(_, series)| series));
        }
        let rest = if sorted.is_empty() { &family.series[..] } else { &[] };
        for series in distinct(sorted.into_iter().chain(rest)) {
            self.write_series(page, series, created).await;
            if page.is_full() {
                page.hand_on().await;
            }
        }
    }

    fn describe(&self, page: &mut Page, suffix: &str) {
        let Self { family, kind, name, .. } = self;
        let unit = &family.unit;
        page.describe("# TYPE ", name, suffix);
        page.out.push_str(word(*kind));
        page.out.push('\n');
        let may_have_a_unit = kind.is_some_and(MetricType::has_unit);
        let ends_in_it = name.strip_suffix(unit.as_str()).is_some_and(|stem| stem.ends_with('_'));
        if may_have_a_unit && !unit.is_empty() && ends_in_it {
            page.describe("# UNIT ", name, "");
            page.out.push_str(unit);
            page.out.push('\n');
        }
        page.describe("# HELP ", name, suffix);
        escape(&mut page.out, &family.help, true);
        page.out.push('\n');
    }

    async fn write_series(&self, page: &mut Page, series: &Series, created: bool) {
        let name = self.name;
        match (&series.value, self.kind) {
            (Value::Counter(number), _) => {
                write_number(page, name, "_total", series, *number, series.exemplars.first());
            }
            (Value::Gauge(_), Some(MetricType::Info)) => {
                return page.only_whole(name, "_info", series, 1);
            }
            (Value::Gauge(state), Some(MetricType::StateSet)) => {
                return page.only_whole(name, "", series, u64::from(*state != 0.0));
            }
            (Value::Gauge(value), _) => return page.only_number(name, series, *value, canonical),
            (Value::Histogram(histogram), _) => {
                page.begin(series);
                page.buckets(name, histogram, &series.exemplars).await;
                page.whole(name, "_count", histogram.count());
                page.number(name, "_sum", histogram.sum, canonical);
            }
            (Value::Summary(summary), _) => {
                page.begin(series);
                page.whole(name, "_count", summary.count);
                page.number(name, "_sum", summary.sum, canonical);
            }
        }
        let created = series
            .created
            .filter(|_| created)
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        if let Some(since) = created {
            let out = page.only_sample(name, "_created", series);
            seconds(out, since);
            out.push('\n');
        }
    }
}

/// Gives a family a weaker type if another family claims a name that this one would not have in the
/// text format. Examples: a counter `jobs_total`, whose family is `jobs`, beside a gauge `jobs`; a
/// histogram `h`, which may have `h_created`, beside a gauge of that name. The order of the
/// families makes no difference.
fn weaken_what_clashes(families: &mut [Typed<'_>]) {
    let mut claims = HashMap::<String, usize>::new();
    for name in families.iter().flat_map(Typed::claims) {
        *claims.entry(name).or_default() += 1;
    }
    for family in families {
        let own = family.samples_in_text();
        let clashes = |name: &String| claims.get(name).is_some_and(|n| *n > 1);
        if family.claims().iter().any(|name| !own.contains(name) && clashes(name)) {
            family.weaken();
        }
    }
}

/// The weaker type of a kind. With it a family needs only the names that it has in the text format,
/// and every value is valid.
fn weaker(kind: MetricType) -> Option<MetricType> {
    (!kind.is_total()).then_some(MetricType::Gauge)
}

fn is_total(series: &Series) -> bool {
    matches!(series.value, Value::Counter(number) if number.as_f64() >= 0.0)
}

/// Whether a valid histogram has these values. Its sum must be a total, which it is not if a bound
/// is negative.
fn is_histogram(series: &Series) -> bool {
    let Value::Histogram(histogram) = &series.value else { return false };
    let bounds = || histogram.buckets.iter().map(|bucket| bucket.le);
    histogram.sum >= 0.0
        && bounds().all(|le| le >= 0.0)
        && bounds().next_back() == Some(f64::INFINITY)
}

fn is_summary(series: &Series) -> bool {
    matches!(series.value, Value::Summary(SummaryValue { sum, .. }) if sum >= 0.0)
}

/// Whether the family is a valid state set: each series has a label with the family's name, and
/// each value is 0 or 1. Numbers of processes in each state are gauges.
fn is_state_set(family: &MetricFamily) -> bool {
    let is_state = |series: &Series| {
        series.labels.iter().any(|(label, _)| *label == family.name)
            && matches!(series.value, Value::Gauge(value) if [0.0, 1.0].contains(&value))
    };
    // A label cannot have a colon, so it would get another name than the family.
    !family.name.contains(':') && family.series.iter().all(is_state)
}

/// Writes the samples of one suffix, which are a family of their own.
async fn write_part(page: &mut Page, name: &str, suffix: &'static str, series: &Series) {
    match (&series.value, suffix) {
        (Value::Counter(number), "") => write_number(page, name, "", series, *number, None),
        (Value::Histogram(histogram), "_bucket") => {
            page.begin(series);
            page.buckets(name, histogram, &[]).await;
        }
        (Value::Histogram(histogram), "_count") => {
            page.only_whole(name, suffix, series, histogram.count());
        }
        (
            Value::Histogram(HistogramValue { sum, .. }) | Value::Summary(SummaryValue { sum, .. }),
            "_sum",
        ) => {
            page.begin(series);
            page.number(name, suffix, *sum, canonical);
        }
        (Value::Summary(summary), "_count") => {
            page.only_whole(name, suffix, series, summary.count);
        }
        _ => {}
    }
}

/// Writes a counter's number, integers with all digits, and its exemplar.
fn write_number(
    page: &mut Page,
    name: &str,
    suffix: &str,
    series: &Series,
    number: Number,
    exemplar: Option<&Exemplar>,
) {
    page.only_sample(name, suffix, series);
    match number {
        Number::Integer(n) => page.digits(n),
        Number::Float(n) => canonical(&mut page.out, n),
    }
    page.exemplar(exemplar);
    page.out.push('\n');
}

#[cfg(test)]
mod tests;
