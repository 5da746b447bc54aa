//! Tests of one's own metrics.
//!
//! [`this_thread`] returns what the calling thread recorded while a closure ran. Each thread has
//! cells of its own, so tests that run in parallel do not see each other, and recording costs
//! nothing more. [`assert_counts!`] compares, and prints what differs. [`TestDirectory`] is a
//! directory for tests with several processes; a [`Collector`](crate::Collector) reads it.
//! [`label_of`] returns the text of a label's value.
//!
//! [The guide](crate::guide::testing) has examples: a function, a handler of requests, a worker
//! that is forked and killed.

mod assert;
mod directory;
mod label_of;
mod this_thread;

#[doc(inline)]
pub use crate::__assert_counts as assert_counts;
#[doc(hidden)]
pub use assert::{Expected, check};
pub use directory::TestDirectory;
pub use label_of::label_of;
pub use this_thread::this_thread;
