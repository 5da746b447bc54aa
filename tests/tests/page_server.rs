//! The HTTP server of the library: what it answers, who serves when several could, what forked
//! children keep of it, and what clients that behave badly can do to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use headcount::{Collector, Config, Counter, MetricFamily, Server, Serving, metric};
use headcount_tests::child::{Child, exists, reported};
use headcount_tests::http::{Connection, Response};
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, eventually, is_long, temporary_directory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Served.
#[metric(name = "served_total")]
static SERVED: Counter;

fn start(directory: &Path) -> (Serving, SocketAddr) {
    let server = Server::new("127.0.0.1:0").collector(Collector::from_directory(directory));
    let serving = server.start().expect("it listens");
    let address = serving.addresses()[0].parse().expect("an address");
    (serving, address)
}

/// A directory in which this process counts. All tests of this file share the process.
fn counted() -> std::path::PathBuf {
    use std::sync::OnceLock;
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let directory = temporary_directory(Medium::Memory);
        headcount::init(Config::new().directory(directory.path())).expect("the first");
        SERVED.inc();
        directory
    });
    directory.path().to_owned()
}

/// The whole answer to raw bytes.
fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn closing(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_request_gets_what_its_path_and_method_say() {
    let (serving, address) = start(&counted());
    let mut connection = Connection::open(address).expect("it accepts");
    // Kept alive between requests.
    let page = connection.get("/metrics").expect("an answer");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("vary"), Some("Accept, Accept-Encoding"));
    Page::parse(&page.body).expect("a page").assert(&[("served_total", 1.0)]);
    let some = connection.get("/metrics?name[]=served_total").expect("an answer");
    assert_eq!(
        some.body,
        "# HELP served_total Served.\n# TYPE served_total counter\nserved_total 1\n"
    );
    let openmetrics = connection.get_as("/metrics", "application/openmetrics-text");
    assert!(openmetrics.expect("an answer").body.ends_with("# EOF\n"));
    let health = connection.get("/healthz").expect("an answer");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let people = connection.get("/").expect("an answer");
    assert_eq!(people.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = people.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for file in people.body.split('"').filter(|part| part.starts_with("page/")) {
        assert_eq!(connection.get(&format!("/{file}")).expect("an answer").status, 200, "{file}");
    }
    let state = connection.get("/api/state").expect("an answer");
    assert_eq!(state.header("cache-control"), Some("no-store"));
    assert!(state.body.starts_with("{\"v\":1,"), "{}", state.body);
    assert_eq!(connection.get("/metric").expect("an answer").status, 404);

    let head = raw(address, &closing("HEAD", "/metrics"));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("content-length: "), "{head}");
    let post = raw(
        address,
        "POST /metrics HTTP/1.1\r\nHost: me\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    );
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    assert!(post.contains("allow: GET, HEAD\r\n"), "{post}");

    serving.stop();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn what_can_not_be_served_is_an_error_of_the_start() {
    let directory = counted();
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let server = Server::new(&address).collector(Collector::from_directory(&directory));
    let refused = server.start().expect_err("in use by another program");
    assert!(
        refused.to_string().starts_with(&format!("{address}: can't listen at the address: ")),
        "{refused}"
    );
    for address in ["nowhere", "127.0.0.1", "unix:"] {
        assert!(Server::new(address).start().expect_err("no address").is_invalid(), "{address}");
    }
    for path in ["metrics", "/", "/healthz", "/api/state", "/page/main.js", "/a\"b", "/a?b"] {
        let refused = Server::new("127.0.0.1:0").metrics_path(path).start();
        assert!(refused.expect_err("no path").is_invalid(), "{path}");
    }
}

#[test]
fn a_directory_that_vanishes_is_reported_and_one_that_comes_back_is_served() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("later");
    let (serving, address) = start(&directory);
    let get = |path: &str| -> Response {
        Connection::open(address).expect("it accepts").get(path).expect("an answer")
    };
    for path in ["/metrics", "/healthz"] {
        let answer = get(path);
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("later: can't open the directory: "), "{}", answer.body);
    }
    fs::create_dir(&directory).expect("ours");
    assert_eq!((get("/metrics").status, get("/healthz").status), (200, 200));
    fs::remove_dir(&directory).expect("ours");
    assert_eq!(get("/metrics").status, 503);
    serving.stop();
}

#[test]
fn a_function_that_panics_does_not_end_the_server() {
    let folder = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(folder.path())
        .with_families(|| -> Vec<MetricFamily> { panic!("on purpose") });
    let serving = Server::new("127.0.0.1:0").collector(collector).start().expect("it listens");
    let address: SocketAddr = serving.addresses()[0].parse().expect("an address");
    for _ in 0..2 {
        let answer = Connection::open(address).expect("it accepts").get("/metrics");
        assert_eq!(answer.expect("an answer").status, 503);
    }
    serving.stop();
}

#[test]
fn a_unix_socket_is_served_and_a_stale_one_replaced() {
    let folder = temporary_directory(Medium::Memory);
    let path = folder.path().join("metrics.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let server = Server::new(format!("unix:{}", path.display()))
        .listen("127.0.0.1:0")
        .collector(Collector::from_directory(folder.path()));
    let serving = server.start().expect("it listens");
    assert_eq!(serving.addresses().len(), 2);
    let mut stream = UnixStream::connect(&path).expect("it accepts");
    stream.write_all(closing("GET", "/metrics").as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serving.stop();
    assert!(!path.exists());
}

#[test]
fn clients_that_behave_badly_keep_nobody_from_scraping() {
    let (serving, address) = start(&counted());
    // More than it has space for: silent ones, ones with half a request, and ones that never read.
    let held: Vec<TcpStream> = (0..150)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("it accepts");
            let sent = match number % 3 {
                0 => "",
                1 => "GET /metrics HTTP/1.1\r\nHost: ",
                _ => &closing("GET", "/metrics").replace("close", "keep-alive").repeat(20),
            };
            // It may have been dropped for a later one.
            let _ = stream.write_all(sent.as_bytes());
            if number % 10 == 0 {
                let page = Connection::open(address).expect("it accepts").get("/metrics");
                assert_eq!(page.expect("an answer").status, 200);
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        let page = Connection::open(address).expect("it accepts").get("/metrics");
        assert_eq!(page.expect("an answer").status, 200);
    }
    let sockets = fs::read_dir("/proc/self/fd").expect("there").count();
    assert!(sockets < 150 + 64 + 60, "{sockets} descriptors");
    drop(held);
    // Too large a header, too many lines, and no HTTP at all.
    let large = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100));
    for request in [large, many] {
        let answer = raw(address, &request);
        // Or the connection is closed before the answer could be read.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    assert!(!raw(address, "\x16\x03\x01\x02\x00\x01\r\n\r\n").contains("200 OK"));
    // One that closes its half still gets its answer.
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.write_all(closing("GET", "/metrics").as_bytes()).expect("it reads");
    stream.shutdown(std::net::Shutdown::Write).expect("ours");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an end");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(Connection::open(address).expect("it accepts").get("/").expect("it").status, 200);
    serving.stop();
}

#[test]
fn one_who_sends_a_header_too_slowly_is_cut_off() {
    let (serving, address) = start(&counted());
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    stream.write_all(b"GET /metrics HT").expect("it reads");
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 64]).unwrap_or(0), 0, "it gets no answer");
    // It had its five seconds. How many more the machine took is not ours to say.
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    serving.stop();
}

#[test]
fn every_answer_has_what_was_counted_before_its_request() {
    let folder = temporary_directory(Medium::Memory);
    let value = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let shown = std::sync::Arc::clone(&value);
    let collector = Collector::from_directory(folder.path()).with_families(move || {
        let now = shown.load(std::sync::atomic::Ordering::SeqCst);
        vec![MetricFamily::gauge("now", "Now.").with_series(&[], f64::from(now))]
    });
    let serving = Server::new("127.0.0.1:0").collector(collector).start().expect("it listens");
    let address: SocketAddr = serving.addresses()[0].parse().expect("an address");
    // Several clients at once share collections, and none of them gets an older one.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut connection = Connection::open(address).expect("it accepts");
                for _ in 0..100 {
                    let least = 1 + value.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let page = connection.get("/metrics").expect("an answer").body;
                    let now = Page::parse(&page).expect("a page").at("now");
                    assert!(now >= f64::from(least), "{now} after {least}");
                }
            });
        }
    });
    serving.stop();
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn candidate(directory: &Path, address: &str, how: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serving"));
    Child::start(command.arg(directory).arg(address).args(how))
}

fn serves(child: &Child) -> bool {
    child.output().contains("serving ")
}

#[test]
fn of_many_candidates_one_serves_and_another_takes_over() {
    let folder = temporary_directory(Medium::Memory);
    let address = format!("127.0.0.1:{}", free_port());
    let socket: SocketAddr = address.parse().expect("an address");
    let rounds = if is_long() { 200 } else { 6 };
    let mut candidates: Vec<Child> =
        (0..4).map(|_| candidate(folder.path(), &address, &[])).collect();
    let mut longest = Duration::ZERO;
    let mut started = 4.0;
    for _ in 0..rounds {
        let at = eventually("one serves", || candidates.iter().position(serves));
        assert_eq!(candidates.iter().filter(|child| serves(child)).count(), 1);
        let mut server = candidates.swap_remove(at);
        candidates.push(candidate(folder.path(), &address, &[]));
        started += 1.0;
        eventually("all have counted", || {
            let page = Connection::open(socket).ok()?.get("/metrics").ok()?;
            let counted = Page::parse(&page.body).ok()?.value("candidates_total")?;
            (counted.to_bits() == f64::to_bits(started)).then_some(())
        });
        let began = Instant::now();
        server.kill();
        eventually("another serves", || {
            let answer = Connection::open(socket).ok()?.get("/healthz").ok()?;
            (answer.status == 200).then_some(())
        });
        longest = longest.max(began.elapsed());
    }
    println!("the longest gap of {rounds}: {longest:?}");
}

#[test]
fn a_forked_worker_keeps_nothing_of_its_master_s_server() {
    let folder = temporary_directory(Medium::Memory);
    let address = format!("127.0.0.1:{}", free_port());
    let socket: SocketAddr = address.parse().expect("an address");
    let mut master = candidate(folder.path(), &address, &["worker"]);
    eventually("it serves", || serves(&master).then_some(()));
    let worker: i32 = eventually("it has forked", || {
        let output = master.output();
        output.contains("worker ").then(|| reported(&output, "worker ").parse().expect("a pid"))
    });
    let worker = Pid::from_raw(worker);
    let kept = |pid: Pid| -> Vec<String> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
        let paths = descriptors.filter_map(|one| fs::read_link(one.ok()?.path()).ok());
        let paths = paths.map(|path| path.display().to_string());
        paths
            .filter(|path| {
                path.starts_with("socket:") || path.contains(".serve-") || path.contains("eventfd")
            })
            .collect()
    };
    assert!(kept(master.pid()).len() >= 3, "{:?}", kept(master.pid()));
    // It closes them in its child handler, perhaps after the master has written its number.
    eventually("it keeps none of them", || kept(worker).is_empty().then_some(()));
    // The worker lives on, and another candidate gets the port and the lock.
    let second = candidate(folder.path(), &address, &[]);
    assert!(!serves(&second));
    kill(master.pid(), Signal::SIGKILL).expect("it lives");
    eventually("the second serves", || serves(&second).then_some(()));
    assert!(exists(worker));
    let page = Connection::open(socket).expect("it accepts").get("/metrics").expect("an answer");
    Page::parse(&page.body).expect("a page").assert(&[("candidates_total", 2.0)]);
    kill(worker, Signal::SIGKILL).expect("it lives");
    master.wait();
}
