//! What headcount adds to a program, in bytes: the same sources make the same bytes with one
//! compiler, so they can be asserted. `tests/peers/run size` measures more programs.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::fs;
use std::path::Path;
use std::process::Command;

const EMPTY: &str = "fn main() {}\n";

const RECORDS: &str = r#"
/// Runs of this program.
#[headcount::metric(name = "runs_total")]
static RUNS: headcount::Counter;

fn main() {
    RUNS.inc();
}
"#;

const COLLECTS: &str = r#"
/// Runs of this program.
#[headcount::metric(name = "runs_total")]
static RUNS: headcount::Counter;

fn main() -> Result<(), headcount::Error> {
    RUNS.inc();
    print!("{}", headcount::Collector::new().collect()?.to_text());
    Ok(())
}
"#;

/// The sizes of programs, built as a user's release is, and stripped; `features` says which.
fn sizes(programs: &[(&str, &str)], features: &[&str]) -> Vec<u64> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("size");
    fs::create_dir_all(folder.join("src/bin")).expect("ours");
    // The versions that this workspace uses are there; others would have to be fetched.
    fs::copy(tests.join("../Cargo.lock"), folder.join("Cargo.lock")).expect("ours");
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"size\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [features]\ndefault = ['headcount/default']\n\n\
         [dependencies]\nheadcount = {{ path = '{}', default-features = false }}\n\n\
         [profile.release]\nstrip = true\n",
        tests.join("../runtime").display(),
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("ours");
    for (name, source) in programs {
        fs::write(folder.join("src/bin").join(format!("{name}.rs")), source).expect("ours");
    }
    let target = folder.join("target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "--release"])
        .args(features)
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success());
    let size = |(name, _): &(&str, &str)| fs::metadata(target.join("release").join(name));
    programs.iter().map(|program| size(program).expect("it was built").len()).collect()
}

/// The bounds are a little above what was reached. Whoever passes one finds the cause with
/// `nm --size-sort --demangle` before raising it.
#[test]
#[ignore = "compiles a release: run tests/run"]
fn a_program_gains_few_bytes() {
    let programs = [("empty", EMPTY), ("records", RECORDS), ("collects", COLLECTS)];
    let all = sizes(&programs, &[]);
    let [empty, records, collects] = all[..] else { panic!("{all:?}") };
    let (records, collects) = (records - empty, collects - empty);
    let alone = sizes(&[("records", RECORDS)], &["--no-default-features", "--bin", "records"]);
    let alone = alone[0] - empty;
    assert!(alone <= 420_000, "one that cannot compact gained {alone} bytes");
    assert!(records <= 918_000, "one that records gained {records} bytes");
    assert!(collects <= 1_460_000, "one that also collects gained {collects} bytes");
    // What nobody uses is not linked.
    assert!(records < collects, "{records} {collects}");
}
