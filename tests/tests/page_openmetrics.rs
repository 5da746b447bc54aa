//! The page as `OpenMetrics`: who asks gets it, the Python client's parser takes it, and it says
//! what the text format says.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use headcount::{Collector, MetricFamily, MetricType, Scrape, Snapshot};
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::server::Server;
use headcount_tests::{Medium, eventually, peer, temporary_directory};

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
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(kind, Some(format!("{openmetrics}; escaping=allow-utf-8").as_str()));
    assert!(page.body.contains("# TYPE function_calls counter\n"), "{}", page.body);
    assert!(page.body.ends_with("\n# EOF\n"), "{}", page.body);

    for accept in ["*/*", "", "application/openmetrics-text;q=0"] {
        let page = server.connect().get_as("/metrics", accept).expect("a worker answers");
        assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        Page::parse(&page.body).expect("the text format");
    }
}

/// The page, with created times.
fn openmetrics(snapshot: &Snapshot) -> String {
    let scrape = Scrape::new().accept(PROMETHEUS).created(true);
    String::from_utf8(snapshot.render(scrape).into_body()).expect("UTF-8")
}

/// What the Python client's parser reads: each family's type, and the samples.
struct Parsed {
    types: BTreeMap<String, String>,
    /// As [`Page::samples`] has them, without created times.
    samples: BTreeMap<String, f64>,
}

/// Reads pages. Fails where the parser finds anything that the specification forbids.
fn parsed(pages: &[String]) -> Vec<Parsed> {
    let program = r#"
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString
def key(sample):
    escaped = lambda v: v.replace("\\", r"\\").replace("\n", r"\n").replace('"', r'\"')
    labels = ",".join(f'{k}="{escaped(v)}"' for k, v in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")
counted = ("counter", "histogram", "summary")
read = []
for page in json.load(sys.stdin):
    try:
        families = list(text_string_to_metric_families(page))
    except ValueError as error:
        sys.exit(f"{error}\n{page}")
    read.append({
        "types": {f.name: f.type for f in families},
        "samples": {key(s): floatToGoString(s.value) for f in families for s in f.samples
                    if not (f.type in counted and s.name == f.name + "_created")},
    })
print(json.dumps(read))
"#;
    let mut python = Command::new(peer("python"))
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let pages = serde_json::to_vec(pages).expect("JSON");
    python.stdin.take().expect("a pipe").write_all(&pages).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let page = |page: &serde_json::Value| {
        let object = |key: &str| page[key].as_object().expect("an object").clone().into_iter();
        let number = |value: &serde_json::Value| text(value).parse().expect("a number");
        Parsed {
            types: object("types").map(|(name, kind)| (name, text(&kind))).collect(),
            samples: object("samples").map(|(name, value)| (name, number(&value))).collect(),
        }
    };
    read.as_array().expect("pages").iter().map(page).collect()
}

/// The samples by name, as bits: a NaN is itself.
fn bits(samples: &BTreeMap<String, f64>) -> BTreeMap<&str, u64> {
    samples.iter().map(|(name, value)| (name.as_str(), value.to_bits())).collect()
}

#[test]
#[ignore = "needs the Python client; tests/run provides it"]
fn the_python_client_reads_the_same_samples_from_both_formats() {
    let server = busy_server();
    let snapshot = Collector::from_directory(&server.directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = Page::parse(&snapshot.to_text()).expect("the text format");
    let pages = parsed(&[openmetrics(&snapshot)]);
    for (family, kind) in [
        ("function_calls", "counter"),
        ("function_calls_duration_seconds", "histogram"),
        ("function_calls_concurrent", "gauge"),
        ("headcount_build", "info"),
    ] {
        assert_eq!(pages[0].types[family], kind, "{family}");
    }
    assert!(pages[0].samples.len() > 50);
    assert_eq!(bits(&pages[0].samples), bits(&text.samples));
}

/// A family whose name is like that of another's samples, with a value that its kind may not have.
fn awkward_family(random: &mut Random, counted: &[MetricFamily]) -> MetricFamily {
    let stem = random.pick(&["x", "y_seconds", ":", "_"]);
    let suffixes = ["", "_created", "_sum", "_count", "_bucket", "_total", "_info", "_total_total"];
    let suffix = random.pick(&suffixes);
    let help = *random.pick(&["", "of \"that\"", "\\n\n\\", " "]);
    let mut family = match random.below(5) {
        0 => MetricFamily::counter(format!("{stem}_total"), help),
        1 => MetricFamily::info(format!("{stem}_info"), help),
        2 => MetricFamily::gauge(format!("{stem}{suffix}"), help),
        3 => {
            let mut family = MetricFamily::gauge(format!("{stem}{suffix}"), help);
            family.kind = MetricType::StateSet;
            family
        }
        _ => {
            // A histogram or a summary that was really counted, under that name.
            let mut family = random.pick(counted).clone();
            family.name = format!("{stem}{suffix}");
            return family;
        }
    };
    if family.name.trim_end_matches("_total").ends_with("_seconds") {
        family = family.with_unit("seconds");
    }
    for _ in 0..=random.below(3) {
        let label = random.pick(&["a", "x", "le", "quantile", "pid"]);
        let value = random.pick(&["", "1", "2", "\"\\\n", "é"]);
        let numbers = [1.0, 1.0, 1.0, 0.0, 1e-7, 2.5e17, f64::INFINITY, f64::NAN, -1.0];
        family = family.with_series(&[(label, value), ("z", "1")], *random.pick(&numbers));
    }
    family
}

#[test]
#[ignore = "needs the Python client; tests/run provides it"]
fn what_only_openmetrics_can_say_is_read_too() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = || {
        let path = path.to_str().expect("UTF-8");
        Child::start(Command::new(env!("CARGO_BIN_EXE_burner")).args(["burn", path]))
    };
    let burners = [burner(), burner()];
    // Both have the state from their first operation on, when they are still out.
    let page = eventually("both burn", || {
        let snapshot = Collector::from_directory(path).collect().ok()?;
        let page = openmetrics(&snapshot);
        let is_lit = |line: &&str| line.starts_with("fire{fire=\"lit\"") && line.ends_with(" 1");
        (page.lines().filter(is_lit).count() == burners.len()).then_some(page)
    });
    let read = &parsed(std::slice::from_ref(&page))[0];
    for (family, kind) in [("fire", "stateset"), ("burner", "info"), ("burnt", "counter")] {
        assert_eq!(read.types.get(family).map(String::as_str), Some(kind), "{family}\n{page}");
    }
    assert!(page.contains("\nburner_info{version=\"1 \\\"a\\\"\"} 1\n"), "{page}");
    let created = page.lines().find_map(|line| line.strip_prefix("burnt_created "));
    let created: f64 = created.expect("it is reported").parse().expect("a number");
    assert!(created > 1.7e9, "{created}");
    for burner in &burners {
        let state = |state, value: u8| {
            let line = format!("\nfire{{fire=\"{state}\",pid=\"{}\"}} {value}\n", burner.pid());
            assert!(page.contains(&line), "{line}{page}");
        };
        state("lit", 1);
        state("out", 0);
    }
}

#[test]
#[ignore = "needs the Python client; tests/run provides it"]
fn whatever_families_there_are_the_page_is_valid_and_says_what_the_text_says() {
    let mut random = Random::seeded();
    let seed = random.seed();
    let directory = temporary_directory(Medium::Memory);
    let mut worker = Child::start(Command::new(env!("CARGO_BIN_EXE_worker")).args([
        "init",
        directory.path().to_str().expect("UTF-8"),
        "10",
    ]));
    assert!(worker.wait().success());
    let collector = Collector::from_directory(directory.path());
    let snapshot = collector.collect().expect("a snapshot");
    let is_several = |family: &&MetricFamily| family.kind == MetricType::Histogram;
    let counted: Vec<MetricFamily> =
        snapshot.families().iter().filter(is_several).cloned().collect();
    assert_ne!(counted.len(), 0);

    let (mut pages, mut texts) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let families: Vec<MetricFamily> =
            (0..6).map(|_| awkward_family(&mut random, &counted)).collect();
        let snapshot = Collector::from_directory(directory.path())
            .with_families(move || families.clone())
            .collect();
        let snapshot = snapshot.expect("a snapshot");
        pages.push(openmetrics(&snapshot));
        texts.push(Page::parse(&snapshot.to_text()).expect("the text format"));
    }
    let (mut weakened, mut info) = (0, 0);
    for ((read, text), page) in parsed(&pages).iter().zip(&texts).zip(&pages) {
        assert_eq!(bits(&read.samples), bits(&text.samples), "seed {seed}\n{page}");
        weakened += usize::from(read.types.values().any(|kind| kind == "unknown"));
        info += usize::from(read.types.get("x").is_some_and(|kind| kind == "info"));
    }
    assert!(weakened > 20 && info > 5, "seed {seed}: {weakened} {info}");
}
