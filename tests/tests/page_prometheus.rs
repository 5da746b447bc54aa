//! The page in the hands of its readers: a real Prometheus scrapes the example while its workers
//! are killed, and its answers agree with the load; `promtool` finds nothing to complain of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headcount::{Collector, MetricFamily, Scrape, Snapshot, Value};
use headcount_tests::child::Child;
use headcount_tests::http::{Connection, percent_encoded};
use headcount_tests::page::Page;
use headcount_tests::prometheus::versions;
use headcount_tests::server::{Server, worker};
use headcount_tests::{Medium, eventually, peer, temporary_directory};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A running Prometheus.
struct Prometheus {
    address: SocketAddr,
    // In this order: the program ends before its directory goes.
    process: Child,
    _storage: TempDir,
}

impl Prometheus {
    /// One that scrapes `/metrics` of one target.
    fn start(target: SocketAddr) -> Self {
        Self::start_with(&format!(
            "{{ job_name: prefork, static_configs: [ {{ targets: ['{target}'] }} ] }}"
        ))
    }

    fn start_with(jobs: &str) -> Self {
        Self::of(&peer("prometheus"), jobs)
    }

    /// One of another version.
    fn of(program: &Path, jobs: &str) -> Self {
        let storage = temporary_directory(Medium::Memory);
        let configuration = storage.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\n\
             scrape_configs: [ {jobs} ]\n"
        );
        fs::write(&configuration, text).expect("written");

        // Prometheus takes no listener from us, so a free port may be taken before it binds it:
        // then it ends, and another port is tried.
        for _ in 0..10 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let mut process = Child::start(
                Command::new(program)
                    .arg(format!("--config.file={}", configuration.display()))
                    .arg(format!("--storage.tsdb.path={}", storage.path().join("data").display()))
                    .arg(format!("--web.listen-address={address}"))
                    .current_dir(storage.path()),
            );
            let ready = eventually("Prometheus is ready, or has ended", || {
                if process.ended().is_some() {
                    return Some(false);
                }
                let response = Connection::open(address).ok()?.get("/-/ready").ok()?;
                (response.status == 200).then_some(true)
            });
            if ready {
                return Self { address, process, _storage: storage };
            }
            eventually("Prometheus says why it has ended", || {
                process.output().contains("address already in use").then_some(())
            });
        }
        panic!("no port is free for Prometheus");
    }

    /// What its interface answers.
    fn get(&self, path: &str) -> serde_json::Value {
        let mut connection = Connection::open(self.address).expect("Prometheus accepts");
        let response = connection.get(path).expect("Prometheus answers");
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        serde_json::from_str(&response.body).expect("JSON")
    }

    /// The values of an instant query, in the order of the answer.
    fn query(&self, query: &str) -> Vec<f64> {
        let answer = self.get(&format!("/api/v1/query?query={}", percent_encoded(query)));
        let result = answer["data"]["result"].as_array().expect("a vector");
        let value = |series: &serde_json::Value| series["value"][1].as_str()?.parse().ok();
        result.iter().map(|series| value(series).expect("a number")).collect()
    }

    /// The one value of an instant query.
    fn number(&self, query: &str) -> f64 {
        let values = self.query(query);
        assert_eq!(values.len(), 1, "{query} is one number: {}", self.process.output());
        values[0]
    }

    /// All samples of a job, as [`Page::samples`] has them.
    fn samples(&self, job: &str) -> BTreeMap<String, f64> {
        let query = format!("{{job=\"{job}\",__name__!~\"up|scrape_.*\"}}");
        let answer = self.get(&format!("/api/v1/query?query={}", percent_encoded(&query)));
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let sample = |series: &serde_json::Value| {
            let metric = series["metric"].as_object().expect("labels");
            let labels = metric
                .iter()
                .filter(|(label, _)| !["__name__", "job", "instance"].contains(&label.as_str()));
            let labels: BTreeMap<&String, String> = labels.map(|(l, v)| (l, text(v))).collect();
            let value = text(&series["value"][1]).parse().expect("a number");
            (key(&text(&metric["__name__"]), &labels), value)
        };
        answer["data"]["result"].as_array().expect("a vector").iter().map(sample).collect()
    }

    /// Returns when a scrape that began after this call has succeeded: what was counted before is
    /// in it.
    fn scrape(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        // A sample's time is the beginning of its scrape, moved by up to two milliseconds to look
        // regular.
        let later = (now + Duration::from_millis(5)).as_secs_f64();
        eventually("Prometheus scrapes", || {
            let scraped = self.query("timestamp(up{job=\"prefork\"}) and up{job=\"prefork\"} == 1");
            scraped.first().is_some_and(|time| *time > later).then_some(())
        });
    }
}

/// The key of a sample in [`Page::samples`].
fn key(name: &str, labels: &BTreeMap<&String, String>) -> String {
    let labels = labels.iter().map(|(label, value)| {
        let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        format!("{label}=\"{value}\"")
    });
    let labels: Vec<String> = labels.collect();
    let key =
        if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
    with_plain_bound(&key)
}

/// Prometheus writes the bounds that it reads from a protobuf in its own way.
fn with_plain_bound(key: &str) -> String {
    let bound = key.split_once("le=\"").and_then(|(before, rest)| {
        let (bound, after) = rest.split_once('"')?;
        Some(format!("{before}le=\"{}\"{after}", bound.parse::<f64>().ok()?))
    });
    bound.unwrap_or_else(|| key.to_owned())
}

/// Requests of all kinds over several connections at once. Yields what each brewing slept and what
/// its client waited, and which workers have served the connections. What it calls: [`CALLS`].
fn load(server: &Server, connections: usize) -> (Vec<(Duration, Duration)>, Vec<Pid>) {
    let one = || {
        let mut connection = server.connect();
        let mut brewed = Vec::new();
        let mut get = |path: &str, status: u16| {
            let started = Instant::now();
            let response = connection.get(path).expect("a worker answers");
            assert_eq!(response.status, status, "{path}");
            (started.elapsed(), worker(&response))
        };
        for millis in [3, 12, 40, 90, 300] {
            let (took, _) = get(&format!("/brew/{millis}"), 200);
            brewed.push((Duration::from_millis(millis), took));
        }
        get("/order/tea/1", 500);
        get("/order/tea/2", 500);
        get("/spill", 500);
        let (_, worker) = get("/", 200);
        (brewed, worker)
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let results = clients.into_iter().map(|client| client.join().expect("a client"));
        let (brewed, workers): (Vec<_>, Vec<_>) = results.unzip();
        (brewed.concat(), workers)
    })
}

/// What one connection of [`load`] calls: `brew` 5, `price` 2 (orders of tea fail there), `spill`
/// 1, `greet` 1.
const CALLS: f64 = 9.0;

/// Prometheus' `histogram_quantile`, by its documentation: linear within the bucket that holds the
/// rank.
fn quantile(q: f64, buckets: &[(f64, f64)]) -> f64 {
    let rank = q * buckets.last().expect("buckets").1;
    let index = buckets.iter().position(|(_, count)| *count >= rank).expect("the last holds all");
    let (lower, below) = if index == 0 { (0.0, 0.0) } else { buckets[index - 1] };
    let (upper, count) = buckets[index];
    if upper.is_infinite() {
        lower
    } else {
        lower + (upper - lower) * (rank - below) / (count - below)
    }
}

/// The buckets that these durations fill.
fn filled(
    bounds: &[(f64, f64)],
    durations: &(impl Iterator<Item = Duration> + Clone),
) -> Vec<(f64, f64)> {
    let up_to = |bound: f64| durations.clone().filter(|took| took.as_secs_f64() <= bound).count();
    let count = |bound| f64::from(u32::try_from(up_to(bound)).expect("few"));
    bounds.iter().map(|(bound, _)| (*bound, count(*bound))).collect()
}

#[test]
#[ignore = "needs Debian's prometheus; tests/run provides it"]
fn a_real_prometheus_agrees_with_the_load_though_workers_are_killed() {
    let server = Server::start(&["0"]);
    let prometheus = Prometheus::start(server.address);
    prometheus.scrape();
    assert_exactly(prometheus.number("sum(function_calls_total)"), 0.0);
    // It asked for OpenMetrics and got it: there a counter's family has no `_total`, and in the
    // text format it has.
    let reported = prometheus.get("/api/v1/metadata?metric=function_calls");
    assert_eq!(reported["data"]["function_calls"][0]["type"], "counter", "{reported}");

    let (mut brewed, workers) = load(&server, 6);
    prometheus.scrape();
    assert_exactly(prometheus.number("sum(function_calls_total)"), 6.0 * CALLS);

    // The worker that has served most connections is killed: its part of the sums is scraped from a
    // dead process.
    let connections = |pid: &Pid| workers.iter().filter(|worker| *worker == pid).count();
    let busiest = server.workers().into_iter().max_by_key(connections).expect("there are workers");
    assert!(connections(&busiest) > 0);
    server.kill_workers(&[busiest]);
    prometheus.scrape();
    assert_exactly(prometheus.number("sum(function_calls_total)"), 6.0 * CALLS);

    brewed.extend(load(&server, 8).0);
    server.kill_workers(&server.workers());
    prometheus.scrape();
    assert_exactly(prometheus.number("sum(function_calls_total)"), 14.0 * CALLS);
    assert_exactly(prometheus.number("sum(function_calls_duration_seconds_count)"), 14.0 * CALLS);
    // `price` fails twice and `spill` panics once per connection.
    assert_exactly(prometheus.number("sum(function_exceptions_total)"), 14.0 * 3.0);
    assert_exactly(prometheus.number("sum(orders_total{outcome=\"error\",drink=\"tea\"})"), 28.0);
    assert_exactly(prometheus.number("sum(function_calls_concurrent)"), 0.0);
    assert_exactly(prometheus.number("workers_started_total"), 9.0);

    // Nobody outside knows how long a call took, but it is between what it slept and what its
    // client waited. Quantiles keep that order, so these are bounds without any tolerance.
    let page = server.page();
    let labels = "function=\"brew\",module=\"prefork\"";
    let buckets = page.buckets("function_calls_duration_seconds", labels);
    let slept = filled(&buckets, &brewed.iter().map(|(slept, _)| *slept));
    let waited = filled(&buckets, &brewed.iter().map(|(_, waited)| *waited));
    for q in [0.1, 0.5, 0.9, 0.99] {
        let query = format!(
            "histogram_quantile({q}, sum by (le) (function_calls_duration_seconds_bucket{{{labels}}}))"
        );
        let answer = prometheus.number(&query);
        let (least, most) = (quantile(q, &slept), quantile(q, &waited));
        assert!(least <= answer && answer <= most, "{q}: {least} <= {answer} <= {most}");
        // The page's own buckets give the same number, but for the rounding of a few operations on
        // 53 bits.
        let ours = quantile(q, &buckets);
        assert!((answer - ours).abs() <= 1e-12 * ours, "{q}: {answer} is not {ours}");
    }

    // Over all of that, nothing that only grows has ever fallen.
    let mut counted = 0;
    for (family, kind) in &page.types {
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[],
        };
        for suffix in suffixes {
            let query = format!("max(resets({family}{suffix}[1h]))");
            let resets = prometheus.query(&query);
            assert!(resets.iter().all(|resets| *resets < 0.5), "{query}: {resets:?}");
            counted += resets.len();
        }
    }
    assert!(counted >= 10, "{counted} families were looked at");
    // There was more than one sample to compare: before the load, after it, after the kill, and at
    // the end.
    let scrapes = prometheus.number("min(count_over_time(function_calls_total[1h]))");
    assert!(scrapes >= 4.0, "{scrapes} scrapes");
}

/// Whole numbers below 2^53 are exact, in the page and in Prometheus: no tolerance.
#[track_caller]
#[allow(clippy::float_cmp, reason = "whole numbers")]
fn assert_exactly(actual: f64, expected: f64) {
    assert_eq!(actual, expected);
}

/// The formats that Prometheus reads, and how it may ask for them.
const FORMATS: [(&str, &str); 4] = [
    ("text", "text/plain"),
    ("text1", "text/plain;version=1.0.0;escaping=underscores"),
    ("openmetrics", "application/openmetrics-text"),
    (
        "protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
];

/// The families without native histograms. A server that has not been told of those, and is sent a
/// protobuf that it did not ask for, rejects the scrape; `metrics_native` tells it.
fn classic(snapshot: &Snapshot) -> Vec<String> {
    let is_native = |family: &MetricFamily| {
        let has_some = |value: &Value| matches!(value, Value::Histogram(h) if h.native.is_some());
        family.series.iter().any(|series| has_some(&series.value))
    };
    let families = snapshot.families().iter().filter(|family| !is_native(family));
    families.map(|family| family.name.clone()).collect()
}

/// Answers each request with the snapshot, in the format that its path names.
fn serve(snapshot: Snapshot) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = move |stream: TcpStream| -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut reader = BufReader::new(stream);
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let accept = FORMATS.iter().find(|(format, _)| path == format!("/{format}"));
        // Or what it asks for by itself.
        let own = request.lines().find_map(|line| line.strip_prefix("Accept: "));
        let accept = accept.map_or(own.unwrap_or_default(), |(_, accept)| accept);
        let encoding = request.lines().find_map(|line| line.strip_prefix("Accept-Encoding: "));
        let scrape = Scrape::new().accept(accept).accept_encoding(encoding.unwrap_or_default());
        let page = snapshot.render(scrape.names(classic(&snapshot)));
        let mut head = "HTTP/1.1 200 OK\r\nConnection: close\r\n".to_owned();
        for (name, value) in page.headers() {
            write!(head, "{name}: {value}\r\n").expect("a string takes all");
        }
        reader.get_mut().write_all(format!("{head}\r\n").as_bytes())?;
        reader.get_mut().write_all(page.body())
    };
    // The thread ends with the test.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves is no failure.
            let _ = answer(stream);
        }
    });
    address
}

#[test]
#[ignore = "needs Debian's prometheus; tests/run provides it"]
fn a_real_prometheus_reads_the_same_numbers_from_every_format() {
    let folder = temporary_directory(Medium::Memory);
    for program in [env!("CARGO_BIN_EXE_remains"), env!("CARGO_BIN_EXE_remains")] {
        let status = Command::new(program).arg("count").arg(folder.path()).arg("7").status();
        assert!(status.expect("it runs").success());
    }
    let collector = Collector::from_directory(folder.path()).with_families(|| {
        vec![
            // A name that this server may not know, a number that is no integer, a hostile label.
            MetricFamily::gauge("http.requests", "Dots.").with_series(&[("a.b", "1")], 0.1),
            MetricFamily::counter("large_total", "\0Large\0")
                .with_series(&[("v", "\0\"\\\n{é\0")], 1e300),
            MetricFamily::info("build_info", "Facts.").with_series(&[("version", "1")], 1.0),
        ]
    });
    let snapshot = collector.collect().expect("a snapshot");
    let text = snapshot.render(Scrape::new().names(classic(&snapshot)));
    let text = String::from_utf8(text.into_body()).expect("a page is UTF-8");
    let expected: BTreeMap<String, f64> = Page::parse(&text)
        .expect("a page")
        .samples
        .into_iter()
        .map(|(name, value)| (with_plain_bound(&name), value))
        .collect();
    assert!(expected.len() > 30 && expected.contains_key("http_requests{a_b=\"1\"}"));

    let target = serve(snapshot);
    for (program, version) in versions() {
        reads_the_same(&program, version, target, &expected);
    }
}

fn reads_the_same(
    program: &Path,
    version: u32,
    target: SocketAddr,
    expected: &BTreeMap<String, f64>,
) {
    let names = FORMATS.iter().map(|(format, _)| *format).chain(["own"]);
    let jobs = names.clone().map(|format| {
        format!(
            "{{ job_name: {format}, metrics_path: /{format}, static_configs: [ {{ targets: ['{target}'] }} ] }}"
        )
    });
    let prometheus = Prometheus::of(program, &jobs.collect::<Vec<_>>().join(", "));
    for format in names {
        eventually("it scrapes", || {
            let up = prometheus.query(&format!("up{{job=\"{format}\"}} == 1"));
            (up.len() == 1).then_some(())
        });
        let read = prometheus.samples(format);
        let mut expected = expected.clone();
        if format == "own" && version >= 3 {
            // It takes names as they are, and asks for them.
            let value = expected.remove("http_requests{a_b=\"1\"}").expect("there");
            expected.insert("http.requests{a.b=\"1\"}".to_owned(), value);
        }
        let wrong: Vec<_> = expected
            .keys()
            .chain(read.keys())
            .filter(|name| {
                let bits =
                    |samples: &BTreeMap<String, f64>| samples.get(*name).map(|v| v.to_bits());
                bits(&expected) != bits(&read)
            })
            .map(|name| (name, expected.get(name), read.get(name)))
            .collect();
        assert!(wrong.is_empty(), "{}, {format}: {wrong:#?}", program.display());
    }
}

#[test]
#[ignore = "needs Debian's prometheus; tests/run provides it"]
fn promtool_accepts_the_page_without_a_warning() {
    let server = Server::start(&["0"]);
    load(&server, 2);
    // A row of each labelled family, one of them of a worker that is dead.
    server.get("/order/coffee/2");
    server.kill_workers(&server.workers()[..1]);
    let page = server.get("/metrics").body;
    assert_eq!(promtool(&page), (Some(0), String::new()), "{page}");

    // It does look: a counter without a help is found.
    let (status, complaints) = promtool("# TYPE things counter\nthings 1\n");
    assert_ne!(status, Some(0));
    assert!(complaints.contains("no help text"), "{complaints}");
}

/// What `promtool check metrics` says of a page: its status and all that it writes.
fn promtool(page: &str) -> (Option<i32>, String) {
    let mut process = Command::new(peer("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    process.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("promtool reads");
    let output = process.wait_with_output().expect("promtool ends");
    let mut said = String::new();
    for bytes in [output.stdout, output.stderr] {
        write!(said, "{}", String::from_utf8_lossy(&bytes)).expect("a string takes all");
    }
    (output.status.code(), said)
}
