#!/usr/bin/env python3
"""What annotations cost at compile time: 1,000 functions, half of them async, with one set of
attributes after another.

    tests/compile_time.py [functions] [turns]

The defaults are 1,000 and 3. They take some 10 minutes; run it on an otherwise idle machine.

Prints a table in Markdown: the seconds of `check`, of a dev build and of a release build of the
annotated crate alone (its dependencies are built before), the size of the release's program, and
the number of lines of the expansion. The sets take turns; a figure is the median of its turns.
`tests/peers/run compile` calls this script.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

FUNCTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
TURNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

ROOT = pathlib.Path(__file__).resolve().parent.parent

ALL_FOUR = "use headcount::{count_exceptions, counted, in_progress, timed};"
CASES = {
    "no attribute": ("", ""),
    "`#[counted]`": ("use headcount::counted;", "#[counted]"),
    "`#[timed]`": ("use headcount::timed;", "#[timed]"),
    "`#[in_progress]`": ("use headcount::in_progress;", "#[in_progress]"),
    "`#[count_exceptions]`": ("use headcount::count_exceptions;", "#[count_exceptions]"),
    "all four": (ALL_FOUR, "#[counted] #[timed] #[in_progress] #[count_exceptions]"),
    "all four, by outcome": (ALL_FOUR, "#[counted(outcome)] #[timed(outcome)] #[in_progress] #[count_exceptions]"),
    "`#[tracing::instrument(skip_all)]`": ("use tracing::instrument;", "#[instrument(skip_all)]"),
    "`#[tracing::instrument(skip_all, err)]`": ("use tracing::instrument;", "#[instrument(skip_all, err)]"),
    "`#[autometrics]`": ("use autometrics::autometrics;", "#[autometrics]"),
}

COMMANDS = {"check": ["check"], "dev": ["build"], "release": ["build", "--release"]}
EXPAND = ["rustc", "--profile", "dev", "--", "-Zunpretty=expanded"]

MANIFEST = f"""
[package]
name = "annotated"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
headcount = {{ path = "{ROOT / "runtime"}" }}
tracing = {{ version = "0.1", default-features = false, features = ["attributes", "std"] }}
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
    # Of what nobody uses the compiler makes no code. A future's body is used where it can be polled.
    uses = "\n".join(f"    keep_future(Box::new(f{n}(1, \"\")));" if n % 2 else f"    keep(f{n});" for n in range(FUNCTIONS))
    return f"""{use}
type Returned = Result<u32, String>;
{functions}
fn keep(function: fn(u32, &str) -> Returned) {{
    std::hint::black_box(function);
}}
fn keep_future(future: Box<dyn Future<Output = Returned>>) {{
    std::hint::black_box(future);
}}
fn main() {{
{uses}
}}
"""


def cargo(folder, command):
    # An expansion is printed by nightly compilers only: this one is told, of this crate alone, that it may. Apart, since build scripts look at that, and all would be built again.
    is_expanded = command == EXPAND
    target = folder / ("expanded" if is_expanded else "target")
    environment = dict(os.environ, CARGO_INCREMENTAL="0", CARGO_TARGET_DIR=str(target))
    if is_expanded:
        environment["RUSTC_BOOTSTRAP"] = "annotated"
    result = subprocess.run(["cargo", command[0], "--quiet", *command[1:]], cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: {result.stderr}")
    return result.stdout


def write(folder, case, turn):
    # Another text each time, or nothing would be compiled.
    (folder / "src/main.rs").write_text(f"{source(*CASES[case])}// {turn}\n")


def sizes(folder):
    """Of the program, whole and stripped, in bytes."""
    program = folder / "target/release/annotated"
    stripped = folder / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    return program.stat().st_size, stripped.stat().st_size


def measure(folder):
    seconds = {(case, command): [] for case in CASES for command in COMMANDS}
    size, lines = {}, {}
    for turn in range(TURNS):
        for case in CASES:
            write(folder, case, turn)
            for name, command in COMMANDS.items():
                began = time.monotonic()
                cargo(folder, command)
                seconds[case, name].append(time.monotonic() - began)
            if turn == 0:
                size[case] = sizes(folder)
                lines[case] = len(cargo(folder, EXPAND).splitlines())
    return {key: statistics.median(took) for key, took in seconds.items()}, size, lines


def main():
    # Where it stays: the dependencies are built once.
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "compile-time"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    # The versions that the other comparisons are with.
    shutil.copy(ROOT / "tests/peers/Cargo.lock", folder)
    (folder / "src/main.rs").write_text("fn main() {}\n")
    for command in [*COMMANDS.values(), EXPAND]:
        cargo(folder, command)
    seconds, size, lines = measure(folder)
    plain = "no attribute"
    print("| attributes | check, s | dev build, s | release build, s | program, KiB | stripped, KiB | lines of expansion a function |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for case in CASES:
        took = [f"{seconds[case, name]:.2f} ({seconds[case, name] / seconds[plain, name]:.1f})" for name in COMMANDS]
        of_program = [f"{of / 1024:,.0f}" for of in size[case]]
        print(f"| {' | '.join([case, *took, *of_program, f'{lines[case] / FUNCTIONS:.1f}'])} |")
    print(f"""
{FUNCTIONS:,} functions, half of them async. Only the crate that contains them is compiled, without
incremental compilation. The figures are medians of {TURNS} turns; in brackets, the ratio to the
time without attributes. The program is the release build, with headcount and all libraries that the
functions' attributes use linked in.""")


if __name__ == "__main__":
    main()
