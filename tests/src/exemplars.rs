//! Exemplars that say by themselves whether they are what somebody recorded: all their words follow
//! from one number.

use headcount::{Collector, Exemplar, TraceContext};
use std::path::Path;

/// Spreads the bits of a number over a word.
fn spread(n: u64, by: u32) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(by) | 1
}

/// The context of exemplar number `n`.
pub fn context(n: u64) -> TraceContext {
    let trace = u128::from(spread(n, 7)) << 64 | u128::from(spread(n, 23));
    TraceContext::new(trace.to_be_bytes(), (n + 1).to_be_bytes())
}

/// Its value: from 0 to 9.96, so that the buckets with the bounds 1, 2 and 5 have some each.
#[expect(clippy::cast_precision_loss, reason = "below a thousand")]
pub fn value(n: u64) -> f64 {
    (n % 997) as f64 / 100.0
}

/// The number of an exemplar that somebody recorded; `None` of any other.
pub fn number(exemplar: &Exemplar) -> Option<u64> {
    let n = u64::from_be_bytes(exemplar.context.span_id()).checked_sub(1)?;
    // A counter's is the number by which it was increased.
    let is_value = [value(n), 1.0].contains(&exemplar.value);
    (exemplar.context == context(n) && is_value).then_some(n)
}

/// The exemplars of the series of a family whose labels have these values, in the order of the
/// buckets.
#[track_caller]
pub fn exemplars(directory: &Path, family: &str, labels: &[&str]) -> Vec<Exemplar> {
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|known| known.name == family);
    let series = family.and_then(|family| {
        let is_it = |series: &&headcount::Series| {
            series.labels.iter().map(|(_, value)| value).eq(labels.iter().copied())
        };
        family.series.iter().find(is_it)
    });
    series.map(|series| series.exemplars.clone()).unwrap_or_default()
}

/// Their numbers; fails if one of them was recorded by nobody.
#[track_caller]
pub fn numbers(directory: &Path, family: &str, labels: &[&str]) -> Vec<u64> {
    let all = exemplars(directory, family, labels);
    all.iter().map(|one| number(one).unwrap_or_else(|| panic!("{family}: {one:?}"))).collect()
}
