//! What tests of programs look at: `_sum`, `_count` and `_buckets`, of this process alone.

use pyo3::prelude::*;

use crate::values::{HistogramValue, SummaryValue};

/// One number of a histogram or a summary.
#[pyclass(frozen, module = "headcount._native")]
pub(crate) struct Part(Which);

enum Which {
    HistogramSum(HistogramValue),
    Bucket(HistogramValue, usize),
    SummarySum(SummaryValue),
    SummaryCount(SummaryValue),
}

impl Part {
    pub(super) fn sum(of: HistogramValue) -> Self {
        Self(Which::HistogramSum(of))
    }

    pub(super) fn bucket(of: HistogramValue, index: usize) -> Self {
        Self(Which::Bucket(of, index))
    }

    pub(super) fn summary_sum(of: SummaryValue) -> Self {
        Self(Which::SummarySum(of))
    }

    pub(super) fn summary_count(of: SummaryValue) -> Self {
        Self(Which::SummaryCount(of))
    }
}

#[pymethods]
impl Part {
    /// What this process has counted.
    #[expect(clippy::cast_precision_loss, reason = "Python's values are floats")]
    fn get(&self) -> f64 {
        match &self.0 {
            Which::HistogramSum(value) => value.sum(),
            Which::Bucket(value, index) => {
                value.buckets().get(*index).map_or(0.0, |count| *count as f64)
            }
            Which::SummarySum(value) => value.sum(),
            Which::SummaryCount(value) => value.count() as f64,
        }
    }
}
