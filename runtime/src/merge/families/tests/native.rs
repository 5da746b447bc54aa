//! Tests native histograms.

use std::collections::BTreeMap;

use crate::merge::part::Part;
use crate::model::HistogramValue;
use crate::model::cells::BLOCK;
use crate::model::native_schema::index;
use crate::reader::native_blocks::Block;

use super::*;

/// A process that observed these values in this schema.
fn observed(pid: u32, schema: u8, values: &[f64], unplaced: u64) -> Part {
    let native = family("h", Encoding::Native, &[]);
    let width = Encoding::Native.layout().width(None, 0, schema);
    let mut head = vec![0; width as usize];
    // Those of the writer mean nothing to a reader.
    head[5..].fill(u64::MAX);
    head[0] = values.iter().sum::<f64>().to_bits();
    head[4] = unplaced;
    let mut counts = BTreeMap::<(bool, i32), u64>::new();
    for value in values {
        match value.abs() {
            near if near <= (-64_f64).exp2() => head[1] += 1,
            far if far > 64_f64.exp2() && *value > 0.0 => head[2] += 1,
            far if far > 64_f64.exp2() => head[3] += 1,
            some => *counts.entry((*value < 0.0, index(schema, some))).or_default() += 1,
        }
    }
    let block = i32::try_from(BLOCK).unwrap();
    let first_of = |index: i32| (index - 1).div_euclid(block) * block + 1;
    let mut blocks = Blocks::default();
    let mut slots = BTreeMap::new();
    let mut cells = head;
    // In the order in which they are needed, from high to low.
    for ((is_negative, index), n) in counts.into_iter().rev() {
        let first = first_of(index);
        let slot = *slots.entry((is_negative, first)).or_insert_with(|| {
            let slot = 1 + u32::try_from(cells.len()).unwrap();
            cells.resize(cells.len() + BLOCK as usize, 0);
            blocks.insert(1, Block { slot, first, is_negative }).unwrap();
            slot
        });
        cells[slot as usize - 1 + usize::try_from(index - first).unwrap()] += n;
    }
    let mut part = part(pid, vec![LogFamily { schema, width, ..native }], &[&cells, &[]]);
    log_of(&mut part).blocks = blocks;
    part
}

fn histogram(families: &[MetricFamily]) -> &HistogramValue {
    let Value::Histogram(value) = only(families) else { panic!("{families:?}") };
    value
}

#[test]
fn processes_of_different_schemas_come_to_one_at_the_coarsest() {
    let values =
        [0.0, 1e-30, 0.001, 0.5, 1.0, 1.000_000_1, -3.0, 700.0, 1e25, f64::INFINITY, -1e25];
    let parts = || {
        let all = [(1, 5, 0..4), (2, 2, 2..8), (3, 4, 0..11)];
        all.map(|(pid, schema, part)| observed(pid, schema, &values[part], 0)).to_vec()
    };
    let all: Vec<f64> = [&values[0..4], &values[2..8], &values[0..11]].concat();
    let (families, skipped) = merged(parts());
    assert!(skipped.is_empty(), "{skipped:?}");
    let (found, expected) = (histogram(&families).clone(), merged(vec![observed(1, 2, &all, 0)]).0);
    let expected = histogram(&expected);
    assert_eq!((&found.native, &found.buckets), (&expected.native, &expected.buckets));
    let native = found.native.as_ref().unwrap();
    assert_eq!((native.schema, native.zero_count, native.unplaced), (2, 4, 0));
    assert_eq!((native.count(), found.count()), (21, 21));
    // Scrapers of text get buckets too, whatever was observed.
    assert_eq!(found.buckets.len(), 17);
    let at = |le: f64| found.buckets.iter().find(|bucket| bucket.le == le).unwrap().count;
    let up_to = |le: f64| all.iter().filter(|value| **value <= le).count() as u64;
    for le in [0.25, 1.0, 4.0, 1024.0, 1_048_576.0] {
        assert_eq!(at(le), up_to(le), "{le}");
    }
}

#[test]
fn what_a_version_with_classic_buckets_counted_stays_in_all_counts() {
    let bounds = [0.5_f64.to_bits(), 4_f64.to_bits()];
    let classic = family("h", Encoding::Histogram, &bounds);
    let classic = part(2, vec![classic], &[&[10_f64.to_bits(), 1, 2, 3]]);
    for parts in [
        vec![classic.clone(), observed(1, 3, &[1.0, 5.0], 0)],
        vec![observed(1, 3, &[1.0, 5.0], 0), classic],
    ] {
        let (families, skipped) = merged(parts);
        let found = histogram(&families);
        let native = found.native.as_ref().unwrap();
        assert_eq!((found.count(), native.count(), native.unplaced, found.sum), (8, 8, 6, 16.0));
        // Of the bounds, both have one.
        let buckets = [Bucket { le: 4.0, count: 4 }, Bucket { le: f64::INFINITY, count: 8 }];
        assert_eq!(found.buckets, buckets);
        assert!(skipped[0].contains("different buckets"), "{skipped:?}");
    }
}

#[test]
fn values_without_a_bucket_are_counted_and_told() {
    let parts = vec![observed(1, 3, &[1.0, 2.0], 3), observed(2, 3, &[4.0], 0)];
    let (families, _) = merged(parts);
    let found = histogram(&families);
    let native = found.native.as_ref().unwrap();
    assert_eq!((found.count(), native.count(), native.unplaced), (6, 6, 3));
    assert_eq!(found.buckets.iter().rev().nth(1).map(|bucket| bucket.count), Some(3));
    let median = found.quantile(0.5).unwrap();
    assert!(median.low == f64::NEG_INFINITY && median.high >= 4.0, "{median:?}");
}
