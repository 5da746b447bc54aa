//! HTTP metrics of programs that run as many processes: a [`tower`](https://docs.rs/tower) layer
//! that counts requests, and a page for [`axum`](https://docs.rs/axum) and any other server.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use headcount_tower::{MetricsLayer, metrics};
//!
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(|| async { "an order" }))
//!     .layer(MetricsLayer::new())
//!     // Behind the layer, so that scrapes are not counted.
//!     .route("/metrics", get(metrics));
//! ```
//!
//! # What is counted
//!
//! The names are OpenTelemetry's stable ones.
//!
//! | family | type | labels |
//! |---|---|---|
//! | `http_server_request_duration_seconds` | histogram | `http_request_method`, `http_route`, `http_response_status_code`, `error_type` |
//! | `http_server_active_requests` | gauge, `livesum` | `http_request_method` |
//!
//! * `http_request_method` is one of the methods of HTTP, and `_OTHER` for any other text.
//! * `http_route` is the route's template, such as `/orders/{id}`, and never the path, whose values
//!   a client chooses. With axum (feature `axum`) it is `MatchedPath`: add the layer by
//!   `Router::layer`, so that the route is known. For other servers see [`MetricsLayer::route_by`].
//!   A request without a route has no such label.
//! * `http_response_status_code` is missing if there was no response.
//! * `error_type` is missing if all went well.
//!
//! | `error_type` | |
//! |---|---|
//! | `500` .. `599` | the status, if it is one of these |
//! | `cancelled` | the response, or the rest of its body, was dropped: the client hung up, or a timeout around the layer gave up |
//! | `panic` | the service or the body panicked |
//! | `error` | the service or the body returned an error |
//!
//! A request begins when the service is called. It ends when its body has ended; when the response
//! is there, if it has no body (`HEAD`, 204, 304); and when the protocol is switched (101, or 2xx to
//! `CONNECT`): a websocket is no request in flight.
//!
//! A response that has no end, such as server-sent events, is in flight for as long as the client
//! stays, and ends as `cancelled`. The end of a body is where the server has taken its last byte:
//! whether the client got it, nobody knows.
//!
//! In a forked child, a request that its parent had in flight is the parent's.

mod body;
mod layer;
mod page;
mod record;

pub use body::RecordedBody;
pub use layer::{Metrics, MetricsLayer, ResponseFuture};
#[cfg(feature = "axum")]
pub use page::metrics;
pub use page::{MetricsPage, Page, PageBody};
