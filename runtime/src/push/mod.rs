//! Feature `push`: sends the counts of a directory to a Pushgateway.
//!
//! It blocks the calling thread, and needs no runtime. A push sends totals of a directory and
//! deletes nothing there, so one that failed is made good by the next one. This layer does not know
//! how a page is made.

mod address;
mod gateway;
mod pusher;
#[cfg(feature = "tls")]
mod tls;

pub use pusher::{PushOnDrop, Pusher};
