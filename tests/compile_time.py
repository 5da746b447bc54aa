#!/usr/bin/env python3
"""What annotations cost at compile time: 1,000 functions, half of them async, with one set of attributes after another.

Prints a table of seconds, and the ratio to the same functions without attributes. Dependencies are built before, so that only
the annotated crate is measured; each figure is the least of several runs. Run it alone: a busy machine shows.

    tests/compile_time.py [functions] [runs]
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

FUNCTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

ROOT = pathlib.Path(__file__).resolve().parent.parent

CASES = {
    "no attribute": ("", ""),
    "counted": ("use headcount::counted;", "#[counted]"),
    "all four": (
        "use headcount::{count_exceptions, counted, in_progress, timed};",
        "#[counted] #[timed] #[in_progress] #[count_exceptions]",
    ),
    "all four, by outcome": (
        "use headcount::{count_exceptions, counted, in_progress, timed};",
        "#[counted(outcome)] #[timed(outcome)] #[in_progress] #[count_exceptions]",
    ),
    "tracing, skip_all": ("use tracing::instrument;", "#[instrument(skip_all)]"),
    "tracing, err": ("use tracing::instrument;", "#[instrument(skip_all, err)]"),
    "autometrics": ("use autometrics::autometrics;", "#[autometrics]"),
}

MANIFEST = f"""
[package]
name = "annotated"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
headcount = {{ path = "{ROOT / "runtime"}" }}
tracing = "0.1"
autometrics = {{ version = "3", features = ["prometheus-client"] }}
"""


def source(use, attributes):
    functions = "\n".join(
        f"""{attributes}
pub {"async " if n % 2 else ""}fn f{n}(a: u32, b: &str) -> Result<u32, String> {{
    if a == {n} {{
        return Err(b.to_string());
    }}
    {"std::future::ready(()).await;" if n % 2 else ""}
    Ok(a + 1)
}}"""
        for n in range(FUNCTIONS)
    )
    return f"{use}\n{functions}\nfn main() {{\n    let _ = f0(1, \"\");\n}}\n"


def cargo(folder, command):
    environment = dict(os.environ, CARGO_INCREMENTAL="0", RUSTFLAGS="-A dead_code")
    environment["CARGO_TARGET_DIR"] = str(folder / "target")
    result = subprocess.run(
        ["cargo", *command, "--quiet"], cwd=folder, env=environment, capture_output=True, text=True
    )
    if result.returncode != 0:
        sys.exit(result.stderr)


def seconds(folder, text, command):
    best = None
    for run in range(RUNS):
        # Another text each time, or nothing would be compiled.
        (folder / "src/main.rs").write_text(f"{text}// {run}\n")
        started = time.monotonic()
        cargo(folder, command)
        took = time.monotonic() - started
        best = took if best is None else min(best, took)
    return best


def main():
    with tempfile.TemporaryDirectory(prefix="compile-time-") as name:
        folder = pathlib.Path(name)
        (folder / "src").mkdir()
        (folder / "Cargo.toml").write_text(MANIFEST)
        commands = {"check": ["check"], "dev": ["build"], "release": ["build", "--release"]}
        for command in commands.values():
            (folder / "src/main.rs").write_text("fn main() {}\n")
            cargo(folder, command)
        print(f"{FUNCTIONS} functions, seconds (and times the plain ones)\n")
        print(f"{'':22}" + "".join(f"{name:>16}" for name in commands))
        plain = {}
        for case, (use, attributes) in CASES.items():
            row = []
            for name, command in commands.items():
                took = seconds(folder, source(use, attributes), command)
                plain.setdefault(name, took)
                row.append(f"{took:8.2f} ({took / plain[name]:4.1f})")
            print(f"{case:22}" + "".join(f"{cell:>16}" for cell in row), flush=True)


if __name__ == "__main__":
    main()
