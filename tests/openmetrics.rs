//! The page as `OpenMetrics`: who asks gets it, the Python client's parser takes it, and it says what the text format says.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use headcount_tests::page::Page;
use headcount_tests::peer;
use headcount_tests::server::Server;

/// What Prometheus 3 asks for.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

/// A server that has counted something of everything, and lost a worker.
fn busy_server() -> Server {
    let server = Server::start(&["0", "2"]);
    for (path, status) in [("/", 200), ("/order/coffee/2", 200), ("/spill", 500), ("/brew/3", 200)]
    {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    server.kill_workers(&server.workers()[..1]);
    server
}

#[test]
fn the_server_answers_in_the_format_that_it_is_asked_for() {
    let server = busy_server();
    let page = server.connect().get_as("/metrics", PROMETHEUS).expect("a worker answers");
    let kind = page.header("content-type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(page.body.contains("# TYPE function_calls counter\n"), "{}", page.body);
    assert!(page.body.ends_with("\n# EOF\n"), "{}", page.body);

    for accept in ["*/*", "", "application/openmetrics-text;q=0"] {
        let page = server.connect().get_as("/metrics", accept).expect("a worker answers");
        assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        Page::parse(&page.body).expect("the text format");
    }
}

/// What the Python client's parser reads: each family's type and unit, and the samples.
struct Parsed {
    families: BTreeMap<String, (String, String)>,
    /// As [`Page::samples`] has them.
    samples: BTreeMap<String, f64>,
}

/// Fails where the parser finds anything that the specification forbids.
fn parsed(page: &str) -> Parsed {
    let program = r#"
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString
def key(sample):
    escaped = lambda v: v.replace("\\", r"\\").replace("\n", r"\n").replace('"', r'\"')
    labels = ",".join(f'{k}="{escaped(v)}"' for k, v in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps({
    "families": {f.name: [f.type, f.unit] for f in families},
    "samples": {key(s): floatToGoString(s.value) for f in families for s in f.samples},
}))
"#;
    let mut python = Command::new(peer("../venv/bin/python"))
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    python.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "{}\n{page}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let object = |key: &str| read[key].as_object().expect("an object").clone().into_iter();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let number = |value: &serde_json::Value| text(value).parse().expect("a number");
    Parsed {
        families: object("families")
            .map(|(name, told)| (name, (text(&told[0]), text(&told[1]))))
            .collect(),
        samples: object("samples").map(|(name, value)| (name, number(&value))).collect(),
    }
}

#[test]
#[ignore = "needs the Python client; tests/run provides it"]
fn the_python_client_reads_the_same_samples_from_both_formats() {
    let server = busy_server();
    let snapshot = headcount::Collector::open(&server.directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = Page::parse(&snapshot.to_text()).expect("the text format");
    let mut page = parsed(&snapshot.to_openmetrics());
    for (family, kind) in [
        ("function_calls", "counter"),
        ("function_calls_duration_seconds", "histogram"),
        ("function_calls_concurrent", "gauge"),
    ] {
        assert_eq!(page.families[family].0, kind, "{family}");
    }
    page.samples.retain(|name, _| !name.split('{').next().is_some_and(|n| n.ends_with("_created")));
    assert!(page.samples.len() > 50);
    assert_eq!(page.samples, text.samples);
}
