//! The Rust half of the Python package `headcount`.
//!
//! Recording and collecting happen here; what imitates `prometheus_client` is Python
//! (`headcount/_bridge`). A call of a Python function costs some hundred nanoseconds, and a call of
//! one of these forty, so whatever is called for each event is here.
//!
//! Nothing here waits for the interpreter's lock while it holds headcount's mutex: no function of
//! Python is ever called by a thread of headcount, and collections release the lock. So a fork,
//! which holds the interpreter's lock and waits for headcount's mutex, always gets it.

mod classes;
mod collect;
mod declare;
mod errors;
mod exemplar;
mod health;
mod text;
mod values;

use pyo3::prelude::*;

/// `gil_used = false`: handles are copies of addresses, and recording is atomic.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::classes::base::MetricWrapperBase;
    #[pymodule_export]
    use crate::classes::contexts::{ExceptionCounter, InprogressTracker, Timer};
    #[pymodule_export]
    use crate::classes::counter::Counter;
    #[pymodule_export]
    use crate::classes::facts::{Enum, Info};
    #[pymodule_export]
    use crate::classes::gauge::Gauge;
    #[pymodule_export]
    use crate::classes::observed::{Histogram, Summary};
    #[pymodule_export]
    use crate::collect::{Snapshot, collect};
    #[pymodule_export]
    use crate::declare::{Family, remove_matching};
    #[pymodule_export]
    use crate::exemplar::exemplar_problem;
    #[pymodule_export]
    use crate::health::{health, init};
    #[pymodule_export]
    use crate::values::{
        CounterValue, GaugeValue, HistogramValue, InfoValue, StateValue, SummaryValue,
    };
}
