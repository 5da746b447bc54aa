//! What several of the programs under test do.

#![expect(clippy::print_stdout, reason = "a program tells the test by its output")]

use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use headcount::{Collector, Config};

use crate::built_before;

/// The number that an argument is.
pub fn number<Number: FromStr<Err: Debug>>(text: &str) -> Number {
    text.parse().expect("a number")
}

/// This program, to be started anew.
pub fn this_program() -> PathBuf {
    let program = std::env::current_exe().expect("there is /proc");
    let name = program.file_stem().and_then(OsStr::to_str).expect("a name");
    built_before(name).unwrap_or(program)
}

/// Has this process count in a directory.
pub fn start_in(directory: &str) {
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
}

/// Tells that all is done, and waits for the end.
pub fn wait_to_be_killed() {
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Prints what this process knows of itself: its health, and its page.
pub fn tell() {
    let health = headcount::health();
    println!("shared: {}", health.is_shared());
    match health.problem() {
        Some(problem) => println!("problem: {problem}"),
        None => println!("no problem"),
    }
    println!("dropped: {} {}", health.dropped_series(), health.dropped_operations());
    match Collector::new().collect() {
        Ok(snapshot) => {
            for skipped in snapshot.skipped() {
                println!("skipped: {skipped}");
            }
            print!("page:\n{}", snapshot.to_text());
        }
        Err(error) => println!("collect: {error}"),
    }
}
