//! The spans of time in which a series existed.
//!
//! A series that one process removed still counts as long as another process has it, or had it in
//! between; otherwise a sum that Prometheus has seen would fall. When no process has it any more,
//! it is gone, and starts at 0 if it comes back.
//!
//! So each process's count has a span, from the creation of the series to its removal. Spans that
//! touch are joined and have one sum; of the rest, the one that has not ended is shown. Which spans
//! touch does not depend on the order in which they are added. Pure.

use crate::model::{GaugeMode, cold_sort};
use crate::reader::segment::ENDLESS;

use super::exemplars::Exemplars;
use super::sums::Sum;

/// The sum of all processes that had the series in one span of time.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    /// Nanoseconds since 1970.
    pub(crate) from: u64,
    /// Nanoseconds since 1970; [`ENDLESS`] if the series was not removed.
    pub(crate) until: u64,
    pub(crate) sum: Sum,
    pub(crate) exemplars: Exemplars,
}

impl Span {
    pub(crate) fn new((from, until): (u64, u64), sum: Sum) -> Self {
        Self { from, until, sum, exemplars: Exemplars::default() }
    }

    /// Adds a span that touches it and does not begin before it.
    fn join(&mut self, other: Self, mode: Option<GaugeMode>) {
        self.until = self.until.max(other.until);
        self.sum.add(other.sum, mode);
        self.exemplars.add_all(other.exemplars);
    }
}

/// The spans of one series, of which no two touch. Nearly always one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(pub(crate) Vec<Span>, Late);

/// The number of spans at the end that are in no order yet, and may touch others.
type Late = usize;

/// The most spans that are moved to make room for one. With more, each of the spans of a forged
/// file, which come in any order, would move all others.
const NEAR: usize = 64;

impl Spans {
    /// One span.
    pub(crate) fn of(span: Span) -> Self {
        Self(vec![span], 0)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
        self.1 = 0;
    }

    /// Puts all spans in order, and joins those that touch. Before that, some may be out of it.
    #[inline]
    pub(crate) fn settle(&mut self, mode: Option<GaugeMode>) {
        if self.1 > 0 {
            self.settle_late(mode);
        }
    }

    #[cold]
    fn settle_late(&mut self, mode: Option<GaugeMode>) {
        let mut all = core::mem::take(&mut self.0);
        self.1 = 0;
        cold_sort::sort_by_key(&mut all, |span| span.from);
        for span in all {
            match self.0.last_mut() {
                Some(last) if span.from <= last.until => last.join(span, mode),
                _ => self.0.push(span),
            }
        }
    }

    /// Joins a span with those that it touches, and returns their sum, to add to it.
    pub(crate) fn at(
        &mut self,
        (from, until): (u64, u64),
        mode: Option<GaugeMode>,
        new: impl FnOnce() -> Sum,
    ) -> &mut Sum {
        &mut self.span_at((from, until), mode, new).sum
    }

    /// The same with its exemplars.
    #[inline]
    pub(crate) fn span_at(
        &mut self,
        (from, until): (u64, u64),
        mode: Option<GaugeMode>,
        new: impl FnOnce() -> Sum,
    ) -> &mut Span {
        if let [span] = &mut self.0[..] {
            if span.until == ENDLESS && until == ENDLESS {
                span.from = span.from.min(from);
                // Borrowed a second time: returning the first borrow would extend it to the end of
                // the function.
                return &mut self.0[0];
            }
        }
        if self.0.is_empty() {
            self.0.push(Span::new((from, until), new()));
            return &mut self.0[0];
        }
        // The spans are sorted and do not touch, so those that touch the new one are neighbours.
        let in_order = &self.0[..self.0.len() - self.1];
        let first = in_order.partition_point(|span| span.until < from);
        let behind = first + in_order[first..].partition_point(|span| span.from <= until);
        if behind != first + 1 && self.0.len() - behind > NEAR {
            if self.1 < in_order.len() {
                self.1 += 1;
                self.0.push(Span::new((from, until), new()));
                let last = self.0.len() - 1;
                return &mut self.0[last];
            }
            // There are twice as many as the last time.
            self.settle_late(mode);
            return self.span_at((from, until), mode, new);
        }
        if first == behind {
            self.0.insert(first, Span::new((from, until), new()));
        }
        let mut joined: Vec<Span> =
            if behind > first + 1 { self.0.drain(first + 1..behind).collect() } else { Vec::new() };
        let span = &mut self.0[first];
        span.from = span.from.min(from);
        span.until = span.until.max(until);
        for other in joined.drain(..) {
            span.join(other, mode);
        }
        span
    }

    /// The span that is shown, once all are settled: the one that has not ended.
    pub(crate) fn current(&mut self) -> Option<Span> {
        // They ascend, so it is the last one.
        self.0.pop().filter(|span| span.until == ENDLESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::sums::CounterSum;
    use crate::model::Number;

    fn count(spans: &mut Spans, from: u64, until: u64, n: u64) {
        let new = || Sum::Counter(CounterSum::default());
        let Sum::Counter(sum) = spans.at((from, until), None, new) else { panic!() };
        sum.whole += n;
    }

    fn shown(spans: &Spans) -> Option<(u64, Number)> {
        spans.clone().current().map(|span| match span.sum {
            Sum::Counter(sum) => (span.from, sum.value()),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn what_was_removed_counts_while_others_have_the_series() {
        let mut spans = Spans::default();
        count(&mut spans, 10, 20, 1);
        assert_eq!(shown(&spans), None);
        count(&mut spans, 30, ENDLESS, 4);
        assert_eq!(shown(&spans), Some((30, Number::Integer(4))));
        // This process had the series all the time, so it was never gone.
        count(&mut spans, 15, 30, 2);
        assert_eq!(shown(&spans), Some((10, Number::Integer(7))));
    }

    #[test]
    fn the_order_does_not_matter() {
        let parts =
            [(10, 20, 1), (21, 25, 2), (25, 40, 4), (50, ENDLESS, 8), (60, 70, 16), (5, 6, 32)];
        let mut order: Vec<usize> = (0..parts.len()).collect();
        let mut all = Vec::new();
        // Heap's algorithm.
        permute(&mut order, parts.len(), &mut |order| {
            let mut spans = Spans::default();
            for (from, until, n) in order.iter().map(|at| parts[*at]) {
                count(&mut spans, from, until, n);
            }
            let mut ends: Vec<_> = spans.0.iter().map(|span| (span.from, span.until)).collect();
            ends.sort_unstable();
            all.push((shown(&spans), ends));
        });
        assert_eq!(all.len(), 720);
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        assert_eq!(all[0].0, Some((50, Number::Integer(24))));
        assert_eq!(all[0].1, [(5, 6), (10, 20), (21, 40), (50, ENDLESS)]);
    }

    #[test]
    fn many_in_any_order_come_to_what_a_list_of_all_comes_to() {
        let mut random = 7_u64;
        let mut below = |n: u64| {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (random >> 33) % n
        };
        for (round, many) in [10, 300, 3_000, 3_000, 3_000].into_iter().enumerate() {
            let many = if cfg!(miri) { many.min(300) } else { many };
            let mut parts: Vec<(u64, u64, u64)> = (0..many)
                .map(|_| {
                    let from = below(many * 20);
                    let longest = if below(50) == 0 { 1_000 } else { 10 };
                    (from, from + below(longest), below(100))
                })
                .collect();
            match round % 3 {
                0 => parts.sort_unstable_by_key(|part| core::cmp::Reverse(*part)),
                1 => parts.sort_unstable(),
                _ => {}
            }
            let mut spans = Spans::default();
            for (from, until, n) in &parts {
                count(&mut spans, *from, *until, *n);
            }
            spans.settle(None);
            parts.sort_unstable();
            let mut expected: Vec<(u64, u64, u64)> = Vec::new();
            for (from, until, n) in parts {
                match expected.last_mut() {
                    Some(last) if from <= last.1 => *last = (last.0, last.1.max(until), last.2 + n),
                    _ => expected.push((from, until, n)),
                }
            }
            let whole = |span: &Span| match &span.sum {
                Sum::Counter(sum) => sum.whole,
                other => panic!("{other:?}"),
            };
            let found: Vec<_> =
                spans.0.iter().map(|span| (span.from, span.until, whole(span))).collect();
            assert_eq!(found, expected);
        }
    }

    fn permute(order: &mut Vec<usize>, len: usize, visit: &mut impl FnMut(&[usize])) {
        if len <= 1 {
            return visit(order);
        }
        for i in 0..len {
            permute(order, len - 1, visit);
            order.swap(if len % 2 == 0 { i } else { 0 }, len - 1);
        }
    }
}
