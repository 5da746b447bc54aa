//! Every query of the dashboard and of the rules has an answer from a real Prometheus: from each
//! version that there is, with native histograms and without them.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::child::{Child, reported};
use headcount_tests::grafana::{all_queries, asked, evaluated};
use headcount_tests::obedient::Obedient;
use headcount_tests::prometheus::{Store, versions};
use headcount_tests::server::Server;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
use serde_json::Value;

use crate::{program, succeeds};

/// `headcount serve`, whose page also has what the kernel says of the processes.
fn exporter(directory: &Path) -> (Child, String) {
    let exporter = Child::start(
        Command::new(program())
            .args(["serve", "--web.listen-address", "127.0.0.1:0", "--dir"])
            .arg(directory),
    );
    let address = eventually("it serves", || {
        let output = exporter.output();
        let serving = "headcount: serving http://";
        let is_there = output.contains(serving) && output.contains("/metrics");
        is_there.then(|| reported(&output, serving).trim_end_matches("/metrics").to_owned())
    });
    (exporter, address)
}

fn dashboard(directory: &Path) -> Value {
    let text = succeeds(&["catalog", "--format", "grafana"], directory);
    serde_json::from_str(&text).expect("JSON")
}

/// A configuration that scrapes four times a second, as a job for each target, and evaluates rules
/// as often.
fn files(targets: &[(&str, &str)], rules: &str) -> [(&'static str, String); 2] {
    let jobs = targets.iter().map(|(job, target)| {
        serde_json::json!({ "job_name": job, "static_configs": [{ "targets": [target] }] })
    });
    let configuration = serde_json::json!({
        "global": {
            "scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms",
        },
        "rule_files": ["headcount.rules.yml"],
        "scrape_configs": jobs.collect::<Vec<_>>(),
    });
    [("prometheus.yml", configuration.to_string()), ("headcount.rules.yml", rules.to_owned())]
}

/// Asks until each query has an answer of numbers, or gives up and says which have none.
/// `meanwhile` runs between the questions, so that rates see something happen.
fn all_have_answers(store: &Store, queries: &[String], mut meanwhile: impl FnMut()) {
    let mut left: Vec<&String> = queries.iter().collect();
    let started = Instant::now();
    while !left.is_empty() && started.elapsed() < SOON {
        meanwhile();
        left.retain(|query| {
            let values = store.query(query).unwrap_or_default();
            values.is_empty() || !values.iter().any(|value| value.is_finite())
        });
        thread::sleep(Duration::from_millis(50));
    }
    assert!(left.is_empty(), "no answers to {left:#?}: {}", store.output());
}

/// The same of what rules record; and their alerts are evaluated without an error.
fn all_rules_record(store: &Store, meanwhile: impl FnMut()) {
    let rules = eventually("all rules are evaluated", || evaluated(&store.get("/api/v1/rules")?));
    let records = rules.keys().filter(|name| name.contains(':')).cloned();
    let records: Vec<String> = records.collect();
    assert!(records.len() >= 5 && rules.len() > records.len(), "{rules:?}");
    all_have_answers(store, &records, meanwhile);
}

#[test]
#[ignore = "needs the peer prometheus"]
fn each_query_is_answered_by_a_prometheus_that_scrapes_prefork() {
    let server = Server::start(&["0", "2"]);
    let (_exporter, exporter) = exporter(&server.directory);
    let stopping = AtomicBool::new(false);
    let fetch = |path: &str| server.connect().get(path).expect("a worker answers").status;
    thread::scope(|scope| {
        // What is declared says nothing about which labels a family with open labels has.
        assert_eq!(fetch("/order/coffee/2"), 200);
        // A call that goes on for 20 seconds, so that there is an oldest one in flight.
        scope.spawn(|| {
            while !stopping.load(Ordering::Relaxed) {
                // The server is killed in the end.
                let _ = server.connect().get("/order/cold-brew/1");
            }
        });
        let work = || {
            assert_eq!(fetch("/"), 200);
            assert_eq!(fetch("/spill"), 500);
            assert_eq!(fetch("/order/coffee/2"), 200);
            assert_eq!(fetch("/order/tea/2"), 500);
            assert_eq!(fetch("/brew/3"), 200);
        };
        let dashboard = dashboard(&server.directory);
        let rules = succeeds(&["catalog", "--format", "rules"], &server.directory);
        let target = server.address.to_string();
        for (program, _) in versions() {
            let targets = [("prefork", target.as_str()), ("exporter", exporter.as_str())];
            let store = Store::of(&program, &files(&targets, &rules), &[]);
            // The page of the program itself does not say what the kernel knows of processes.
            let of_program = all_queries(&dashboard).into_iter();
            let of_program = of_program.filter(|query| !query.contains("process_"));
            let queries = of_program.map(|query| asked(query, "prefork", "10s"));
            let of_all = all_queries(&dashboard).into_iter();
            let queries = queries.chain(of_all.map(|query| asked(query, "exporter", "10s")));
            let queries: Vec<String> = queries.collect();
            assert!(queries.len() > 60, "{queries:?}");
            all_have_answers(&store, &queries, work);
            all_rules_record(&store, work);
            // Tea is always sold out.
            let is_seen = "job_drink_shop_till:orders_failures_per_orders:ratio_rate5m";
            store.wait_for(&format!("{is_seen}{{job=\"prefork\",drink=\"tea\"}}"), &[1.0]);
            let alert = "ALERTS{alertname=\"FailureRatioHigh\",family=\"orders_total\",\
                         drink=\"tea\",job=\"prefork\",severity=\"warning\"}";
            store.wait_for(alert, &[1.0]);
        }
        stopping.store(true, Ordering::Relaxed);
        server.kill_workers(&server.workers());
    });
}

#[test]
#[ignore = "needs the peer prometheus"]
fn each_query_is_answered_with_native_histograms_and_without_them() {
    let folder = temporary_directory(Medium::Memory);
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_charted"), folder.path());
    process.tell("work");
    process.tell("eat");
    let (_exporter, exporter) = exporter(folder.path());
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    let queries: Vec<String> = all_queries(&dashboard(folder.path()))
        .into_iter()
        .map(|query| asked(query, "post", "10s"))
        .collect();
    let versions = versions();
    let native = versions.iter().map(|version| (version, true));
    for ((program, _), is_native) in native.chain([(&versions[0], false)]) {
        let features: &[&str] =
            if is_native { &["--enable-feature=native-histograms"] } else { &[] };
        let store = Store::of(program, &files(&[("post", &exporter)], &rules), features);
        all_have_answers(&store, &queries, || drop(process.tell("work")));
        all_rules_record(&store, || drop(process.tell("work")));
        // It is as native as it should be.
        let [native, classic] = if is_native { [1.0, 0.0] } else { [0.0, 1.0] };
        store.wait_for("count(histogram_count(weight_grams)) or vector(0)", &[native]);
        store.wait_for("count(weight_grams_count) or vector(0)", &[classic]);
    }
}

#[test]
#[ignore = "needs the peer prometheus-sid"]
fn names_in_quotes_are_answered_from_prometheus_3_on() {
    let folder = temporary_directory(Medium::Memory);
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_charted"), folder.path());
    process.tell("dots");
    let (_exporter, exporter) = exporter(folder.path());
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    let dashboard = dashboard(folder.path());
    let of_dots = all_queries(&dashboard).into_iter().filter(|query| query.contains("post.calls"));
    let mut queries: Vec<String> = of_dots.map(|query| asked(query, "post", "10s")).collect();
    assert_eq!(queries.len(), 2, "its rate, and the part that fails");
    queries.push("job_outcome_post_route:post_calls:rate5m".to_owned());
    queries.push("job_post_route:post_calls_failures_per_post_calls:ratio_rate5m".to_owned());
    for (program, major) in versions() {
        if major >= 3 {
            let store = Store::of(&program, &files(&[("post", &exporter)], &rules), &[]);
            all_have_answers(&store, &queries, || drop(process.tell("dots")));
        }
    }
}
