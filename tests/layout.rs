//! The files of `tests/` and `examples/` lie flat, through a list in the manifest: one that is forgotten there is
//! silently not built. These tests compare the list with the folder, and `tests/run` with the tests that only it runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sources of a package's targets, as cargo sees them.
fn targets(package: &Path) -> BTreeSet<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let ours = packages.iter().find(|known| {
        known["manifest_path"].as_str().map(Path::new) == Some(&package.join("Cargo.toml"))
    });
    let targets = ours.expect("the package is in the workspace")["targets"].as_array();
    let path =
        |target: &serde_json::Value| PathBuf::from(target["src_path"].as_str().expect("a path"));
    targets.expect("targets").iter().map(path).collect()
}

/// The modules that a package's library declares: each may be a file beside it, and is built with it.
fn modules(package: &Path) -> BTreeSet<PathBuf> {
    let library =
        fs::read_to_string(package.join("lib.rs")).expect("every package here has a lib.rs");
    let module = |line: &str| {
        let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?;
        Some(package.join(format!("{}.rs", name.strip_suffix(';')?)))
    };
    library.lines().filter_map(module).collect()
}

/// The sources directly in a folder.
fn sources(package: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(package).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn every_source_is_built(folder: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = tests.parent().expect("tests lies in the workspace").join(folder);
    let mut built = targets(&package);
    built.extend(modules(&package));
    let sources = sources(&package);
    let forgotten: Vec<_> = sources.difference(&built).collect();
    assert!(
        forgotten.is_empty(),
        "neither named in {folder}/Cargo.toml nor a module of {folder}/lib.rs: {forgotten:?}"
    );
    let missing: Vec<_> = built.difference(&sources).filter(|path| !path.is_file()).collect();
    assert!(missing.is_empty(), "named, but not there: {missing:?}");
}

#[test]
fn every_file_in_tests_is_built() {
    every_source_is_built("tests");
}

#[test]
fn every_file_in_examples_is_built() {
    every_source_is_built("examples");
}

#[test]
fn the_program_of_prefork_is_built() {
    every_source_is_built("examples/prefork");
}

/// Names of the packages that are built for an example, with what builds them.
fn packages_for(example: &str) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--example", example, "--unit-graph"])
        .args(["-Z", "unstable-options"])
        // Only for the plan, which stable compilers keep to themselves.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(workspace)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let units = plan["units"].as_array().expect("units").iter();
    units.filter_map(|unit| unit["target"]["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn an_example_builds_only_what_it_needs() {
    let hello = packages_for("hello");
    for needed in ["headcount", "nix"] {
        assert!(hello.contains(needed), "{hello:?}");
    }
    for other in ["axum", "hyper", "tokio", "procfs", "divan", "clap"] {
        assert!(!hello.contains(other), "{other}: {hello:?}");
    }
    // As the README says: by its name, from the folder of the workspace.
    let prefork = packages_for("prefork");
    assert!(prefork.contains("axum"), "{prefork:?}");
}

#[test]
fn ignored_tests_are_run_by_the_test_command() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let command = fs::read_to_string(tests.join("run")).expect("the test command is there");
    // All of the workspace: a list of files could miss one.
    let all = "cargo test --locked --workspace --no-fail-fast --tests -- --ignored\n";
    assert!(command.contains(all), "tests/run does not say {all}");
}
