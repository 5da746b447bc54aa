//! `examples/postgres`: an extension of which a part is in Rust counts in every process of a real
//! server, and no count is lost when one of them is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use headcount::Collector;
use headcount_tests::child::{Child, output_of};
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, peer, temporary_directory, within};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The example's script, with the server that it is for.
fn script(arguments: &[&str]) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(tests.with_file_name("examples/postgres/run"));
    script.args(arguments).env("PG_CONFIG", peer("pg_config")).env_remove("HEADCOUNT_DIR");
    script
}

/// A running server.
struct Server {
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Builds the extension and starts a server with it.
    fn start() -> Self {
        let folder = temporary_directory(Medium::Memory);
        let process = Child::start(&mut script(&["--server", text(folder.path())]));
        let server = Self { process, folder };
        server.is_ready(1);
        server
    }

    /// Waits until it has become ready so many times.
    fn is_ready(&self, times: usize) {
        let ready = "database system is ready to accept connections";
        within(Duration::from_secs(600), "the server is ready", || {
            (self.process.output().matches(ready).count() >= times).then_some(())
        });
    }

    /// A process that executes statements.
    fn client(&self, statements: &[impl AsRef<str>]) -> Command {
        let mut client = script(&["--client", text(self.folder.path())]);
        client.args(statements.iter().flat_map(|statement| ["-c", statement.as_ref()]));
        client
    }

    /// What statements print that all end well.
    fn execute(&self, statements: &[impl AsRef<str>]) -> String {
        output_of(&mut self.client(statements), Duration::from_secs(60))
    }

    fn metrics(&self) -> PathBuf {
        self.folder.path().join("metrics")
    }

    /// What all processes have counted, read from outside: no statement is executed for it.
    fn page(&self) -> Page {
        let page = Collector::from_directory(self.metrics()).collect().expect("the directory");
        assert!(page.skipped().is_empty(), "{:?}", page.skipped());
        Page::parse(&page.to_text()).expect("a page")
    }

    /// A client that sleeps for long, and the server's process that it has.
    fn sleeper(&self, running: f64) -> (Child, Pid) {
        let client =
            Child::start(&mut self.client(&["SELECT pg_backend_pid()", "SELECT pg_sleep(600)"]));
        let pid = eventually("the client says its process", || {
            client.output().lines().next().and_then(|line| line.parse().ok())
        });
        eventually("it sleeps", || {
            (self.page().value(r#"statements_running{kind="select"}"#) == Some(running))
                .then_some(())
        });
        (client, Pid::from_raw(pid))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
#[ignore = "needs PostgreSQL with the headers of its server: tests/run"]
fn statements_of_all_processes_are_counted_and_no_killed_one_loses_any() {
    let server = Server::start();
    server.execute(&[
        "CREATE TABLE orders (id int PRIMARY KEY)".to_owned(),
        format!(
            "CREATE FUNCTION headcount_page() RETURNS text AS '{}' LANGUAGE C STRICT",
            text(&server.folder.path().join("statements"))
        ),
    ]);
    thread::scope(|scope| {
        for client in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let insert = |n: i32| {
                    let id = client * 25 + n;
                    format!("INSERT INTO orders VALUES ({id}), ({})", -1 - id)
                };
                server.execute(&(0..25).map(insert).collect::<Vec<_>>());
            });
        }
    });
    let mut twice = Child::start(&mut server.client(&["INSERT INTO orders VALUES (1)"]));
    assert!(twice.all_output().contains("duplicate key"), "{}", twice.output());
    server.execute(&[
        "UPDATE orders SET id = id + 1000 WHERE id >= 90",
        "DELETE FROM orders WHERE id < 0",
        // One statement, whatever it executes in its turn.
        "DO 'BEGIN FOR n IN 1..5 LOOP INSERT INTO orders VALUES (2000 + n); END LOOP; END'",
    ]);
    let in_parallel = [
        "SET parallel_setup_cost = 0",
        "SET parallel_tuple_cost = 0",
        "SET min_parallel_table_scan_size = 0",
        "EXPLAIN SELECT count(*) FROM orders",
        "SELECT count(*) FROM orders",
    ];
    let said = server.execute(&in_parallel);
    assert!(said.contains("Workers Planned") && said.ends_with("\n105\n"), "{said}");

    let mut counts = Counts {
        total: [1, 101, 1, 1, 7],
        ended: [1, 101, 1, 1, 7],
        rows: [1, 200, 10, 100, 0],
        errors: [0, 1, 0, 0, 0],
        running: [0; 5],
    };
    counts.assert(&server.page());

    // One process is killed, and Postgres kills the others.
    let (mut first, victim) = server.sleeper(1.0);
    let (mut second, _) = server.sleeper(2.0);
    counts.total[SELECT] += 4;
    counts.ended[SELECT] += 2;
    counts.rows[SELECT] += 2;
    counts.running[SELECT] = 2;
    counts.assert(&server.page());
    let threads = fs::read_dir(format!("/proc/{victim}/task")).expect("it is there");
    assert_eq!(threads.count(), 1, "Postgres' processes have one thread each");
    kill(victim, Signal::SIGKILL).expect("it is there");
    assert!(!first.wait().success() && !second.wait().success(), "{}", server.process.output());
    server.is_ready(2);
    counts.running[SELECT] = 0;
    counts.assert(&server.page());

    // Postgres ends a process in the midst of a statement, which has no end then.
    let (mut third, victim) = server.sleeper(1.0);
    server.execute(&[format!("SELECT pg_terminate_backend({victim})")]);
    assert!(!third.wait().success(), "{}", third.output());
    eventually("its process is gone", || {
        (server.page().value("statements_running{kind=\"select\"}") == Some(0.0)).then_some(())
    });
    counts.total[SELECT] += 3;
    counts.ended[SELECT] += 2;
    counts.rows[SELECT] += 2;
    counts.assert(&server.page());

    // A process of the server shows what all of them have counted.
    let page = server.execute(&["SELECT headcount_page()"]);
    // psql ends it with an empty line.
    let page = Page::parse(page.strip_suffix('\n').expect("a line")).expect("a page");
    counts.total[SELECT] += 1;
    counts.running[SELECT] = 1;
    counts.assert(&page);
    page.assert(&[("function_calls_total{function=\"page\",module=\"statements\"}", 1.0)]);
}

#[test]
#[ignore = "needs PostgreSQL with the headers of its server: tests/run"]
fn the_example_shows_what_its_readme_says() {
    let printed = output_of(&mut script(&[]), Duration::from_secs(600));
    let readme = script(&[]).get_program().to_owned();
    let readme =
        fs::read_to_string(Path::new(&readme).with_file_name("README.md")).expect("a text");
    let shown = readme.split_once("\n```text\n").expect("a block").1;
    assert_eq!(printed, shown.split_once("```\n").expect("its end").0);
}

const SELECT: usize = 0;

/// What is expected of each kind: selects, inserts, updates, deletes, and the rest.
struct Counts {
    total: [u32; 5],
    ended: [u32; 5],
    rows: [u32; 5],
    errors: [u32; 5],
    running: [u32; 5],
}

impl Counts {
    #[track_caller]
    fn assert(&self, page: &Page) {
        let kinds = ["select", "insert", "update", "delete", "utility"];
        for (family, numbers) in [
            ("statements_total", self.total),
            ("statement_duration_seconds_count", self.ended),
            ("statement_rows_total", self.rows),
            ("statement_errors_total", self.errors),
            ("statements_running", self.running),
        ] {
            for (kind, number) in kinds.iter().zip(numbers) {
                page.assert(&[(&format!("{family}{{kind=\"{kind}\"}}"), f64::from(number))]);
            }
        }
    }
}
