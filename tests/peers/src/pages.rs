//! Pages of very many series of one counter: headcount beside `prometheus` and `prometheus-client`.
//!
//! ```text
//! pages [--quick]             measures each library in a process of its own, and prints a table
//! pages one LIBRARY SERIES    measures one of them, and prints its figures
//! ```

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Config, Counter, Format, Limit, metric};
use headcount_peers::place::Place;
use headcount_peers::{grouped, machine, measure::running};
use prometheus::{Encoder, TextEncoder};
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Pages served.
#[metric(name = "pages_total", max_series = 1_000_000)]
fn pages(route: &str) -> Counter;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Each is measured so often, and the least counts.
const TIMES: u32 = 9;

const LIBRARIES: [&str; 3] = ["headcount", "prometheus", "prometheus-client"];

/// What one library takes; `None` where it has no such thing.
#[derive(Debug, Default)]
struct Figures {
    /// Milliseconds of CPU time for what is there before a page is written, and for the page.
    collecting: Option<f64>,
    text: Option<f64>,
    openmetrics: Option<f64>,
    text_lines: usize,
    openmetrics_lines: usize,
    text_kib: usize,
    peak_kib: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["one", library, series] => one(library, series.parse()?),
        [] => table(&[100_000, 1_000_000]),
        ["--quick"] => table(&[1_000]),
        _ => Err("see the top of this file".into()),
    }
}

fn route(number: u32) -> String {
    format!("/route/{number}")
}

/// The least of some times, in milliseconds, and the last result.
fn least<T>(mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let (mut least, mut last) = (Duration::MAX, None);
    for _ in 0..TIMES {
        // What the last one left is not dropped within the next one's time.
        drop(last.take());
        let began = running();
        last = Some(black_box(work()?));
        least = least.min(running().saturating_sub(began));
    }
    Ok((least.as_secs_f64() * 1e3, last.ok_or("it ran")?))
}

fn one(library: &str, series: u32) -> Result<()> {
    let mut figures = match library {
        "headcount" => headcount(series)?,
        "prometheus" => prometheus(series)?,
        _ => prometheus_client(series)?,
    };
    figures.peak_kib = peak()?;
    let number = |of: Option<f64>| of.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    println!(
        "{} {} {} {} {} {} {}",
        number(figures.collecting),
        number(figures.text),
        number(figures.openmetrics),
        figures.text_lines,
        figures.openmetrics_lines,
        figures.text_kib,
        figures.peak_kib
    );
    Ok(())
}

fn headcount(series: u32) -> Result<Figures> {
    let place = Place::in_memory()?;
    headcount::init(Config::new().directory(place.path()))?;
    (0..series).for_each(|number| pages(&route(number)).inc());
    let collector = Collector::new().limit(Limit::bytes(4 << 30));
    // The first makes what the others keep.
    collector.collect()?;
    let (collecting, snapshot) = least(|| Ok(collector.collect()?))?;
    if let Some(skipped) = snapshot.skipped().first() {
        return Err(skipped.to_string().into());
    }
    let written = |format| {
        least(|| {
            let mut page = Vec::new();
            snapshot.encode(format, &mut page)?;
            Ok(page)
        })
    };
    let (text, page) = written(Format::Text)?;
    let (text_lines, text_kib) = (lines(&page), page.len() / 1024);
    drop(page);
    let (openmetrics, page) = written(Format::OpenMetrics)?;
    let (collecting, text, openmetrics) = (Some(collecting), Some(text), Some(openmetrics));
    let openmetrics_lines = lines(&page);
    Ok(Figures {
        collecting,
        text,
        openmetrics,
        text_lines,
        openmetrics_lines,
        text_kib,
        ..Figures::default()
    })
}

fn prometheus(series: u32) -> Result<Figures> {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new("pages_total", "Pages served.");
    let counter = prometheus::IntCounterVec::new(options, &["route"])?;
    registry.register(Box::new(counter.clone()))?;
    (0..series).for_each(|number| counter.with_label_values(&[&route(number)]).inc());
    let (collecting, families) = least(|| Ok(registry.gather()))?;
    let (text, page) = least(|| {
        let mut page = Vec::new();
        TextEncoder::new().encode(&families, &mut page)?;
        Ok(page)
    })?;
    let (collecting, text) = (Some(collecting), Some(text));
    let (text_lines, text_kib) = (lines(&page), page.len() / 1024);
    Ok(Figures { collecting, text, text_lines, text_kib, ..Figures::default() })
}

fn prometheus_client(series: u32) -> Result<Figures> {
    let family = Family::<[(&'static str, String); 1], ClientCounter>::default();
    let mut registry = Registry::default();
    registry.register("pages", "Pages served.", family.clone());
    for number in 0..series {
        family.get_or_create(&[("route", route(number))]).inc();
    }
    let (openmetrics, page) = least(|| {
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry)?;
        Ok(page)
    })?;
    let (openmetrics, openmetrics_lines) = (Some(openmetrics), lines(page.as_bytes()));
    Ok(Figures { openmetrics, openmetrics_lines, ..Figures::default() })
}

fn lines(page: &[u8]) -> usize {
    page.iter().filter(|byte| **byte == b'\n').count()
}

/// The most memory that this process has had, in KiB.
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("not there")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Measures a library in a process of its own.
fn measured(library: &str, series: u32) -> Result<Figures> {
    let mut command = Command::new(env::current_exe()?);
    let output = command.args(["one", library, &series.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let line = String::from_utf8(output.stdout)?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [collecting, text, openmetrics, lines, more_lines, kib, peak] = fields[..] else {
        return Err(format!("not its figures: {line}").into());
    };
    Ok(Figures {
        collecting: collecting.parse().ok(),
        text: text.parse().ok(),
        openmetrics: openmetrics.parse().ok(),
        text_lines: lines.parse()?,
        openmetrics_lines: more_lines.parse()?,
        text_kib: kib.parse()?,
        peak_kib: peak.parse()?,
    })
}

fn table(sizes: &[u32]) -> Result<()> {
    println!("{}\n", machine::describe());
    println!(
        "| series | library | collecting, ms | text, ms | ns a line | OpenMetrics, ms | ns a line \
         | peak MiB |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    let mut ratios = Vec::new();
    for series in sizes {
        let mut all = Vec::new();
        for library in LIBRARIES {
            let figures = measured(library, *series)?;
            println!("| {} | {library} {}", grouped(u64::from(*series)), figures.row());
            all.push(figures);
        }
        let [ours, text, openmetrics] = &all[..] else { return Err("three libraries".into()) };
        ratios.push(format!(
            "* {} series: text, `prometheus` : headcount {}, with collecting {}; OpenMetrics,\n  \
             `prometheus-client` : headcount {} a line; headcount's OpenMetrics : its text {} a line",
            grouped(u64::from(*series)),
            ratio(text.text, ours.text),
            ratio(text.whole(), ours.whole()),
            ratio(openmetrics.of_line(), ours.of_line()),
            ratio(ours.of_line(), ours.of_text_line()),
        ));
    }
    println!("\n{}", ratios.join("\n"));
    println!(
        "
The figures are CPU time, the least of {TIMES} times; the peak is that of a process that counts and
writes these pages. headcount collects from a segment in memory, as any other process could.
`prometheus` collects by `gather`, and `prometheus-client` writes what it has."
    );
    Ok(())
}

impl Figures {
    fn whole(&self) -> Option<f64> {
        Some(self.collecting? + self.text?)
    }

    /// Nanoseconds for a line of text, and of `OpenMetrics`.
    fn of_text_line(&self) -> Option<f64> {
        per_line(self.text, self.text_lines)
    }

    fn of_line(&self) -> Option<f64> {
        per_line(self.openmetrics, self.openmetrics_lines)
    }

    fn row(&self) -> String {
        let cells =
            [self.collecting, self.text, self.of_text_line(), self.openmetrics, self.of_line()];
        let cells = cells.map(|cell| cell.map_or_else(String::new, figure));
        format!("| {} | {} |", cells.join(" | "), grouped(self.peak_kib / 1024))
    }
}

#[expect(clippy::cast_precision_loss, reason = "some millions of lines")]
fn per_line(ms: Option<f64>, lines: usize) -> Option<f64> {
    ms.map(|ms| ms * 1e6 / lines as f64)
}

fn figure(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn ratio(one: Option<f64>, other: Option<f64>) -> String {
    one.zip(other).map_or_else(String::new, |(one, other)| format!("{:.1}", one / other))
}
