//! The names that a family's samples have in an exposition.

use super::{MetricFamily, MetricType};

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
