//! Turns a snapshot into the bytes that a scraper gets.
//!
//! This layer is pure but for the writer that it is given. It knows `model` and nothing else of the
//! library: neither where families come from, nor files.

mod encode;
mod escaping;
mod exemplar;
mod exposition;
mod format;
#[cfg(feature = "http")]
mod http;
pub(crate) mod json;
mod length;
mod negotiate;
mod number;
mod openmetrics;
mod page;
mod pieces;
mod protobuf;
mod scrape;
mod text;
mod wire;

pub use exposition::Exposition;
pub(crate) use exposition::SAME_NAMES;
pub use format::Format;
pub(crate) use length::{most_bytes, roughly_most_bytes};
pub use pieces::{IntoPieces, Pieces};
pub use scrape::Scrape;
