//! Keeps a page within its limit.

use std::collections::HashSet;

use crate::error::Error;
use crate::expose::{most_bytes, roughly_most_bytes};
use crate::model::MetricFamily;
use crate::model::cold_sort;
use crate::scan::Limit;

/// Leaves out the longest families until the page is short enough, and reports each.
pub(super) fn shorten(families: &mut Vec<MetricFamily>, limit: Limit, skipped: &mut Vec<Error>) {
    let most = limit.most();
    let sum = |lengths: &mut dyn Iterator<Item = u64>| lengths.fold(0, u64::saturating_add);
    if sum(&mut families.iter().map(roughly_most_bytes)) <= most {
        return;
    }
    let lengths: Vec<u64> = families.iter().map(most_bytes).collect();
    let mut all = sum(&mut lengths.iter().copied());
    if all <= most {
        return;
    }
    let mut longest: Vec<usize> = (0..families.len()).collect();
    cold_sort::sort_by_key(&mut longest, |number| core::cmp::Reverse(lengths.get(*number)));
    let mut left_out = HashSet::new();
    for number in longest {
        if all <= most {
            break;
        }
        let length = lengths.get(number).copied().unwrap_or(0);
        all = lengths
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number && !left_out.contains(other))
            .fold(0, |all: u64, (_, length)| all.saturating_add(*length));
        left_out.insert(number);
        let name = families.get(number).map_or("", |family| &family.name);
        let message = format!(
            "`{name}` is left out: its lines are {length} bytes, and a page may have {most} (`Collector::limit`)"
        );
        skipped.push(Error::invalid(message));
    }
    let mut number = 0;
    families.retain(|_| {
        number += 1;
        !left_out.contains(&(number - 1))
    });
}
