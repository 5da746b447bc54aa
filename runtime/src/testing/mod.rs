//! Tests of one's own metrics.
//!
//! [`this_thread`] returns what the calling thread recorded while a closure ran. Each thread has
//! cells of its own, so tests that run in parallel do not see each other, and recording costs
//! nothing more. [`assert_counts!`] compares, and prints what differs. [`TestDirectory`] is a
//! directory for tests with several processes; a [`Collector`](crate::Collector) reads it.
//! [`label_of`] returns the text of a label's value.
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
//! # fn main() {
//! let seen = this_thread(|| {
//!     assert!(parse("7").is_ok());
//!     assert!(parse("seven").is_err());
//! });
//! // The path of the function within its module, and the module's.
//! let (function, module) = ("parse", module_path!());
//! assert_counts!(
//!     seen,
//!     "function_calls_total" { function = function, module = module, outcome = "ok" } => 1,
//!     "function_calls_total" { function = function, module = module, outcome = "error" } => 1,
//!     "function_calls_total" { function = function, module = module, outcome = "panic" } => 0,
//! );
//! # }
//! ```
//!
//! A handler of requests, which is called without a server and without a socket. A runtime inside
//! the closure, of one thread, does all its work there. The documentation of `headcount-tower` has
//! the same with axum and tokio:
//!
//! ```
//! use headcount::testing::{assert_counts, this_thread};
//! use headcount::{Counter, counted, metric};
//!
//! /// Orders taken.
//! #[metric(name = "taken_orders_total")]
//! fn orders(kind: &str) -> Counter;
//!
//! #[counted(name = "order_requests_total", help = "Requests for orders.", outcome)]
//! async fn handler(path: &str) -> Result<String, u16> {
//!     let kind = path.strip_prefix("/orders/").ok_or(404_u16)?;
//!     orders(kind).inc();
//!     Ok(format!("an order of {kind}"))
//! }
//!
//! # fn block_on<T>(future: impl Future<Output = T>) -> T {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(value) => value,
//! #         std::task::Poll::Pending => unreachable!("it waits for nothing"),
//! #     }
//! # }
//! let seen = this_thread(|| {
//!     assert_eq!(block_on(handler("/orders/tea")).as_deref(), Ok("an order of tea"));
//!     assert_eq!(block_on(handler("/nothing")), Err(404));
//! });
//! assert_counts!(
//!     seen,
//!     "order_requests_total" { outcome = "ok" } => 1,
//!     "order_requests_total" { outcome = "error" } => 1,
//!     "taken_orders_total" { kind = "tea" } => 1,
//! );
//! ```
//!
//! A worker that is forked, killed, and counted all the same. A test harness has threads, and a
//! process counts in one directory for its life, so such a test is a program of its own: a binary
//! of the package that the test starts, or a file in `tests/` with `harness = false`.
//!
//! ```
//! use headcount::testing::{TestDirectory, assert_counts};
//! use headcount::{Collector, Config, Counter, Gauge, metric};
//! use nix::sys::signal::{Signal, raise};
//! use nix::sys::wait::{WaitStatus, waitpid};
//! use nix::unistd::{ForkResult, fork};
//!
//! /// Parcels sent.
//! #[metric(name = "parcels_total")]
//! static PARCELS: Counter;
//!
//! /// Workers that are busy.
//! #[metric(name = "busy_workers", mode = "livesum")]
//! static BUSY: Gauge;
//!
//! let directory = TestDirectory::new()?;
//! headcount::init(Config::new().directory(directory.path()))?;
//! for sent in [3_u64, 4] {
//!     // SAFETY: this process has one thread.
//!     if let ForkResult::Child = unsafe { fork() }? {
//!         BUSY.set(1);
//!         PARCELS.inc_by(sent);
//!         raise(Signal::SIGKILL)?;
//!     }
//!     let ended = waitpid(None, None)?;
//!     assert!(matches!(ended, WaitStatus::Signaled(_, Signal::SIGKILL, _)));
//! }
//!
//! let collector = Collector::from_directory(directory.path());
//! assert_counts!(collector.collect()?, "parcels_total" => 7, "busy_workers" => 0);
//! // Compaction changes nothing of it.
//! assert_eq!(collector.compact()?.segments(), 2);
//! assert_counts!(collector.collect()?, "parcels_total" => 7, "busy_workers" => 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
