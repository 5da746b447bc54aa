//! `headcount show` and `ps`: what they print, and of what.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use headcount_tests::files::{names, segments};
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

use crate::{command, count, hold, run, succeeds};

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
fn a_directory_of_pythons_client_is_shown_and_checked() {
    let folder = temporary_directory(Medium::Memory);
    // What `Counter("jobs", "Jobs done.").inc(3)` writes in process 17.
    let key = br#"["jobs", "jobs_total", {}, "Jobs done."]"#;
    let padding = 8 - (4 + key.len()) % 8;
    let used = u32::try_from(8 + 4 + key.len() + padding + 16).expect("small");
    let length = u32::try_from(key.len()).expect("small").to_le_bytes();
    let mut file =
        [&used.to_le_bytes()[..], &[0; 4], &length, key, &b"        "[..padding]].concat();
    file.extend([3_f64.to_le_bytes(), 0_f64.to_le_bytes()].concat());
    fs::write(folder.path().join("counter_17.db"), file).expect("ours");
    let page = succeeds(&["show"], folder.path());
    Page::parse(&page).expect("a page").assert(&[("jobs_total", 3.0)]);
    assert!(page.contains("# HELP jobs_total Jobs done.\n"), "{page}");
    assert_eq!(succeeds(&["check"], folder.path()), "ok: 0 living processes\n");
    assert!(names(folder.path()).eq(&["counter_17.db"]), "looking changes nothing");
}
