//! How headcount grows: what an operation and a scrape cost with more threads, series, processes,
//! and dead processes.
//!
//! ```text
//! growth DIRECTORY [--quick]               measures, writes plots there, and prints the figures as
//!                                          Markdown
//! growth fill DIRECTORY PROCESSES SERIES   forks processes that count in so many series, and end
//! growth live DIRECTORY PROCESSES SERIES   the same, but they stay until standard input is closed
//! growth threads DIRECTORY THREADS SERIES  counts in so many series, in so many threads at once
//! growth look-up LIBRARY SERIES TIMES      looks series up in random order, for cachegrind
//! ```

mod directories;
mod metrics;
mod plot;
mod processes;
mod recording;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use headcount::Config;
use headcount_peers::machine;
use headcount_peers::measure::Effort;
use headcount_peers::place::Place;

use crate::plot::Plot;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", directory, processes, series] => {
            processes::fill(directory, processes.parse()?, series.parse()?)
        }
        ["live", directory, processes, series] => {
            processes::live(directory, processes.parse()?, series.parse()?)
        }
        ["threads", directory, threads, series] => {
            processes::threads(directory, threads.parse()?, series.parse()?)
        }
        ["look-up", library, series, times] => {
            recording::look_up(library, series.parse()?, times.parse()?)
        }
        [plots] => measure(Path::new(plots), false),
        [plots, "--quick"] => measure(Path::new(plots), true),
        _ => Err("see the top of this file".into()),
    }
}

fn measure(plots: &Path, is_quick: bool) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(plots)?;
    let effort = if is_quick { Effort::QUICK } else { Effort::SHORT };
    println!("{}\n", machine::describe());
    show(plots, &directories::processes(is_quick)?)?;
    show(plots, &directories::dead(is_quick)?)?;
    show(plots, &directories::series(is_quick)?)?;
    show(plots, &directories::threads(is_quick)?)?;
    // This program counts by itself from here on.
    let place = Place::in_memory()?;
    headcount::init(Config::new().directory(place.path()))?;
    show(plots, &recording::threads(effort, is_quick))?;
    show(plots, &recording::series(effort, is_quick)?)
}

fn show(plots: &Path, plot: &Plot) -> Result<(), Box<dyn Error>> {
    fs::write(plots.join(format!("{}.svg", plot.file)), plot.svg()?)?;
    println!("{}", plot.markdown());
    Ok(())
}
