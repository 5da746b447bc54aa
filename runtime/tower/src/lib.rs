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
//! | `http_server_request_duration_seconds` | histogram | all four of the following |
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
//! | `cancelled` | the response, or the rest of its body, was dropped |
//! | `panic` | the service or the body panicked |
//! | `error` | the service or the body returned an error |
//!
//! A response is dropped if the client hangs up, or if a timeout around the layer gives up.
//!
//! A request begins when the service is called. It ends when its body has ended; when the response
//! is there, if it has no body (`HEAD`, 204, 304); and when the protocol is switched (101, or 2xx
//! to `CONNECT`): a websocket is no request in flight.
//!
//! A response that has no end, such as server-sent events, is in flight for as long as the client
//! stays, and ends as `cancelled`. The end of a body is where the server has taken its last byte:
//! whether the client got it, nobody knows.
//!
//! In a forked child, a request that its parent had in flight is the parent's.
//!
//! # Tests
//!
//! A test calls the router itself, without a server and without a socket, and reads what its thread
//! has recorded meanwhile:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::body::{Body, to_bytes};
//! use axum::http::{Request, StatusCode};
//! use axum::{Router, routing::get};
//! use headcount::testing::{assert_counts, this_thread};
//! use headcount::{Counter, metric};
//! use headcount_tower::MetricsLayer;
//! use tower::ServiceExt;
//!
//! /// Orders shown.
//! #[metric(name = "shown_orders_total")]
//! static SHOWN: Counter;
//!
//! async fn order() -> &'static str {
//!     SHOWN.inc();
//!     "an order"
//! }
//!
//! let app = Router::new().route("/orders/{id}", get(order)).layer(MetricsLayer::new());
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let seen = this_thread(|| {
//!     runtime.block_on(async {
//!         for (path, status) in [("/orders/7", StatusCode::OK), ("/", StatusCode::NOT_FOUND)] {
//!             let request = Request::get(path).body(Body::empty()).unwrap();
//!             let response = app.clone().oneshot(request).await.unwrap();
//!             assert_eq!(response.status(), status);
//!             // A request ends when its body has been read, or is dropped.
//!             to_bytes(response.into_body(), 1_000).await.unwrap();
//!         }
//!     });
//! });
//! assert_counts!(
//!     seen,
//!     "shown_orders_total" => 1,
//!     "http_server_request_duration_seconds_count" {
//!         http_request_method = "GET",
//!         http_route = "/orders/{id}",
//!         http_response_status_code = "200",
//!     } => 1,
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// On docs.rs each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod layer;
mod page;
mod record;

pub use body::RecordedBody;
pub use layer::{Metrics, MetricsLayer, ResponseFuture};
#[cfg(feature = "axum")]
pub use page::metrics;
pub use page::{MetricsPage, Page};
