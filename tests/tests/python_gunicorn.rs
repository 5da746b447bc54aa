//! `examples/gunicorn`: Flask under gunicorn as it is written for `prometheus_client`, and one line
//! for headcount. Its page is right under load, whatever happens to its workers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use headcount_tests::child::{Child, output_of};
use headcount_tests::files::{segments, text};
use headcount_tests::http::{Connection, Response};
use headcount_tests::page::Page;
use headcount_tests::prometheus::Store;
use headcount_tests::{Medium, eventually, peer, temporary_directory, within};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const UPPER: &str = "PROMETHEUS_MULTIPROC_DIR";
const LOWER: &str = "prometheus_multiproc_dir";

/// The example's script, which has set up all that it starts.
fn script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = tests.with_file_name("examples/gunicorn/run");
        output_of(Command::new(&script).arg("--prepare"), Duration::from_secs(1800));
        script
    })
}

/// A running shop.
struct Shop {
    server: Child,
    address: SocketAddr,
}

impl Shop {
    /// Starts it with options for gunicorn, and waits until its workers are there.
    fn start(directory: &Path, spelling: &str, options: &[&str]) -> Self {
        Self::run(Command::new(script()).args(options).env(spelling, directory))
    }

    fn run(command: &mut Command) -> Self {
        for name in ["HEADCOUNT_DIR", UPPER, LOWER] {
            if !command.get_envs().any(|(known, _)| known == name) {
                command.env_remove(name);
            }
        }
        let server = Child::start(command.env("BIND", "127.0.0.1:0"));
        let address = within(Duration::from_secs(120), "gunicorn listens", || {
            let output = server.output();
            let (_, rest) = output.split_once("Listening at: http://")?;
            rest.split_once(' ')?.0.parse().ok()
        });
        let shop = Self { server, address };
        eventually("it has two workers", || {
            let page = Page::parse(&shop.get("/metric")?.body).ok()?;
            (page.value("workers") == Some(2.0)).then_some(())
        });
        shop
    }

    /// Asks for a page; `None` if the worker was killed before it had answered.
    fn get(&self, path: &str) -> Option<Response> {
        let mut connection = Connection::open(self.address).ok()?;
        connection.get(path).ok()
    }

    #[track_caller]
    fn answer(&self, path: &str) -> Response {
        let answer = self.get(path);
        answer.unwrap_or_else(|| panic!("no answer for {path}: {}", self.server.output()))
    }

    /// The page of metrics, which has no sample twice.
    #[track_caller]
    fn page(&self) -> Page {
        let response = self.answer("/metric");
        assert_eq!(response.status, 200, "{}\n{}", response.body, self.server.output());
        Page::parse(&response.body).unwrap_or_else(|error| panic!("{error}\n{}", response.body))
    }

    /// The master: the script has become it.
    fn master(&self) -> Pid {
        self.server.pid()
    }

    /// The workers that live.
    fn workers(&self) -> BTreeSet<Pid> {
        let children = format!("/proc/{0}/task/{0}/children", self.master());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().expect("a pid"))).collect()
    }
}

/// A process that counts as before headcount came, and leaves its files.
fn count_without_headcount(directory: &Path) {
    let count = "import prometheus_client as p; \
        p.Counter('visits_total', 'Visits, by page.', ['page']).labels('home').inc(5)";
    output_of(
        Command::new(peer("python")).args(["-c", count]).env(UPPER, directory),
        Duration::from_secs(60),
    );
}

fn directory() -> TempDir {
    temporary_directory(Medium::Memory)
}

/// The samples that do not depend on the time, as text.
fn counted(page: &Page) -> Vec<(String, f64)> {
    let is_ours = |name: &str| {
        ["visit", "basket", "shop", "till", "workers", "priced"].iter().any(|p| name.starts_with(p))
    };
    page.samples.iter().filter(|(name, _)| is_ours(name)).map(|(k, v)| (k.clone(), *v)).collect()
}

#[test]
#[ignore = "needs Python with gunicorn and Flask: the example's script installs them"]
fn the_program_counts_in_either_spelling_preloaded_or_not() {
    for spelling in [UPPER, LOWER] {
        for options in [&[][..], &["--preload"]] {
            let directory = directory();
            count_without_headcount(directory.path());
            let mut shop = Shop::start(directory.path(), spelling, options);
            for n in 0..40 {
                let path = ["/", "/price?quantity=3", "/shelf/nails", "/price?quantity=0"][n % 4];
                let expected = if n % 4 == 3 { 400 } else { 200 };
                assert_eq!(shop.answer(path).status, expected, "{}", shop.server.output());
            }
            let page = shop.page();
            page.assert(&[
                // With those of the process that counted without headcount.
                ("visits_total{page=\"home\"}", 15.0),
                ("visits_total{page=\"nails\"}", 10.0),
                ("visit_duration_seconds_count", 30.0),
                ("visit_duration_seconds_bucket{le=\"+Inf\"}", 30.0),
                ("basket_items_count", 20.0),
                ("basket_items_sum", 30.0),
                ("open_visits", 0.0),
                ("workers", 2.0),
                ("shop_info{owner=\"Ada\"}", 1.0),
                ("till_state{till_state=\"open\"}", 1.0),
                ("till_state{till_state=\"closed\"}", 0.0),
                // Rust's part, which counts for itself.
                ("priced_items_total", 30.0),
                ("function_calls_total{function=\"quote\",module=\"pricing\"}", 20.0),
                ("function_exceptions_total{function=\"quote\",module=\"pricing\"}", 10.0),
                (
                    "function_calls_duration_seconds_count{function=\"quote\",module=\"pricing\"}",
                    20.0,
                ),
                ("function_calls_concurrent{function=\"quote\",module=\"pricing\"}", 0.0),
            ]);
            // As often as one likes, from any worker, and by POST too.
            for _ in 0..10 {
                assert_eq!(counted(&shop.page()), counted(&page));
            }
            let posted = Connection::open(shop.address).and_then(|mut c| c.post("/metric"));
            let posted = Page::parse(&posted.expect("an answer").body).expect("a page");
            assert_eq!(counted(&posted), counted(&page));

            assert!(!segments(directory.path()).is_empty());
            kill(shop.master(), Signal::SIGTERM).expect("it runs");
            let status = within(Duration::from_secs(60), "gunicorn ends", || shop.server.ended());
            assert!(status.success(), "{status}: {}", shop.server.output());
            assert!(!shop.server.output().contains("Traceback"), "{}", shop.server.output());
        }
    }
}

#[test]
#[ignore = "needs Python with gunicorn and Flask: the example's script installs them"]
fn nothing_is_lost_under_load_with_kills_reloads_and_recycling() {
    let directory = directory();
    let shop = Shop::start(directory.path(), UPPER, &["--max-requests", "40"]);
    let (sent, answered) = (AtomicU32::new(0), AtomicU32::new(0));
    let is_over = AtomicBool::new(false);
    let mut seen = 0.0;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    sent.fetch_add(1, Ordering::Relaxed);
                    if shop.get("/").is_some_and(|response| response.status == 200) {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let mut reach = |until: u32| {
            eventually("more requests are answered", || {
                // What was answered before the page was asked for is on it.
                let before = answered.load(Ordering::Relaxed);
                if let Some(Ok(page)) = shop.get("/metric").map(|r| Page::parse(&r.body)) {
                    let now = page.value("visits_total{page=\"home\"}").unwrap_or(0.0);
                    assert!(now >= seen, "it fell from {seen} to {now}");
                    assert!(now >= f64::from(before), "{before} were answered, {now} counted");
                    seen = now;
                }
                (before >= until).then_some(())
            });
        };
        for round in 1..=6 {
            reach(round * 60);
            let victim = shop.workers().into_iter().next();
            if let (1 | 2 | 4 | 5, Some(victim)) = (round, victim) {
                // It may be recycled at this moment.
                let _ = kill(victim, Signal::SIGKILL);
            } else if round == 3 {
                kill(shop.master(), Signal::SIGHUP).expect("it runs");
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let (sent, answered) = (f64::from(sent.into_inner()), f64::from(answered.into_inner()));
    let total = shop.page().at("visits_total{page=\"home\"}");
    assert!(
        answered <= total && total <= sent,
        "answered {answered}, counted {total}, sent {sent}"
    );
    // Whoever is dead has left no gauge.
    eventually("the gauges are those of the living", || {
        (shop.page().value("workers") == Some(2.0)).then_some(())
    });
    shop.page().assert(&[("open_visits", 0.0)]);
    assert!(!shop.server.output().contains("Traceback"), "{}", shop.server.output());
}

#[test]
#[ignore = "needs Python with gunicorn and Flask: the example's script installs them"]
fn a_full_filesystem_kills_no_worker() {
    let directory = directory();
    let mount = "mount -t tmpfs -o size=400k none \"$1\"; exec \"$2\"";
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", mount, "sh"])
        .args([text(directory.path()), text(script())])
        .env(UPPER, directory.path());
    let shop = Shop::run(&mut command);
    let workers = shop.workers();
    for n in 0..10 {
        assert_eq!(shop.answer(&format!("/shelf/{n}")).status, 200);
    }
    let mut n = 10;
    // Every name is a series, and each worker has its own.
    eventually("the filesystem is full", || {
        for _ in 0..50 {
            let long = "x".repeat(900);
            assert_eq!(shop.answer(&format!("/shelf/{n}-{long}")).status, 200);
            n += 1;
        }
        let page = shop.page();
        let lost =
            page.at("headcount_dropped_series") + page.at("headcount_dropped_operations_total");
        (lost > 0.0).then_some(())
    });
    // What was there goes on, and what is lost is reported on the page.
    for n in 0..10 {
        assert_eq!(shop.answer(&format!("/shelf/{n}")).status, 200);
    }
    assert_eq!(shop.workers(), workers, "{}", shop.server.output());
    let page = shop.page();
    let ten: f64 =
        (0..10).filter_map(|n| page.value(&format!("visits_total{{page=\"{n}\"}}"))).sum();
    assert!((10.0..=20.0).contains(&ten), "{ten}");
    assert!(!shop.server.output().contains("Traceback"), "{}", shop.server.output());
}

#[test]
#[ignore = "needs Python with gunicorn and Flask, and Prometheus: tests/run prepares it"]
fn prometheus_scrapes_it() {
    let directory = directory();
    let shop = Shop::start(directory.path(), UPPER, &[]);
    let configuration = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: shop\n  metrics_path: /metric\n  static_configs: [{{targets: ['{}']}}]\n",
        shop.address
    );
    let store = Store::prometheus(&[("prometheus.yml", configuration)], &[]);
    for _ in 0..25 {
        assert_eq!(shop.answer("/price?quantity=10").status, 200);
    }
    store.wait_for("up{job=\"shop\"}", &[1.0]);
    store.wait_for("priced_items_total", &[250.0]);
    store.wait_for("basket_items_sum / basket_items_count", &[10.0]);
    store.wait_for("function_calls_total{function=\"quote\"}", &[25.0]);
    store.wait_for("workers", &[2.0]);
    store.wait_for("visit_duration_seconds_bucket{le=\"+Inf\"}", &[25.0]);
}
