//! The layer of headcount-tower: which requests it counts, when they end, and how. A real server,
//! real clients that hang up, and processes that are forked, exec'd and killed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{any, get};
use headcount::{Collector, Config};
use headcount_tests::child::{Child, in_child};
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::server::example;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
use headcount_tower::{MetricsLayer, MetricsPage, PageBody};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Frame, SizeHint};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;
use tower::{Layer as _, Service};
use tower_http::catch_panic::CatchPanicLayer;

/// The directory of this process. All tests of this file share it, so each has routes of its own.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let directory = temporary_directory(Medium::Memory);
        headcount::init(Config::new().directory(directory.path())).expect("the first");
        directory
    });
    directory.path()
}

/// How many requests of a route ended so.
fn ended(method: &str, route: &str, status: &str, error: &str) -> u64 {
    counted(directory(), [method, route, status, error])
}

fn counted(directory: &Path, [method, route, status, error]: [&str; 4]) -> u64 {
    let snapshot = Collector::from_directory(directory).collect().expect("it is there");
    let labels = [
        ("http_request_method", method),
        ("http_route", route),
        ("http_response_status_code", status),
        ("error_type", error),
    ];
    whole(snapshot.value("http_server_request_duration_seconds_count", &labels))
}

/// All requests of a route that have ended, however they did.
fn all_ended(route: &str) -> u64 {
    let snapshot = Collector::from_directory(directory()).collect().expect("ours");
    let page = snapshot.to_text();
    let of_route = page.lines().filter(|line| {
        line.starts_with("http_server_request_duration_seconds_count{")
            && line.contains(&format!("http_route=\"{route}\""))
    });
    of_route
        .map(|line| line.rsplit(' ').next().expect("a value").parse::<u64>().expect("whole"))
        .sum()
}

fn active(directory: &Path, method: &str) -> u64 {
    let snapshot = Collector::from_directory(directory).collect().expect("it is there");
    whole(snapshot.value("http_server_active_requests", &[("http_request_method", method)]))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
fn whole(value: Option<f64>) -> u64 {
    value.unwrap_or(0.0) as u64
}

fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}

/// Serves in threads of its own for as long as the test's process lives.
fn serve(routes: Router) -> SocketAddr {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    directory();
    let runtime = RUNTIME.get_or_init(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().expect("a runtime")
    });
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move { axum::serve(listener, routes).await });
    address
}

fn send(address: SocketAddr, method: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")
        .expect("sent");
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    answer(send(address, method, path))
}

/// Returns when the head of the answer and `text` of its body are there.
fn read_until(stream: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut some = [0; 1024];
        let count = stream.read(&mut some).expect("more");
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..count]);
    }
}

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

fn request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).expect("a request")
}

/// The value of a future that does not wait.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
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

#[test]
fn a_request_that_a_fork_copies_is_counted_by_the_parent_alone() {
    directory();
    let layer = MetricsLayer::new().route_by(|uri, _| Some(uri.path().to_owned().into()));
    let mut service = layer.layer(tower::service_fn(|_: Request| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }));
    let mut patch = request("/h");
    *patch.method_mut() = axum::http::Method::PATCH;
    let in_flight = service.call(patch);
    let mut in_flight = Some(in_flight);
    in_child(|| {
        drop(in_flight.take());
        // The child has requests of its own.
        drop(service.call(request("/h-child")));
    });
    assert_eq!((active(directory(), "PATCH"), all_ended("/h")), (1, 0));
    assert_eq!(ended("GET", "/h-child", "", "cancelled"), 1);
    drop(in_flight);
    assert_eq!((active(directory(), "PATCH"), all_ended("/h")), (0, 1));
}

#[test]
fn a_page_is_a_service_for_any_server() {
    directory();
    let page = MetricsPage::new(Collector::new().label("region", "eu"));
    let get = request("/metrics?name[]=headcount_shared");
    let mut response: Response<PageBody> = page.respond(&get);
    assert_eq!(response.status(), 200);
    assert!(response.body().size_hint().exact().is_some_and(|length| length > 0));
    let body = now(response.body_mut().frame()).expect("a frame").expect("infallible");
    let body = String::from_utf8(body.into_data().expect("data").to_vec()).expect("UTF-8");
    assert!(body.contains("\nheadcount_shared{region=\"eu\"} 1\n"), "{body}");
    assert!(response.body().is_end_stream());
    let post = Request::post("/metrics").body(()).expect("a request");
    let response = page.respond(&post);
    assert_eq!(
        (response.status(), &response.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &header::HeaderValue::from_static("GET, HEAD"))
    );
    let missing = MetricsPage::new(Collector::from_directory("/nowhere"));
    assert_eq!(missing.respond(&request("/")).status(), StatusCode::SERVICE_UNAVAILABLE);
    // As a service of axum's.
    let address = serve(Router::new().route_service("/metrics", page));
    assert!(ask(address, "GET", "/metrics").contains("region=\"eu\""));
}

#[test]
fn the_layer_counts_in_forked_and_in_exec_d_workers_and_keeps_what_killed_ones_counted() {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| example("axum"));
    for how in ["fork", "exec"] {
        let server = Child::start(Command::new(program).args(["0", "3", how]));
        let workers: Vec<Pid> = eventually("all workers are started", || {
            let output = server.output();
            let pids = output.lines().filter_map(|line| line.strip_prefix("worker "));
            let pids = pids.map(|pid| Pid::from_raw(pid.parse().expect("a pid")));
            Some(pids.collect::<Vec<_>>()).filter(|pids| pids.len() == 3)
        });
        let address: SocketAddr = {
            let output = server.output();
            let line = output.lines().next().expect("a line");
            line.trim_start_matches("http://").trim_end_matches("/metrics").parse().expect("it")
        };
        let page = || -> Option<Page> {
            let page = Connection::open(address).ok()?.get("/metrics").ok()?;
            Some(Page::parse(&page.body).expect("a page"))
        };
        let count = |labels: &str| {
            let key = format!("http_server_request_duration_seconds_count{{{labels}}}");
            eventually("a worker answers", page).value(&key).unwrap_or(0.0)
        };
        for n in 0..60 {
            let path = if n % 3 == 0 { "/broken" } else { "/hello/you" };
            ask(address, "GET", path);
        }
        let hung_up: Vec<TcpStream> = (0..6).map(|_| send(address, "GET", "/slow/60000")).collect();
        let in_flight = "http_server_active_requests{http_request_method=\"GET\"}";
        eventually("all are in flight", || {
            (page()?.value(in_flight)?.to_bits() == 6_f64.to_bits()).then_some(())
        });
        drop(hung_up);
        let cancelled =
            "error_type=\"cancelled\",http_request_method=\"GET\",http_route=\"/slow/{millis}\"";
        soon("all are cancelled", || count(cancelled) >= 6.0);
        // Two of three die, and their counts stay.
        for worker in &workers[..2] {
            kill(*worker, Signal::SIGKILL).expect("it lives");
        }
        let page = eventually("the third answers", page);
        let hello = "http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/hello/{name}\"";
        let broken = "error_type=\"500\",http_request_method=\"GET\",http_response_status_code=\"500\",http_route=\"/broken\"";
        page.assert(&[
            (&format!("http_server_request_duration_seconds_count{{{hello}}}"), 40.0),
            (&format!("http_server_request_duration_seconds_count{{{broken}}}"), 20.0),
            (&format!("http_server_request_duration_seconds_count{{{cancelled}}}"), 6.0),
            (in_flight, 0.0),
        ]);
        kill(workers[2], Signal::SIGKILL).expect("it lives");
    }
}
