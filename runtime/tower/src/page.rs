//! The page, as axum and as any other server takes it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use headcount::{Collector, Error, Exposition, Pieces};
use http::{Request, Response};
use tower_service::Service;

/// A page as a response: what [`headcount::render_in_pieces`] or [`headcount::render`] returns,
/// with status 503 and the reason if that is an error.
///
/// The body in pieces is written while the client reads it. Its snapshot stays in memory meanwhile,
/// so let the server end clients that read slowly.
///
/// With the feature `axum` it is what a handler returns.
///
/// # Examples
///
/// ```
/// use headcount::Pieces;
/// use headcount_tower::Page;
///
/// let request = http::Request::get("/metrics").header("accept", "text/plain").body(())?;
/// let page = Page::from(headcount::render_in_pieces(&request));
/// let response: http::Response<Pieces> = page.into();
/// assert_eq!(response.status(), 200);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Debug)]
pub struct Page(Exposition<Pieces>);

impl<B> From<Exposition<B>> for Page
where
    Exposition<Pieces>: From<Exposition<B>>,
{
    fn from(exposition: Exposition<B>) -> Self {
        Self(exposition.into())
    }
}

impl<B> From<Result<Exposition<B>, Error>> for Page
where
    Exposition<Pieces>: From<Exposition<B>>,
{
    fn from(rendered: Result<Exposition<B>, Error>) -> Self {
        Self(rendered.map_or_else(|e| Exposition::unavailable(&e).into(), Into::into))
    }
}

impl From<Page> for Response<Pieces> {
    fn from(page: Page) -> Self {
        page.0.into()
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Page {
    fn into_response(self) -> axum::response::Response {
        Response::<Pieces>::from(self).map(axum::body::Body::new)
    }
}

/// Answers a request with the page of all processes: a handler for axum.
///
/// It negotiates the format, and takes `name[]` in the query. Add it by `get(metrics)`, which also
/// answers `HEAD`. It reads a few files, in memory as a rule, and blocks its thread for as long as
/// that takes; `headcount::serve` has a thread of its own.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new().route("/metrics", get(headcount_tower::metrics));
/// # let _ = app;
/// ```
#[cfg(feature = "axum")]
pub async fn metrics(request: axum::extract::Request) -> Page {
    headcount::render_in_pieces(&request).into()
}

/// A service that answers every request with the page: for a collector of one's own, and for
/// servers other than axum.
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::Router;
/// use headcount::Collector;
/// use headcount_tower::MetricsPage;
///
/// let page = MetricsPage::new(Collector::new().label("region", "eu"));
/// let app: Router = Router::new().route_service("/metrics", page);
/// # let _ = app;
/// ```
#[derive(Debug, Clone, Default)]
pub struct MetricsPage {
    collector: Collector,
}

impl MetricsPage {
    /// Creates the service.
    #[must_use]
    pub fn new(collector: Collector) -> Self {
        Self { collector }
    }

    /// Collects, and answers one request. Its body is not read.
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Pieces> {
        Page::from(self.collector.render_in_pieces(request)).into()
    }
}

impl<B> Service<Request<B>> for MetricsPage {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}
