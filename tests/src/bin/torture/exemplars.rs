//! Exemplars: each says by itself who has kept it, and of which family. So one that is torn, or
//! that is shown of another series, is found.

use headcount::{Exemplar, Series, Snapshot, TraceContext};
use headcount_tests::exemplars::context;

use crate::kinds::{GANGS, NAMES};
use crate::rig::{Rig, Tally};

/// The families that have exemplars.
const FAMILIES: [&str; 4] = ["work_total", "sizes", "loads", "guests_total"];

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Work,
    Sizes,
    Loads,
    Guests,
}

impl Rig {
    /// A context that nobody has drawn before.
    pub(super) fn context(&self, gang: usize, of: Of) -> TraceContext {
        let number = self.ticket(gang) * GANGS as u64 + gang as u64;
        context(number * FAMILIES.len() as u64 + of as u64)
    }

    /// Looks at all exemplars of a snapshot.
    pub(super) fn check_exemplars(&self, snapshot: &Snapshot, who: &str) {
        let mut seen = 0;
        for family in snapshot.families() {
            for series in &family.series {
                for exemplar in &series.exemplars {
                    if !self.is_kept(&family.name, series, exemplar) {
                        let labels = &series.labels;
                        self.fail(&format!("{who}: {exemplar:?} of {} {labels:?}", family.name));
                    }
                    seen += 1;
                }
            }
        }
        self.add(Tally::Exemplars, seen);
    }

    /// Whether somebody has kept it, of this series.
    #[expect(clippy::float_cmp, reason = "they are given as they are")]
    fn is_kept(&self, family: &str, series: &Series, exemplar: &Exemplar) -> bool {
        let n = u64::from_be_bytes(exemplar.context.span_id()).wrapping_sub(1);
        let (number, of) = (n / FAMILIES.len() as u64, n % FAMILIES.len() as u64);
        let (ticket, gang) = (number / GANGS as u64, number % GANGS as u64);
        let [of, gang] = [of, gang].map(|n| usize::try_from(n).unwrap_or(0));
        let of = FAMILIES[of];
        let value = exemplar.value;
        let is_value = match of {
            "sizes" => value == 1.0 || value == 4.0,
            // Whole powers of two.
            "loads" => value.log2().fract() == 0.0,
            _ => value == 1.0,
        };
        exemplar.context == context(n)
            && of == family
            && series.labels.get("gang") == Some(NAMES[gang].1)
            && ticket <= self.last_ticket(gang)
            && is_value
    }
}
