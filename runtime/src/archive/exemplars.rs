//! The part of an archive that holds exemplars. It stands behind the families: a reader that does
//! not know it leaves it out, and all counts are right. Every byte that is read is hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use crate::error::Error;
use crate::merge::archived::ArchivedFamily;
use crate::merge::sums::bounds_of;
use crate::model::TraceContext;
use crate::model::exemplar::Held;
use crate::reader::family::LogFamily;
use crate::reader::segment::ENDLESS;
use crate::segment::format::Fields;
use crate::segment::records::{put_u32, put_u64};

/// Writes the exemplars of the series that have not ended: no others are shown.
pub(super) fn put(out: &mut Vec<u8>, families: &[Arc<ArchivedFamily>]) {
    let from = out.len();
    put_u32(out, 0);
    let mut many = 0_u32;
    for (family, archived) in (0_u32..).zip(families) {
        for (number, series) in (0_u32..).zip(&archived.series) {
            let spans = series.spans.0.iter().filter(|span| span.until == ENDLESS);
            for held in spans.flat_map(|span| span.exemplars.iter()) {
                put_u32(out, family);
                put_u32(out, number);
                put_u64(out, held.value.to_bits());
                put_u64(out, held.when);
                out.extend_from_slice(&held.context.trace_id());
                out.extend_from_slice(&held.context.span_id());
                many = many.saturating_add(1);
            }
        }
    }
    if let Some(place) = out.get_mut(from..).and_then(|rest| rest.first_chunk_mut()) {
        *place = many.to_le_bytes();
    }
}

/// Reads them.
pub(super) fn read(f: &mut Fields<'_>, families: &mut [Arc<ArchivedFamily>]) -> Result<(), Error> {
    let mut bounds = AllBounds(vec![None; families.len()]);
    for _ in 0..f.u32()? {
        let (family, series) = (f.u32()?, f.u32()?);
        let (value, when) = (f64::from_bits(f.u64()?), f.u64()?);
        let context = TraceContext::new(f.array()?, f.array()?);
        let archived = families.get_mut(family as usize).map(Arc::make_mut);
        let nowhere = || Error::corrupt("an exemplar of no archived series");
        let archived = archived.ok_or_else(nowhere)?;
        let own = bounds.of(family as usize, &archived.family);
        let spans = archived.series.get_mut(series as usize).map(|series| &mut series.spans.0);
        // They ascend, so it is the last one.
        let span = spans.and_then(|spans| spans.last_mut()).filter(|span| span.until == ENDLESS);
        let has_some = archived.family.encoding.layout().has_exemplars();
        let span = span.filter(|_| has_some && context.is_valid() && !value.is_nan());
        span.ok_or_else(nowhere)?.exemplars.add(Held { value, when, context }, own);
    }
    Ok(())
}

/// The bounds of each family, made once: a forged archive may go from one family to another with
/// each exemplar.
struct AllBounds(Vec<Option<Vec<f64>>>);

impl AllBounds {
    fn of(&mut self, number: usize, family: &LogFamily) -> &[f64] {
        let own = self.0.get_mut(number);
        own.map_or(&[], |own| own.get_or_insert_with(|| bounds_of(family)))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::model::cells::Encoding;

    #[test]
    fn bounds_are_made_once_for_each_family() {
        let family = |bounds: &[f64]| LogFamily {
            encoding: Encoding::Histogram,
            bounds: bounds.iter().map(|bound| bound.to_bits()).collect(),
            ..LogFamily::left_out()
        };
        let families = [family(&[1.0, 2.0]), family(&[3.0])];
        let mut all = AllBounds(vec![None; families.len()]);
        let mut of = |number: usize| {
            let bounds = all.of(number, &families[number]);
            (bounds.as_ptr(), bounds.to_vec())
        };
        let first = [of(0), of(1)];
        assert_eq!(first.clone().map(|(_, bounds)| bounds), [vec![1.0, 2.0], vec![3.0]]);
        assert_eq!([of(0), of(1)], first);
    }
}
