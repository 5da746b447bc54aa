//! The guide in `runtime/docs/guide`: what its sessions in a shell print, its program, its table of
//! modes, and its links. Its code in Rust is compiled and run as doc tests.
//!
//! A block `console` holds commands, which begin with `$ `, and what they print. All blocks of a
//! page are one session of a shell. In what is printed,
//!
//! * `..` and `...` stand for anything within a line,
//! * 4241 to 4249 stand for process ids: each for one and the same,
//! * `/dev/shm/shop` stands for a directory of the test's,
//! * spaces are not counted: columns are as wide as what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headcount::Collector;
use headcount_tests::page::Page;
use headcount_tests::scripted::Scripted;
use headcount_tests::server::{example, program};
use headcount_tests::{Medium, temporary_directory};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// The pages, by their paths. Among them are those that are not in the guide's folder.
fn pages() -> BTreeMap<PathBuf, String> {
    let runtime = workspace().join("runtime");
    let entries = fs::read_dir(runtime.join("docs/guide")).expect("the guide");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(paths.len() > 10, "the pages are found: {paths:?}");
    paths.extend(["DIRECTORY.md", "docs/machines.md"].map(|name| runtime.join(name)));
    let text = |path: &PathBuf| fs::read_to_string(path).expect("a text");
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// The blocks of a page in a language, in their order.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("\n```{language}\n");
    page.split(&begin).skip(1).map(|from| from.split_once("\n```\n").expect("its end").0).collect()
}

/// A command, and the lines that it is said to print.
type Said<'a> = (&'a str, Vec<&'a str>);

fn session(page: &str) -> Vec<Said<'_>> {
    let mut session = Vec::<Said<'_>>::new();
    for line in blocks(page, "console").into_iter().flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => session.push((command, Vec::new())),
            None => session.last_mut().expect("a command comes first").1.push(line),
        }
    }
    session
}

/// A line in which real process ids stand in place of those of the guide. One that is new is what
/// stands at its place in the real line.
fn with_pids(said: &str, line: &str, pids: &mut BTreeMap<String, String>) -> String {
    let (mut with, mut rest) = (String::new(), said);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        with.push_str(&rest[..at]);
        let number = &rest[at..];
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        if number.parse().is_ok_and(|pid: u64| (4241..4250).contains(&pid)) {
            let there = line.get(with.len()..).unwrap_or_default();
            let real = pids
                .entry(number.to_owned())
                .or_insert_with(|| there.chars().take_while(char::is_ascii_digit).collect());
            with.push_str(real);
        } else {
            with.push_str(number);
        }
        rest = behind;
    }
    with + rest
}

/// Whether a line is what it was said to be. Remembers which process ids stand for which.
fn is_like(line: &str, said: &str, pids: &mut BTreeMap<String, String>) -> bool {
    let said = with_pids(said, line, pids);
    let said = said.replace("...", "..");
    let mut parts = said.split("..");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

fn without_columns(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs the session of a page, and compares.
fn run(name: &str, page: &str) {
    let session = session(page);
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("shop");
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("ours");
    for program in ["clerk", "hello"] {
        symlink(example(program), programs.join(program)).expect("ours");
    }
    symlink(program("headcount"), programs.join("headcount")).expect("ours");
    // Each command's output ends with a line that no command prints. One that is left behind is
    // killed when the shell ends.
    let mut script = String::new();
    for (command, _) in &session {
        script.push_str(command);
        script.push_str("\necho '-- end'\n");
    }
    let script = script.replace("/dev/shm/shop", directory.to_str().expect("UTF-8"));
    let path = std::env::join_paths([programs.as_path(), "/usr/bin".as_ref(), "/bin".as_ref()]);
    let shell = Command::new("sh")
        .arg("-c")
        .arg(format!("{script}exec 3>&-"))
        .current_dir(folder.path())
        .env_remove("HEADCOUNT_DIR")
        .env_remove("RUNTIME_DIRECTORY")
        .env("PATH", path.expect("no colons"))
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let printed = String::from_utf8(shell.stdout).expect("UTF-8");
    let printed = printed.replace(directory.to_str().expect("UTF-8"), "/dev/shm/shop");
    let mut outputs = printed.split("-- end\n");
    let mut pids = BTreeMap::new();
    for (command, said) in session {
        let output = outputs.next().expect("as many as commands");
        let lines: Vec<String> = output.lines().map(without_columns).collect();
        let said: Vec<String> = said.into_iter().map(without_columns).collect();
        let mut pairs = lines.iter().zip(&said);
        assert!(
            lines.len() == said.len() && pairs.all(|(line, said)| is_like(line, said, &mut pids)),
            "{name}: `{command}` prints\n{output}\nand the page says\n{}\nin all:\n{printed}\n{}",
            said.join("\n"),
            String::from_utf8_lossy(&shell.stderr),
        );
    }
}

#[test]
fn the_sessions_print_what_they_are_said_to_print() {
    let mut with_sessions = BTreeSet::new();
    for (path, page) in pages() {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if page.contains("```console") {
            run(&name, &page);
            with_sessions.insert(name);
        }
    }
    let expected =
        ["deployment.md", "files.md", "first_metric.md", "page_size.md", "troubleshooting.md"];
    assert_eq!(with_sessions, expected.map(str::to_owned).into());
}

#[test]
fn lines_are_compared() {
    let mut pids = BTreeMap::new();
    for (line, said, is) in [
        ("a 1 b", "a .. b", true),
        ("a 1 b", "a 1 b", true),
        ("a 1 b c", "a .. b", false),
        ("a 1 b", "a", false),
        ("77-ab12.hc x", "4241-...hc x", true),
        ("20 77-ab12.hc", "20 4241-...hc", true),
        ("20 78-ab12.hc", "20 4241-...hc", false),
        ("20 78-ab12.hc", "20 4242-...hc", true),
        ("4241-ab12.hc", "4243-...hc", true),
        ("4241-ab12.hc x", "4243-...hc x", true),
        ("total 60", "total 24", false),
    ] {
        assert_eq!(is_like(line, said, &mut pids), is, "{line} {said}");
    }
    assert_eq!(pids["4242"], "78");
}

#[test]
fn the_program_of_the_guide_is_the_example() {
    let pages = pages();
    let page = &pages[&workspace().join("runtime/docs/guide/first_metric.md")];
    let source = fs::read_to_string(workspace().join("examples/clerk.rs")).expect("it is there");
    assert_eq!(blocks(page, "rust,no_run")[0], source.trim_end());
}

/// The table of what three processes make together.
#[test]
fn the_modes_show_what_the_table_says() {
    let pages = pages();
    let page = &pages[&workspace().join("runtime/docs/guide/gauge_modes.md")];
    let table = page.split_once("| mode | shows | mode | shows |\n").expect("the table").1;
    let table = table.split_once("\n\n").expect("its end").0;

    let directory = temporary_directory(Medium::Memory);
    let mut processes = [3, 5, 4].map(|value| {
        let mut process = Scripted::start(env!("CARGO_BIN_EXE_scripted"), directory.path());
        process.tell(&format!("gauge {value}"));
        process
    });
    processes[1].kill();
    let snapshot = Collector::from_directory(directory.path()).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");

    let mut modes = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for cell in cells[1..5].chunks(2) {
            let family = format!("{}_gauge", cell[0].trim_matches('`'));
            let said: Vec<f64> =
                cell[1].split(", ").map(|value| value.parse().expect("a number")).collect();
            let shown: Vec<f64> = if said.len() == 1 {
                vec![page.at(&family)]
            } else {
                let of = |process: &Scripted| format!("{family}{{pid=\"{}\"}}", process.pid());
                processes.iter().filter_map(|process| page.value(&of(process))).collect()
            };
            assert_eq!(shown, said, "{family}");
            modes += 1;
        }
    }
    assert_eq!(modes, 10);
}

/// The definitions of links at the end of a page.
fn definitions(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

/// The names of links that a page uses: `[text][name]`, or a name in code alone.
fn used(page: &str) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    let mut is_code = false;
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        if is_code || line.starts_with("```") || line.starts_with('[') && line.contains("]: ") {
            continue;
        }
        used.extend(line.split("][").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0)));
        for (at, _) in line.match_indices("[`") {
            let Some((name, behind)) = line[at + 1..].split_once(']') else { continue };
            if name.ends_with('`') && !behind.starts_with(['[', '(']) {
                used.insert(name);
            }
        }
    }
    used
}

/// Each link leads somewhere, on a forge and in rustdoc, which checks its own.
#[test]
fn every_link_is_defined_for_both_readers() {
    let runtime = workspace().join("runtime");
    let rustdoc = fs::read_to_string(runtime.join("docs/guide/links-in-rustdoc.txt"));
    let rustdoc = rustdoc.expect("the definitions");
    let rustdoc = definitions(&rustdoc);
    let source = fs::read_to_string(runtime.join("src/guide.rs")).expect("the modules");
    let mut needed = BTreeSet::new();
    for (path, page) in pages() {
        let defined = definitions(&page);
        assert_eq!(
            used(&page),
            defined.keys().copied().collect(),
            "{}: names that are used (left), and defined",
            path.display()
        );
        for (name, target) in &defined {
            needed.insert((*name).to_owned());
            let by_feature = source.contains(&format!("\"[{name}]: crate::"));
            assert!(rustdoc.contains_key(name) || by_feature, "{name} of {}", path.display());
            if let Some(item) = target.strip_prefix("https://docs.rs/headcount/latest/headcount/") {
                let of = rustdoc.get(name).map_or("", |path| path.trim_end_matches('!'));
                let last = of.rsplit("::").next().unwrap_or_default();
                assert!(by_feature || item.contains(last), "{name}: {item} and {of}");
            } else {
                let file = target.split('#').next().unwrap_or_default();
                let file = path.parent().expect("a folder").join(file);
                assert!(file.is_file(), "{}: {target}", path.display());
            }
        }
        // The text of the page, and its modules, name each other.
        let of_forge = path.strip_prefix(&runtime).expect("below it").display().to_string();
        assert!(source.contains(&format!("../{of_forge}\")")), "{of_forge} is no module");
    }
    let unused: Vec<_> = rustdoc.keys().filter(|name| !needed.contains(**name)).collect();
    assert!(unused.is_empty(), "defined for rustdoc and used by no page: {unused:?}");
}

/// Features of the manifest are in the list of the crate's documentation.
#[test]
fn every_feature_is_documented() {
    let runtime = workspace().join("runtime");
    let manifest = fs::read_to_string(runtime.join("Cargo.toml")).expect("the manifest");
    let features = manifest.split_once("\n[features]\n").expect("features").1;
    let features = features.split_once("\n[").expect("their end").0;
    let name = |line: &str| Some(line.split_once(" = ")?.0.to_owned());
    let mut features: BTreeSet<String> =
        features.lines().filter(|line| !line.starts_with(['#', '_'])).filter_map(name).collect();
    features.remove("default");
    let library = fs::read_to_string(runtime.join("src/lib.rs")).expect("the library");
    let table = library.split_once("//! # Features\n").expect("the list").1;
    let table = table.split_once("//! # The guide\n").expect("its end").0;
    let listed = table.lines().filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'));
    let listed: BTreeSet<String> = listed.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(features, listed);
}
