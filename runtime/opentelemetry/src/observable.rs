//! Observable instruments: headcount's own thread calls their callbacks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use headcount::dynamic;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback};

use crate::instrument::Instrument;
use crate::labels::Labels;
use crate::series::{Number, Series};

/// The number of counters whose totals are remembered although nobody observes them any more.
const MOST: usize = 10_000;

/// Calls the callbacks from now on, in this process and in its children.
pub(crate) fn observe<T: Into<Number> + 'static>(
    instrument: Instrument,
    callbacks: Vec<Callback<T>>,
) {
    if callbacks.is_empty() {
        return;
    }
    let name = instrument.name().to_owned();
    dynamic::on_sample(name, Observed::new, move |observed: &mut Observed| {
        let round = Round { instrument: &instrument, values: Mutex::default() };
        for callback in &callbacks {
            callback(&round);
        }
        let values = round.values.into_inner().unwrap_or_else(PoisonError::into_inner);
        observed.take(&instrument, values);
    });
}

/// What the callbacks observe in one round.
struct Round<'a> {
    instrument: &'a Instrument,
    values: Mutex<BTreeMap<Labels, Number>>,
}

impl<T: Into<Number>> AsyncInstrument<T> for Round<'_> {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        let (labels, number) = (self.instrument.labels(attributes), measurement.into());
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        match values.get_mut(&labels) {
            // Several callbacks, or attributes that have become one set of labels.
            Some(known) if self.instrument.is_sum() => *known = known.plus(number),
            Some(known) => *known = number,
            None => drop(values.insert(labels, number)),
        }
    }
}

/// What this process has observed.
struct Observed {
    series: BTreeMap<Labels, Known>,
    /// The totals of a child's first round are its parent's.
    is_start: bool,
}

struct Known {
    series: Series,
    last: Number,
}

impl Observed {
    fn new(is_forked: bool) -> Self {
        Self { series: BTreeMap::new(), is_start: is_forked }
    }

    fn take(&mut self, instrument: &Instrument, values: BTreeMap<Labels, Number>) {
        self.forget_others(&values);
        for (labels, number) in values {
            let known = self.series.get(&labels);
            let before = match known {
                Some(known) => known.last,
                None if self.is_start => number,
                None => number.zero(),
            };
            let usable = known.map(|known| known.series).filter(|series| series.is_usable());
            let series = usable.unwrap_or_else(|| instrument.series(&labels));
            series.observe(if series.is_counter() { number.since(before) } else { number });
            self.series.insert(labels, Known { series, last: number });
        }
        self.is_start = false;
    }

    /// Gauges that are not observed any more have no value. Totals are remembered, since they may
    /// be observed again.
    fn forget_others(&mut self, values: &BTreeMap<Labels, Number>) {
        let is_full = self.series.len() > MOST;
        self.series.retain(|labels, known| {
            if values.contains_key(labels) {
                return true;
            }
            known.series.forget();
            known.series.is_counter() && !is_full
        });
    }
}
