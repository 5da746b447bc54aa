//! The page, as axum and as any other server takes it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use headcount::{Collector, Exposition};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

/// The body of a page: bytes that are there.
#[derive(Debug, Clone, Default)]
pub struct PageBody(Option<Bytes>);

impl From<Vec<u8>> for PageBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// A page as a response: what [`headcount::render`] returns, with status 503 and the reason if that
/// is an error.
///
/// With the feature `axum` it is what a handler returns.
///
/// # Examples
///
/// ```
/// use headcount_tower::{Page, PageBody};
///
/// let request = http::Request::get("/metrics").header("accept", "text/plain").body(())?;
/// let page = Page::from(headcount::render(&request));
/// let response: http::Response<PageBody> = page.into();
/// assert_eq!(response.status(), 200);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Page(Exposition);

impl From<Exposition> for Page {
    fn from(exposition: Exposition) -> Self {
        Self(exposition)
    }
}

impl From<Result<Exposition, headcount::Error>> for Page {
    fn from(rendered: Result<Exposition, headcount::Error>) -> Self {
        Self(rendered.unwrap_or_else(|error| Exposition::unavailable(&error)))
    }
}

impl From<Page> for Response<PageBody> {
    fn from(page: Page) -> Self {
        page.0.into()
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Page {
    fn into_response(self) -> axum::response::Response {
        self.0.into()
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
    headcount::render(&request).into()
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
    pub fn respond<B>(&self, request: &Request<B>) -> Response<PageBody> {
        Page::from(self.collector.render(request)).into()
    }
}

impl<B> Service<Request<B>> for MetricsPage {
    type Response = Response<PageBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}
