//! The names that a family's samples have in an exposition.

use super::{Family, FamilyKind};

/// The names of a family's samples.
pub(crate) fn sample_names(family: &Family) -> Vec<String> {
    names_of_samples(&family.name, family.kind)
}

/// The names of the samples of a family with this name and type.
pub(crate) fn names_of_samples(name: &str, kind: FamilyKind) -> Vec<String> {
    match kind {
        FamilyKind::Counter | FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
            vec![name.to_owned()]
        }
        FamilyKind::Summary => ["", "_sum", "_count"].map(|s| format!("{name}{s}")).into(),
        // The bare name too: it belongs to the family, though no sample has it.
        FamilyKind::Histogram => {
            ["", "_bucket", "_sum", "_count"].map(|s| format!("{name}{s}")).into()
        }
    }
}
