//! The recipes of `runtime/docs/machines.md`, with the configuration that stands there: exporters
//! that are found by a file, agents, federation, and a sidecar in other namespaces.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use headcount::Collector;
use headcount_tests::child::{Child, reported};
use headcount_tests::files::names;
use headcount_tests::http::Connection;
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::prometheus::Store;
use headcount_tests::{Medium, eventually, temporary_directory};
use tempfile::TempDir;

/// A block of the document that begins with a line, with other addresses in place of its hosts.
fn block(first: &str, hosts: &[(&str, SocketAddr)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("runtime/docs/machines.md");
    let text = fs::read_to_string(path).expect("the document");
    let block = text
        .split("\n```")
        .find(|block| block.split_once('\n').is_some_and(|(_, code)| code.starts_with(first)));
    let (_, code) = block.unwrap_or_else(|| panic!("no {first}")).split_once('\n').expect("lines");
    let mut code = format!("{code}\n");
    for (host, address) in hosts {
        assert!(code.contains(host), "{host} in {code}");
        code = code.replace(host, &address.to_string());
    }
    code
}

/// A configuration that scrapes four times a second.
fn fast(config: &str) -> String {
    let every = "scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms";
    match config.split_once("external_labels:") {
        Some((before, after)) => {
            let every = every.replace(", ", "\n  ");
            format!("{before}{every}\n  external_labels:{after}")
        }
        None => format!("global: {{ {every} }}\n{config}"),
    }
}

/// A host: a directory in which some processes count, dead ones and a living one, and an exporter.
struct Host {
    exporter: Child,
    address: SocketAddr,
    worker: Child,
    directory: TempDir,
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| headcount_tests::server::program("headcount"))
}

fn hold(directory: &Path) -> Child {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let worker = Child::start(worker.arg("hold").arg(directory).arg("5"));
    eventually("it has counted", || worker.output().contains("ready").then_some(()));
    worker
}

impl Host {
    /// `made_total` is 6 for each of its workers.
    fn start(dead: usize) -> Self {
        let directory = temporary_directory(Medium::Memory);
        for _ in 0..dead {
            hold(directory.path()).kill();
        }
        let worker = hold(directory.path());
        let exporter = Child::start(
            Command::new(program())
                .args(["serve", "--web.listen-address", "127.0.0.1:0", "--dir"])
                .arg(directory.path()),
        );
        let address = eventually("it serves", || {
            let output = exporter.output();
            let is_there = output.contains("serving http://") && output.contains("/metrics");
            let serving = "headcount: serving http://";
            is_there
                .then(|| reported(&output, serving).trim_end_matches("/metrics").parse().ok())?
        });
        Self { exporter, address, worker, directory }
    }
}

#[test]
#[ignore = "needs the peer prometheus"]
fn exporters_are_found_by_a_file_and_hosts_are_added_up() {
    let mut hosts = [Host::start(0), Host::start(2), Host::start(4)];
    let [first, second, third] = [hosts[0].address, hosts[1].address, hosts[2].address];
    let targets = block("[{", &[("web-1:9464", first), ("web-2:9464", second)]);
    let files = [
        ("prometheus.yml", fast(&block("# prometheus.yml", &[]))),
        ("targets/shop.json", targets.clone()),
    ];
    let prometheus = Store::prometheus(&files, &[]);
    prometheus.wait_for("made_total{job=\"shop\",region=\"eu\"}", &[6.0, 18.0]);
    prometheus.wait_for("sum without (instance) (made_total)", &[24.0]);
    // A host that is added is found without a restart.
    let more = targets.replace(&format!("\"{second}\""), &format!("\"{second}\", \"{third}\""));
    fs::write(prometheus.folder().join("targets/shop.json"), more).expect("ours");
    prometheus.wait_for("sum without (instance) (made_total)", &[54.0]);
    // A worker that dies keeps its counts, and a host that dies is seen.
    hosts[1].worker.kill();
    prometheus.wait_for("headcount_processes{state=\"live\"}", &[0.0, 1.0, 1.0]);
    prometheus.wait_for("sum without (instance) (made_total)", &[54.0]);
    hosts[2].exporter.kill();
    prometheus.wait_for("up{job=\"shop\"} == 0", &[0.0]);
    assert!(!names(hosts[2].directory.path()).is_empty());
}

#[test]
#[ignore = "needs the peers prometheus and victoria-metrics"]
fn an_agent_writes_into_a_prometheus_and_into_victoriametrics() {
    let hosts = [Host::start(1), Host::start(2)];
    let empty = [("store.yml", "scrape_configs: []\n".to_owned())];
    let store = Store::prometheus(&empty, &["--web.enable-remote-write-receiver"]);
    let victoria = Store::victoria();
    let agent = block(
        "# agent.yml",
        &[
            ("web-1:9464", hosts[0].address),
            ("web-2:9464", hosts[1].address),
            ("store:9090", store.address),
            ("victoria:8428", victoria.address),
        ],
    );
    let _agent = Store::prometheus(&[("agent.yml", fast(&agent))], &["--enable-feature=agent"]);
    for store in [&store, &victoria] {
        store.wait_for("made_total{job=\"shop\",site=\"eu-1\"}", &[12.0, 18.0]);
        store.wait_for("sum without (instance) (made_total{site=\"eu-1\"})", &[30.0]);
        // A family of each kind has come through.
        store.wait_for("count(headcount_build_info)", &[2.0]);
        store.wait_for("count(up == 1)", &[2.0]);
    }
}

#[test]
#[ignore = "needs the peer prometheus"]
fn a_prometheus_above_scrapes_the_sums_of_the_one_below() {
    let hosts = [Host::start(1), Host::start(2)];
    let addresses = [("web-1:9464", hosts[0].address), ("web-2:9464", hosts[1].address)];
    let files = [
        ("lower.yml", fast(&block("# lower.yml", &addresses))),
        ("rules.yml", block("# rules.yml", &[])),
    ];
    let lower = Store::prometheus(&files, &[]);
    let upper = block("# upper.yml", &[("prometheus:9090", lower.address)]);
    let upper = Store::prometheus(&[("upper.yml", fast(&upper))], &[]);
    upper.wait_for("job:made_total:sum{job=\"shop\"}", &[30.0]);
    upper.wait_for("count(made_total) or vector(0)", &[0.0]);
}

/// What the dashboards and rules of Autometrics ask for, by its specification 1.0.0: functions by
/// what is known of their program, and objectives.
#[test]
#[ignore = "needs the peer prometheus"]
fn autometrics_queries_find_what_they_ask_for() {
    let directory = temporary_directory(Medium::Memory);
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_charted"), directory.path());
    process.tell("work");
    let collector = Collector::from_directory(directory.path());
    let serving = headcount::Server::new("127.0.0.1:0").collector(collector).start();
    let serving = serving.expect("it serves");
    let address: SocketAddr = serving.addresses()[0].parse().expect("an address");
    let configuration = block("# autometrics.yml", &[("web-1:9464", address)])
        .replace("program_build_info;shop", "program_build_info;headcount-tests")
        .replace(";order", ";deliver");
    let prometheus = Store::prometheus(&[("autometrics.yml", fast(&configuration))], &[]);

    let calls = "{__name__=~\"function_calls(_count)?(_total)?\"";
    let is_success = "objective_name=\"orders\",objective_percentile=\"99\"";
    let is_latency = "objective_name=\"orders\",objective_percentile=\"90\",\
                      objective_latency_threshold=\"0.25\"";
    let buckets = "{__name__=~\"function_calls_duration(_seconds)?_bucket\"";
    let build = "on (instance, job) group_left (version, commit) \
                 (last_over_time(build_info[1m]) or on (instance, job) up)";
    let by = "function, module, service_name, version, commit";
    // Exact numbers first: 2 of 8 calls have failed, and a function without outcomes is ok.
    let version = env!("CARGO_PKG_VERSION");
    let of = "function=\"deliver\",module=\"charted\",service_name=\"shop\"";
    prometheus.wait_for(&format!("sum({calls},{of},result=\"error\"}})"), &[2.0]);
    prometheus.wait_for(&format!("sum({calls},{of},result=\"ok\"}})"), &[6.0]);
    prometheus.wait_for("sum(function_calls_total{function=\"fetch\",result=\"ok\"})", &[8.0]);
    prometheus.wait_for("count(function_calls_total{result=\"\"}) or vector(0)", &[0.0]);
    let about = format!("version=\"{version}\",commit=\"abc123\",service_name=\"shop\"");
    prometheus.wait_for(&format!("build_info{{{about}}}"), &[1.0]);
    prometheus.wait_for(&format!("sum({calls},{is_success}}})"), &[8.0]);
    prometheus.wait_for(&format!("sum({buckets},{is_latency},le=\"0.25\"}})"), &[8.0]);

    // Then rates, joined with the version.
    let rate = |selector: &str| format!("sum by ({by}) (rate({selector}[30s]) * {build})");
    let quantile =
        format!("histogram_quantile(0.99, sum by (le, {by}) (rate({buckets}}}[30s]) * {build}))");
    let ratio = format!(
        "{} / {}",
        rate(&format!("{calls},result=\"error\",{of}}}")),
        rate(&format!("{calls},{of}}}"))
    );
    let kept = format!(
        "1 - sum(rate({calls},{is_success},result=\"error\"}}[30s])) / \
         sum(rate({calls},{is_success}}}[30s]))"
    );
    for (query, expected) in [(quantile, None), (ratio, Some(0.25)), (kept, Some(0.75))] {
        let value = |query: &str| {
            let values = prometheus.query(query)?;
            values.first().copied().filter(|value| value.is_finite())
        };
        eventually("there is a rate", || {
            process.tell("work");
            value(&query)
        });
        // A scrape in the middle of the work sees other parts. The one behind it does not.
        eventually(&format!("{query} is {expected:?}"), || {
            let expected = expected.unwrap_or(value(&query)?);
            ((value(&query)? - expected).abs() < 1e-9).then_some(())
        });
    }
}

#[test]
#[ignore = "needs root, for a read-only mount"]
fn a_sidecar_reads_a_read_only_mount_from_other_namespaces() {
    let kinds = ["--mount", "--pid", "--fork", "--kill-child"];
    if !are_namespaces_allowed(&kinds) {
        return;
    }
    let directory = temporary_directory(Medium::Memory);
    let seen = temporary_directory(Medium::Memory);
    let mut worker = hold(directory.path());
    let before = names(directory.path());
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let script = "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro \"$2\" && \
                  mount -t proc proc /proc && ! touch \"$2/mine\" 2>/dev/null && \
                  exec \"$3\" serve --dir \"$2\" --web.listen-address \"$4\"";
    let paths = [directory.path(), seen.path(), program()].map(|path| path.to_str().expect("it"));
    let listen = address.to_string();
    let shell = ["sh", "-c", script, "sidecar", paths[0], paths[1], paths[2], &listen];
    let sidecar = Child::start(&mut in_namespaces(&kinds, &shell));
    let page = || -> Option<Page> {
        let page = Connection::open(address).ok()?.get("/metrics").ok()?;
        Some(Page::parse(&page.body).expect("a page"))
    };
    let counts = |made: f64, live: f64, dead: f64| {
        let page = eventually("the sidecar serves", page);
        page.assert(&[
            ("made_total", made),
            ("headcount_processes{state=\"live\"}", live),
            ("headcount_processes{state=\"dead\"}", dead),
            ("headcount_shared", 1.0),
        ]);
        for reason in ["io", "foreign", "corrupt"] {
            page.assert(&[(&format!("headcount_files_skipped{{reason=\"{reason}\"}}"), 0.0)]);
        }
    };
    counts(6.0, 1.0, 0.0);
    // A killed worker is dead at once, and its counts stay; another one is seen.
    worker.kill();
    counts(6.0, 0.0, 1.0);
    let _next = hold(directory.path());
    counts(12.0, 1.0, 1.0);
    let health = Connection::open(address).expect("it accepts").get("/healthz");
    assert_eq!(health.expect("an answer").status, 200);
    // It has written nothing.
    assert_eq!(names(directory.path()).len(), before.len() + 1, "{:?}", names(directory.path()));
    drop(sidecar);
}
