//! `headcount check`, and `catalog` as a table and as JSON.

use std::fs;

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
}
