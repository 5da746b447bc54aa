//! Tests of one's own metrics.
//!
//! [`this_thread`] returns what the calling thread recorded while a closure ran. Each thread has
//! cells of its own, so tests that run in parallel do not see each other, and recording costs
//! nothing more. [`assert_counts!`] compares, and prints what differs. [`TestDirectory`] is a
//! directory for tests with several processes; a [`Collector`](crate::Collector) reads it.
//!
//! # Examples
//!
//! An annotated function, in a test of its own:
//!
//! ```
//! use headcount::testing::{assert_counts, this_thread};
//!
//! #[headcount::counted(outcome)]
//! fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
//!     text.parse()
//! }
//!
//! let seen = this_thread(|| {
//!     assert!(parse("7").is_ok());
//!     assert!(parse("seven").is_err());
//! });
//! let (function, module) = ("main::parse", module_path!());
//! assert_counts!(
//!     seen,
//!     "function_calls_total" { function = function, module = module, outcome = "ok" } => 1,
//!     "function_calls_total" { function = function, module = module, outcome = "error" } => 1,
//!     "function_calls_total" { function = function, module = module, outcome = "panic" } => 0,
//! );
//! ```
//!
//! A worker that is forked, killed and counted all the same:
//!
//! ```no_run
//! use headcount::testing::{TestDirectory, assert_counts};
//! use headcount::{Collector, Config, Counter, metric};
//!
//! /// Parcels sent.
//! #[metric(name = "parcels_total")]
//! static PARCELS: Counter;
//!
//! # fn fork_a_worker_and_kill_it(work: impl FnOnce()) {}
//! let directory = TestDirectory::new()?;
//! headcount::init(Config::new().directory(directory.path()))?;
//! fork_a_worker_and_kill_it(|| PARCELS.inc_by(3));
//! let page = Collector::from_directory(directory.path()).collect()?;
//! assert_counts!(page, "parcels_total" => 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assert;
mod directory;
mod this_thread;

#[doc(inline)]
pub use crate::__assert_counts as assert_counts;
#[doc(hidden)]
pub use assert::{Expected, check};
pub use directory::TestDirectory;
pub use this_thread::this_thread;
