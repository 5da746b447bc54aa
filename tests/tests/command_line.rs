//! The program `headcount`, as an operator calls it: what it says, what it does, and how it ends.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use headcount::{Collector, MarkedDead};
use headcount_tests::child::Child;
use headcount_tests::files::{names, segments};
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};

/// Builds it once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| headcount_tests::server::program("headcount"))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for variable in ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"] {
        command.env_remove(variable);
    }
    command
}

/// Its exit code, and what it says on both outputs.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn succeeds(arguments: &[&str], directory: &Path) -> String {
    let (code, out, err) = run(command(arguments).arg("--dir").arg(directory));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

fn count(directory: &Path, n: u32) {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let status = worker.arg("count").arg(directory).arg(n.to_string()).status();
    assert!(status.expect("it runs").success());
}

fn hold(directory: &Path, n: u32) -> Child {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let child = Child::start(worker.arg("hold").arg(directory).arg(n.to_string()));
    eventually("it has counted", || child.output().contains("ready").then_some(()));
    child
}

#[test]
fn show_prints_the_page_of_the_directory_that_is_named_anyhow() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let out = succeeds(&["show"], folder.path());
    let page = Page::parse(&out).expect("a page");
    page.assert(&[("made_total", 6.0), ("headcount_processes{state=\"dead\"}", 1.0)]);
    for variable in ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR"] {
        let (code, out, _) = run(command(&["show"]).env(variable, folder.path()));
        assert_eq!(code, Some(0));
        assert!(out.contains("made_total 6\n"), "{out}");
    }
    // What is said comes before what is set.
    let (code, _, err) =
        run(command(&["--dir", "/nowhere", "show"]).env("HEADCOUNT_DIR", folder.path()));
    assert_eq!(code, Some(1));
    assert!(err.starts_with("headcount: /nowhere: can't open the directory: "), "{err}");
}

#[test]
fn what_could_not_be_read_is_reported_beside_the_page() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    fs::write(folder.path().join("stray.hc"), "something else").expect("ours");
    let (code, out, err) = run(command(&["show", "--dir"]).arg(folder.path()));
    assert_eq!(code, Some(0));
    assert!(out.contains("made_total 6\n"));
    assert!(err.contains("stray.hc: not a segment"), "{err}");
    let table = succeeds(&["ps"], folder.path());
    assert!(table.lines().last().expect("a row").contains("unreadable"), "{table}");
    assert!(table.contains("stray.hc: not a segment"), "{table}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let mut showing = command(&["show", "--dir"]);
    let showing = showing.arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut showing = showing.spawn().expect("it runs");
    drop(showing.stdout.take());
    let status = showing.wait().expect("it ends");
    let mut said = String::new();
    showing.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    // One that can't be written is.
    let full = File::options().write(true).open("/dev/full").expect("a device");
    let status = command(&["show", "--dir"]).arg(folder.path()).stdout(full).output();
    assert_eq!(status.expect("it runs").status.code(), Some(1));
}

#[test]
fn ps_says_who_lives_and_how_that_is_known() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    count(directory, 2);
    // A dead one, and another boot's.
    let others = segments(directory);
    count(directory, 3);
    let old = segments(directory).into_iter().find(|name| !others.contains(name));
    let old = old.expect("a third");
    let file = File::options().read(true).write(true).open(directory.join(&old)).expect("ours");
    let mut header = vec![0; 4096];
    file.read_exact_at(&mut header, 0).expect("a header");
    header[48..64].fill(0xbb);
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&header, 0).expect("written");

    let table = succeeds(&["ps"], directory);
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["PID", "STATE", "AGE", "SERIES", "BYTES", "DROPS", "FILE", "WHY"]);
    assert_eq!(rows.len(), 4, "{table}");
    let line = |file: &str| {
        let line = table.lines().find(|line| line.contains(file));
        line.unwrap_or_else(|| panic!("no {file} in {table}"))
    };
    let pid = living.pid().to_string();
    let alive = line(&format!("{pid}-"));
    assert!(alive.trim_start().starts_with(&format!("{pid}  live ")), "{table}");
    assert!(alive.ends_with("  holds its lock"), "{table}");
    assert!(line(&old).contains("  dead ") && line(&old).ends_with("  made before this boot"));
    let free = table.lines().filter(|line| line.ends_with("  its lock is free"));
    assert_eq!(free.count(), 1, "{table}");
    // The columns stand one below the other.
    let column = table.lines().next().and_then(|head| head.find("WHY")).expect("a head");
    assert!(alive[column..].starts_with("holds"), "{table}");

    // In the order that is asked for.
    let column = |order: &str, column: usize| -> Vec<String> {
        let table = succeeds(&["ps", "--sort", order], directory);
        let words = |line: &str| line.split_whitespace().nth(column).expect("a cell").to_owned();
        table.lines().skip(1).map(words).collect()
    };
    let pids: Vec<u32> = column("pid", 0).iter().map(|pid| pid.parse().expect("a pid")).collect();
    assert!(pids.is_sorted(), "{pids:?}");
    assert_eq!(column("state", 1), ["live", "dead", "dead"]);
    // The living one has series of fewer paths.
    let numbers = |order: &str| -> Vec<u64> {
        let at = if order == "series" { 3 } else { 4 };
        // An age has one or two words, so the columns are counted from the front of the rest.
        let table = succeeds(&["ps", "--sort", order], directory);
        let number = |line: &str| {
            let mut rest = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            rest.nth(at).expect("a cell").parse().expect("a number")
        };
        table.lines().skip(1).map(number).collect()
    };
    for order in ["series", "bytes"] {
        let all = numbers(order);
        assert!(all.iter().rev().is_sorted(), "{order}: {all:?}");
    }

    living.kill();
    assert_eq!(succeeds(&["ps"], directory).matches("its lock is free").count(), 2);
}

#[test]
fn compact_archives_the_dead_and_changes_no_number() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let _living = hold(directory, 1);
    for n in [2, 3] {
        count(directory, n);
    }
    let counted = || {
        let page = Page::parse(&succeeds(&["show"], directory)).expect("a page");
        let mut samples = page.samples;
        samples.retain(|name, _| !name.starts_with("headcount_"));
        samples
    };
    let before = counted();
    let said = succeeds(&["compact"], directory);
    assert_eq!(said, "2 segments compacted; the archive's generation is 1\n");
    assert_eq!(counted(), before);
    assert_eq!(segments(directory).len(), 1);
    let said = succeeds(&["compact"], directory);
    assert_eq!(said, "0 segments compacted; the archive's generation is 1\n");
}

#[test]
fn mark_dead_archives_the_dead_and_not_the_living() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    let pid = living.pid().to_string();
    let alive = format!("nothing done: process {pid} is alive\n");
    assert_eq!(succeeds(&["mark-dead", &pid], directory), alive);
    living.kill();
    assert_eq!(succeeds(&["mark-dead", &pid], directory), "1 segment compacted\n");
    let said = succeeds(&["mark-dead", &pid], directory);
    assert!(said.starts_with(&format!("nothing done: there is no segment of process {pid} ")));
}

#[test]
fn clean_forgets_what_the_options_name() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let living = hold(directory, 1);
    // Of paths that the living one doesn't have: `/even`.
    count(directory, 2);
    succeeds(&["compact"], directory);
    let even = "requests_total{method=\"post\",path=\"/even\"}";
    let page = || Page::parse(&succeeds(&["show"], directory)).expect("a page");
    assert_eq!(succeeds(&["clean", "--older-than", "1h 30m"], directory), "0 series deleted\n");
    page().assert(&[(even, 1.0), ("made_total", 5.0)]);
    let said = succeeds(&["clean", "--older-than", "0s"], directory);
    assert!(said.ends_with(" series deleted\n") && !said.starts_with("0 "), "{said}");
    assert_eq!(page().value(even), None);
    page().assert(&[("made_total", 5.0)]);

    // Set aside, and removed.
    count(directory, 4);
    let file = segments(directory)
        .into_iter()
        .find(|name| !name.starts_with(&format!("{}-", living.pid())));
    let file = file.expect("the dead one's");
    let spoilt = File::options().write(true).open(directory.join(&file)).expect("ours");
    spoilt.write_all_at(b"damaged!", 0x2040).expect("written");
    let (code, _, err) = run(command(&["compact", "--dir"]).arg(directory));
    assert!(code == Some(0) && err.contains(&file), "{err}");
    assert!(names(directory).contains(&format!("{file}.bad")));
    // What is no segment goes with it; what a dry run lists is still there.
    fs::write(directory.join("stray\x1b.hc"), "something else").expect("ours");
    let said = succeeds(&["clean", "--unreadable", "--dry-run"], directory);
    let listed = format!("{file}.bad\nstray\\u{{1b}}.hc\n0 series would be deleted\n");
    assert_eq!(said, format!("{listed}2 files would be removed\n"));
    let both = [format!("{file}.bad"), "stray\x1b.hc".to_owned()];
    assert!(both.iter().all(|name| names(directory).contains(name)));
    assert_eq!(
        succeeds(&["clean", "--unreadable"], directory),
        "0 series deleted\n2 files removed\n"
    );
    assert!(!both.iter().any(|name| names(directory).contains(name)));

    // Everything of the dead, folded or not.
    count(directory, 6);
    page().assert(&[("made_total", 12.0)]);
    let before = names(directory);
    let said = succeeds(&["clean", "--dead", "--dry-run"], directory);
    assert!(said.contains("made_total\n") && said.contains(".hc\n"), "{said}");
    assert_eq!(names(directory), before);
    page().assert(&[("made_total", 12.0)]);
    succeeds(&["clean", "--dead"], directory);
    page().assert(&[("made_total", 2.0), ("headcount_processes{state=\"dead\"}", 0.0)]);
    assert_eq!(segments(directory).len(), 1);
}

#[test]
fn what_fails_ends_with_1_and_says_why() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    fs::write(directory.join("archive.hca"), "not one").expect("ours");
    for arguments in [&["compact"][..], &["clean", "--dead"], &["mark-dead", "1"]] {
        let (code, out, err) = run(command(arguments).arg("--dir").arg(directory));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.starts_with("headcount: ") && err.contains("archive.hca"), "{err}");
    }
    assert_eq!(fs::read(directory.join("archive.hca")).expect("ours"), b"not one");
}

#[test]
fn a_wrong_call_ends_with_2_and_says_what_is_right() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().to_str().expect("UTF-8");
    for (arguments, says) in [
        (&["show"][..], "give --dir, or set HEADCOUNT_DIR"),
        (&[], "Usage:"),
        (&["shwo", "--dir", directory], "'show'"),
        (&["mark-dead", "--dir", directory], "<PID>"),
        (&["mark-dead", "x", "--dir", directory], "invalid value 'x'"),
        (&["clean", "--dir", directory], "--older-than"),
        (&["clean", "--older-than", "soon", "--dir", directory], "invalid value 'soon'"),
        (&["clean", "--dry-run", "--dir", directory], "--older-than"),
        (&["show", "--format", "xml", "--dir", directory], "openmetrics"),
        (&["show", "--watch=0", "--dir", directory], "there must be a pause"),
        (&["man", "shwo"], "no command `shwo`"),
        (&["serve", "--label", "eu", "--dir", directory], "there is no `=`"),
        (&["completions", "cmd"], "bash"),
    ] {
        let (code, out, err) = run(&mut command(arguments));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
    let (code, out, _) = run(&mut command(&["--help"]));
    assert_eq!(code, Some(0));
    for word in [
        "serve",
        "show",
        "ps",
        "compact",
        "clean",
        "check",
        "catalog",
        "mark-dead",
        "completions",
        "man",
        "--dir",
        "HEADCOUNT_DIR",
        "PROMETHEUS_MULTIPROC_DIR",
        "RUNTIME_DIRECTORY",
        "Examples:",
        "Exit status:",
        "arguments are wrong",
    ] {
        assert!(out.contains(word), "{out}");
    }
    let (code, out, _) = run(&mut command(&["--version"]));
    assert_eq!((code, out.trim_end()), (Some(0), concat!("headcount ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_library_that_is_used_as_it_is_brings_no_dependencies_of_the_program() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "headcount", "--edges", "normal"])
        .args(["--prefix", "none"])
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && tree.contains("rustix"), "{tree}");
    for program in ["clap", "humantime"] {
        assert!(!tree.contains(program), "{tree}");
    }
}

#[test]
fn a_directory_with_nothing_of_ours_is_an_error_and_stays_as_it_is() {
    let folder = temporary_directory(Medium::Disk);
    fs::write(folder.path().join("passwd"), "root:x:0:0").expect("ours");
    for arguments in [
        &["show"][..],
        &["ps"],
        &["compact"],
        &["clean", "--dead"],
        &["clean", "--unreadable"],
        &["clean", "--older-than", "1d", "--dry-run"],
        &["check"],
        &["catalog"],
        &["mark-dead", "1"],
    ] {
        let (code, out, err) = run(command(arguments).arg("--dir").arg(folder.path()));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}: {err}");
        assert!(err.contains("there is nothing of headcount's here"), "{arguments:?}: {err}");
        assert_eq!(names(folder.path()), ["passwd"], "{arguments:?}");
    }
    // Nor does the library leave anything there.
    let collector = Collector::from_directory(folder.path());
    assert_eq!(collector.compact().expect("nothing to do").segments(), 0);
    assert_eq!(collector.mark_process_dead(1).expect("nothing to do"), MarkedDead::Unknown);
    assert_eq!(names(folder.path()), ["passwd"]);
}

#[test]
fn names_that_a_terminal_would_obey_are_escaped() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    for name in ["1-\x1b[2J\x1b]0;red\x07.hc", "2-\u{202e}gpj.hc", "3-\n4.hc"] {
        fs::write(folder.path().join(name), "something else").expect("ours");
    }
    for arguments in [["show"], ["ps"], ["compact"]] {
        let (code, out, err) = run(command(&arguments).arg("--dir").arg(folder.path()));
        assert_eq!(code, Some(0), "{err}");
        let said = format!("{out}{err}");
        assert!(!said.contains(['\x1b', '\x07', '\u{202e}']), "{said:?}");
        for escaped in ["1-\\u{1b}[2J\\u{1b}]0;red\\u{7}.hc", "2-\\u{202e}gpj.hc", "3-\\n4.hc"] {
            assert!(said.contains(escaped), "{arguments:?}, {escaped}: {said}");
        }
    }
}

#[test]
fn show_prints_any_format_of_the_families_that_are_named() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let before = names(folder.path());
    let shown = |arguments: &[&str]| {
        let arguments = [&["show", "made_total"], arguments].concat();
        succeeds(&arguments, folder.path())
    };
    assert!(shown(&[]).ends_with("# TYPE made_total counter\nmade_total 6\n"));
    assert_eq!(shown(&[]).lines().count(), 3);
    assert!(shown(&["--format", "openmetrics"]).ends_with("\nmade_total 6\n# EOF\n"));
    let json: serde_json::Value =
        serde_json::from_str(&shown(&["--format", "json"])).expect("JSON");
    assert_eq!(json["families"][0]["series"][0]["value"], 6);
    let mut protobuf = command(&["show", "made_total", "--format", "protobuf", "--dir"]);
    let protobuf = protobuf.arg(folder.path()).output().expect("it runs").stdout;
    // A message of less than 128 bytes, and its first field.
    assert_eq!(usize::from(protobuf[0]), protobuf.len() - 1);
    assert!(protobuf[1..].starts_with(b"\x0a\x0amade_total"), "{protobuf:?}");
    assert_eq!(names(folder.path()), before, "it writes nothing");

    // Again and again, until its reader leaves.
    let mut watching = command(&["show", "made_total", "--watch=0.01", "--dir"]);
    let mut watching = watching.arg(folder.path()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut out = std::io::BufReader::new(watching.stdout.take().expect("a pipe"));
    for _ in 0..3 {
        for line in ["# HELP made_total ", "# TYPE made_total counter", "made_total 6"] {
            let mut read = String::new();
            std::io::BufRead::read_line(&mut out, &mut read).expect("a line");
            assert!(read.starts_with(line), "{read}");
        }
    }
    drop(out);
    assert!(watching.wait().expect("it ends").success());
}

#[test]
fn check_ends_as_a_probe_needs_it() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    assert_eq!(succeeds(&["check", "--min-live", "1"], directory), "ok: 1 living process\n");
    let fails = |arguments: &[&str]| {
        let (code, out, err) = run(command(arguments).arg("--dir").arg(directory));
        assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
        out
    };
    let said = fails(&["check", "--min-live", "2"]);
    assert_eq!(said, "1 living processes, and there should be 2\n");
    living.kill();
    assert_eq!(succeeds(&["check"], directory), "ok: 0 living processes\n");
    fs::write(directory.join("stray.hc"), "something else").expect("ours");
    assert!(fails(&["check"]).contains("stray.hc: not a segment"));
}

#[test]
fn catalog_lists_what_is_counted() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let table = succeeds(&["catalog"], folder.path());
    assert!(
        table.starts_with("| family | type | unit | labels | series | help |\n|---|"),
        "{table}"
    );
    assert!(table.contains("\n| `made_total` | counter |  |  | 1 | "), "{table}");
    assert!(table.contains("\n| `requests_total` | counter |  | `method`, `path` | "), "{table}");
    assert!(!table.contains("headcount_"), "{table}");
    let json = succeeds(&["catalog", "--format", "json"], folder.path());
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let of = |name: &str| {
        let all = json.as_array().expect("a list").iter();
        all.clone().find(|family| family["name"] == name).expect("it is there").clone()
    };
    assert_eq!(of("requests_total")["labels"], serde_json::json!(["method", "path"]));
    assert_eq!(of("made_total")["type"], "counter");

    // A panel for each family, and rules that name what is there.
    let dashboard = succeeds(&["catalog", "--format", "grafana"], folder.path());
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let of = |name: &str| {
        let panel = panels.iter().find(|panel| panel["title"] == name).expect("a panel");
        panel["targets"][0]["expr"].as_str().expect("a query").to_owned()
    };
    assert_eq!(of("made_total"), "sum (rate(made_total[$__rate_interval]))");
    assert_eq!(
        of("requests_total"),
        "sum by (method, path) (rate(requests_total[$__rate_interval]))"
    );
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    assert!(rules.starts_with("groups:\n  - name: headcount\n    rules:\n"), "{rules}");
    assert!(rules.contains("alert: HeadcountFilesSkipped"), "{rules}");
}

#[test]
#[ignore = "needs the peer promtool"]
fn prometheus_takes_the_rules() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 5);
    let rules = succeeds(&["catalog", "--format", "rules"], folder.path());
    let path = folder.path().join("rules.yml");
    fs::write(&path, rules).expect("ours");
    let mut check = Command::new(headcount_tests::peer("promtool"));
    let (code, out, err) = run(check.args(["check", "rules"]).arg(&path));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("SUCCESS"), "{out}");
}

#[test]
fn serve_serves_what_is_there_and_what_will_be() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("later");
    let mut serving = command(&["serve", "--web.listen-address", "127.0.0.1:0", "--dir"]);
    serving.arg(&directory).args(["--web.telemetry-path", "/m"]);
    let serving = Child::start(serving.args(["--label", "region=eu", "--prefix", "shop"]));
    let url = eventually("it serves", || {
        let output = serving.output();
        let url = output.lines().find_map(|line| line.strip_prefix("headcount: serving http://"));
        url.map(str::to_owned)
    });
    assert!(serving.output().contains("serving that until it can be read"));
    let (address, path) = url.split_once('/').expect("a path");
    assert_eq!(path, "m");
    let get = |path: &str| {
        let address = address.parse().expect("an address");
        Connection::open(address).expect("it accepts").get(path).expect("an answer")
    };
    assert_eq!((get("/m").status, get("/metrics").status), (503, 404));
    fs::create_dir(&directory).expect("ours");
    Page::parse(&get("/m").body)
        .expect("a page")
        .assert(&[("headcount_processes{region=\"eu\",state=\"live\"}", 0.0)]);
    assert!(get("/healthz").body.contains("nothing of headcount's is in the directory yet"));
    count(&directory, 5);
    let page = Page::parse(&get("/m?name[]=shop_made_total").body).expect("a page");
    page.assert(&[("shop_made_total{region=\"eu\"}", 6.0)]);
    assert_eq!(page.samples.len(), 1);
    assert_eq!(get("/healthz").body, "ok\n");
    assert!(
        !names(&directory).iter().any(|name| name.starts_with(".serve-")),
        "port 0 is nobody else's"
    );
}

#[test]
fn serve_lets_in_whom_its_web_configuration_lets_in() {
    let folder = temporary_directory(Medium::Memory);
    let config = folder.path().join("web.yml");
    let arguments = ["serve", "--web.listen-address", "127.0.0.1:0", "--web.config.file"];
    fs::write(&config, "basic_auth_users:\n  alice: plain\n").expect("ours");
    let mut wrong = command(&arguments);
    let (code, _, err) = run(wrong.arg(&config).arg("--dir").arg(folder.path()));
    assert_eq!(code, Some(1));
    assert!(err.contains("web.yml: `basic_auth_users.alice` is not a hash of bcrypt"), "{err}");

    let hash = bcrypt::hash("a", 4).expect("a hash");
    fs::write(&config, format!("basic_auth_users:\n  alice: {hash}\n")).expect("ours");
    let mut serving = command(&arguments);
    let serving = Child::start(serving.arg(&config).arg("--dir").arg(folder.path()));
    let address = eventually("it serves", || {
        let output = serving.output();
        let rest = output.lines().find_map(|line| line.strip_prefix("headcount: serving at "));
        rest.and_then(|rest| rest.split_once('/')).map(|(address, _)| address.to_owned())
    });
    let get = || {
        let address = address.parse().expect("an address");
        Connection::open(address).expect("it accepts").get("/metrics").expect("an answer").status
    };
    assert_eq!(get(), 401);
    // The reason is for whoever runs the server.
    fs::write(&config, "nonsense: 1\n").expect("ours");
    assert_eq!(get(), 500);
    eventually("the reason is told", || {
        serving.output().contains("`nonsense` is not supported").then_some(())
    });
}

#[test]
fn serve_takes_the_sockets_of_systemd() {
    let folder = temporary_directory(Medium::Memory);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // As systemd does it: the socket is descriptor 3, and the variables say so.
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
    let mut serving = Command::new("bash");
    serving.args(["-c", script]).arg(program()).args(["serve", "--web.systemd-socket", "--dir"]);
    serving.arg(folder.path()).stdin(std::os::fd::OwnedFd::from(listener));
    let mut serving = serving.stderr(Stdio::piped()).spawn().expect("bash runs");
    let answer = eventually("it serves", || Connection::open(address).ok()?.get("/metrics").ok());
    assert_eq!(answer.status, 200);
    serving.kill().expect("it lives");
    serving.wait().expect("ours");
    // Without them the call is wrong.
    let (code, _, err) =
        run(command(&["serve", "--web.systemd-socket", "--dir"]).arg(folder.path()));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("systemd has handed no socket"), "{err}");
}

#[test]
fn completions_and_manual_pages_know_all_commands() {
    let output = |arguments: &[&str]| {
        let (code, out, err) = run(&mut command(arguments));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
        out
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = output(&["completions", shell]);
        assert!(script.contains("mark-dead") && script.contains("web.listen-address"), "{shell}");
    }
    let page = output(&["man"]);
    assert!(page.contains(".TH headcount 1") && page.contains("mark\\-dead"), "{page}");
    assert!(page.contains("HEADCOUNT_DIR") && page.contains("Exit status"), "{page}");
    assert!(page.contains("NO_COLOR") && page.contains("Examples"), "{page}");
    assert!(output(&["man", "serve"]).contains("web.telemetry\\-path"));
}
