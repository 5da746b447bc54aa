//! The main job, from outside: real requests to forked workers, some of them killed, and then every
//! number of the page is compared with what was sent.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::child::exists;
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::server::{Server, worker};
use headcount_tests::{eventually, within};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// What was sent and answered, by what is expected of it.
#[derive(Debug, Default, Clone)]
struct Sent {
    greetings: u32,
    /// Orders that succeed, by their number of cups.
    coffees: BTreeMap<u32, u32>,
    /// Orders that fail.
    teas: u32,
    brews: u32,
    panics: u32,
    /// Orders whose client has left.
    cancelled: u32,
    /// Orders whose worker was killed.
    killed: u32,
}

impl Sent {
    fn add(&mut self, other: &Self) {
        self.greetings += other.greetings;
        for (cups, orders) in &other.coffees {
            *self.coffees.entry(*cups).or_default() += orders;
        }
        self.teas += other.teas;
        self.brews += other.brews;
        self.panics += other.panics;
        self.cancelled += other.cancelled;
        self.killed += other.killed;
    }

    /// Sends the request of this number, of a mix that has everything in it, and checks the answer.
    fn send(&mut self, connection: &mut Connection, number: u32) -> Pid {
        let cups = number % 5 + 1;
        let (path, status, body) = match number % 8 {
            0 | 4 => ("/".to_owned(), 200, "Try".to_owned()),
            1 | 5 | 6 => {
                let receipt = format!("{cups} x coffee: {} cents\n", 250 * cups);
                (format!("/order/coffee/{cups}"), 200, receipt)
            }
            2 => ("/order/tea/1".to_owned(), 500, "sold out".to_owned()),
            3 => ("/brew/7".to_owned(), 200, "brewed".to_owned()),
            _ => ("/spill".to_owned(), 500, "panic".to_owned()),
        };
        let response = connection.get(&path).expect("a worker that lives answers");
        assert_eq!(response.status, status, "{path}: {}", response.body);
        assert!(response.body.contains(&body), "{path}: {}", response.body);
        match number % 8 {
            0 | 4 => self.greetings += 1,
            1 | 5 | 6 => *self.coffees.entry(cups).or_default() += 1,
            2 => self.teas += 1,
            3 => self.brews += 1,
            _ => self.panics += 1,
        }
        worker(&response)
    }

    /// The whole page but for what [`compared`] leaves out.
    fn expected(&self, workers_started: u32) -> BTreeMap<String, f64> {
        let coffees: u32 = self.coffees.values().sum();
        let cold_brews = self.cancelled + self.killed;
        let mut page = BTreeMap::new();
        let mut put = |sample: String, value: u32| {
            assert!(page.insert(sample, f64::from(value)).is_none(), "a sample twice");
        };

        put("workers_started_total".to_owned(), workers_started);
        put("workers_serving".to_owned(), 4);

        // function, calls begun, calls ended, exceptions
        let brews = self.brews + coffees + cold_brews;
        let prices = coffees + self.teas + cold_brews;
        for (function, begun, ended, exceptions) in [
            ("greet", self.greetings, self.greetings, 0),
            ("price", prices, prices, self.teas),
            ("brew", brews, brews - self.killed, 0),
            ("spill", self.panics, self.panics, self.panics),
        ] {
            let of =
                |name| format!("function_{name}{{function=\"{function}\",module=\"prefork\"}}");
            put(of("calls_total"), begun);
            put(of("calls_duration_seconds_count"), ended);
            put(of("calls_concurrent"), 0);
            put(of("exceptions_total"), exceptions);
        }

        // drink, orders begun, and how they ended: ok, error, panic, cancelled
        for (drink, begun, ended) in [
            ("coffee", coffees, [coffees, 0, 0, 0]),
            ("tea", self.teas, [0, self.teas, 0, 0]),
            ("cold-brew", cold_brews, [0, 0, 0, self.cancelled]),
        ] {
            // A row with an open label is there from its first call on.
            if begun == 0 {
                continue;
            }
            for (outcome, count) in ["ok", "error", "panic", "cancelled"].into_iter().zip(ended) {
                let labels = format!(
                    "drink=\"{drink}\",outcome=\"{outcome}\",shop=\"corner\",till=\"front\""
                );
                put(format!("orders_total{{{labels}}}"), count);
            }
            put(format!("order_duration_seconds_count{{drink=\"{drink}\"}}"), ended.iter().sum());
            put(format!("order_failures_total{{drink=\"{drink}\"}}"), ended[1]);
        }

        // A metric of our own: exact in every bucket.
        let up_to = |cups: u32| self.coffees.range(..=cups).map(|(_, orders)| orders).sum();
        put("order_price_cents_bucket{le=\"250.0\"}".to_owned(), up_to(1));
        put("order_price_cents_bucket{le=\"500.0\"}".to_owned(), up_to(2));
        put("order_price_cents_bucket{le=\"1000.0\"}".to_owned(), up_to(4));
        put("order_price_cents_bucket{le=\"+Inf\"}".to_owned(), coffees);
        put("order_price_cents_count".to_owned(), coffees);
        let cents = self.coffees.iter().map(|(cups, orders)| 250 * cups * orders).sum();
        put("order_price_cents_sum".to_owned(), cents);
        page
    }
}

/// The page without what no client can know: how long calls took (`assert_durations` sees to that),
/// and what headcount says of itself. A row of a live gauge is there as long as a process that has
/// it lives: 0 and absent say the same.
fn compared(page: &Page) -> BTreeMap<String, f64> {
    let mut samples = page.samples.clone();
    samples.retain(|key, value| {
        let measured = key.contains("_seconds_bucket") || key.contains("_seconds_sum");
        let idle = key.starts_with("orders_in_progress{") && *value == 0.0;
        !measured && !idle && !key.starts_with("headcount_")
    });
    samples
}

/// Compares every number, and says only which differ.
fn assert_page(server: &Server, sent: &Sent, workers_started: u32) -> Page {
    // A worker says that it serves a moment after its start.
    let page = eventually("four workers serve", || {
        let page = server.page();
        (page.value("workers_serving") == Some(4.0)).then_some(page)
    });
    let (mut actual, mut expected) = (compared(&page), sent.expected(workers_started));
    let alike = |a: &mut BTreeMap<String, f64>, b: &BTreeMap<String, f64>| {
        a.retain(|key, value| b.get(key) != Some(value));
    };
    let all = actual.clone();
    alike(&mut actual, &expected);
    alike(&mut expected, &all);
    assert!(actual.is_empty() && expected.is_empty(), "page: {actual:#?}\nexpected: {expected:#?}");
    page
}

/// Durations are between what was slept and what the client saw: `calls` calls of `least` each,
/// within `most` in all.
fn assert_durations(page: &Page, family: &str, labels: &str, calls: u32, least: f64, most: f64) {
    let sum = page.value(&format!("{family}_sum{{{labels}}}")).expect("a sum");
    assert!(sum >= f64::from(calls) * least && sum <= most, "{family}: {sum} s");
    let buckets = page.buckets(family, labels);
    assert!(buckets.len() > 2, "{family} has buckets");
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, f64::from(calls))), "{family}");
    for (bound, count) in buckets {
        assert!(bound >= least || count == 0.0, "{family}: {count} calls took less than {bound} s");
    }
}

/// Connections to at least two workers, each with the worker that serves it.
fn connections(server: &Server, count: usize, sent: &mut Sent) -> Vec<(Pid, Connection)> {
    let mut connections: Vec<(Pid, Connection)> = Vec::new();
    eventually("connections are spread", || {
        let mut connection = server.connect();
        let pid = sent.send(&mut connection, 0);
        connections.push((pid, connection));
        let spread = connections.iter().any(|(other, _)| *other != pid);
        (spread && connections.len() >= count).then_some(())
    });
    connections
}

#[test]
fn every_number_is_what_was_sent_though_workers_are_killed() {
    let server = Server::start(&["0"]);
    let mut sent = Sent::default();
    assert_page(&server, &sent, 4);
    let started = Instant::now();

    // All connections at once, each sending all kinds of requests.
    let mut connections = connections(&server, 12, &mut sent);
    let load = thread::scope(|scope| {
        let threads: Vec<_> = connections
            .iter_mut()
            .map(|(pid, connection)| {
                scope.spawn(|| {
                    let mut sent = Sent::default();
                    for number in 0..24 {
                        assert_eq!(sent.send(connection, number), *pid, "a connection stays");
                    }
                    sent
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect::<Vec<_>>()
    });
    for part in &load {
        sent.add(part);
    }
    let page = assert_page(&server, &sent, 4);
    let coffees: u32 = sent.coffees.values().sum();
    let waited = 12.0 * started.elapsed().as_secs_f64();
    assert_durations(&page, "order_duration_seconds", "drink=\"coffee\"", coffees, 0.02, waited);
    let brew = "function=\"brew\",module=\"prefork\"";
    let brews = coffees + sent.brews;
    assert_durations(&page, "function_calls_duration_seconds", brew, brews, 0.007, waited);

    // The worker that has done the most is idle and is killed, while the others are under load.
    let busiest = server
        .workers()
        .into_iter()
        .max_by_key(|pid| connections.iter().filter(|(worker, _)| worker == pid).count());
    let victim = busiest.expect("there are workers");
    connections.retain(|(worker, _)| *worker != victim);
    assert!(!connections.is_empty(), "others serve too");
    let replaced = AtomicBool::new(false);
    let load = thread::scope(|scope| {
        let threads: Vec<_> = connections
            .iter_mut()
            .map(|(_, connection)| {
                scope.spawn(|| {
                    let mut sent = Sent::default();
                    let mut last = false;
                    while !last {
                        last = replaced.load(Ordering::SeqCst);
                        for number in 0..8 {
                            sent.send(connection, number);
                        }
                    }
                    sent
                })
            })
            .collect();
        server.kill_workers(&[victim]);
        replaced.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect::<Vec<_>>()
    });
    for part in &load {
        sent.add(part);
    }
    assert_page(&server, &sent, 5);

    // The killed worker's place is taken by one that counts.
    let newest = *server.workers().last().expect("there are workers");
    eventually("the new worker answers", || {
        let answered = sent.send(&mut server.connect(), 1);
        (answered == newest).then_some(())
    });
    assert_page(&server, &sent, 5);
}

#[test]
fn what_a_killed_worker_was_doing_is_gone_at_the_next_scrape() {
    let server = Server::start(&["0"]);
    let mut sent = Sent::default();
    let mut connection = server.connect();
    let victim = sent.send(&mut connection, 0);

    connection.send("/order/cold-brew/1").expect("sent");
    let page = eventually("the order is being served", || {
        let page = server.page();
        (page.value("orders_in_progress{drink=\"cold-brew\"}") == Some(1.0)).then_some(page)
    });
    let brewing = "function_calls_concurrent{function=\"brew\",module=\"prefork\"}";
    assert_eq!(page.value(brewing), Some(1.0));

    server.kill_workers(&[victim]);
    sent.killed += 1;
    connection.receive().expect_err("nobody is there to answer");

    // Not "some time later": this is the first scrape since.
    let page = server.page();
    assert_eq!(page.value(brewing), Some(0.0));
    let orders = page.value("orders_in_progress{drink=\"cold-brew\"}");
    assert!(matches!(orders, None | Some(0.0)), "{orders:?}");
    assert!(page.value("workers_serving") <= Some(4.0), "the killed worker serves no more");
    // The call had begun, and no way in which it could have ended is claimed.
    assert_page(&server, &sent, 5);
}

#[test]
fn an_order_whose_client_leaves_is_cancelled_and_no_longer_in_progress() {
    let server = Server::start(&["0"]);
    let mut sent = Sent::default();
    for _ in 0..3 {
        let mut connection = server.connect();
        connection.send("/order/cold-brew/1").expect("sent");
        let in_progress = "orders_in_progress{drink=\"cold-brew\"}";
        eventually("the order is being served", || {
            (server.page().value(in_progress) == Some(1.0)).then_some(())
        });
        drop(connection);
        sent.cancelled += 1;
        eventually("the order is cancelled", || {
            (server.page().value(in_progress) == Some(0.0)).then_some(())
        });
    }
    assert_page(&server, &sent, 4);
}

#[test]
fn no_count_is_lost_when_every_worker_that_counted_is_dead() {
    let server = Server::start(&["0"]);
    let mut sent = Sent::default();
    for round in 1..=3 {
        for number in 0..40 {
            sent.send(&mut server.connect(), number);
        }
        server.kill_workers(&server.workers());
        assert_page(&server, &sent, 4 + 4 * round);
    }
}

#[test]
fn the_page_says_what_it_is() {
    let server = Server::start(&["0", "1"]);
    let response = server.get("/metrics");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let again = server.get("/metrics").body;
    let names = |page: &str| -> Vec<String> {
        page.lines().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(names(&response.body), names(&again), "the order is the same each time");
}

#[test]
fn it_ends_cleanly_on_sigterm() {
    ends_cleanly_on(Signal::SIGTERM);
}

#[test]
fn it_ends_cleanly_on_sigint() {
    ends_cleanly_on(Signal::SIGINT);
}

fn ends_cleanly_on(signal: Signal) {
    let mut server = Server::start(&["0"]);
    assert!(server.directory.is_dir(), "{}", server.directory.display());
    let mut connection = server.connect();
    connection.send("/brew/400").expect("sent");
    eventually("the request is being served", || {
        let brewing = "function_calls_concurrent{function=\"brew\",module=\"prefork\"}";
        (server.page().value(brewing) == Some(1.0)).then_some(())
    });
    let workers = server.workers();

    server.parent.signal(signal);
    let response = connection.receive().expect("what was begun is finished");
    assert_eq!((response.status, response.body.as_str()), (200, "brewed\n"));
    drop(connection);

    let status = eventually("the server has ended", || server.parent.ended());
    assert_eq!(status.code(), Some(0), "{}", server.parent.output());
    assert!(server.parent.group_is_gone(), "no process is left");
    assert!(workers.iter().all(|worker| !exists(*worker)), "no worker is left");
    assert!(!server.directory.exists(), "{} is removed", server.directory.display());
    eventually("the last words are here", || {
        server.parent.output().ends_with("\nended\n").then_some(())
    });
    let output = server.parent.output();
    // Workers that didn't end by themselves are killed after ten seconds.
    assert_eq!(output.matches(" ended: Exited(").count(), 4, "{output}");
    TcpListener::bind(server.address).expect("the port is free again");
}

#[test]
fn told_twice_it_does_not_wait_for_what_was_begun() {
    let mut server = Server::start(&["0"]);
    let mut connection = server.connect();
    connection.send("/brew/60000").expect("sent");
    eventually("the request is being served", || {
        let brewing = "function_calls_concurrent{function=\"brew\",module=\"prefork\"}";
        (server.page().value(brewing) == Some(1.0)).then_some(())
    });
    server.parent.signal(Signal::SIGTERM);
    eventually("the idle workers have ended", || (server.workers().len() == 1).then_some(()));
    server.parent.signal(Signal::SIGTERM);
    // Without the second signal the worker would be killed ten seconds after the first.
    let status = within(Duration::from_secs(9), "the server has ended", || server.parent.ended());
    assert_eq!(status.code(), Some(0), "{}", server.parent.output());
    connection.receive().expect_err("its worker was killed");
    assert!(server.parent.group_is_gone(), "no process is left");
    assert!(!server.directory.exists(), "{} is removed", server.directory.display());
}

#[test]
fn a_worker_told_to_end_finishes_and_is_replaced() {
    let server = Server::start(&["0", "2"]);
    let mut connection = server.connect();
    let first = worker(&connection.get("/").expect("answered"));
    connection.send("/brew/300").expect("sent");
    eventually("the request is being served", || {
        let brewing = "function_calls_concurrent{function=\"brew\",module=\"prefork\"}";
        (server.page().value(brewing) == Some(1.0)).then_some(())
    });
    nix::sys::signal::kill(first, Signal::SIGTERM).expect("the worker is there");
    assert_eq!(connection.receive().expect("what was begun is finished").status, 200);
    eventually("the worker is replaced", || {
        let workers = server.workers();
        (!workers.contains(&first) && workers.len() == 2).then_some(())
    });
    let calls = "function_calls_total{function=\"brew\",module=\"prefork\"}";
    assert_eq!(server.page().value(calls), Some(1.0), "a worker that has ended counts");
}

#[test]
fn where_the_port_is_taken_the_next_free_one_serves() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let server = Server::start(&[&port.to_string(), "1"]);
    assert!(server.address.port() > port, "{} is after {port}", server.address);
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn without_arguments_four_workers_serve_on_the_usual_port_or_the_next_free_one() {
    let server = Server::start(&[]);
    assert!((9464..9564).contains(&server.address.port()), "{}", server.address);
    assert_eq!(server.workers().len(), 4);
    assert_page(&server, &Sent::default(), 4);
}
