//! The program `interactive`, as a test has it: told one thing at a time.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStdin, Command};

use nix::sys::signal::Signal;

use crate::child::Child;
use crate::eventually;

/// A process that does what it is told. It is killed when it is dropped, and ends when whoever
/// tells it ends.
#[derive(Debug)]
pub struct Interactive {
    /// The process.
    pub child: Child,
    name: String,
    input: ChildStdin,
    answers: usize,
}

impl Interactive {
    /// Starts one that counts nowhere yet; `program` is where `interactive` lies.
    pub fn start(program: &str, name: &str) -> Self {
        let (child, input) = Child::start_with_input(Command::new(program).arg(name));
        Self { child, name: name.to_owned(), input, answers: 0 }
    }

    /// One that counts in a directory with others.
    #[track_caller]
    pub fn in_directory(program: &str, name: &str, directory: &Path) -> Self {
        let mut process = Self::start(program, name);
        assert_eq!(process.enter(directory), "fine");
        process
    }

    /// Has it count in a directory, and says what came of it.
    #[track_caller]
    pub fn enter(&mut self, directory: &Path) -> String {
        self.ask(&format!("start {}", directory.to_str().expect("UTF-8")))
    }

    /// Says something, and waits for no answer.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it listens");
    }

    /// Says something, and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.answers += 1;
        let nth = self.answers - 1;
        eventually("it answers", || {
            if let Some(status) = self.child.ended() {
                panic!("{} ended with {status} when told: {line}", self.name);
            }
            self.child.output().lines().nth(nth).map(str::to_owned)
        })
    }

    /// Has it do something.
    #[track_caller]
    pub fn tell(&mut self, line: &str) {
        assert_eq!(self.ask(line), "done", "{line}");
    }

    /// What it sees of a sample.
    #[track_caller]
    pub fn sees(&mut self, sample: &str) -> Option<f64> {
        self.ask(&format!("sees {sample}")).parse().ok()
    }

    /// How many operations it has dropped.
    #[track_caller]
    pub fn dropped(&mut self) -> u64 {
        let health = self.ask("health");
        health.split(' ').nth(1).expect("three words").parse().expect("a number")
    }

    /// Ends it as the kernel ends processes.
    pub fn kill(mut self) {
        self.child.kill();
    }

    /// The signal that has ended it.
    pub fn ended_by(&mut self) -> Option<Signal> {
        let signal = self.child.wait().signal()?;
        Some(Signal::try_from(signal).expect("a signal"))
    }
}
