//! Serves the page of one library over HTTP, for `over_http.py`, and prints the address:
//!
//! ```text
//! exporter headcount DIRECTORY
//! exporter prometheus|metrics VALUES
//! ```
//!
//! Of 100 values there are as many counters, gauges, summaries and histograms as in `directory.rs`.
//! The crate `prometheus` has no summaries: two counters stand in for each.

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use headcount::{Collector, Server};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use prometheus::{CounterVec, Encoder, GaugeVec, HistogramVec, Opts, Registry, TextEncoder};

const BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The routes of so many of 100 values.
fn routes(values: u32, of_hundred: u32) -> impl Iterator<Item = String> {
    (0..values * of_hundred / 100).map(|number| format!("/route/{number}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, what] = &arguments[..] else { return Err("see the top of this file".into()) };
    match library.as_str() {
        "headcount" => {
            let collector = Collector::from_directory(what).auto_compact(false);
            let serving = Server::new("127.0.0.1:0").collector(collector).start()?;
            println!("{}", serving.addresses()[0]);
            loop {
                thread::park();
            }
        }
        "prometheus" => by_prometheus(what.parse()?),
        "metrics" => by_metrics(what.parse()?),
        other => Err(format!("no library {other}").into()),
    }
}

/// As the examples of both crates do it: the text is made for each request, in hyper's service.
fn by_prometheus(values: u32) -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    let counters = |name: &str| -> Result<CounterVec, prometheus::Error> {
        let family = CounterVec::new(Opts::new(name, "Help."), &["route"])?;
        registry.register(Box::new(family.clone()))?;
        Ok(family)
    };
    let requests = counters("requests_total")?;
    let (sums, counts) = (counters("size_bytes_sum")?, counters("size_bytes_count")?);
    let connections = GaugeVec::new(Opts::new("connections", "Connections."), &["pool"])?;
    let options = prometheus::HistogramOpts::new("latency_seconds", "Latencies.");
    let latencies = HistogramVec::new(options.buckets(BUCKETS.to_vec()), &["route"])?;
    registry.register(Box::new(connections.clone()))?;
    registry.register(Box::new(latencies.clone()))?;
    routes(values, 30).for_each(|route| requests.with_label_values(&[route]).inc());
    routes(values, 2).for_each(|pool| connections.with_label_values(&[pool]).set(1.0));
    for route in routes(values, 2) {
        sums.with_label_values(&[&route]).inc_by(100.0);
        counts.with_label_values(&[&route]).inc();
    }
    routes(values, 4).for_each(|route| latencies.with_label_values(&[route]).observe(0.3));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            let registry = registry.clone();
            let service = service_fn(move |_: Request<Incoming>| {
                let mut page = Vec::new();
                let encoder = TextEncoder::new();
                encoder.encode(&registry.gather(), &mut page).expect("memory takes it");
                let mut response = Response::new(Full::new(Bytes::from(page)));
                let kind = encoder.format_type().parse().expect("a content type");
                response.headers_mut().insert("content-type", kind);
                async { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

/// With the server that the crate brings.
fn by_metrics(values: u32) -> Result<(), Box<dyn Error>> {
    // It does not tell which port it has.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address: SocketAddr = free.local_addr()?;
    drop(free);
    PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(Matcher::Full("latency_seconds".to_owned()), &BUCKETS)?
        .install()?;
    for route in routes(values, 30) {
        metrics::counter!("requests_total", "route" => route).increment(1);
    }
    for pool in routes(values, 2) {
        metrics::gauge!("connections", "pool" => pool).set(1.0);
    }
    for route in routes(values, 2) {
        metrics::histogram!("size_bytes", "route" => route).record(100.0);
    }
    for route in routes(values, 4) {
        metrics::histogram!("latency_seconds", "route" => route).record(0.3);
    }
    println!("{address}");
    loop {
        thread::park();
    }
}
