#!/usr/bin/env python3
"""What a metrics library adds to a program: the sizes of the smallest programs that use one.

    tests/program_size.py

It takes some minutes. Prints a table in Markdown: the size of each program, built as a user's
release is (opt-level 3, no link-time optimisation) and stripped, and by how much it is larger than
an empty program. `tests/peers/run size` calls this script.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

COUNTER = """/// Runs of this program.
#[headcount::metric(name = "runs_total")]
static RUNS: headcount::Counter;
"""

PROMETHEUS = """use prometheus::{IntCounter, Registry};
fn main() {
    let (registry, runs) = (Registry::new(), IntCounter::new("runs_total", "Runs.").unwrap());
    registry.register(Box::new(runs.clone())).unwrap();
    runs.inc();
"""

PROMETHEUS_CLIENT = """use prometheus_client::{metrics::counter::Counter, registry::Registry};
fn main() {
    let (mut registry, runs) = (Registry::default(), Counter::<u64>::default());
    registry.register("runs", "Runs", runs.clone());
    runs.inc();
"""

METRICS = """fn main() {
    let handle = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();
    metrics::counter!("runs_total").increment(1);
"""

OPENTELEMETRY = """use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
fn main() {
    let registry = prometheus::Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
    let provider = SdkMeterProvider::builder().with_reader(exporter.build().unwrap()).build();
    let runs = provider.meter("size").u64_counter("runs").build();
    runs.add(1, &[]);
"""

HEADCOUNT = f'headcount = {{ path = "{ROOT / "runtime"}"'
WITH_PROMETHEUS = 'prometheus = { version = "0.14", default-features = false }'
WITH_CLIENT = 'prometheus-client = "0.26"'
WITH_METRICS = """metrics = "0.24"
metrics-exporter-prometheus = { version = "0.18", default-features = false }"""

WITH_OPENTELEMETRY = f"""{WITH_PROMETHEUS}
opentelemetry = {{ version = "0.33", default-features = false, features = ["metrics"] }}
opentelemetry-prometheus = {{ version = "0.33", default-features = false }}
opentelemetry_sdk = {{ version = "0.33", default-features = false, features = ["metrics"] }}"""

# The name of the program, what it does, its dependencies, and its source.
PROGRAMS = [
    ("empty", "an empty program", "", "fn main() {}\n"),
    ("records", "headcount: a counter", HEADCOUNT + " }", COUNTER + "fn main() { RUNS.inc(); }\n"),
    (
        "records-alone",
        "headcount: a counter, without the feature `compact-when-full`",
        HEADCOUNT + ", default-features = false }",
        COUNTER + "fn main() { RUNS.inc(); }\n",
    ),
    (
        "annotated",
        "headcount: a function with all four attributes",
        HEADCOUNT + " }",
        """use headcount::{count_exceptions, counted, in_progress, timed};
#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn work() -> Result<(), String> { std::hint::black_box(Ok(())) }
fn main() { let _ = work(); }
""",
    ),
    (
        "collects",
        "headcount: a counter, collected and written as text",
        HEADCOUNT + " }",
        COUNTER
        + """fn main() {
    RUNS.inc();
    print!("{}", headcount::Collector::new().collect().unwrap().to_text());
}
""",
    ),
    (
        "serves",
        "headcount: a counter, with the server of the feature `serve`",
        HEADCOUNT + ', features = ["serve"] }',
        COUNTER
        + """fn main() {
    RUNS.inc();
    let _server = headcount::serve("127.0.0.1:0").unwrap();
}
""",
    ),
    ("prometheus", "prometheus: a counter in a registry", WITH_PROMETHEUS, PROMETHEUS + "}\n"),
    (
        "prometheus-text",
        "prometheus: the same, written as text",
        WITH_PROMETHEUS,
        PROMETHEUS
        + """    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
    print!("{}", text.unwrap());
}
""",
    ),
    ("client", "prometheus-client: a counter in a registry", WITH_CLIENT, PROMETHEUS_CLIENT + "}\n"),
    (
        "client-text",
        "prometheus-client: the same, written as text",
        WITH_CLIENT,
        PROMETHEUS_CLIENT
        + """    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    print!("{text}");
}
""",
    ),
    ("metrics", "metrics, with the recorder of metrics-exporter-prometheus: a counter", WITH_METRICS, METRICS + "    drop(handle);\n}\n"),
    ("metrics-text", "metrics: the same, written as text", WITH_METRICS, METRICS + '    print!("{}", handle.render());\n}\n'),
    (
        "opentelemetry",
        "OpenTelemetry's SDK, with opentelemetry-prometheus: a counter",
        WITH_OPENTELEMETRY,
        OPENTELEMETRY + "}\n",
    ),
    (
        "opentelemetry-text",
        "OpenTelemetry's SDK: the same, written as text",
        WITH_OPENTELEMETRY,
        OPENTELEMETRY
        + """    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
    print!("{}", text.unwrap());
}
""",
    ),
]


def build(folder, name):
    # One at a time: built together, they would have one another's features.
    package = f"size-{name}"
    command = ["cargo", "build", "--quiet", "--release", "--package", package]
    environment = {key: value for key, value in os.environ.items() if key != "RUSTFLAGS"}
    environment["CARGO_TARGET_DIR"] = str(folder / "target")
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{name}: {result.stderr}")
    return (folder / "target/release" / package).stat().st_size


def main():
    # Where it stays: the dependencies are built once.
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "program-size"
    for name, _, dependencies, source in PROGRAMS:
        (folder / name / "src").mkdir(parents=True, exist_ok=True)
        package = f'[package]\nname = "size-{name}"\nversion = "0.1.0"\nedition = "2024"\n'
        (folder / name / "Cargo.toml").write_text(f"{package}\n[dependencies]\n{dependencies}\n")
        (folder / name / "src/main.rs").write_text(source)
    members = ", ".join(f'"{name}"' for name, *_ in PROGRAMS)
    (folder / "Cargo.toml").write_text(f"[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[profile.release]\nstrip = true\n")
    # The versions that the other comparisons are with.
    shutil.copy(ROOT / "tests/peers/Cargo.lock", folder)
    print("| program | KiB | more than an empty one, KiB |")
    print("| --- | ---: | ---: |")
    empty = None
    for name, what, *_ in PROGRAMS:
        size = build(folder, name)
        empty = empty or size
        print(f"| {what} | {size / 1024:,.0f} | {(size - empty) / 1024:,.0f} |", flush=True)
    print("""
Each program is a user's release build (`opt-level = 3`, no link-time optimisation) with
`strip = true`, and default features except where the row names one. `prometheus`,
`metrics-exporter-prometheus` and OpenTelemetry's crates have no default features: neither protobuf
nor an HTTP listener.""")


main()
