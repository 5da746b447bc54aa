//! The names that a family's samples have in an exposition.

use super::{MetricFamily, MetricType};

impl MetricFamily {
    /// Whether one of these names is the family's, or that of one of its samples in any format.
    pub(crate) fn is_named(&self, names: &[String]) -> bool {
        is_one_of(names, &self.name, self.kind)
    }
}

/// The same for a family with this name and type.
pub(crate) fn is_one_of(names: &[String], family: &str, kind: MetricType) -> bool {
    let (stem, suffixes): (&str, &[&str]) = match kind {
        MetricType::Counter => (family.strip_suffix("_total").unwrap_or(family), &["_created"]),
        MetricType::Info => (family.strip_suffix("_info").unwrap_or(family), &[]),
        MetricType::Gauge | MetricType::StateSet => (family, &[]),
        MetricType::Summary => (family, &["_sum", "_count", "_created"]),
        MetricType::Histogram => (family, &["_bucket", "_sum", "_count", "_created"]),
    };
    names.iter().any(|name| {
        let suffix = name.strip_prefix(stem);
        name == family || suffix.is_some_and(|end| end.is_empty() || suffixes.contains(&end))
    })
}

/// The names of a family's samples.
pub(crate) fn sample_names(family: &MetricFamily) -> Vec<String> {
    names_of_samples(&family.name, family.kind)
}

/// The names of the samples of a family with this name and type.
pub(crate) fn names_of_samples(name: &str, kind: MetricType) -> Vec<String> {
    match kind {
        MetricType::Counter | MetricType::Gauge | MetricType::Info | MetricType::StateSet => {
            vec![name.to_owned()]
        }
        MetricType::Summary => ["", "_sum", "_count"].map(|s| format!("{name}{s}")).into(),
        // The bare name too: it belongs to the family, though no sample has it.
        MetricType::Histogram => {
            ["", "_bucket", "_sum", "_count"].map(|s| format!("{name}{s}")).into()
        }
    }
}
