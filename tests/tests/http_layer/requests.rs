//! Requests to a real server: methods, routes, statuses, and how they end.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode, header};
use axum::routing::{any, get};
use headcount::Collector;
use headcount_tests::SOON;
use headcount_tower::MetricsLayer;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{active, all_ended, answer, ask, directory, ended, read_until, send, serve, soon};

#[test]
fn a_request_has_its_method_its_route_s_template_and_its_status() {
    let inner = Router::new().route("/item/{id}", get(|| async { "item" }));
    let address = serve(
        Router::new()
            .route("/a/{name}", get(|| async { "hello" }).post(|| async { StatusCode::CREATED }))
            .route("/a-teapot", get(|| async { StatusCode::IM_A_TEAPOT }))
            .route("/a-broken", get(|| async { StatusCode::BAD_GATEWAY }))
            .nest("/a-nest/{shop}", inner)
            .layer(MetricsLayer::new())
            .route("/metrics", get(headcount_tower::metrics)),
    );
    assert!(ask(address, "GET", "/a/1").ends_with("hello"));
    assert!(ask(address, "GET", "/a/2").ends_with("hello"));
    assert!(ask(address, "POST", "/a/2").starts_with("HTTP/1.1 201"));
    assert!(ask(address, "HEAD", "/a/1").ends_with("\r\n\r\n"));
    assert!(ask(address, "BREW", "/a/1").starts_with("HTTP/1.1 405"));
    assert!(ask(address, "brew2", "/a/1").starts_with("HTTP/1.1 405"));
    for path in ["/a-teapot", "/a-broken", "/a-nest/x/item/7", "/nowhere/1", "/nowhere/2"] {
        ask(address, "GET", path);
    }
    // Requests end when the last byte was handed over, which a client may see a moment before.
    soon("all are counted", || ended("GET", "", "404", "") >= 2);
    for (method, route, status, error, count) in [
        ("GET", "/a/{name}", "200", "", 2),
        ("POST", "/a/{name}", "201", "", 1),
        ("HEAD", "/a/{name}", "200", "", 1),
        ("_OTHER", "/a/{name}", "405", "", 2),
        ("GET", "/a-teapot", "418", "", 1),
        ("GET", "/a-broken", "502", "502", 1),
        ("GET", "/a-nest/{shop}/item/{id}", "200", "", 1),
        ("GET", "/metrics", "200", "", 0),
    ] {
        assert_eq!(ended(method, route, status, error), count, "{method} {route}");
    }
    let page = Collector::from_directory(directory()).collect().expect("ours").to_text();
    assert!(!page.contains("nowhere"), "a path that a client chose is no label");
    // Any process's page has them, and behind the layer it is not counted.
    let page = ask(address, "GET", "/metrics?name[]=http_server_request_duration_seconds");
    assert!(page.contains("http_route=\"/a/{name}\""), "{page}");
    assert!(page.contains("\r\nvary: Accept, Accept-Encoding\r\n"), "{page}");
    assert!(ask(address, "HEAD", "/metrics").starts_with("HTTP/1.1 200"));
}

/// A body whose frames come from the test.
struct Streamed(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context)
    }
}

type Frames = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// A response at a route, whose body comes from the test.
fn streamed(route: &str, length: Option<u64>) -> (SocketAddr, Frames) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let handler = move || {
        let receiver = receiver.lock().expect("whole").take();
        let mut response = Response::new(Body::new(Streamed(receiver.expect("one request"))));
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        std::future::ready(response)
    };
    (serve(Router::new().route(route, any(handler)).layer(MetricsLayer::new())), sender)
}

fn give(frames: &Frames, text: &'static str) {
    frames.blocking_send(Ok(Frame::data(Bytes::from_static(text.as_bytes())))).expect("it reads");
}

#[test]
fn a_request_is_in_flight_until_its_body_has_ended() {
    let (address, frames) = streamed("/b", None);
    let mut stream = send(address, "PUT", "/b");
    give(&frames, "first");
    read_until(&mut stream, "first");
    assert_eq!((active(directory(), "PUT"), all_ended("/b")), (1, 0));
    give(&frames, "last");
    drop(frames);
    assert!(answer(stream).contains("last"));
    soon("it is counted", || ended("PUT", "/b", "200", "") == 1);
    assert_eq!((active(directory(), "PUT"), all_ended("/b")), (0, 1));
}

#[test]
fn a_body_of_a_known_length_ends_with_its_last_byte() {
    // The server asks for no more, so the body never says that it has ended.
    let (address, frames) = streamed("/b-length", Some(5));
    let stream = send(address, "GET", "/b-length");
    give(&frames, "whole");
    assert!(answer(stream).ends_with("whole"));
    soon("it is counted", || ended("GET", "/b-length", "200", "") == 1);
    assert_eq!(all_ended("/b-length"), 1);
    drop(frames);
}

#[test]
fn a_client_that_hangs_up_is_counted_as_cancelled_wherever_it_was() {
    // Before the answer.
    let address = serve(
        Router::new()
            .route("/c", any(|| tokio::time::sleep(Duration::from_secs(600))))
            .layer(MetricsLayer::new()),
    );
    let stream = send(address, "DELETE", "/c");
    soon("it is in flight", || active(directory(), "DELETE") == 1);
    stream.shutdown(Shutdown::Both).expect("ours");
    drop(stream);
    soon("it is counted", || ended("DELETE", "/c", "", "cancelled") == 1);
    assert_eq!((active(directory(), "DELETE"), all_ended("/c")), (0, 1));

    // In the middle of the body.
    let (address, frames) = streamed("/c-half", None);
    let mut stream = send(address, "GET", "/c-half");
    give(&frames, "half");
    read_until(&mut stream, "half");
    drop(stream);
    // The server notices when it writes, or when it is told.
    while frames.blocking_send(Ok(Frame::data(Bytes::from_static(b"more")))).is_ok() {}
    soon("it is counted", || ended("GET", "/c-half", "200", "cancelled") == 1);
    assert_eq!(all_ended("/c-half"), 1);
    // One that has less than it was promised.
    let (address, frames) = streamed("/c-short", Some(50));
    let mut stream = send(address, "GET", "/c-short");
    give(&frames, "half");
    read_until(&mut stream, "half");
    drop(frames);
    soon("it is counted", || all_ended("/c-short") == 1);
    assert_eq!(ended("GET", "/c-short", "200", ""), 1, "the body ended by itself");
    // Only now: a server that first sees that the client has left counts that instead.
    drop(stream);
}

#[test]
fn panics_and_errors_are_counted_as_such() {
    let address = serve(
        Router::new()
            .route("/d", get(panics))
            .layer(MetricsLayer::new())
            .layer(CatchPanicLayer::new()),
    );
    assert!(ask(address, "GET", "/d").starts_with("HTTP/1.1 500"));
    assert_eq!((ended("GET", "/d", "", "panic"), all_ended("/d")), (1, 1));
    // If nothing catches it, the connection breaks.
    let address = serve(Router::new().route("/d-bare", get(panics)).layer(MetricsLayer::new()));
    assert_eq!(ask(address, "GET", "/d-bare"), "");
    soon("it is counted", || ended("GET", "/d-bare", "", "panic") == 1);
    // In the middle of a body.
    let body = || std::future::ready(Response::new(Body::new(Panics)));
    let address = serve(Router::new().route("/d-body", get(body)).layer(MetricsLayer::new()));
    ask(address, "GET", "/d-body");
    soon("it is counted", || ended("GET", "/d-body", "200", "panic") == 1);
    // A body that fails.
    let (address, frames) = streamed("/d-error", None);
    let stream = send(address, "GET", "/d-error");
    frames.blocking_send(Err(std::io::Error::other("on purpose"))).expect("it reads");
    answer(stream);
    soon("it is counted", || ended("GET", "/d-error", "200", "error") == 1);
    for route in ["/d", "/d-bare", "/d-body", "/d-error"] {
        assert_eq!(all_ended(route), 1, "{route}");
    }
    soon("none is in flight", || active(directory(), "GET") == 0);
}

async fn panics() {
    assert!(std::hint::black_box(false), "on purpose");
}

/// A body that panics when it is asked.
struct Panics;

impl hyper::body::Body for Panics {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("on purpose")
    }
}

#[test]
fn a_switched_protocol_is_no_request_in_flight() {
    let upgrade = |mut request: Request| async move {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = hyper_util::rt::TokioIo::new(upgraded.await.expect("upgraded"));
            let (mut reader, mut writer) = tokio::io::split(&mut stream);
            tokio::io::copy(&mut reader, &mut writer).await
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static("echo"));
        response
    };
    let address = serve(Router::new().route("/e", any(upgrade)).layer(MetricsLayer::new()));
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    let request = "OPTIONS /e HTTP/1.1\r\nHost: me\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    read_until(&mut stream, "\r\n\r\n");
    // The layer changes nothing about it.
    for word in ["ping", "pong"] {
        stream.write_all(word.as_bytes()).expect("sent");
        read_until(&mut stream, word);
    }
    assert_eq!(ended("OPTIONS", "/e", "101", ""), 1);
    assert_eq!(active(directory(), "OPTIONS"), 0);
    drop(stream);
    assert_eq!(all_ended("/e"), 1);
}
