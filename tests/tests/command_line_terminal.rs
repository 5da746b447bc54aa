//! The program `headcount` at a terminal: what it colours, what `NO_COLOR` changes, and what it
//! never lets a terminal obey.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use headcount_tests::child::Child;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::pty::openpty;

/// What a terminal would get: the standard output and the errors of the program. They are one
/// terminal, as in a shell.
fn at_a_terminal(arguments: &[&str], directory: &Path, no_color: Option<&str>) -> String {
    let pty = openpty(None, None).expect("a terminal");
    let mut command = Command::new(headcount_tests::server::program("headcount"));
    command.args(arguments).arg("--dir").arg(directory).env_remove("NO_COLOR");
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
    let mut child = command.stdin(Stdio::null()).stdout(end()).stderr(end()).spawn().expect("it");
    drop((command, pty.slave));
    // A terminal holds little, so it is read while the program runs.
    let reader = thread::spawn(move || {
        let (mut said, mut bytes) = (Vec::new(), [0; 4096]);
        let mut master = File::from(pty.master);
        // Its end is an error once nobody has the other side.
        while let Ok(count) = master.read(&mut bytes) {
            if count == 0 {
                break;
            }
            said.extend(&bytes[..count]);
        }
        said
    });
    assert!(child.wait().expect("it ends").success());
    let said = reader.join().expect("read");
    String::from_utf8(said).expect("UTF-8").replace("\r\n", "\n")
}

fn hold(directory: &Path) -> Child {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_remains"));
    let child = Child::start(worker.arg("hold").arg(directory).arg("5"));
    eventually("it has counted", || child.output().contains("ready").then_some(()));
    child
}

#[test]
fn states_are_coloured_unless_a_person_wants_no_colours() {
    let folder = temporary_directory(Medium::Memory);
    let _living = hold(folder.path());
    fs::write(folder.path().join("stray.hc"), "something else").expect("ours");
    for (no_color, is_coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let table = at_a_terminal(&["ps"], folder.path(), no_color);
        for (colour, word) in [("32", "live"), ("31", "unreadable")] {
            let coloured = format!("\x1b[{colour}m{word}");
            assert_eq!(table.contains(&coloured), is_coloured, "{no_color:?}: {table:?}");
            // The word is always there: a colour alone tells nothing to some people.
            assert!(table.contains(word), "{table:?}");
        }
        assert_eq!(table.contains('\x1b'), is_coloured, "{table:?}");
    }
}

#[test]
fn a_table_has_the_same_columns_with_and_without_colours() {
    let folder = temporary_directory(Medium::Memory);
    let _living = hold(folder.path());
    let plain = at_a_terminal(&["ps"], folder.path(), Some("1"));
    let coloured = at_a_terminal(&["ps"], folder.path(), None);
    let without = coloured.replace("\x1b[32m", "").replace("\x1b[0m", "");
    let columns = |table: &str| table.lines().map(|line| line.find("  holds")).collect::<Vec<_>>();
    assert_eq!(columns(&without), columns(&plain));
}

#[test]
fn a_terminal_obeys_nothing_that_a_directory_says() {
    let folder = temporary_directory(Medium::Memory);
    let _living = hold(folder.path());
    for name in ["1-\x1b[2J\x1b]0;red\x07.hc", "2-\u{202e}gpj.hc"] {
        fs::write(folder.path().join(name), "something else").expect("ours");
    }
    for arguments in [&["show"][..], &["ps"], &["compact"], &["clean", "--unreadable", "--dry-run"]]
    {
        let said = at_a_terminal(arguments, folder.path(), Some("1"));
        assert!(!said.contains(['\x1b', '\x07', '\u{202e}']), "{arguments:?}: {said:?}");
        assert!(said.contains("\\u{1b}[2J\\u{1b}]0;red\\u{7}.hc"), "{arguments:?}: {said:?}");
    }
    // What is no text at all neither.
    let said = at_a_terminal(&["show", "--format", "protobuf"], folder.path(), Some("1"));
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
}
