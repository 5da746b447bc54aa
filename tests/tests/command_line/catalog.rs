//! `headcount check` and `catalog`, with the rules and dashboards for Prometheus and Grafana.

use std::fs;
use std::process::Command;

use headcount_tests::{Medium, temporary_directory};

use crate::{command, count, hold, run, succeeds};

#[test]
fn check_ends_as_a_probe_needs_it() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    assert_eq!(succeeds(&["check", "--min-live", "1"], directory), "ok: 1 living process\n");
    let fails = |arguments: &[&str]| {
        let (code, out, err) = run(command(arguments).arg("--dir").arg(directory));
        assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
        out
    };
    let said = fails(&["check", "--min-live", "2"]);
    assert_eq!(said, "1 living processes, and there should be 2\n");
    living.kill();
    assert_eq!(succeeds(&["check"], directory), "ok: 0 living processes\n");
    fs::write(directory.join("stray.hc"), "something else").expect("ours");
    assert!(fails(&["check"]).contains("stray.hc: not a segment"));
}

#[test]
fn catalog_lists_what_is_counted() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let table = succeeds(&["catalog"], folder.path());
    assert!(
        table.starts_with("| family | type | unit | labels | series | help |\n|---|"),
        "{table}"
    );
    assert!(table.contains("\n| `made_total` | counter |  |  | 1 | "), "{table}");
    assert!(table.contains("\n| `requests_total` | counter |  | `method`, `path` | "), "{table}");
    assert!(!table.contains("headcount_"), "{table}");
    let json = succeeds(&["catalog", "--format", "json"], folder.path());
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let of = |name: &str| {
        let all = json.as_array().expect("a list").iter();
        all.clone().find(|family| family["name"] == name).expect("it is there").clone()
    };
    assert_eq!(of("requests_total")["labels"], serde_json::json!(["method", "path"]));
    assert_eq!(of("made_total")["type"], "counter");

    // A panel for each family, and rules that name what is there.
    let dashboard = succeeds(&["catalog", "--format", "grafana"], folder.path());
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let of = |name: &str| {
        let panel = panels.iter().find(|panel| panel["title"] == name).expect("a panel");
        panel["targets"][0]["expr"].as_str().expect("a query").to_owned()
    };
    assert_eq!(of("made_total"), "sum (rate(made_total[$__rate_interval]))");
    assert_eq!(
        of("requests_total"),
        "sum by (method, path) (rate(requests_total[$__rate_interval]))"
    );
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    assert!(rules.starts_with("groups:\n  - name: headcount\n    rules:\n"), "{rules}");
    assert!(rules.contains("alert: HeadcountFilesSkipped"), "{rules}");
}

#[test]
#[ignore = "needs the peer promtool"]
fn prometheus_takes_the_rules() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    let path = folder.path().join("rules.yml");
    fs::write(&path, rules).expect("ours");
    let mut check = Command::new(headcount_tests::peer("promtool"));
    let (code, out, err) = run(check.args(["check", "rules"]).arg(&path));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("SUCCESS"), "{out}");
}
