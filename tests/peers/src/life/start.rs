//! What a process pays before it counts for the first time, by the number of its declarations.

use std::path::Path;
use std::time::Duration;

use headcount::{Config, dynamic};
use headcount_peers::grouped;
use headcount_peers::measure::{Choice, running};
use headcount_peers::place::Place;
use metrics_exporter_prometheus::PrometheusBuilder;
use prometheus_client::metrics::counter::Counter as ClientCounter;

use crate::{Result, Variant, by_turns, declared, figure, head, row};

const LIBRARIES: [&str; 4] = ["headcount", "prometheus", "prometheus-client", "metrics"];

pub fn print(target: &Path, turns: u32, is_quick: bool) -> Result<()> {
    let numbers: &[u32] = if is_quick { &[2, 10] } else { &[2, 10, 100, 1_000, 10_000] };
    let programs = declared::programs(target, numbers)?;
    head(&[
        "declarations",
        "statics: before `main`, us",
        "`init`, us",
        "first operation, us",
        "us each",
        "at run time: `init`, us",
        "declaring, us",
        "first operation, us",
        "us each",
        "prometheus, us",
        "us each",
        "prometheus-client, us",
        "us each",
        "metrics, us",
        "us each",
    ]);
    // The totals of the row above: what each further declaration takes.
    let mut before: Option<(u32, Vec<f64>)> = None;
    for (number, program) in numbers.iter().zip(programs) {
        let place = Place::in_memory()?;
        let directory = place.path().to_str().ok_or("a path that is text")?;
        let mut variants = vec![Variant::new(program, &[directory])];
        for library in LIBRARIES {
            variants.push(Variant::own(&["register", library, &number.to_string()])?);
        }
        let took = by_turns(turns, &variants, Choice::Least)?;
        let totals = totals(&took);
        let each = |at: usize| match &before {
            // What a few declarations take is less than what a process's start varies by.
            Some((fewer, less)) if *number >= 100 => {
                format!("{:.2}", (totals[at] - less[at]) / f64::from(number - fewer))
            }
            _ => String::new(),
        };
        let mut cells = vec![grouped(u64::from(*number))];
        cells.extend(took[0].iter().copied().map(figure));
        cells.push(each(0));
        cells.extend(took[1].iter().copied().map(figure));
        cells.push(each(1));
        for (peer, total) in totals.iter().enumerate().skip(2) {
            cells.extend([figure(*total), each(peer)]);
        }
        row(cells);
        before = Some((*number, totals));
    }
    println!("{NOTES}");
    Ok(())
}

/// What each variant takes from its beginning to its first operation, with it.
fn totals(took: &[Vec<f64>]) -> Vec<f64> {
    took.iter().map(|figures| figures.iter().sum()).collect()
}

const NOTES: &str = "
Each metric is a counter without labels. Statics are `#[metric]` statics of a generated program,
built as a release; before `main` is the CPU time that the process has had when `main` begins, with
what the kernel needs to start a program. At run time the counters are declared by
`headcount::dynamic` after `init`, and their names are made meanwhile. The peers make a registry and
as many counters with their names in it, and count once; `metrics` registers with the recorder of
metrics-exporter-prometheus. `us each` is how much the sum of a library's columns grew from the row
above, for each further declaration. The figures are CPU time, user and system, the least of all
turns.";

/// Declares so many counters, counts in the first one, and prints what that took.
pub fn register(library: &str, number: u32) -> Result<()> {
    let name = |n: u32| format!("declared_{n:05}_total");
    let help = "One of many.";
    let began = running();
    let mut took = Vec::new();
    match library {
        "headcount" => {
            let place = Place::in_memory()?;
            let began = running();
            headcount::init(Config::new().directory(place.path()))?;
            took.push(running().saturating_sub(began));
            let mut first = None;
            for n in 0..number {
                let counter = dynamic::counter(name(n), help).register()?;
                first.get_or_insert(counter);
            }
            took.push(running().saturating_sub(began));
            first.ok_or("none")?.inc();
            took.push(running().saturating_sub(began));
            drop(place);
        }
        "prometheus" => {
            let registry = prometheus::Registry::new();
            let mut first = None;
            for n in 0..number {
                let counter = prometheus::IntCounter::new(name(n), help)?;
                registry.register(Box::new(counter.clone()))?;
                first.get_or_insert(counter);
            }
            first.ok_or("none")?.inc();
            took.push(running().saturating_sub(began));
        }
        "prometheus-client" => {
            let mut registry = prometheus_client::registry::Registry::default();
            let mut first = None;
            for n in 0..number {
                let counter = ClientCounter::<u64>::default();
                registry.register(name(n), help, counter.clone());
                first.get_or_insert(counter);
            }
            first.ok_or("none")?.inc();
            took.push(running().saturating_sub(began));
        }
        "metrics" => {
            let recorder = PrometheusBuilder::new().build_recorder();
            metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
            let mut first = None;
            for n in 0..number {
                let name = name(n);
                metrics::describe_counter!(name.clone(), help);
                let counter = metrics::counter!(name);
                first.get_or_insert(counter);
            }
            first.ok_or("none")?.increment(1);
            took.push(running().saturating_sub(began));
        }
        _ => return Err(format!("no library {library}").into()),
    }
    let mut before = Duration::ZERO;
    for until in took {
        print!("{} ", until.saturating_sub(before).as_secs_f64() * 1e6);
        before = until;
    }
    println!();
    Ok(())
}
