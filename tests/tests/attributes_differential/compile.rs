//! Gives programs to rustc, with the library as cargo has built it, and reads what rustc says.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::attributes::Set;
use crate::case::Case;
use crate::program::{Keep, Places, write};

/// Of clippy's groups those that look into functions. Without `nursery`, whose lints are
/// unfinished: `missing_const_for_fn`, for one, asks to make `const` what has no body, and counting
/// can't be.
const CLIPPY: [&str; 2] = ["-Wclippy::all", "-Wclippy::pedantic"];

/// What rustc says of one place.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) is_error: bool,
    /// The lint's name, or the error's code.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) rendered: String,
    /// The set of attributes and the case that it is about.
    pub(crate) about: Option<(String, usize)>,
    /// Counted from the beginning of the case.
    pub(crate) line: u64,
}

/// rustc, and what programs are linked with.
pub(crate) struct Compiler {
    rustc: PathBuf,
    clippy: Option<PathBuf>,
    library: Library,
    folder: PathBuf,
}

/// The library as cargo builds it for these tests.
struct Library {
    file: PathBuf,
    /// Where that and what it depends on are: one folder for each in a newer cargo.
    folders: BTreeSet<PathBuf>,
}

impl Compiler {
    /// `folder` is where everything is built.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for what is generated");
        let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
        let clippy = Some(rustc.with_file_name("clippy-driver")).filter(|path| path.is_file());
        let compiler = Self { rustc, clippy, library: library(), folder: folder.to_owned() };
        let observed =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attributes_differential/observed.rs");
        let output = Command::new(&compiler.rustc)
            .args(["--crate-type=rlib", "--crate-name=observed", "--edition=2021", "-Awarnings"])
            .args(["-Cdebuginfo=0", "--out-dir"])
            .args([folder, &observed])
            .output()
            .expect("rustc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        compiler
    }

    /// Compiles a program in a folder called `name`; only checks it unless `is_run`.
    pub(crate) fn program(
        &self,
        name: &str,
        edition: &str,
        sets: &[&Set],
        cases: &[Case],
        what: What,
        keep: Keep<'_>,
    ) -> Vec<Diagnostic> {
        let folder = self.folder.join(name);
        let places = write(&folder, sets, cases, keep);
        let program = match (what, &self.clippy) {
            (What::Clippy, None) => return Vec::new(),
            (What::Clippy, Some(clippy)) => clippy,
            _ => &self.rustc,
        };
        let mut command = Command::new(program);
        command
            .current_dir(&folder)
            .args(["main.rs", "--error-format=json", "--edition", edition, "-Cdebuginfo=0"])
            .args(["-Copt-level=0", "--crate-name=generated", "--crate-type=bin"])
            .arg(if what == What::Run { "--emit=link=program" } else { "--emit=metadata=checked" })
            .arg(format!("--extern=headcount={}", self.library.file.display()))
            .arg(format!("--extern=observed={}", self.folder.join("libobserved.rlib").display()))
            .args(self.library.folders.iter().map(|it| format!("-Ldependency={}", it.display())))
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTC_BOOTSTRAP");
        if what == What::Clippy {
            command.args(CLIPPY);
        }
        let output = command.output().expect("the compiler runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let found: Vec<_> = said.lines().filter_map(|line| diagnostic(line, &places)).collect();
        assert!(
            output.status.success() || found.iter().any(|found| found.is_error),
            "the compiler fails without an error: {said}"
        );
        for found in &found {
            assert!(
                found.about.is_some() || !found.is_error,
                "an error outside of all cases in {}: {}",
                folder.display(),
                found.rendered
            );
        }
        found
    }

    /// Runs a program that was compiled: its log for each set and case. Where it ends before its
    /// end, the log of the case that ended it says so, and the others are run again.
    pub(crate) fn run(&self, name: &str) -> Vec<(String, usize, Vec<String>)> {
        let folder = self.folder.join(name);
        let metrics = folder.join("metrics");
        let mut skipped: Vec<String> = Vec::new();
        let mut logs: Vec<(String, usize, Vec<String>)> = Vec::new();
        loop {
            let mut child = Command::new("timeout")
                .arg("60")
                .arg(folder.join("program"))
                .args(&skipped)
                .env("HEADCOUNT_DIR", &metrics)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program runs");
            drop(child.stdin.take());
            let output = child.wait_with_output().expect("the program ends");
            let text = String::from_utf8_lossy(&output.stdout);
            for part in text.split("\n>").filter(|part| !part.is_empty()) {
                let mut lines = part.lines();
                let name = lines.next().expect("a first line").trim_start_matches('>');
                skipped.push(name.to_owned());
                let (set, case) = name.split_once(" c").expect("a set and a case");
                let log = lines.map(str::to_owned).collect();
                logs.push((set.to_owned(), case.parse().expect("a number"), log));
            }
            if output.status.success() {
                return logs;
            }
            let (_, _, log) = logs.last_mut().expect("a case has begun");
            log.push(format!("the program ended: {}", output.status));
        }
    }
}

/// What is done with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Check,
    Clippy,
    Run,
}

fn diagnostic(line: &str, places: &Places) -> Option<Diagnostic> {
    let message: Value = serde_json::from_str(line).ok()?;
    let level = message["level"].as_str()?;
    let is_error = level.starts_with("error");
    let text = message["message"].as_str()?.to_owned();
    let summary = text.starts_with("aborting due to") || text.contains("warnings emitted");
    if !(is_error || level == "warning") || summary || text.ends_with("warning emitted") {
        return None;
    }
    let spans = message["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true);
    let place = primary.and_then(|span| place(span, places));
    Some(Diagnostic {
        is_error,
        code: message["code"]["code"].as_str().unwrap_or("none").to_owned(),
        message: text,
        rendered: message["rendered"].as_str().unwrap_or_default().to_owned(),
        line: place.as_ref().map_or(0, |(_, _, line)| *line),
        about: place.map(|(set, case, _)| (set, case)),
    })
}

/// The set, the case and the line in it, through the macros that the place is in.
fn place(span: &Value, places: &Places) -> Option<(String, usize, u64)> {
    let file = span["file_name"].as_str()?;
    let line = span["line_start"].as_u64()?;
    let set = Path::new(file).file_stem()?.to_str()?.to_owned();
    let found = places.iter().find(|(_, lines)| lines.contains(&line));
    let is_ours = !file.contains('/') && set != "main";
    if let (true, Some((case, lines))) = (is_ours, found) {
        return Some((set, *case, line - lines.start));
    }
    place(span["expansion"].get("span")?, places)
}

fn library() -> Library {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--locked", "--lib", "--package", "headcount-tests"])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let messages = String::from_utf8(output.stdout).expect("JSON");
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let (mut file, mut folders) = (None, BTreeSet::new());
    for message in built {
        let files = message["filenames"].as_array().into_iter().flatten();
        for path in files.filter_map(|file| file.as_str().map(PathBuf::from)) {
            folders.extend(path.parent().map(Path::to_owned));
            let is_library = path.extension().is_some_and(|it| it == "rlib");
            if is_library && message["target"]["name"] == "headcount" {
                file = Some(path);
            }
        }
    }
    Library { file: file.expect("cargo names the library that it built"), folders }
}

/// Writes to the test's output at once: a run takes a while.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
