//! What a collector adds to every family: constant labels, and a prefix of the names.
//!
//! It is added when everything is merged, so it costs nothing where a program counts, and the same
//! directory can be shown under different labels.

use std::borrow::Cow;

use crate::error::Error;
use crate::model::cold_sort;
use crate::model::text::{MAX_LABEL_VALUE_LEN, is_any_label_name, is_any_name};
use crate::model::{LabelSets, MetricFamily};

/// Constant labels and a prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct Constant {
    labels: Vec<(String, String)>,
    /// With the underscore behind it; empty if there is none.
    prefix: String,
}

impl Constant {
    /// An empty value is the same as no label.
    pub(super) fn label(&mut self, name: String, value: String) {
        self.labels.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.labels.push((name, value));
        }
    }

    pub(super) fn prefix(&mut self, prefix: &str) {
        self.prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}_") };
    }

    /// The names under which families are known before the prefix is added. A name may have the
    /// prefix or not.
    pub(super) fn known<'a>(&self, names: &'a [String]) -> Cow<'a, [String]> {
        let short = |name: &String| name.strip_prefix(&*self.prefix).map(str::to_owned);
        if self.prefix.is_empty() {
            return Cow::Borrowed(names);
        }
        names.iter().filter_map(short).chain(names.iter().cloned()).collect()
    }

    /// Changes the families, and reports what can't be added.
    pub(super) fn add(&self, families: &mut Vec<MetricFamily>, skipped: &mut Vec<Error>) {
        skipped.extend(self.labels.iter().filter_map(fault).map(Error::invalid));
        families.retain_mut(|family| {
            let name = format!("{}{}", self.prefix, family.name);
            if !is_any_name(&name) {
                let what = "with the collector's prefix it has a name that no metric can have";
                skipped.push(Error::invalid(format!("`{}` is left out: {what}", family.name)));
                return false;
            }
            for name in self.add_labels(family) {
                let what =
                    format!("keeps its own label `{name}`; the collector's is left out there");
                skipped.push(Error::invalid(format!("`{}` {what}", family.name)));
            }
            family.name = name;
            true
        });
    }

    /// Adds the labels to a family. Returns those that the family has itself.
    pub(super) fn add_labels(&self, family: &mut MetricFamily) -> Vec<&str> {
        let valid = self.labels.iter().filter(|label| fault(label).is_none());
        let is_own = |name: &str| {
            name == family.kind.own_label()
                || family.series.iter().any(|series| series.labels.get(name).is_some())
        };
        let (own, added): (Vec<_>, Vec<_>) = valid.partition(|(name, _)| is_own(name));
        if !added.is_empty() {
            let mut sets = LabelSets::default();
            for series in &family.series {
                let added = added.iter().map(|(name, value)| (&**name, &**value));
                let mut labels: Vec<(&str, &str)> = series.labels.iter().chain(added).collect();
                cold_sort::sort_by(&mut labels, Ord::cmp);
                sets.push(labels);
            }
            for (series, labels) in family.series.iter_mut().zip(sets.into_sets()) {
                series.labels = labels;
            }
            // A label between two others can change the order.
            cold_sort::sort_series(&mut family.series);
        }
        own.into_iter().map(|(name, _)| &**name).collect()
    }
}

/// Why a label can't be added to any family.
fn fault((name, value): &(String, String)) -> Option<String> {
    let shown: String = name.chars().take(100).collect::<String>().escape_debug().to_string();
    let what = if !is_any_label_name(name) {
        "it is not a name that a label can have"
    } else if value.len() > MAX_LABEL_VALUE_LEN {
        "its value has more than 1,024 bytes"
    } else {
        return None;
    };
    Some(format!("the collector's label `{shown}` is left out: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bucket, HistogramValue, LabelSet, MetricType, Series, Value};

    fn constant(labels: &[(&str, &str)], prefix: &str) -> Constant {
        let mut constant = Constant::default();
        for (name, value) in labels {
            constant.label((*name).to_owned(), (*value).to_owned());
        }
        constant.prefix(prefix);
        constant
    }

    /// The families, and the messages.
    fn added(constant: &Constant, mut families: Vec<MetricFamily>) -> (Vec<MetricFamily>, String) {
        let mut skipped = Vec::new();
        constant.add(&mut families, &mut skipped);
        let messages: Vec<String> = skipped.iter().map(ToString::to_string).collect();
        (families, messages.join("\n"))
    }

    #[test]
    fn labels_and_prefix_are_on_every_series_and_the_order_stays_that_of_labels() {
        let gauge = MetricFamily::gauge("depth", "")
            .with_series(&[("a", "1")], 1.0)
            .with_series(&[("a", "1"), ("b", "2")], 2.0);
        let (families, messages) = added(&constant(&[("m", "x"), ("e", "")], "shop"), vec![gauge]);
        assert_eq!((&*messages, &*families[0].name), ("", "shop_depth"));
        let series: Vec<(LabelSet, f64)> = families[0]
            .series
            .iter()
            .map(|series| match series.value {
                Value::Gauge(value) => (series.labels.clone(), value),
                _ => unreachable!("a gauge"),
            })
            .collect();
        let with = |labels: &[(&str, &str)], value| (labels.iter().copied().collect(), value);
        let expected = [
            with(&[("a", "1"), ("b", "2"), ("m", "x")], 2.0),
            with(&[("a", "1"), ("m", "x")], 1.0),
        ];
        assert_eq!(series, expected);
        assert!(series.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_familys_own_label_wins_and_is_reported() {
        let gauge = MetricFamily::gauge("g", "")
            .with_series(&[("service", "mine")], 1.0)
            .with_series(&[("other", "x")], 2.0);
        let mut histogram = MetricFamily::gauge("h", "");
        histogram.kind = MetricType::Histogram;
        let buckets = vec![Bucket { le: f64::INFINITY, count: 1 }];
        let value = Value::Histogram(HistogramValue { buckets, sum: 1.0, native: None });
        histogram.series = vec![Series::new(LabelSet::default(), value)];
        let labels = [("service", "shop"), ("le", "1"), ("region", "eu")];
        let (families, messages) = added(&constant(&labels, ""), vec![gauge, histogram]);
        let shown =
            |family: usize, series: usize| format!("{:?}", families[family].series[series].labels);
        assert_eq!(shown(0, 0), r#"{"le": "1", "other": "x", "region": "eu"}"#);
        assert_eq!(shown(0, 1), r#"{"le": "1", "region": "eu", "service": "mine"}"#);
        assert_eq!(shown(1, 0), r#"{"region": "eu", "service": "shop"}"#);
        let own = |name, label| {
            format!("`{name}` keeps its own label `{label}`; the collector's is left out there")
        };
        assert_eq!(messages, format!("{}\n{}", own("g", "service"), own("h", "le")));
    }

    #[test]
    fn what_can_be_no_name_is_left_out_and_reported() {
        let long = "x".repeat(2_000);
        let labels = [("__name__", "x"), ("a\nb", "x"), ("", "x"), ("long", &*long), ("ok", "x")];
        let gauge = || MetricFamily::gauge("g", "").with_series(&[], 1.0);
        let (families, messages) = added(&constant(&labels, ""), vec![gauge()]);
        assert_eq!(format!("{:?}", families[0].series[0].labels), r#"{"ok": "x"}"#);
        assert_eq!(messages.lines().count(), 4, "{messages}");
        assert!(messages.contains("the collector's label `a\\nb` is left out"), "{messages}");
        for prefix in [&long, "a\nb"] {
            let (families, messages) = added(&constant(&[], prefix), vec![gauge()]);
            assert_eq!(families.len(), 0);
            assert!(messages.contains("`g` is left out"), "{messages}");
        }
    }

    #[test]
    fn families_are_known_with_the_prefix_and_without_it() {
        let names = ["shop_jobs_total", "jobs", "shopping"].map(str::to_owned);
        assert_eq!(&*constant(&[], "").known(&names), names);
        let known = constant(&[], "shop").known(&names).into_owned();
        assert_eq!(known, ["jobs_total", "shop_jobs_total", "jobs", "shopping"]);
    }
}
