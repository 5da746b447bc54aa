//! The layer of headcount-tower: which requests it counts, when they end, and how. A real server,
//! real clients that hang up, and processes that are forked, exec'd and killed.

mod processes;
mod requests;
mod services;

use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Request;
use axum::http::{Response, StatusCode, header};
use headcount::{Collector, Config, Pieces};
use headcount_tests::planted::archive;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
use headcount_tower::MetricsPage;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use crate::services::{now, now_or_not, request};

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
fn a_page_is_a_service_for_any_server() {
    directory();
    let page = MetricsPage::new(Collector::new().label("region", "eu"));
    let get = request("/metrics?name[]=headcount_shared");
    let mut response: Response<Pieces> = page.respond(&get);
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
fn a_long_page_is_written_while_it_is_read() {
    let folder = temporary_directory(Medium::Memory);
    fs::write(folder.path().join("archive.hca"), archive(1)).expect("ours");
    let page = MetricsPage::new(Collector::from_directory(folder.path()));
    let mut response = page.respond(&request("/metrics"));
    assert_eq!(response.body().size_hint().exact(), None);
    let (mut length, mut largest) = (0, 0);
    loop {
        // It lets others have their turn now and then.
        match now_or_not(response.body_mut().frame()) {
            Some(Some(frame)) => {
                let data = frame.expect("infallible").into_data().expect("data");
                length += data.len();
                largest = largest.max(data.len());
            }
            Some(None) => break,
            None => {}
        }
    }
    assert!(length > 60 << 20 && largest < 256 << 10, "{length} bytes, {largest} at once");
    let address = serve(Router::new().route_service("/metrics", page));
    let answer = ask(address, "GET", "/metrics");
    assert!(answer.contains("transfer-encoding: chunked\r\n"), "{}", &answer[..300]);
    assert!(answer.ends_with("\r\n0\r\n\r\n") && answer.len() > length);
}
