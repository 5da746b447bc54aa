//! What is added in columns is what is added series by series.

use super::*;

/// A generator of numbers that is good enough for cells.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        self.0 >> 11
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Zeros, small numbers, and such whose sums pass 2^64.
    fn cell(&mut self) -> u64 {
        match self.below(8) {
            0..3 => 0,
            3..7 => self.below(1000),
            _ => u64::MAX - self.below(1000),
        }
    }
}

/// A process with a series of the family and one of another, in as many shards.
fn random_part(pid: u32, declared: &LogFamily, shards: u64, random: &mut Random) -> Part {
    let width = declared.width as usize;
    let has_floats = matches!(declared.encoding, Encoding::Histogram | Encoding::Summary);
    let cells: Vec<Vec<u64>> = (0..shards)
        .map(|_| {
            let mut cells: Vec<u64> = (0..=width).map(|_| random.cell()).collect();
            if has_floats {
                #[expect(clippy::cast_precision_loss, reason = "any number does")]
                let value = random.below(1 << 40) as f64 / 3.0;
                cells[0] = value.to_bits();
            }
            cells
        })
        .collect();
    let cells: Vec<&[u64]> = cells.iter().map(Vec::as_slice).collect();
    part(pid, vec![declared.clone(), counter("other")], &cells)
}

#[test]
fn columns_change_no_sum() {
    let encodings = [
        (Encoding::Counter, 0),
        (Encoding::Histogram, 3),
        (Encoding::NanosHistogram, 3),
        (Encoding::Summary, 0),
        (Encoding::NanosSummary, 0),
    ];
    let mut random = Random(19);
    for round in 0..if cfg!(miri) { 2 } else { 40 } {
        for (encoding, bounds) in encodings {
            let bounds: Vec<u64> = (1..=bounds).map(|n: u64| n * 10).collect();
            let declared = family("f", encoding, &bounds);
            // One shard or two are read where they are; the sums of more are written down first.
            let shards = random.below(4) + 1;
            let parts: Vec<Part> = (1..=random.below(3) + 1)
                .map(|pid| random_part(u32::try_from(pid).unwrap(), &declared, shards, &mut random))
                .collect();
            let mut others = parts.clone();
            for part in &mut others {
                // No series has this slot, but a process that has removed one is none for columns.
                Arc::make_mut(&mut part.segment.log).removed = Removed::of(1000, 1, 0);
            }
            let families =
                |parts: &[Part]| merged_after(parts, &Archive::default(), &mut Plans::new()).0;
            let (columns, spans) = (families(&parts), families(&others));
            assert_eq!(columns, spans, "round {round}: {declared:?}, {shards} shards, {parts:#?}");
        }
    }
}
