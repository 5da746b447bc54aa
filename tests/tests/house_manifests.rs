//! What a manifest that is published must say: what a registry shows, which features docs.rs
//! documents, and why each dependency is there.
//!
//! `repository` is missing as long as there is no public address that it could name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The packages that may be published.
fn published() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    let packages: Vec<_> = packages.into_iter().filter(|each| each["publish"].is_null()).collect();
    assert!(packages.len() > 5, "the workspace's packages");
    packages
}

fn words(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

#[test]
fn every_published_package_says_what_a_registry_shows() {
    for package in published() {
        let name = &package["name"];
        for field in ["description", "license", "readme", "rust_version"] {
            assert!(package[field].is_string(), "{name} has no {field}");
        }
        // A registry takes up to five of each.
        for field in ["keywords", "categories"] {
            let count = words(&package[field]).len();
            assert!((1..=5).contains(&count), "{name} has {count} {field}");
        }
        let folder = Path::new(package["manifest_path"].as_str().expect("a path"));
        for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(folder.with_file_name(file).is_file(), "{name} has no {file}");
        }
    }
}

/// All but `off`, which would leave nothing to document, the name of a list, and what is nobody
/// else's.
#[test]
fn docs_rs_documents_every_feature_and_shows_which_item_needs_which() {
    for package in published() {
        let name = &package["name"];
        let features = package["features"].as_object().expect("features").keys();
        let ours = |feature: &&String| {
            !["off", "default"].contains(&feature.as_str()) && !feature.starts_with("__")
        };
        let features: BTreeSet<_> = features.filter(ours).cloned().collect();
        assert_eq!(words(&package["metadata"]["docs"]["rs"]["features"]), features, "{name}");
        if !features.is_empty() {
            let library = package["targets"][0]["src_path"].as_str().expect("a path");
            let library = fs::read_to_string(library).expect("it is there");
            assert!(library.contains("#![cfg_attr(docsrs, feature(doc_cfg))]"), "{name}");
        }
    }
}

/// The dependencies in a manifest, each with whether a comment is above it or above its group.
fn dependencies(manifest: &str) -> Vec<(String, bool)> {
    let (mut found, mut is_list, mut has_reason) = (Vec::new(), false, false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]");
            has_reason = false;
        } else if line.is_empty() {
            has_reason = false;
        } else if line.starts_with('#') {
            has_reason = true;
        } else if is_list {
            let name = line.split(['.', ' ', '=']).next().expect("a name");
            found.push((name.to_owned(), has_reason));
        }
    }
    found
}

#[test]
fn every_dependency_has_a_reason() {
    let read = |path: &Path| fs::read_to_string(path).expect("a manifest");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml");
    let of_workspace = dependencies(&read(&workspace));
    let mut without = Vec::new();
    for package in published() {
        let path = package["manifest_path"].as_str().expect("a path");
        for dependency in dependencies(&read(Path::new(path))) {
            let (name, has_reason) = &dependency;
            let known = of_workspace.iter().any(|(other, reason)| other == name && *reason);
            if !has_reason && !known && !name.starts_with("headcount") {
                without.push(format!("{name} in {path}"));
            }
        }
    }
    assert!(without.is_empty(), "no comment says why: {without:?}");
}
