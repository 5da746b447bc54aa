//! The layer, and the service and the future that it makes.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, Request, Response, Uri};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::RecordedBody;
use crate::record::{End, Record, RouteBy};

/// Counts requests: see the [crate].
///
/// A second layer inside the first would count each request twice.
#[derive(Clone, Default)]
pub struct MetricsLayer {
    route_by: Option<Arc<RouteBy>>,
}

impl MetricsLayer {
    /// Creates the layer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how the route of a request is found. The text must be one of few, such as a route's
    /// template: a path that a client can choose would be a series for each. A family has 1,000
    /// series per process, and further ones are counted together, as `_other`.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount_tower::MetricsLayer;
    ///
    /// // The methods of a gRPC service.
    /// const METHODS: [&str; 2] = ["/shop.Orders/Place", "/shop.Orders/Cancel"];
    /// let layer = MetricsLayer::new().route_by(|uri, _extensions| {
    ///     METHODS.into_iter().find(|method| *method == uri.path()).map(Into::into)
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn route_by(
        mut self,
        route: impl Fn(&Uri, &Extensions) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.route_by = Some(Arc::new(route));
        self
    }
}

impl fmt::Debug for MetricsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics { inner, layer: self.clone() }
    }
}

/// A service whose requests are counted: see [`MetricsLayer`].
#[derive(Debug, Clone)]
pub struct Metrics<S> {
    inner: S,
    layer: MetricsLayer,
}

impl<S, B, R> Service<Request<B>> for Metrics<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<RecordedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    // The service that was found ready is the one that is called: nothing is cloned.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route_by = self.layer.route_by.as_deref();
        let (method, uri) = (request.method(), request.uri());
        let mut record = Record::begin(method, uri, request.extensions(), route_by);
        let inner = record.watch(|| self.inner.call(request));
        ResponseFuture { inner, record: Some(record) }
    }
}

pin_project! {
    /// The response that is to come, of a request that is in flight.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // `None`: the body has it.
        record: Option<Record>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<RecordedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let poll = || this.inner.poll(context);
        let polled = match this.record {
            Some(record) => record.watch(poll),
            None => poll(),
        };
        let polled = ready!(polled);
        let mut record = this.record.take();
        match polled {
            Ok(response) => {
                if let Some(record) = &mut record {
                    if record.respond(response.status()) {
                        record.end(End::Whole);
                    }
                }
                let length = response.headers().get(http::header::CONTENT_LENGTH);
                let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
                Poll::Ready(Ok(response.map(|body| RecordedBody::new(body, record, length))))
            }
            Err(error) => {
                if let Some(record) = &mut record {
                    record.end(End::Error);
                }
                Poll::Ready(Err(error))
            }
        }
    }
}
