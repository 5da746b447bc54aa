//! What the test suite holds itself to: no program and no example is left over, an example builds
//! only what it needs, and `tests/run` runs the tests that are ignored elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace")
}

/// The targets of one package, as `cargo metadata` describes them.
fn targets(package: &str) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let ours = packages.iter().find(|known| known["name"] == package);
    ours.expect("the package is in the workspace")["targets"].as_array().expect("targets").clone()
}

/// The sources in a folder and in the folders below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_program_is_used_and_is_not_built_as_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: PathBuf| fs::read_to_string(path).expect("it is text");
    let tests: String = sources(&folder.join("tests")).into_iter().map(read).collect();
    let helpers: String = fs::read_dir(folder.join("src"))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(read)
        .collect();
    let (mut unused, mut as_tests) = (Vec::new(), Vec::new());
    for target in targets("headcount-tests") {
        if target["kind"][0] != "bin" {
            continue;
        }
        let name = target["name"].as_str().expect("a name");
        let is_used = tests.contains(&format!("\"CARGO_BIN_EXE_{name}\""))
            || [&tests, &helpers]
                .iter()
                .any(|text| text.contains(&format!("\"--bin\", \"{name}\"")));
        if !is_used {
            unused.push(name.to_owned());
        }
        if target["test"] != false {
            as_tests.push(name.to_owned());
        }
    }
    assert!(unused.is_empty(), "no test starts these programs: {unused:?}");
    assert!(as_tests.is_empty(), "`test = false` is missing in tests/Cargo.toml: {as_tests:?}");
}

/// The examples lie directly in their folder, where people look for them, and so need a list.
#[test]
fn every_example_is_built() {
    let packages = ["s", "-axum", "-batch", "-prefork", "-sidecar"];
    let packages = packages.map(|name| format!("headcount-example{name}"));
    let built: BTreeSet<PathBuf> = packages
        .iter()
        .flat_map(|package| targets(package))
        .map(|target| PathBuf::from(target["src_path"].as_str().expect("a path")))
        .collect();
    // Workspaces of their own, which have cargo's own layout.
    let others = ["examples/frameworks", "examples/gunicorn", "examples/postgres"]
        .map(|path| workspace().join(path));
    let sources = sources(&workspace().join("examples")).into_iter();
    let sources: BTreeSet<PathBuf> =
        sources.filter(|path| !others.iter().any(|other| path.starts_with(other))).collect();
    let forgotten: Vec<_> = sources.difference(&built).collect();
    assert!(forgotten.is_empty(), "not named in a manifest of examples/: {forgotten:?}");
}

/// Names of the packages that are built for an example, with what builds them.
fn packages_for(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--unit-graph"])
        .args(arguments)
        .args(["-Z", "unstable-options"])
        // Only for the plan, which stable compilers keep to themselves.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let units = plan["units"].as_array().expect("units").iter();
    units.filter_map(|unit| unit["target"]["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn an_example_builds_only_what_it_needs() {
    // As the README says: from the folder of the workspace.
    let hello = packages_for(&["--example", "hello"]);
    for needed in ["headcount", "nix"] {
        assert!(hello.contains(needed), "{hello:?}");
    }
    for other in ["axum", "http", "hyper", "tokio", "procfs", "divan", "clap"] {
        assert!(!hello.contains(other), "{other}: {hello:?}");
    }
    let prefork = ["-p", "headcount-example-prefork", "--example", "prefork"];
    let prefork = packages_for(&prefork);
    assert!(prefork.contains("axum"), "{prefork:?}");
}

#[test]
fn ignored_tests_are_run_by_the_test_command() {
    let command =
        fs::read_to_string(workspace().join("tests/run")).expect("the test command is there");
    // All of the workspace: a list of files could miss one.
    let all = "cargo test --locked --workspace --no-fail-fast --tests -- --ignored\n";
    assert!(command.contains(all), "tests/run does not say {all}");
}
