//! Wrong calls, failures, and what the program needs.

use std::fs;
use std::process::Command;

use headcount::{Collector, MarkedDead};
use headcount_tests::files::names;
use headcount_tests::{Medium, temporary_directory};

use crate::{command, count, run};

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
        (&["serve", "--label", "__name__=x", "--dir", directory], "Prometheus' own"),
        (&["serve", "--label", "a\nb=x", "--dir", directory], "control characters"),
        (&["serve", "--prefix", "a\nb", "--dir", directory], "control characters"),
        (
            &["serve", "--web.listen-address", "9464", "--dir", directory],
            "`9464` is not an address",
        ),
        (&["serve", "--web.listen-address", "unix:", "--dir", directory], "names no socket"),
        (&["serve", "--web.telemetry-path", "metrics", "--dir", directory], "`metrics` is not the"),
        (&["serve", "--web.telemetry-path", "/healthz", "--dir", directory], "of its own"),
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
fn a_wrong_push_ends_with_2_and_promises_nothing() {
    let folder = temporary_directory(Medium::Memory);
    count(folder.path(), 1);
    for (arguments, says) in [
        (&["--textfile", "a.txt"][..], "`.prom`"),
        (&["ftp://x", "--job", "a"], "neither http:// nor https://"),
        // By the library.
        (&["http://x?y", "--job", "a"], "not the address of a Pushgateway"),
        (&["http://x?y", "--job", "a", "--delete"], "not the address of a Pushgateway"),
        (&["http://x", "--job", ""], "--job"),
        (&["http://x", "--job", "a", "--grouping", "job=x"], "given by --job"),
        (&["http://x", "--job", "a", "--grouping", "a.b=x"], "can't be a label of a group"),
        (&["http://x", "--job", "a", "--label", "__name__=x"], "Prometheus' own"),
    ] {
        let mut push = command(&["push"]);
        let (code, out, err) = run(push.args(arguments).arg("--dir").arg(folder.path()));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.contains(says) && !err.contains("next push"), "{arguments:?}: {err}");
    }
    // What an argument names may be wrong without the argument being so.
    let trusted = folder.path().join("ca.pem");
    fs::write(&trusted, "no certificate").expect("ours");
    let mut push = command(&["push", "https://localhost:1", "--job", "a", "--ca-file"]);
    let (code, _, err) = run(push.arg(trusted).arg("--dir").arg(folder.path()));
    assert!(code == Some(1) && err.contains("no certificate in the file"), "{code:?}: {err}");
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
