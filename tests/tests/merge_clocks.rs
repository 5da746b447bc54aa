//! Clocks that are ahead, and are set: no count falls, and no later value is hidden by an earlier
//! one.
//!
//! A process gets a clock of its own from a library that is loaded before all others, and says what
//! a file says beside the true time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use headcount::Collector;
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};
use tempfile::TempDir;

const CLOCK: &str = r#"
#[repr(C)]
pub struct Time { seconds: i64, nanos: i64 }

unsafe extern "C" { fn syscall(number: i64, ...) -> i64; }

#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: i32, into: *mut Time) -> i32 {
    let number = if cfg!(target_arch = "x86_64") { 228 } else { 113 };
    let done = unsafe { syscall(number, clock as i64, into) };
    if done == 0 && clock == 0 {
        let by = std::env::var("TEST_CLOCK").ok().and_then(|file| std::fs::read_to_string(file).ok());
        let by: i64 = by.and_then(|by| by.trim().parse().ok()).unwrap_or(0);
        unsafe { (*into).seconds += by };
    }
    done as i32
}
"#;

/// The library, built once.
fn library() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let folder = temporary_directory(Medium::Disk);
        let (source, path) = (folder.path().join("clock.rs"), folder.path().join("libclock.so"));
        fs::write(&source, CLOCK).expect("written");
        let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
        let built = Command::new(rustc)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
            .args([&path, &source])
            .status();
        assert!(built.expect("rustc runs").success());
        (folder, path)
    });
    path
}

/// A machine on which anyone may set the clock.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// Its clock is so many seconds ahead.
    fn ahead_by(seconds: i64) -> Self {
        let machine = Self { folder: temporary_directory(Medium::Memory) };
        fs::create_dir(machine.directory()).expect("made");
        machine.set(seconds);
        machine
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("segments")
    }

    /// Sets the clock ahead by so many seconds of the true time.
    fn set(&self, seconds: i64) {
        fs::write(self.folder.path().join("clock"), seconds.to_string()).expect("written");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remains"));
        command.env("LD_PRELOAD", library());
        command.env("TEST_CLOCK", self.folder.path().join("clock"));
        command
    }

    fn start(&self) -> Obedient {
        Obedient::start_by(&mut self.command(), &self.directory())
    }

    /// What a process that collects sees, by the machine's clock, and by the true one.
    #[track_caller]
    fn sees(&self, name: &str) -> Option<f64> {
        let output = self.command().arg("page-text").arg(self.directory()).output();
        let output = output.expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let there = Page::parse(&text).expect("a page").value(name);
        let snapshot = Collector::from_directory(self.directory()).auto_compact(false).collect();
        let text = snapshot.expect("a snapshot").to_text();
        assert_eq!(Page::parse(&text).expect("a page").value(name), there, "{name}");
        there
    }

    fn compact(&self) {
        let output = self.command().arg("compact").arg(self.directory()).output();
        let output = output.expect("it runs");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("compacted"), "{output:?}");
    }
}

const CALLS: &str = "tenant_calls_total{tenant=\"acme\"}";
const HOUR: i64 = 3600;

fn done(process: &mut Obedient, command: &str) {
    assert_eq!(process.tell(command), "done");
}

#[test]
fn what_one_process_removes_counts_on_while_one_whose_clock_was_ahead_has_it() {
    let machine = Machine::ahead_by(HOUR);
    let mut ahead = machine.start();
    done(&mut ahead, "inc acme 7");
    machine.set(0);
    let mut other = machine.start();
    done(&mut other, "inc acme 5");
    assert_eq!(machine.sees(CALLS), Some(12.0));
    assert_eq!(other.tell("remove acme"), "true");
    assert_eq!(machine.sees(CALLS), Some(12.0));
    drop(other);
    machine.compact();
    assert_eq!(machine.sees(CALLS), Some(12.0));
    drop(ahead);
    machine.set(-HOUR);
    machine.compact();
    assert_eq!(machine.sees(CALLS), Some(12.0));
}

#[test]
fn what_was_removed_stays_gone_when_the_clock_is_set_back() {
    for compacts in [false, true] {
        let machine = Machine::ahead_by(0);
        let mut first = machine.start();
        done(&mut first, "inc acme 5");
        assert_eq!(first.tell("remove acme"), "true");
        if compacts {
            drop(first);
            machine.compact();
        }
        assert_eq!(machine.sees(CALLS), None);
        machine.set(-HOUR);
        let mut second = machine.start();
        done(&mut second, "inc acme 1");
        assert_eq!(machine.sees(CALLS), Some(1.0), "compacted: {compacts}");
    }
}

#[test]
fn a_clock_that_is_set_in_a_process_life_changes_nothing() {
    let machine = Machine::ahead_by(0);
    let [mut a, mut b] = [(); 2].map(|()| machine.start());
    done(&mut a, "inc other 1");
    done(&mut b, "inc acme 5");
    machine.set(HOUR);
    done(&mut a, "inc acme 7");
    machine.set(-HOUR);
    assert_eq!(b.tell("remove acme"), "true");
    assert_eq!(machine.sees(CALLS), Some(12.0));
    assert_eq!(a.tell("remove acme"), "true");
    assert_eq!(machine.sees(CALLS), None);
    machine.set(-2 * HOUR);
    done(&mut b, "inc acme 3");
    assert_eq!(machine.sees(CALLS), Some(3.0));
}

#[test]
fn the_most_recent_value_is_the_one_that_was_set_last() {
    for compacts in [false, true] {
        let machine = Machine::ahead_by(HOUR);
        let mut ahead = machine.start();
        done(&mut ahead, "last 1");
        machine.set(0);
        let mut other = machine.start();
        assert_eq!(machine.sees("level_mostrecent"), Some(1.0));
        if compacts {
            drop(ahead);
            machine.compact();
        }
        done(&mut other, "last 2");
        assert_eq!(machine.sees("level_mostrecent"), Some(2.0), "compacted: {compacts}");
        drop(other);
        machine.compact();
        assert_eq!(machine.sees("level_mostrecent"), Some(2.0));
        machine.set(-HOUR);
        done(&mut machine.start(), "last 3");
        assert_eq!(machine.sees("level_mostrecent"), Some(3.0));
    }
}
