//! A process that does what it is told, and says so: `remains obey`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// It is killed when it is dropped.
#[derive(Debug)]
pub struct Obedient {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Obedient {
    /// Of the program `remains`, counting in this directory.
    pub fn start(program: &str, directory: &Path) -> Self {
        Self::start_by(&mut Command::new(program), directory)
    }

    /// The same, by a command that says how it is started.
    pub fn start_by(program: &mut Command, directory: &Path) -> Self {
        Self::start_as_is(program.arg("obey").arg(directory))
    }

    /// The same, by a command that has all its arguments.
    pub fn start_as_is(program: &mut Command) -> Self {
        let mut child =
            program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    /// Its answer.
    #[track_caller]
    pub fn tell(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("it listens");
        let mut said = String::new();
        self.output.read_line(&mut said).expect("it answers");
        said.trim().to_owned()
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
