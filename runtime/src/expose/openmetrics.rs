//! `OpenMetrics` 1.0, as text: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! This format is stricter than the text format: a counter's family is named without `_total`, a
//! family claims the names of all samples that it may have, and a total is never negative. A family
//! that violates such a rule is written with a weaker type, under the names that it has in the text
//! format. So both formats always have the same samples, and only the type and the created times
//! are lost.

use std::collections::{HashMap, HashSet};
use std::time::UNIX_EPOCH;

use crate::model::{HistogramValue, MetricFamily, MetricType, Number, Series, SummaryValue, Value};

use super::escaping::Named;
use super::number::{canonical, integer};
use super::page::{Page, escape};

/// Writes the page, with the lines `_created` if `created` is set.
pub(super) fn write(page: &mut Page<'_>, families: &[Named<'_>], created: bool) {
    let mut typed: Vec<Typed<'_>> = families.iter().map(Typed::new).collect();
    weaken_what_clashes(&mut typed);
    let mut taken = HashSet::new();
    for family in &typed {
        // No snapshot has two families of one name. A page with two such families would be invalid.
        let names = family.claims();
        if !names.iter().any(|name| taken.contains(name)) {
            family.write(page, created);
            taken.extend(names);
        }
    }
    page.out.push_str("# EOF\n");
}

/// The type with which a family is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Info,
    StateSet,
    /// Each name of a sample becomes a family.
    Unknown,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }

    /// Suffixes of the samples that a family of this type may have.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total", "_created"],
            Self::Histogram => &["_bucket", "_count", "_sum", "_created"],
            Self::Summary => &["_count", "_sum", "_created"],
            Self::Info => &["_info"],
            Self::Gauge | Self::StateSet | Self::Unknown => &[],
        }
    }
}

/// A family, with the type and the name under which it is written.
struct Typed<'a> {
    named: &'a Named<'a>,
    family: &'a MetricFamily,
    kind: Type,
    name: &'a str,
}

impl<'a> Typed<'a> {
    fn new(named: &'a Named<'a>) -> Self {
        let (family, full) = (named.family, &*named.name);
        let stem = |suffix| full.strip_suffix(suffix).unwrap_or(full);
        let every = |holds: fn(&Series) -> bool| family.series.iter().all(holds);
        let (kind, name) = match family.kind {
            MetricType::Counter if every(is_total) => (Type::Counter, stem("_total")),
            MetricType::Histogram if every(is_histogram) => (Type::Histogram, full),
            MetricType::Summary if every(is_summary) => (Type::Summary, full),
            MetricType::Info if every(|s| s.value == Value::Gauge(1.0)) => {
                (Type::Info, stem("_info"))
            }
            MetricType::StateSet if is_state_set(family) => (Type::StateSet, full),
            _ => (weaker(family.kind), full),
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
        if self.kind == Type::Unknown {
            return self.samples_in_text();
        }
        let suffixes = [""].iter().chain(self.kind.suffixes());
        suffixes.map(|suffix| format!("{}{suffix}", self.name)).collect()
    }

    /// The names of the samples in the text format. No two families share one there.
    fn samples_in_text(&self) -> Vec<String> {
        let suffixes = suffixes_in_text(self.family.kind);
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.named.name)).collect()
    }

    fn write(&self, page: &mut Page<'_>, created: bool) {
        let Self { named, family, kind, name } = *self;
        page.begin_family(named);
        let mut series: Vec<&Series> = family.series.iter().collect();
        if kind == Type::StateSet {
            // The states of one process must be adjacent.
            series.sort_by_cached_key(|series| {
                let (own, others): (Vec<_>, Vec<_>) =
                    series.labels.iter().partition(|(label, _)| *label == family.name);
                (others, own)
            });
        }
        series.dedup_by(|a, b| a.labels == b.labels);
        if kind == Type::Unknown {
            for suffix in suffixes_in_text(family.kind) {
                self.describe(page, suffix);
                for series in &series {
                    page.begin(series);
                    write_part(page, name, suffix, series);
                }
            }
            return;
        }
        self.describe(page, "");
        for series in series {
            page.begin(series);
            self.write_series(page, series, created);
        }
    }

    fn describe(&self, page: &mut Page<'_>, suffix: &str) {
        let Self { family, kind, name, .. } = self;
        let unit = &family.unit;
        page.describe("# TYPE ", name, suffix);
        page.out.push_str(kind.word());
        page.out.push('\n');
        let may_have_a_unit = !matches!(kind, Type::Info | Type::StateSet | Type::Unknown);
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

    fn write_series(&self, page: &mut Page<'_>, series: &Series, created: bool) {
        let name = self.name;
        match (&series.value, self.kind) {
            (Value::Counter(number), _) => write_number(page, name, "_total", *number),
            (Value::Gauge(_), Type::Info) => return page.whole(name, "_info", 1),
            (Value::Gauge(state), Type::StateSet) => {
                return page.whole(name, "", u64::from(*state != 0.0));
            }
            (Value::Gauge(value), _) => return page.number(name, "", *value, canonical),
            (Value::Histogram(histogram), _) => {
                page.buckets(name, histogram);
                page.whole(name, "_count", histogram.count());
                page.number(name, "_sum", histogram.sum, canonical);
            }
            (Value::Summary(summary), _) => {
                page.whole(name, "_count", summary.count);
                page.number(name, "_sum", summary.sum, canonical);
            }
        }
        let created = series
            .created
            .filter(|_| created)
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        if let Some(since) = created {
            // In seconds, with milliseconds.
            let out = page.sample(name, "_created");
            integer(out, since.as_secs());
            out.push('.');
            let millis = u64::from(since.subsec_millis());
            for digit in [millis / 100, millis / 10 % 10, millis % 10] {
                integer(out, digit);
            }
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
fn weaker(kind: MetricType) -> Type {
    match kind {
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => Type::Gauge,
        MetricType::Counter | MetricType::Histogram | MetricType::Summary => Type::Unknown,
    }
}

fn suffixes_in_text(kind: MetricType) -> &'static [&'static str] {
    match kind {
        MetricType::Histogram => &["_bucket", "_count", "_sum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[""],
    }
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
fn write_part(page: &mut Page<'_>, name: &str, suffix: &'static str, series: &Series) {
    match (&series.value, suffix) {
        (Value::Counter(number), "") => write_number(page, name, "", *number),
        (Value::Histogram(histogram), "_bucket") => page.buckets(name, histogram),
        (Value::Histogram(histogram), "_count") => page.whole(name, suffix, histogram.count()),
        (
            Value::Histogram(HistogramValue { sum, .. }) | Value::Summary(SummaryValue { sum, .. }),
            "_sum",
        ) => page.number(name, suffix, *sum, canonical),
        (Value::Summary(summary), "_count") => page.whole(name, suffix, summary.count),
        _ => {}
    }
}

/// Writes a counter's number; integers with all digits.
fn write_number(page: &mut Page<'_>, name: &str, suffix: &str, number: Number) {
    match number {
        Number::Integer(n) => page.whole(name, suffix, n),
        Number::Float(n) => page.number(name, suffix, n, canonical),
    }
}

#[cfg(test)]
mod tests;
