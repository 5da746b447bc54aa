//! The public API, item by item, as a list in the repository: a change of it is seen in review.
//!
//! The list is made of what rustdoc writes. After a change that is meant, this writes it anew:
//!
//! ```text
//! HEADCOUNT_UPDATE=1 cargo test -p headcount-tests --test api -- --ignored
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount::{
    Clean, Cleaned, Collector, Compacted, Config, Conflicts, Counter, Declaration, Error,
    Exposition, Gauge, Health, Histogram, Info, LabelSet, Pieces, SegmentInfo, Snapshot, Summary,
};

#[test]
fn public_types_can_be_shared_cloned_and_caught() {
    fn is<T: Clone + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + std::fmt::Debug>() {}
    fn is_shared<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + std::fmt::Debug>() {}
    is::<Error>();
    is::<Collector>();
    is::<Snapshot>();
    is::<Health>();
    is::<SegmentInfo>();
    is::<Compacted>();
    is::<Clean>();
    is::<Cleaned>();
    is::<Config>();
    is::<Conflicts>();
    is::<Declaration>();
    is::<Exposition>();
    is::<LabelSet>();
    is::<Counter>();
    is::<Counter<f64>>();
    is::<Gauge>();
    is::<Histogram>();
    is::<Summary>();
    is::<Info>();
    is_shared::<Pieces>();
    is_shared::<Exposition<Pieces>>();
    let caught = std::panic::catch_unwind(|| Collector::default().collect().map(drop));
    assert!(caught.expect("no panic").is_ok());
}

/// The public modules.
const MODULES: [&str; 3] = ["dynamic", "python", "testing"];

#[test]
#[ignore = "rustdoc's pages differ between compilers: tests/run has the one that they are made for"]
fn the_public_api_is_the_one_that_is_listed() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = target_directory().join("api");
    let made = Command::new(env!("CARGO"))
        .args(["doc", "--quiet", "--locked", "--offline", "--no-deps", "--package", "headcount"])
        .args(["--features", "process,push,serve,tls,web-config", "--target-dir"])
        .arg(&target)
        .current_dir(tests)
        .status()
        .expect("cargo runs");
    assert!(made.success());
    let pages = target.join("doc/headcount");
    let mut found = listed(&pages);
    for module in MODULES {
        writeln!(found, "\n=== {module} ===\n\n{}", listed(&pages.join(module))).expect("a text");
    }
    let known = tests.join("api.txt");
    #[expect(clippy::disallowed_methods, reason = "a switch of the test's own")]
    if std::env::var_os("HEADCOUNT_UPDATE").is_some() {
        fs::write(&known, &found).expect("it can be written");
    }
    let expected = fs::read_to_string(&known).expect("the list is there");
    let lost: Vec<&str> = expected.lines().filter(|line| !found.contains(line)).collect();
    let new: Vec<&str> = found.lines().filter(|line| !expected.contains(line)).collect();
    assert!(
        found == expected,
        "no longer there: {lost:#?}\nnew: {new:#?}\nsee the head of {}",
        file!()
    );
}

/// Where cargo puts what it builds.
fn target_directory() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("it is in the target directory").to_owned()
}

/// All items, sorted by name, each with its declaration, its methods and its traits.
fn listed(pages: &Path) -> String {
    let entries = fs::read_dir(pages).expect("rustdoc has written pages");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("a name")).collect();
    names.retain(|name| {
        let kinds = ["attr", "constant", "derive", "enum", "fn", "macro", "struct", "trait"];
        // The second page of a macro leads to the first.
        !name.contains('!')
            && kinds.iter().any(|kind| name.strip_prefix(kind).is_some_and(|n| n.starts_with('.')))
            && Path::new(name).extension().is_some_and(|extension| extension == "html")
    });
    names.sort_by_key(|name| {
        name.split_once('.').map(|(kind, name)| (name.to_owned(), kind.to_owned()))
    });
    let pages = names.iter().map(|name| {
        let page = fs::read_to_string(pages.join(name)).expect("a page");
        item(&page)
    });
    pages.collect::<Vec<_>>().join("\n")
}

/// The declaration, then each block of implementations once, whatever files it comes from.
fn item(page: &str) -> String {
    let between = |text: &str, from: &str, to: &str| {
        let found = text.split_once(from).and_then(|(_, rest)| rest.split_once(to));
        found.map(|(found, _)| plain(found))
    };
    let declaration = between(page, "item-decl\"><code>", "</code></pre>").unwrap_or_default();
    let mut blocks = BTreeMap::<String, BTreeSet<String>>::new();
    let mut block = None;
    for section in page.split("<section id=\"").skip(1) {
        let Some((id, rest)) = section.split_once('"') else { continue };
        let class = between(rest, "class=\"", "\"").unwrap_or_default();
        let header = between(rest, "class=\"code-header\">", "</h").unwrap_or_default();
        let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
        // A dependency may implement its own trait for everything, by another letter.
        let is_for_all = ["-for-T", "-for-Q"].iter().any(|end| id.ends_with(end))
            || class.contains("trait-impl");
        if header.is_empty() || is_for_all || is_of_the_compiler(&header) {
            continue;
        }
        if header.starts_with("impl") {
            blocks.entry(header.clone()).or_default();
            block = Some(header);
        } else {
            blocks.entry(block.clone().unwrap_or_default()).or_default().insert(header);
        }
    }
    let mut lines = vec![declaration.replace("]pub ", "]\npub ")];
    for (block, items) in blocks {
        lines.extend((!block.is_empty()).then_some(block));
        lines.extend(items.iter().map(|item| format!("    {item}")));
    }
    lines.join("\n") + "\n"
}

/// Traits that only the compiler names.
fn is_of_the_compiler(header: &str) -> bool {
    ["Freeze", "UnsafeUnpin", "StructuralPartialEq"].iter().any(|known| header.contains(known))
}

/// Without tags and entities.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            _ if is_tag => {}
            _ => text.push(c),
        }
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let text = entities.iter().fold(text, |text, (entity, is)| text.replace(entity, is));
    text.replace('\u{a0}', " ")
}
