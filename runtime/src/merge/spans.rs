//! The spans of time in which a series existed.
//!
//! A series that one process removed still counts as long as another process has it, or had it in
//! between; otherwise a sum that Prometheus has seen would fall. When no process has it any more,
//! it is gone, and starts at 0 if it comes back.
//!
//! So each process's count has a span, from the creation of the series to its removal. Spans that
//! touch are joined and have one sum; of the rest, the one that has not ended is shown. Which spans
//! touch does not depend on the order in which they are added. Pure.

use crate::model::GaugeMode;
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
}

/// The spans of one series, of which no two touch. Nearly always one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(pub(crate) Vec<Span>);

impl Spans {
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
        let first = self.0.partition_point(|span| span.until < from);
        let behind = first + self.0[first..].partition_point(|span| span.from <= until);
        if first == behind {
            self.0.insert(first, Span::new((from, until), new()));
        }
        let mut joined: Vec<Span> =
            if behind > first + 1 { self.0.drain(first + 1..behind).collect() } else { Vec::new() };
        let span = &mut self.0[first];
        span.from = span.from.min(from);
        span.until = span.until.max(until);
        for other in joined.drain(..) {
            span.until = span.until.max(other.until);
            span.sum.add(other.sum, mode);
            span.exemplars.add_all(other.exemplars);
        }
        span
    }

    /// The span that is shown: the one that has not ended.
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
