//! What start, fork and first operations cost: headcount beside other libraries, and beside a
//! process that has as much memory and no metrics.
//!
//! ```text
//! life TARGET PYTHON [--quick]   measures, and prints tables in Markdown; TARGET is the folder in
//!                                which programs with many declarations are built
//! life register LIBRARY NUMBER   declares so many counters in a new process, and counts
//! life fork ..                   forks once, see `forks`
//! life call LIBRARY              timed calls in the first milliseconds of a process
//! ```
//!
//! Each figure is that of a new process, since a process starts once. The variants take turns.

mod calls;
mod declared;
mod forks;
mod start;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_peers::measure::Choice;
use headcount_peers::{grouped, machine};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["register", library, number] => start::register(library, number.parse()?),
        ["fork", ref rest @ ..] => forks::fork_once(rest),
        ["call", library] => calls::call(library),
        [target, python] => print(Path::new(target), Path::new(python), false),
        [target, python, "--quick"] => print(Path::new(target), Path::new(python), true),
        _ => Err("see the top of this file".into()),
    }
}

fn print(target: &Path, python: &Path, is_quick: bool) -> Result<()> {
    let turns = if is_quick { 2 } else { 21 };
    println!("{};\n{turns} turns\n", machine::describe());
    start::print(target, turns, is_quick)?;
    println!();
    forks::print(python, turns, is_quick)?;
    println!();
    calls::print(turns)
}

/// A program that prints its figures.
struct Variant {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Variant {
    fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { program: program.into(), arguments }
    }

    /// This program, with other arguments.
    fn own(arguments: &[&str]) -> Result<Self> {
        Ok(Self::new(env::current_exe()?, arguments))
    }

    fn run(&self) -> Result<Vec<f64>> {
        let output = Command::new(&self.program).args(&self.arguments).output()?;
        if !output.status.success() {
            let says = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {says}", self.program.display()).into());
        }
        let figures = String::from_utf8(output.stdout)?;
        figures.split_whitespace().map(|figure| Ok(figure.parse()?)).collect()
    }
}

/// Runs all variants so many times, by turns, and chooses one of each of their figures.
fn by_turns(turns: u32, variants: &[Variant], choose: Choice) -> Result<Vec<Vec<f64>>> {
    let mut all: Vec<Vec<Vec<f64>>> = vec![Vec::new(); variants.len()];
    for _ in 0..turns {
        for (variant, all) in variants.iter().zip(&mut all) {
            let figures = variant.run()?;
            all.resize_with(figures.len(), Vec::new);
            all.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
        }
    }
    let chosen = |figures| choose.of(figures).ok_or_else(|| "no turns".into());
    all.into_iter().map(|figures| figures.into_iter().map(chosen).collect()).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
fn figure(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { grouped(value.round() as u64) }
}

fn row(cells: impl IntoIterator<Item = String>) {
    println!("| {} |", cells.into_iter().collect::<Vec<_>>().join(" | "));
}

/// A table's head: the first column is text, or a number that names the row.
fn head(columns: &[&str]) {
    row(columns.iter().map(ToString::to_string));
    row((0..columns.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()));
}
