//! Processes that do what a test tells them, a line at a time: the programs `scripted` and
//! `scripted_next` from outside.

use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command};

use nix::unistd::Pid;

use crate::child::Child;
use crate::eventually;

/// A running program.
#[derive(Debug)]
pub struct Scripted {
    child: Child,
    input: Option<ChildStdin>,
    reported: usize,
}

impl Scripted {
    /// Starts `program`, which counts in `directory`, and waits until it does.
    pub fn start(program: &str, directory: &Path) -> Self {
        let (child, input) = Child::start_with_input(Command::new(program).arg(directory));
        let scripted = Self { child, input: Some(input), reported: 0 };
        scripted.answered("ready", 1);
        scripted
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Tells it to do something, and waits until that is done.
    pub fn tell(&mut self, command: &str) {
        self.say(command);
        self.answered("done", self.reported);
    }

    /// Tells it to do something, and doesn't wait.
    pub fn say(&mut self, command: &str) {
        assert!(!command.contains('\n'), "a command is one line: {command}");
        let input = self.input.as_mut().expect("it was not told to end");
        writeln!(input, "{command}").expect("it listens");
        self.reported += 1;
    }

    /// Lets it end by itself, once it has done everything.
    pub fn end(&mut self) {
        self.input = None;
        let status = self.child.wait();
        assert!(status.success(), "{status:?}: {}", self.child.output());
    }

    /// Kills it, whatever it is doing.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    fn answered(&self, answer: &str, times: usize) {
        eventually("the program answers", || {
            let output = self.child.output();
            (output.lines().filter(|line| *line == answer).count() >= times).then_some(())
        });
    }
}
