//! The handles that users hold: small `Copy` values that name a slot, never an address, so they outlive forks.

mod counter;
mod gauge;
mod handle;
mod histogram;

pub use counter::Counter;
pub use gauge::Gauge;
pub(crate) use gauge::decode as gauge_value;
pub use handle::{Handle, at, kind_of};
pub use histogram::{Histogram, Timer};
