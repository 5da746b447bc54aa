//! Which files of Python's can be taken into the archive without any number changing.
//!
//! The archive adds up exactly as pages do, with some exceptions, and files with such are left
//! where they are: values that are NaN where a mode compares; families whose files differ in type,
//! mode or buckets; what has more labels or bounds than an archive may have, or longer values of
//! labels, as it would refuse itself; and whatever a page leaves out, since it would be lost.
//! Nobody asks for gauges in other modes than `min`, `max` and `sum`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::merge::archived::ArchivedFamily;
use crate::model::MetricType;
use crate::model::mode::Combination;

use super::archived::archived;
use super::family::Combined;
use super::pass::Pass;

/// The families of some files, and which of the files must stay.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    /// Those of all files, to which nothing happened if none must stay.
    pub(crate) families: Vec<Arc<ArchivedFamily>>,
    /// By the files' names.
    pub(crate) unfit: Vec<(String, Error)>,
}

impl Fit {
    /// Reads the files with these names. `known` is what the archive has.
    pub(crate) fn of(
        directory: &Directory,
        names: &[String],
        known: &[Arc<ArchivedFamily>],
        now: u64,
    ) -> Result<Self, Error> {
        let mut pass = Pass::of(directory, names, None, u64::MAX)?;
        let mut fit = Self::default();
        let mut unfit: HashSet<String> = HashSet::new();
        for error in core::mem::take(&mut pass.skipped) {
            let name = error.path().and_then(|path| path.file_name()?.to_str());
            if let Some(name) = name.map(str::to_owned) {
                unfit.insert(name.clone());
                fit.unfit.push((name, error));
            }
        }
        let (families, files) = pass.into_files();
        let mut bad = files.with_other_bounds();
        for family in families {
            let name = family.name.clone();
            match taken(family, known, now) {
                Some(family) => fit.families.push(Arc::new(family)),
                None => {
                    bad.insert(name);
                }
            }
        }
        for name in files.with_families(&bad) {
            if unfit.insert(name.clone()) {
                let what = "it stays: its numbers cannot be kept in the archive as they are";
                let error = Error::new(ErrorKind::Conflict { message: what.to_owned() });
                fit.unfit.push((name.clone(), error.at(&directory.path().join(name))));
            }
        }
        Ok(fit)
    }
}

/// `None`: the archive would show it differently.
fn taken(family: Combined, known: &[Arc<ArchivedFamily>], now: u64) -> Option<ArchivedFamily> {
    if family.differs || !family.is_alike() {
        return None;
    }
    let mut skipped = Vec::new();
    let family = archived(family, now, &mut skipped)?;
    let has_all = skipped.iter().all(Error::is_conflict);
    let others = known.iter().filter(|known| known.family.name == family.family.name);
    let others: Vec<&ArchivedFamily> = others.map(|known| &**known).collect();
    let fits = |known: &&ArchivedFamily| {
        known.family.shape() == family.family.shape()
            && (known.family.kind() != MetricType::Histogram
                || known.family.has_bounds_of(&family.family))
    };
    let fits = others.iter().all(fits) && family.fits_with(&others);
    (has_all && fits && family.family.broken_rule().is_none()).then_some(family)
}

impl Combined {
    /// Whether all its series can be added up with those of other files later.
    fn is_alike(&self) -> bool {
        let is_compared = self.mode.is_some_and(|mode| {
            matches!(mode.combination(), Combination::Least | Combination::Greatest)
        });
        let cannot_be_nan = is_compared || self.kind == MetricType::Counter;
        if self.mode.is_some_and(|mode| mode.is_all() || mode.is_live()) {
            return false;
        }
        self.children.iter().all(|child| {
            let is_nan = child.samples.iter().any(|(_, total)| total.value().is_nan());
            let is_whole = self.kind != MetricType::Histogram
                || child.buckets.last().is_some_and(|last| last.le == f64::INFINITY);
            !(is_nan && cannot_be_nan) && is_whole
        })
    }
}
