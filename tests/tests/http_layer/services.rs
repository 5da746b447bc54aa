//! The layer as a service and its body, without a server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, header};
use headcount_tower::MetricsLayer;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Frame, SizeHint};
use tower::{Layer as _, Service};

use crate::{all_ended, directory, ended};

/// A service that must be found ready before it is called, as tower demands. A clone is not ready.
struct Strict {
    is_ready: bool,
    answer: fn() -> Result<Response<Full<Bytes>>, &'static str>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false, answer: self.answer }
    }
}

impl Service<Request> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        std::future::ready((self.answer)())
    }
}

pub(crate) fn request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).expect("a request")
}

/// The value of a future that does not wait.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    now_or_not(future).expect("it does not wait")
}

pub(crate) fn now_or_not<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn the_service_that_was_found_ready_is_called_and_its_errors_are_counted() {
    directory();
    let layer = MetricsLayer::new().route_by(|uri, _| Some(uri.path().to_owned().into()));
    let fails = Strict { is_ready: false, answer: || Err("on purpose") };
    let mut service = layer.layer(fails);
    let mut clone = service.clone();
    for service in [&mut service, &mut clone] {
        now(poll_fn(|context| service.poll_ready(context))).expect("ready");
        assert_eq!(now(service.call(request("/f"))).expect_err("its own"), "on purpose");
    }
    assert_eq!((ended("GET", "/f", "", "error"), all_ended("/f")), (2, 2));
    // One that was not found ready panics as it does without the layer, and is counted.
    let called = std::panic::AssertUnwindSafe(|| drop(service.call(request("/f-panic"))));
    assert!(std::panic::catch_unwind(called).is_err());
    assert_eq!((ended("GET", "/f-panic", "", "panic"), all_ended("/f-panic")), (1, 1));
    // A future that is dropped before its end.
    let never = layer.layer(tower::service_fn(|_: Request| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }));
    drop(never.clone().call(request("/f-never")));
    assert_eq!((ended("GET", "/f-never", "", "cancelled"), all_ended("/f-never")), (1, 1));
}

#[test]
fn a_body_is_to_its_server_what_it_is_without_the_layer() {
    directory();
    let frames = |count: usize, trailers: bool| {
        let data = (0..count).map(|n| Item::Data(Bytes::from(vec![b'x'; n])));
        let mut end = HeaderMap::new();
        end.insert("grpc-status", header::HeaderValue::from_static("0"));
        let all = data.chain(trailers.then_some(Item::Trailers(end)));
        Listed(all.collect(), SizeHint::new())
    };
    let mut full = frames(1, false);
    full.1 = SizeHint::with_exact(7);
    for body in [frames(0, false), frames(3, false), frames(3, true), frames(0, true), full] {
        let mut alone = body.clone();
        let layer = MetricsLayer::new().route_by(|uri, _| Some(uri.path().to_owned().into()));
        let mut service = layer.layer(tower::service_fn(move |_: Request| {
            std::future::ready(Ok::<_, Infallible>(Response::new(body.clone())))
        }));
        let mut counted = now(service.call(request("/g"))).expect("infallible").into_body();
        loop {
            assert_eq!(counted.is_end_stream(), alone.is_end_stream());
            let hints = [counted.size_hint(), alone.size_hint()];
            assert_eq!(hints[0].lower(), hints[1].lower());
            assert_eq!(hints[0].upper(), hints[1].upper());
            let [ours, theirs] = [now(counted.frame()), now(alone.frame())];
            let (Some(ours), Some(theirs)) = (ours.as_ref(), theirs.as_ref()) else {
                assert!(ours.is_none() && theirs.is_none());
                break;
            };
            let [ours, theirs] = [ours, theirs].map(|frame| frame.as_ref().expect("infallible"));
            assert_eq!(ours.data_ref(), theirs.data_ref());
            assert_eq!(ours.trailers_ref(), theirs.trailers_ref());
        }
        // Polled once more, as a careless server does.
        assert!(now(counted.frame()).is_none());
    }
    assert_eq!((ended("GET", "/g", "200", ""), all_ended("/g")), (5, 5));
}

/// Frames that are there, and a hint that may be wrong.
#[derive(Clone)]
struct Listed(VecDeque<Item>, SizeHint);

#[derive(Clone)]
enum Item {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl hyper::body::Body for Listed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = self.0.pop_front().map(|item| match item {
            Item::Data(bytes) => Frame::data(bytes),
            Item::Trailers(trailers) => Frame::trailers(trailers),
        });
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.1
    }
}
