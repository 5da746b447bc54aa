//! Requests in processes that are forked, exec'd and killed.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::Response;
use headcount_tests::child::{Child, in_child};
use headcount_tests::eventually;
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::server::example;
use headcount_tower::MetricsLayer;
use http_body_util::Full;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tower::{Layer as _, Service};

use crate::services::request;
use crate::{active, all_ended, ask, directory, ended, send, soon};

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
