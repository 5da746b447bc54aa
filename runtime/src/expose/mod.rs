//! Turns a snapshot into the bytes that a scraper gets.
//!
//! This layer is pure but for the writer that it is given. It knows `model` and nothing else of the
//! library: neither where families come from, nor files.

mod exposition;
mod length;
mod negotiate;
mod number;
mod openmetrics;
mod page;
mod text;

pub use exposition::{Exposition, Format};
pub(crate) use length::most_bytes;
