//! The handles that users hold: small `Copy` values that name a slot, never an address, so they outlive forks.

mod counter;
mod gauge;
mod handle;
mod histogram;

pub use counter::Counter;
pub(crate) use gauge::decode as gauge_value;
pub use gauge::Gauge;
pub use handle::{Handle, at, kind_of};
pub use histogram::{Histogram, Timer};
