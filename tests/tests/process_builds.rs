//! Programs that are built in unusual ways count, and show all that they declare: the lines of the
//! guide's page about builds. They compile headcount three times, so only `tests/run --long` does.
//! Of that page `process_death` has `panic = "abort"`, `process_unloading` static and shared
//! libraries for C, and `metrics_off` the feature `off`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_tests::is_long;
use headcount_tests::page::Page;

/// A crate of the program's. `NAME` is the crate's own.
const DECLARES: &str = r#"
/// Declared, and used by nobody.
#[headcount::metric(name = "NAME_declared_total")]
static DECLARED: headcount::Counter;

#[headcount::counted(name = "NAME_calls_total", help = "Calls that nobody makes.")]
pub fn call() {}
"#;

const PROGRAM: &str = r#"
use linked as _;

/// Used.
#[headcount::metric(name = "used_total")]
static USED: headcount::Counter;

/// Declared, and used by nobody.
#[headcount::metric(name = "declared_total")]
static DECLARED: headcount::Counter;

#[headcount::counted(name = "calls_total", help = "Calls.", outcome)]
fn call() -> Result<(), ()> {
    USED.inc();
    Ok(())
}

#[allow(dead_code)]
#[headcount::counted(name = "calls_of_nobody_total", help = "Calls that nobody makes.")]
fn nobody_calls() {}

fn main() -> Result<(), headcount::Error> {
    for _ in 0..3 {
        let _ = call();
    }
    print!("{}", headcount::Collector::new().collect()?.to_text());
    Ok(())
}
"#;

/// A library for C, with a crate to which nothing refers.
const FOR_C: &str = r#"
use linked as _;

/// Used.
#[headcount::metric(name = "used_total")]
static USED: headcount::Counter;

#[unsafe(no_mangle)]
pub extern "C" fn print_page() {
    USED.inc();
    let page = headcount::Collector::new().collect().map(|snapshot| snapshot.to_text());
    print!("{}", page.unwrap_or_default());
}
"#;

const IN_C: &str = "void print_page(void);\nint main(void) { print_page(); return 0; }\n";

const PROFILES: &str = r#"
[profile.fat]
inherits = "release"
lto = "fat"
codegen-units = 1
opt-level = "z"
strip = true

[profile.thin]
inherits = "release"
lto = "thin"
"#;

/// A program that names one of its crates, `linked`, and not the other, `left_out`; and one whose
/// `headcount` is that of a shared library.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    fn write() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("builds");
        let headcount =
            format!("headcount = {{ path = '{}' }}\n", tests.join("../runtime").display());
        let package = |name: &str, rest: &str, file: &str, source: &str| {
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{rest}"
            );
            fs::create_dir_all(folder.join(name).join("src")).expect("ours");
            fs::write(folder.join(name).join("Cargo.toml"), manifest).expect("ours");
            fs::write(folder.join(name).join("src").join(file), source).expect("ours");
        };
        let dependencies = format!("[dependencies]\n{headcount}");
        for name in ["linked", "left_out"] {
            package(name, &dependencies, "lib.rs", &DECLARES.replace("NAME", name));
        }
        let of_program = "linked = { path = '../linked' }\nleft_out = { path = '../left_out' }\n";
        package("program", &format!("{dependencies}{of_program}"), "main.rs", PROGRAM);
        let shared = format!("[lib]\ncrate-type = ['dylib']\n\n{dependencies}");
        package("shared", &shared, "lib.rs", &DECLARES.replace("NAME", "shared"));
        let of_program = "linked = { package = 'shared', path = '../shared' }\n";
        let library = format!("[lib]\ncrate-type = ['staticlib']\n\n{dependencies}");
        let of_library = "linked = { path = '../linked' }\n";
        package("for_c", &format!("{library}{of_library}"), "lib.rs", FOR_C);
        package("sharer", &format!("{dependencies}{of_program}"), "main.rs", PROGRAM);
        fs::write(
            folder.join("Cargo.toml"),
            format!(
                "[workspace]\nresolver = \"3\"\n\
                 members = ['linked', 'left_out', 'program', 'shared', 'sharer', 'for_c']\n{PROFILES}"
            ),
        )
        .expect("ours");
        // The versions that this workspace uses are there; others would have to be fetched.
        fs::copy(tests.join("../Cargo.lock"), folder.join("Cargo.lock")).expect("ours");
        Self { folder }
    }

    /// Builds one of them, and returns the folder that it is in.
    fn build(&self, program: &str, profile: &str, flags: &str) -> PathBuf {
        let target = self.folder.join("target");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--offline", "--quiet", "--package", program, "--profile", profile])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", flags)
            .status()
            .expect("cargo runs");
        assert!(status.success());
        target.join(if profile == "dev" { "debug" } else { profile })
    }

    /// What one of them prints.
    fn page_of(&self, program: &str, profile: &str, flags: &str) -> Page {
        let folder = self.build(program, profile, flags);
        // A program with shared libraries of Rust's needs to be told where they are.
        let rustc = Command::new("rustc").args(["--print", "target-libdir"]).output();
        let of_rust = String::from_utf8(rustc.expect("rustc runs").stdout).expect("a path");
        let libraries = format!("{}:{}", folder.display(), of_rust.trim());
        printed(Command::new(folder.join(program)).env("LD_LIBRARY_PATH", libraries))
    }

    /// What a program in C prints that is linked with the library for C, between these arguments of
    /// the linker.
    fn page_in_c(&self, before: &[&str], after: &[&str]) -> Page {
        // Without optimisation crates use one another's copies of generic functions, so something
        // refers to nearly every object.
        let library = self.build("for_c", "release", "").join("libfor_c.a");
        let (main, program) = (self.folder.join("main.c"), self.folder.join("in_c"));
        fs::write(&main, IN_C).expect("ours");
        let mut cc = Command::new("cc");
        cc.arg(&main).args(before).arg(&library).args(after);
        let linked = cc.args(["-lpthread", "-ldl", "-lm", "-lgcc_s", "-o"]).arg(&program).output();
        let linked = linked.expect("a linker, which Rust needs too");
        assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));
        printed(&mut Command::new(&program))
    }
}

#[track_caller]
fn printed(program: &mut Command) -> Page {
    program.env_remove("HEADCOUNT_DIR").env_remove("PROMETHEUS_MULTIPROC_DIR");
    let output = program.output().expect("it was built");
    assert!(output.status.success(), "{output:?}");
    Page::parse(&String::from_utf8(output.stdout).expect("UTF-8")).expect("a page")
}

#[track_caller]
fn assert_has_all(page: &Page, linked: &str) {
    let nothing = ["declared_total", "calls_of_nobody_total"].map(str::to_owned);
    let of_crate = ["declared_total", "calls_total"].map(|name| format!("{linked}_{name}"));
    for name in nothing.into_iter().chain(of_crate) {
        assert_eq!(page.value(&name), Some(0.0), "{name}: {page:?}");
    }
    assert_eq!(page.value("used_total"), Some(3.0));
    assert_eq!(page.value("calls_total{outcome=\"ok\"}"), Some(3.0));
}

/// Also `codegen-units = 1`, `opt-level = "z"` and `strip = true`.
#[test]
#[ignore = "compiles releases: run tests/run --long"]
fn link_time_optimisation_leaves_no_declaration_out() {
    if !is_long() {
        return;
    }
    let programs = Programs::write();
    for profile in ["fat", "thin"] {
        let page = programs.page_of("program", profile, "");
        assert_has_all(&page, "linked");
        // rustc doesn't link a crate of which the program names nothing.
        for name in ["left_out_declared_total", "left_out_calls_total"] {
            assert_eq!(page.value(name), None, "{profile}");
        }
    }
}

#[test]
#[ignore = "compiles headcount as a shared library: run tests/run --long"]
fn a_shared_library_of_rusts_has_one_headcount_with_its_program() {
    if is_long() {
        let page = Programs::write().page_of("sharer", "dev", "-C prefer-dynamic");
        assert_has_all(&page, "shared");
        assert_eq!(page.value("headcount_processes{state=\"live\"}"), Some(1.0));
    }
}

#[test]
#[ignore = "compiles headcount for C: run tests/run --long"]
fn a_static_library_lacks_what_nothing_refers_to_unless_it_is_linked_whole() {
    if !is_long() {
        return;
    }
    let programs = Programs::write();
    let page = programs.page_in_c(&[], &[]);
    assert_eq!(page.value("used_total"), Some(1.0));
    assert_eq!(page.value("linked_declared_total"), None);
    let page = programs.page_in_c(&["-Wl,--whole-archive"], &["-Wl,--no-whole-archive"]);
    assert_eq!(page.value("used_total"), Some(1.0));
    assert_eq!(page.value("linked_declared_total"), Some(0.0));
    assert_eq!(page.value("linked_calls_total"), Some(0.0));
}
