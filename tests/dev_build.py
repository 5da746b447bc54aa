#!/usr/bin/env python3
"""What a call of an annotated function takes in a dev build, where neither the program nor the
libraries are optimised.

    tests/dev_build.py [--quick]

It takes two minutes, most of it to build. Prints a table in Markdown. The program is generated and
built with cargo's default profile for development; headcount and the other libraries are ordinary
dependencies. `tests/peers/run dev-build` calls this script.
"""

import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TURNS = 3 if "--quick" in sys.argv[1:] else 101

MANIFEST = f"""
[package]
name = "dev-build"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
headcount = {{ path = "{ROOT / "runtime"}" }}
autometrics = {{ version = "3", features = ["prometheus-client"] }}
prometheus = {{ version = "0.14", default-features = false }}
tracing = {{ version = "0.1", default-features = false, features = ["attributes", "std"] }}
tracing-subscriber = {{ version = "0.3", default-features = false, features = ["registry", "std"] }}
"""

# The attributes before a function, or the function's body, by the row of the table.
PLAIN = "a plain call"
ATTRIBUTES = {
    PLAIN: "",
    "`#[counted]`": "#[headcount::counted]",
    "`#[timed]`": "#[headcount::timed]",
    "`#[in_progress]`": "#[headcount::in_progress]",
    "`#[count_exceptions]`": "#[headcount::count_exceptions]",
    "all four": "#[headcount::counted] #[headcount::timed] #[headcount::in_progress] #[headcount::count_exceptions]",
    "`#[tracing::instrument(skip_all)]`": "#[tracing::instrument(skip_all)]",
    "`#[autometrics]`": "#[autometrics::autometrics]",
}
BODIES = {
    "by hand: two reads of `Instant`": "let began = std::time::Instant::now(); let result = f0(value); std::hint::black_box(began.elapsed()); result",
    "by hand: `prometheus`, a counter": "COUNTER.inc(); f0(value)",
    "by hand: `prometheus`, a histogram's timer": "let _timer = HISTOGRAM.start_timer(); f0(value)",
}
NAMES = [*ATTRIBUTES, *BODIES]

PROGRAM = """
use std::sync::LazyLock;
use std::time::Instant;

use tracing_subscriber::layer::SubscriberExt;

static COUNTER: LazyLock<prometheus::IntCounter> =
    LazyLock::new(|| prometheus::IntCounter::new("calls_total", "Calls.").unwrap());
static HISTOGRAM: LazyLock<prometheus::Histogram> = LazyLock::new(|| {
    prometheus::Histogram::with_opts(prometheus::HistogramOpts::new("calls_seconds", "Calls.")).unwrap()
});

fn main() {
    headcount::init(headcount::Config::new().directory(std::env::args().nth(1).unwrap())).unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let functions: [fn(u64) -> f64; CASES] = [TURNS_OF];
    let mut least = [f64::MAX; CASES];
    // The first turn makes what is made once. It takes longer than until the clock's rate is known.
    for turn in 0..=std::env::args().nth(2).unwrap().parse().unwrap() {
        for (function, least) in functions.iter().zip(&mut least) {
            let took = function(20_000);
            if turn > 0 {
                *least = least.min(took);
            }
        }
    }
    for took in least {
        println!("{took}");
    }
}
"""


def source():
    functions = [f"{attributes}\n#[inline(never)]\nfn f{n}(value: u64) -> Result<u64, ()> {{ std::hint::black_box(Ok(value)) }}\n" for n, attributes in enumerate(ATTRIBUTES.values())]
    functions += [f"fn f{n}(value: u64) -> Result<u64, ()> {{ {body} }}\n" for n, body in enumerate(BODIES.values(), len(ATTRIBUTES))]
    turns = [
        f"fn turn{n}(times: u64) -> f64 {{\n"
        "    let began = Instant::now();\n"
        "    let mut value = 0;\n"
        f"    while value < times {{ let _ = f{n}(value); value += 1; }}\n"
        "    began.elapsed().as_secs_f64() * 1e9 / times as f64\n}\n"
        for n in range(len(NAMES))
    ]
    program = PROGRAM.replace("CASES", str(len(NAMES)))
    program = program.replace("TURNS_OF", ", ".join(f"turn{n}" for n in range(len(NAMES))))
    return program + "\n".join(functions + turns)


def machine():
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    with open("/proc/cpuinfo") as lines:
        processor = next((line.split(": ")[1].strip() for line in lines if line.startswith("model name")), "an unknown processor")
    return f"{os.cpu_count()} x {processor}, Linux {platform.release()}, {rustc},\nload {os.getloadavg()[0]:.2f}; {TURNS} turns"


def main():
    # Where it stays: the dependencies are built once.
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "dev-build"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "src/main.rs").write_text(source())
    # The versions that the other comparisons are with.
    shutil.copy(ROOT / "tests/peers/Cargo.lock", folder)
    # The profile is cargo's own, whatever this shell asks for.
    environment = {key: value for key, value in os.environ.items() if key != "RUSTFLAGS" and not key.startswith("CARGO_PROFILE_")}
    environment["CARGO_TARGET_DIR"] = str(folder / "target")
    built = subprocess.run(["cargo", "build", "--quiet"], cwd=folder, env=environment, capture_output=True, text=True)
    if built.returncode != 0:
        sys.exit(built.stderr)
    memory = pathlib.Path("/dev/shm")
    directory = (memory if memory.is_dir() else folder) / f"headcount-dev-build-{os.getpid()}"
    try:
        program = folder / "target/debug/dev-build"
        ran = subprocess.run([program, directory, str(TURNS)], capture_output=True, text=True, check=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    took = dict(zip(NAMES, map(float, ran.stdout.split()), strict=True))
    print(f"{machine()}\n")
    print("| in a dev build | ns | more than a plain call, ns |")
    print("| --- | ---: | ---: |")
    for name in NAMES:
        more = "" if name == PLAIN else f"{took[name] - took[PLAIN]:.0f}"
        print(f"| {name} | {took[name]:.0f} | {more} |")
    print("""
Nothing is optimised: cargo's default profile for development, for the program and for all
libraries. Each row is a call of a function that returns a `Result`, in a loop that is part of the
figure; the least of all turns, of 20,000 calls each, in one thread. `tracing` opens and closes a
span for a registry that nobody reads. By hand: the plain call, with what stands there around it.""")


main()
