//! Measures the memory that the decoded archive takes: a forged file of kilobytes can decode to
//! gigabytes.

use crate::model::exact_sum::ExactSum;
use crate::reader::size::{PIECE, sum, times};

use super::archived::{Archive, ArchivedFamily, ArchivedSeries, Tombstone};
use super::spans::Span;
use super::sums::{Each, Sum};

impl Archive {
    pub(crate) fn size(&self) -> u64 {
        let tombstones = times(self.tombstones.len(), size_of::<Tombstone>());
        sum(self.families.iter().map(|family| family.size())).saturating_add(tombstones) as u64
    }
}

impl ArchivedFamily {
    pub(crate) fn size(&self) -> usize {
        sum(self.series.iter().map(ArchivedSeries::size)).saturating_add(self.family.size())
    }
}

impl ArchivedSeries {
    fn size(&self) -> usize {
        let spans =
            self.spans.0.iter().map(|span| size_of::<Span>().saturating_add(span.sum.size()));
        sum(spans).saturating_add(self.labels.size()).saturating_add(size_of::<Self>() + PIECE)
    }
}

impl Sum {
    /// Without the enum itself.
    fn size(&self) -> usize {
        let parts = |sum: &ExactSum| times(sum.parts().count(), size_of::<f64>());
        match self {
            Self::Counter(sum) => sum.parts.as_ref().map_or(0, parts),
            Self::Histogram(sum) => {
                let native = sum.native.as_ref().map_or(0, |native| times(native.len(), 2 * PIECE));
                parts(&sum.sum).saturating_add(size_of_val(&*sum.below)).saturating_add(native)
            }
            Self::Gauge(sum) => {
                let each = size_of::<Each>() + size_of::<u32>() + PIECE;
                parts(&sum.sum).saturating_add(times(sum.each.len(), each))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::archive::tests::read_back;
    use crate::declare::descriptor::Descriptor;
    use crate::merge::spans::Spans;
    use crate::model::cells::{CellLayout, Encoding};
    use crate::model::kind::Kind;
    use crate::reader::family::LogFamily;
    use crate::reader::layout_cache::Layouts;
    use crate::reader::log::Log;
    use crate::reader::segment::ENDLESS;
    use crate::segment::records::LogWriter;

    #[test]
    fn a_name_counts_for_each_series_that_has_it() {
        let labels: Vec<String> = (10..74).map(|n| format!("l{n}").repeat(300)).collect();
        let family = LogFamily {
            name: "c_total".to_owned(),
            unit: String::new(),
            help: String::new(),
            file: String::new(),
            line: 0,
            encoding: Encoding::Counter,
            mode: None,
            bounds: vec![],
            schema: 0,
            labels: labels.clone(),
            width: 1,
        };
        let series = (10..90_u32).map(|n| ArchivedSeries {
            labels: labels.iter().map(|name| (name, n.to_string())).collect(),
            spans: Spans::of(Span::new((0, ENDLESS), Sum::of(CellLayout::Count))),
            touched: 0,
        });
        let series: Vec<ArchivedSeries> = series.collect();
        let text = series.iter().flat_map(|series| series.labels.iter());
        let text: usize = text.map(|(name, value)| name.len() + value.len()).sum();
        let family = ArchivedFamily { family, newest: (0, [0; 16]), segments: 1, series };
        let archive = Archive { families: vec![Arc::new(family)], ..Archive::default() };
        let (read, file) = read_back(&archive);
        assert!(file * 4 < text, "{file}");
        let size = usize::try_from(read.size()).unwrap();
        assert!(text < size && size < 2 * text, "{size} for {text}");
        assert_eq!(read.families[0].series[0].labels.len(), 64);
    }

    #[test]
    fn a_family_counts_with_all_that_is_made_of_it() {
        let descriptor = Descriptor::new(Kind::Counter, "c_total", "", "", 0);
        let letters: Vec<String> = ('a'..='z').chain('A'..='Z').map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let mut log = Vec::new();
        for id in 0..100 {
            LogWriter::new(&mut log).family(id, &descriptor, &letters);
        }
        let layout = Layouts::default().of(Log::parse(&log).unwrap().common, 1).unwrap();
        let strings = 100 * letters.len() * size_of::<String>();
        assert!(strings > 5 * log.len());
        assert!(usize::try_from(layout.size).unwrap() > strings);
    }
}
