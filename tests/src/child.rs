//! A child process with its output captured, that is gone when the test is: with its own children.
//! And children that a program under test forks.
#![expect(unsafe_code, reason = "fork")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::{SOON, eventually, within};

/// A running program. It leads a process group, and dropping it kills the whole group.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    output: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Child {
    /// Starts `command` with no input; both its outputs are captured.
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts `command` with an input that ends when it is dropped; both its outputs are captured.
    pub fn start_with_input(command: &mut Command) -> (Self, ChildStdin) {
        let mut child = Self::spawn(command.stdin(Stdio::piped()));
        let input = child.process.stdin.take().expect("a pipe");
        (child, input)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = Arc::default();
        let readers = vec![
            capture(process.stdout.take().expect("a pipe"), &output),
            capture(process.stderr.take().expect("a pipe"), &output),
        ];
        Self { process, output, readers }
    }

    /// The process, which is its group's number too.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).expect("a pid"))
    }

    /// What it has written until now: the lines of both outputs, each whole.
    pub fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that it has written, once it and its children have ended.
    pub fn all_output(&mut self) -> String {
        self.wait();
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader doesn't fail");
        }
        self.output()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the child is there");
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("it is our child")
    }

    /// Whether it is stopped, once it is that or has ended.
    pub fn stops(&mut self) -> bool {
        let stat = format!("/proc/{}/stat", self.pid());
        eventually("it has stopped or ended", || {
            if self.ended().is_some() {
                return Some(false);
            }
            let stat = std::fs::read_to_string(&stat).ok()?;
            stat.rsplit(") ").next()?.starts_with('T').then_some(true)
        })
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the child has ended", || self.ended())
    }

    /// Kills the whole group, whatever is left of it, and waits for its leader.
    pub fn kill(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        // Under an emulator it may have begun, and lead no group yet.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Whether no process of its group is left: neither running nor waiting to be reaped.
    pub fn group_is_gone(&self) -> bool {
        killpg(self.pid(), None) == Err(Errno::ESRCH)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            #[allow(clippy::print_stderr, reason = "a failed test shows what its programs said")]
            {
                eprintln!("---- output of {}:\n{}", self.process.id(), self.output());
            }
        }
    }
}

/// Runs a program to its end, which is a good one, and returns all that it has written.
#[track_caller]
pub fn output_of(command: &mut Command, patience: Duration) -> String {
    let mut child = Child::start(command);
    let status = within(patience, "the program has ended", || child.ended());
    let output = child.all_output();
    assert!(status.success(), "{status}:\n{output}");
    output
}

/// What stands behind `what` in the line that begins with it.
#[track_caller]
pub fn reported<'a>(output: &'a str, what: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.strip_prefix(what));
    line.unwrap_or_else(|| panic!("no `{what}` in {output}"))
}

/// Does something in a forked child, which then ends.
///
/// What the child may find half done by its parent's other threads is what the programs under test
/// try.
pub fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the child runs this program's own code and ends by `leave`.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            leave()
        }
    }
}

/// Ends a child at once. What `exit` would do first takes locks that a thread of the parent's may
/// have held.
pub fn leave() -> ! {
    // SAFETY: ends the process, and nothing else.
    unsafe { nix::libc::_exit(0) }
}

/// Waits for the end of a child of this process's, and says how it ended if that was not well;
/// kills one that hangs.
pub fn ended_well(child: Pid) -> Result<(), String> {
    let started = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)).expect("it is our child") {
            WaitStatus::StillAlive => {}
            WaitStatus::Exited(_, 0) => return Ok(()),
            status => return Err(format!("{status:?}")),
        }
        if started.elapsed() > 4 * SOON {
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, None);
            return Err("hangs".to_owned());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// Does something in a forked child, which must end well.
#[track_caller]
pub fn in_child(child: impl FnOnce()) {
    if let Err(status) = ended_well(forked(child)) {
        panic!("the child: {status}");
    }
}

/// Whether a process exists, be it one that waits to be reaped.
pub fn exists(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

fn capture(
    pipe: impl Read + Send + 'static,
    output: &Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        // Ends when the last process that holds the pipe has ended.
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&line);
            output.push('\n');
        }
    })
}
