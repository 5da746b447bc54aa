//! Many hosts on one machine: each is a directory with processes and an exporter of its own, and
//! one Prometheus scrapes all of them. By `tests/run --long` 200 hosts of 50 processes, whose
//! figures are in `runtime/docs/machines.md`; else a few.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::child::{Child, reported};
use headcount_tests::http::Connection;
use headcount_tests::prometheus::Store;
use headcount_tests::{Medium, eventually, is_long, temporary_directory, within};
use nix::unistd::Pid;

/// A scrape takes as long as the machine needs beside 10,000 processes.
const LONG: Duration = Duration::from_secs(600);

struct Host {
    directory: PathBuf,
    exporter: Child,
    address: String,
    // Dropped last: the exporter would see its workers die.
    _workers: Child,
}

fn start(directory: PathBuf, processes: usize, program: &Path) -> Host {
    fs::create_dir(&directory).expect("ours");
    let mut workers = Command::new(env!("CARGO_BIN_EXE_host"));
    let workers = Child::start(workers.arg(&directory).arg(processes.to_string()));
    within(LONG, "its workers have counted", || workers.output().contains("ready").then_some(()));
    let mut exporter = Command::new(program);
    exporter.args(["serve", "--web.listen-address", "127.0.0.1:0", "--dir"]).arg(&directory);
    let exporter = Child::start(&mut exporter);
    let address = within(LONG, "it serves", || {
        let output = exporter.output();
        let is_there = output.contains("serving http://") && output.contains("/metrics");
        is_there.then(|| {
            reported(&output, "headcount: serving http://").trim_end_matches("/metrics").to_owned()
        })
    });
    Host { directory, exporter, address, _workers: workers }
}

/// Bytes that the files of a directory take.
fn on_disk(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).expect("ours").flatten();
    files.map(|file| file.metadata().map_or(0, |metadata| metadata.blocks() * 512)).sum()
}

/// Seconds of processor time that a process has had, and its memory in MiB.
fn used(pid: Pid) -> (f64, f64) {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).expect("it lives");
    let stat = read("stat");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    let status = read("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
    let kib: f64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    (ticks.iter().sum::<f64>() / 100.0, kib / 1024.0)
}

/// The value of a query that has one.
fn one(store: &Store, query: &str) -> f64 {
    eventually(query, || store.query(query)?.first().copied())
}

/// The sum of what its own page says of a name.
fn own(store: &Store, name: &str) -> f64 {
    let page = Connection::open(store.address).expect("it accepts").get("/metrics");
    let page = page.expect("an answer").body;
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[test]
#[ignore = "needs Debian's prometheus; tests/run provides it"]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn one_prometheus_scrapes_many_hosts_of_many_processes() {
    let (hosts, processes, every) = if is_long() { (200, 50, 15) } else { (4, 5, 1) };
    let folder = temporary_directory(Medium::Memory);
    let program = headcount_tests::server::program("headcount");
    let began = Instant::now();
    let all: Vec<Host> = (0..hosts)
        .map(|number| start(folder.path().join(format!("host-{number}")), processes, &program))
        .collect();
    println!("{hosts} hosts x {processes} processes were started in {:?}", began.elapsed());

    let addresses = all.iter().map(|host| format!("\"{}\"", host.address)).collect::<Vec<_>>();
    let config = format!(
        "global: {{ scrape_interval: {every}s, scrape_timeout: {every}s }}\n\
         scrape_configs:\n\
         - {{ job_name: shop, file_sd_configs: [ {{ files: [targets.json] }} ] }}\n"
    );
    let targets = format!("[{{\"targets\": [{}]}}]", addresses.join(", "));
    let before: Vec<f64> = all.iter().map(|host| used(host.exporter.pid()).0).collect();
    let store = Store::prometheus(&[("prometheus.yml", config), ("targets.json", targets)], &[]);

    let up = format!("count(up{{job=\"shop\"}} == 1) == {hosts}");
    within(LONG, "all hosts are up", || store.query(&up).filter(|found| !found.is_empty()));
    let (scraped, ingested) =
        (Instant::now(), own(&store, "prometheus_tsdb_head_samples_appended"));
    let cpu_before = used(store.pid()).0;
    let rounds = "min(count_over_time(up{job=\"shop\"}[1h]))";
    within(LONG, "each has been scraped five times", || {
        // Rarely: what it needs for queries would be counted as what it needs for scrapes.
        thread::sleep(Duration::from_secs(if is_long() { 5 } else { 0 }));
        store.query(rounds)?.first().filter(|count| **count >= 5.0).copied()
    });
    let share = (used(store.pid()).0 - cpu_before) / scraped.elapsed().as_secs_f64() * 100.0;
    // Nothing is lost on the way, of any process of any host.
    let jobs = one(&store, "sum(jobs_done_total)");
    assert_eq!(jobs.to_bits(), ((hosts * processes * 100) as f64).to_bits(), "{jobs}");
    let live = one(&store, "sum(headcount_processes{state=\"live\"})");
    assert!(live >= (hosts * processes) as f64, "{live}");
    let hosts_with_all = format!("count(headcount_processes{{state=\"live\"}} >= {processes})");
    assert_eq!(one(&store, &hosts_with_all).to_bits(), (hosts as f64).to_bits());
    let seconds = scraped.elapsed().as_secs_f64();
    let ingested = (own(&store, "prometheus_tsdb_head_samples_appended") - ingested) / seconds;
    let failed = one(&store, "count(min_over_time(up{job=\"shop\"}[1h]) == 0) or vector(0)");

    let mut pages = Vec::new();
    for host in all.iter().take(20) {
        let address = host.address.parse().expect("an address");
        let mut connection = Connection::open(address).expect("it accepts");
        connection.get("/metrics").expect("a page");
        let began = Instant::now();
        let page = connection.get("/metrics").expect("a page");
        pages.push((began.elapsed().as_secs_f64() * 1e3, page.body.len() as f64 / 1024.0));
    }
    let files = mean(all.iter().map(|host| on_disk(&host.directory) as f64 / 1024.0));
    let times = one(&store, "avg(count_over_time(up{job=\"shop\"}[1h]))");
    let cpu = all.iter().zip(&before).map(|(host, before)| used(host.exporter.pid()).0 - before);
    let cpu = mean(cpu) / times * 1e3;
    let memory = mean(all.iter().map(|host| used(host.exporter.pid()).1));
    let resident = used(store.pid()).1;
    let of = |query: &str| one(&store, query);
    println!("| per host | |\n| --- | ---: |");
    println!("| segments | {files:.0} KiB |");
    println!("| a process's segment | {:.1} KiB |", files / processes as f64);
    println!("| samples of a scrape | {:.0} |", of("avg(scrape_samples_scraped{job=\"shop\"})"));
    println!("| the page | {:.0} KiB |", mean(pages.iter().map(|page| page.1)));
    println!("| a scrape, by one client | {:.1} ms |", mean(pages.iter().map(|page| page.0)));
    let took = of("avg(avg_over_time(scrape_duration_seconds{job=\"shop\"}[1h]))") * 1e3;
    let most = of("max(max_over_time(scrape_duration_seconds{job=\"shop\"}[1h]))") * 1e3;
    println!("| a scrape, by Prometheus: mean, most | {took:.1} ms, {most:.0} ms |");
    println!("| exporter: processor time of a scrape | {cpu:.1} ms |");
    println!("| exporter: memory | {memory:.1} MiB |");
    println!("| scrapes that failed | hosts with one: {failed} |");
    println!("\n| Prometheus, for all hosts | |\n| --- | ---: |");
    println!("| series | {:.0} |", own(&store, "prometheus_tsdb_head_series "));
    println!("| samples stored, each second | {ingested:.0} |");
    println!("| processor time | {share:.0} % of one core |");
    println!("| memory | {resident:.0} MiB |");
}
