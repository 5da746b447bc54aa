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
    let stem = family.strip_suffix(kind.ending().as_str()).unwrap_or(family);
    let suffixes: Vec<&str> = kind.suffixes_in_openmetrics().collect();
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
    // The bare name too: it belongs to the family, though perhaps no sample has it.
    let endings = kind.samples().iter().filter(|ending| !ending.is_empty());
    [""].iter().chain(endings).map(|ending| format!("{name}{ending}")).collect()
}
