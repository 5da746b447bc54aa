//! Feature `serve`: an HTTP server for the page, inside any program.
//!
//! It is one thread without a runtime. A tokio runtime in a master would take tokio away from the
//! workers that the master forks: tokio forbids its use in a child after any use in the parent.
//! hyper's HTTP/1 connections need no runtime; `connections` drives them by `poll(2)`.
//!
//! Every descriptor (of locks, listeners and connections) is registered where the fork handler
//! closes it in a child. Without that, an idle worker of a killed server would keep the port, where
//! the kernel accepts connections that nobody answers (seen).

mod address;
mod answer;
mod connections;
mod page_cache;
mod page_files;
mod page_problems;
mod page_state;
mod registered;
mod server;
mod serving;
mod socket;
mod turn;
#[cfg(feature = "web-config")]
mod web_config;
#[cfg(feature = "web-config")]
mod web_security;
#[cfg(feature = "web-config")]
mod web_stream;
#[cfg(feature = "web-config")]
mod web_tls;
#[cfg(feature = "web-config")]
mod web_users;

pub use server::{Server, serve};
pub use serving::Serving;
