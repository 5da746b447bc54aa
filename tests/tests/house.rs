//! The rules of ARCHITECTURE.md about layers, held against the source: which part of a crate may
//! use which other part.
//!
//! A layer is a list of modules, and a list of the layers below it that it may use. The test reads
//! `use` lines and paths that begin with `crate::` or `super::`. It doesn't see calls of methods,
//! and it leaves tests alone, which may look at everything.
//!
//! To let a layer use another one, add it to the table here and to the one in ARCHITECTURE.md. An
//! exception needs a reason, and must go when it is no longer needed: that fails the test too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules, by their paths in the crate, and what they may use.
struct Layer {
    name: &'static str,
    /// The longest of all that a path begins with decides.
    modules: &'static [&'static str],
    /// Layers further up in the table, which are further down in the house.
    may_use: &'static [&'static str],
}

/// A file, a module that it uses against the rules, and why it may.
type Exception = (&'static str, &'static str, &'static str);

/// From the bottom to the top.
const RUNTIME: &[Layer] = &[
    Layer { name: "kernel", modules: &["kernel"], may_use: &[] },
    Layer { name: "error", modules: &["error"], may_use: &["kernel"] },
    Layer { name: "model", modules: &["model"], may_use: &["error"] },
    Layer {
        name: "base",
        modules: &["clock", "config", "fault", "process"],
        may_use: &["kernel", "error"],
    },
    Layer {
        name: "directory",
        modules: &["directory"],
        may_use: &["kernel", "error", "model", "base"],
    },
    Layer { name: "declare", modules: &["declare"], may_use: &["error", "model"] },
    Layer {
        name: "segment",
        modules: &["segment"],
        may_use: &["kernel", "error", "model", "base", "directory", "declare"],
    },
    Layer {
        name: "label",
        modules: &["label"],
        may_use: &["kernel", "model", "declare", "segment"],
    },
    Layer {
        name: "reader",
        modules: &["reader"],
        may_use: &["kernel", "error", "model", "base", "directory", "segment"],
    },
    Layer { name: "merge", modules: &["merge"], may_use: &["error", "model", "reader"] },
    Layer {
        name: "python",
        modules: &["python"],
        may_use: &["kernel", "error", "model", "base", "directory", "reader", "merge"],
    },
    Layer {
        name: "replace",
        modules: &["replace"],
        may_use: &["kernel", "error", "base", "directory", "segment"],
    },
    Layer {
        name: "archive",
        modules: &["archive"],
        may_use: &[
            "kernel",
            "error",
            "model",
            "base",
            "directory",
            "segment",
            "reader",
            "merge",
            "replace",
        ],
    },
    Layer {
        name: "scan",
        modules: &["scan"],
        may_use: &[
            "kernel",
            "error",
            "model",
            "base",
            "directory",
            "segment",
            "reader",
            "merge",
            "python",
            "archive",
        ],
    },
    Layer {
        name: "store",
        modules: &["store"],
        may_use: &[
            "kernel",
            "error",
            "model",
            "base",
            "directory",
            "declare",
            "segment",
            "label",
            "archive",
            "scan",
        ],
    },
    Layer {
        name: "record",
        modules: &["record"],
        may_use: &["model", "base", "declare", "segment", "label", "store"],
    },
    Layer {
        name: "metric",
        modules: &["metric"],
        may_use: &["model", "base", "declare", "segment", "label", "store", "record"],
    },
    Layer {
        name: "dynamic",
        modules: &["dynamic"],
        may_use: &["error", "model", "declare", "label", "store", "metric"],
    },
    Layer {
        name: "processes",
        modules: &["processes"],
        may_use: &["kernel", "error", "model", "base", "directory", "segment", "replace"],
    },
    Layer { name: "expose", modules: &["expose"], may_use: &["model"] },
    Layer {
        name: "collect",
        modules: &["collect"],
        may_use: &[
            "kernel",
            "error",
            "model",
            "base",
            "directory",
            "declare",
            "segment",
            "reader",
            "merge",
            "python",
            "archive",
            "scan",
            "store",
            "processes",
            "expose",
        ],
    },
    Layer {
        name: "serve",
        modules: &["serve"],
        may_use: &[
            "kernel",
            "error",
            "model",
            "base",
            "directory",
            "segment",
            "store",
            "expose",
            "collect",
        ],
    },
    Layer {
        name: "push",
        modules: &["push"],
        may_use: &["error", "model", "base", "expose", "collect"],
    },
    Layer {
        name: "testing",
        modules: &["testing"],
        may_use: &["kernel", "error", "model", "base", "label", "reader", "merge", "store"],
    },
];

const RUNTIME_EXCEPTIONS: &[Exception] = &[];

/// From the bottom to the top. `args` is what was written in an attribute's brackets, and printing
/// must not depend on it.
const MACROS: &[Layer] = &[
    Layer { name: "base", modules: &["kind", "rules", "tokens", "report"], may_use: &[] },
    Layer { name: "parse", modules: &["parse"], may_use: &["base"] },
    Layer { name: "args", modules: &["parse::args"], may_use: &["base", "parse"] },
    Layer { name: "plan", modules: &["plan"], may_use: &["base", "parse"] },
    Layer { name: "check", modules: &["check"], may_use: &["base", "parse", "args", "plan"] },
    Layer { name: "expand", modules: &["expand"], may_use: &["base", "parse", "plan"] },
    Layer { name: "derive", modules: &["derive"], may_use: &["base"] },
    Layer {
        name: "attributes",
        modules: &["attributes"],
        may_use: &["base", "parse", "args", "plan", "check", "expand"],
    },
];

/// A package's sources, and what a path in each begins with. Files of tests are left out.
fn sources(package: &str) -> BTreeMap<String, String> {
    sources_in(&workspace().join(package).join("src"))
}

/// The sources in a folder, by their paths in it.
fn sources_in(src: &Path) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![src.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src).expect("a file in it").display().to_string();
                sources.insert(name, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    assert!(!sources.is_empty(), "the sources in {} are found", src.display());
    sources
}

fn workspace() -> PathBuf {
    let mut path = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !path.join("Cargo.lock").exists() {
        path = path.parent().expect("the tests lie in the workspace");
    }
    path.to_owned()
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests") || name.contains("/tests")
}

/// The module that a file is: `a/mod.rs` and `a.rs` are `a`.
fn module(name: &str) -> Vec<String> {
    let path = name.strip_suffix(".rs").expect("a source");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

/// The code without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    let is_for_tests = |line: &str| line.starts_with("#[cfg(") && line.contains("test");
    while let Some(line) = lines.next() {
        let is_test_module = |next: &&str| next.starts_with("mod ") && next.ends_with('{');
        let behind = lines.clone().find(|next| !next.starts_with("#["));
        if is_for_tests(line) && behind.as_ref().is_some_and(is_test_module) {
            break;
        }
        code.push_str(line.split_once("//").map_or(line, |(code, _)| code));
        code.push('\n');
    }
    code
}

/// The paths that a piece of code names: of `a::{b, c::d}`, `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut tokens = Vec::<String>::new();
    for c in code.chars() {
        let is_word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if is_word && last.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                last.push(c);
            }
            Some(last) if c == ':' && last == ":" => last.push(c),
            _ if c.is_whitespace() => tokens.push(String::new()),
            _ => tokens.push(c.to_string()),
        }
    }
    tokens.retain(|token| !token.is_empty());
    let (mut paths, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| &tokens[before]);
        if matches!(tokens[at].as_str(), "crate" | "super") && before != "::" && before != "(" {
            path(&tokens, &mut at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one path, or a list of them in braces, and goes on behind it.
fn path(tokens: &[String], at: &mut usize, before: &[String], paths: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    loop {
        match tokens.get(*at).map(String::as_str) {
            Some("{") => {
                while tokens.get(*at).is_some_and(|token| token != "}") {
                    *at += 1;
                    self::path(tokens, at, &path, paths);
                }
                *at += 1;
                return;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(word.to_owned());
                *at += 1;
            }
            _ => break,
        }
        if tokens.get(*at).is_none_or(|token| token != "::") {
            break;
        }
        *at += 1;
    }
    // `x as y` in a list, and whatever else stands before its next comma.
    if !before.is_empty() {
        while tokens.get(*at).is_some_and(|token| token != "," && token != "}") {
            *at += 1;
        }
    }
    if path.len() > 1 {
        paths.push(path);
    }
}

/// A path from the top of the crate. Neither `lib.rs` nor its neighbours have modules in a file
/// that is not a test, so `super` is the file's folder.
fn absolute(path: &[String], from: &[String]) -> Vec<String> {
    let mut module = from.to_vec();
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "crate" => module.clear(),
            "super" => drop(module.pop()),
            _ => break,
        }
        rest = others;
    }
    module.extend(rest.iter().cloned());
    module
}

fn layer_of<'a>(layers: &'a [Layer], path: &[String]) -> Option<(&'a Layer, &'static str)> {
    let begins = |module: &str| {
        let parts: Vec<&str> = module.split("::").collect();
        path.len() >= parts.len() && parts.iter().zip(path).all(|(part, of)| part == of)
    };
    let all = layers.iter().flat_map(|layer| layer.modules.iter().map(move |m| (layer, *m)));
    all.filter(|(_, module)| begins(module)).max_by_key(|(_, module)| module.len())
}

/// What a package's files use against the rules: a file and a module.
fn breaches(package: &str, layers: &[Layer], doors: &[&str]) -> BTreeSet<(String, String)> {
    let mut breaches = BTreeSet::new();
    for (name, text) in sources(package) {
        let from = module(&name);
        if is_test(&name) || doors.iter().any(|door| name.starts_with(door)) {
            continue;
        }
        let (own, _) = layer_of(layers, &from).unwrap_or_else(|| {
            panic!("{package}/src/{name} is in no layer of tests/tests/house.rs")
        });
        for path in paths(&code(&text)) {
            let path = absolute(&path, &from);
            // Not a module: what `lib.rs` exports, or a crate.
            let Some((used, module)) = layer_of(layers, &path) else { continue };
            if used.name != own.name && !own.may_use.contains(&used.name) {
                breaches.insert((name.clone(), module.to_owned()));
            }
        }
    }
    breaches
}

fn hold(package: &str, layers: &[Layer], doors: &[&str], exceptions: &[Exception]) {
    for (number, layer) in layers.iter().enumerate() {
        for used in layer.may_use {
            assert!(
                layers[..number].iter().any(|below| below.name == *used),
                "{} may use {used}, which doesn't stand below it",
                layer.name,
            );
        }
    }
    let found = breaches(package, layers, doors);
    let listed: BTreeSet<(String, String)> =
        exceptions.iter().map(|(file, module, _)| (file.to_string(), module.to_string())).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "{package}: against the layers' rules: {new:#?}");
    let stale: Vec<_> = listed.difference(&found).collect();
    assert!(stale.is_empty(), "{package}: exceptions that nobody needs: {stale:#?}");
}

#[test]
fn the_layers_of_the_library_hold() {
    hold("runtime", RUNTIME, &["lib.rs", "private.rs", "guide.rs"], RUNTIME_EXCEPTIONS);
}

#[test]
fn the_layers_of_the_macros_hold() {
    hold("macros", MACROS, &["lib.rs"], &[]);
}

#[test]
fn comments_are_no_wider_than_code() {
    let long = |line: &&str| line.trim_start().starts_with("//") && line.chars().count() > 100;
    let mut found = Vec::new();
    for folder in ["runtime", "macros", "tests", "examples"] {
        for (name, text) in sources_in(&workspace().join(folder)) {
            found.extend(text.lines().filter(long).map(|line| format!("{folder}/{name}: {line}")));
        }
    }
    assert!(found.is_empty(), "comment lines of more than 100 columns: {found:#?}");
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let code = "use crate::{a::{self, b}, c as d};\nfn f() -> super::e::F { crate::g::h!(1) }\n\
                pub(crate) struct S; pub(super) fn i() {}";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::a::self", "crate::a::b", "crate::c", "super::e::F", "crate::g::h"]);
    let from = module("x/y.rs");
    let path = ["super".to_owned(), "e".to_owned()];
    assert_eq!(absolute(&path, &from).join("::"), "x::e");
}

/// The files that ARCHITECTURE.md lists for each folder of the library: lines of names below the
/// folder's own.
#[test]
fn the_map_names_the_files_that_are_there() {
    let text = fs::read_to_string(workspace().join("ARCHITECTURE.md")).expect("a text");
    let section = text.split_once("\nruntime/src/").expect("the map").1;
    let section = section.split_once("\ntests/").expect("its end").0;
    let mut mapped = BTreeMap::<String, BTreeSet<String>>::new();
    let mut folder = String::new();
    for line in section.lines().skip(1) {
        let Some(rest) = line.strip_prefix("  ") else { continue };
        if let Some(names) = rest.strip_prefix("  ") {
            if !names.starts_with(' ') {
                let files = mapped.entry(folder.clone()).or_default();
                files.extend(names.split_whitespace().map(str::to_owned));
            }
            continue;
        }
        let first = rest.split_whitespace().next().unwrap_or_default();
        if let Some(name) = first.strip_suffix('/') {
            name.clone_into(&mut folder);
        } else {
            let names = rest.split("  ").next().unwrap_or_default().split_whitespace();
            mapped.entry(String::new()).or_default().extend(names.map(str::to_owned));
        }
    }
    let mut there = BTreeMap::<String, BTreeSet<String>>::new();
    for name in sources("runtime").keys().filter(|name| !is_test(name)) {
        let path = name.strip_suffix(".rs").expect("a source");
        let (folder, file) = path.split_once('/').unwrap_or(("", path));
        // The file beside a folder of the same name stands for it.
        let stands_for = folder.is_empty() && workspace().join("runtime/src").join(file).is_dir();
        if file != "mod" && !stands_for {
            there.entry(folder.to_owned()).or_default().insert(file.to_owned());
        }
    }
    assert_eq!(mapped, there, "the map in ARCHITECTURE.md (left) and runtime/src (right)");
}

/// Documents wrap at the same width. Tables, code and addresses may be wider.
#[test]
fn documents_are_no_wider_than_code() {
    let folders = ["", "runtime", "runtime/docs/guide"];
    let folders = folders.map(|folder| workspace().join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let (mut documents, mut long) = (0, Vec::new());
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        documents += 1;
        let text = fs::read_to_string(&path).expect("a text");
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            is_code ^= line.starts_with("```");
            // A table's row, or where a link leads.
            let may_be_long = is_code || line.starts_with(['|', '[']);
            if !may_be_long && line.chars().count() > 100 {
                long.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(documents > 5, "the documents are found");
    assert!(long.is_empty(), "lines of more than 100 columns: {long:#?}");
}

/// A `mod.rs` has a paragraph on what the layer does and may not know, and a list of its modules
/// and of what it offers. Code is in files with names.
#[test]
fn a_mod_file_is_a_paragraph_and_a_list() {
    let mut with_code = Vec::new();
    for package in ["runtime", "macros"] {
        for (name, text) in sources(package) {
            if !name.ends_with("/mod.rs") || is_test(&name) {
                continue;
            }
            assert!(text.starts_with("//! "), "{package}/src/{name} doesn't say what it is");
            let code = code(&text);
            let items =
                ["fn ", "struct ", "enum ", "impl ", "impl<", "trait ", "const ", "static "];
            let is_item = |line: &str| {
                let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
                items.iter().any(|item| line.trim_start_matches("pub ").starts_with(item))
            };
            if code.lines().any(is_item) {
                with_code.push(format!("{package}/src/{name}"));
            }
        }
    }
    assert!(with_code.is_empty(), "`mod.rs` files with code: {with_code:#?}");
}
