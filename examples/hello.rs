//! Two forked processes call two functions; the parent prints what all have counted together.
//!
//! ```text
//! cargo run --example hello
//! ```

#![expect(clippy::print_stdout, reason = "shows the exposition")]

use std::error::Error;
use std::time::Duration;
use std::{env, fs, process, thread};

use headcount::{
    Collector, Config, Counter, count_exceptions, counted, in_progress, metric, timed,
};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Letters carried to the post office.
#[metric(name = "letters_total")]
static LETTERS: Counter;

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn deliver(letters: u64) -> Result<(), String> {
    thread::sleep(Duration::from_millis(2));
    LETTERS.inc_by(letters);
    if letters < 3 { Ok(()) } else { Err("too heavy".into()) }
}

#[counted(name = "greetings_total", help = "Greetings.", labels(name), outcome)]
fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("headcount-hello-{}", process::id()));
    headcount::init(Config::new().directory(&directory))?;

    for letters in [2, 3] {
        #[expect(unsafe_code, reason = "forks")]
        // SAFETY: this process has one thread, so in the child no lock is held by a thread that
        // exists only in the parent.
        if let ForkResult::Child = unsafe { fork() }? {
            greet("world");
            process::exit(i32::from(deliver(letters).is_err()));
        }
    }
    while waitpid(None, None).is_ok() {}

    print!("{}", Collector::new().collect()?.to_text());
    Ok(fs::remove_dir_all(&directory)?)
}
