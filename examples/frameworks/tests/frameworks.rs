//! Runs each program with forked and with exec'd workers, kills some of them, and reads the page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

const SOON: Duration = Duration::from_secs(60);

/// A running program: its address and its workers.
struct Server {
    child: Child,
    lines: Receiver<String>,
    address: SocketAddr,
    workers: Vec<Pid>,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(program: &str, how: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(program);
        command.arg(directory.path()).args(["3", how]).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("it runs");
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let line = || lines.recv_timeout(SOON).expect("a line");
        let address = line().parse().expect("an address");
        let workers = (0..3).map(|_| pid(&line(), "worker ")).collect();
        Self { child, lines, address, workers, _directory: directory }
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer).filter(|answer| !answer.is_empty())
    }

    /// Waits until a page has all the lines.
    fn has(&self, expected: &[&str]) {
        let started = Instant::now();
        loop {
            let page = self.get("/metrics").unwrap_or_default();
            let Some(missing) = expected.iter().find(|line| !page.contains(*line)) else { return };
            assert!(started.elapsed() < SOON, "{missing} is missing:\n{page}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&self, workers: &[Pid]) {
        for worker in workers {
            kill(*worker, Signal::SIGKILL).expect("it lives");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn pid(line: &str, what: &str) -> Pid {
    Pid::from_raw(line.strip_prefix(what).expect(line).parse().expect("a pid"))
}

#[test]
fn actix_web() {
    for how in ["fork", "exec"] {
        let server = Server::start(env!("CARGO_BIN_EXE_actix"), how);
        for n in 0..40 {
            let name = if n % 4 == 0 { "nobody" } else { "you" };
            assert!(server.get(&format!("/hello/{name}")).is_some());
        }
        let counts = [
            "\ngreetings_total{outcome=\"ok\",polite=\"true\"} 30\n",
            "\ngreetings_total{outcome=\"error\",polite=\"true\"} 10\n",
            "\nfunction_calls_duration_seconds_count{function=\"greet\",module=\"actix\"} 40\n",
            "\nfunction_exceptions_total{function=\"greet\",module=\"actix\"} 10\n",
            "\nfunction_calls_concurrent{function=\"greet\",module=\"actix\"} 0\n",
        ];
        server.has(&counts);
        server.kill(&server.workers[..2]);
        server.has(&counts);
        assert!(
            server.get("/metrics?name[]=greetings_total").expect("a page").contains("vary: Accept")
        );
    }
}

#[test]
fn tonic() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    };
    for how in ["fork", "exec"] {
        let server = Server::start(env!("CARGO_BIN_EXE_grpc"), how);
        let ask = |service: &str| {
            let request = HealthCheckRequest { service: service.to_owned() };
            runtime().block_on(async {
                let channel =
                    tonic::transport::Endpoint::from_shared(format!("http://{}", server.address));
                let channel = channel.expect("an address").connect().await.expect("it accepts");
                HealthClient::new(channel).check(request).await
            })
        };
        for _ in 0..10 {
            ask("").expect("it is well");
            assert_eq!(ask("missing").expect_err("unknown").code(), tonic::Code::NotFound);
        }
        // Its body has no end: the client leaves, and its connection with its runtime.
        runtime().block_on(async {
            let channel =
                tonic::transport::Endpoint::from_shared(format!("http://{}", server.address));
            let channel = channel.expect("an address").connect().await.expect("it accepts");
            let request = HealthCheckRequest { service: String::new() };
            let watch = HealthClient::new(channel).watch(request).await.expect("it is well");
            let mut watch = watch.into_inner();
            watch.message().await.expect("a message").expect("one");
        });
        assert!(server.get("/no.such/Method").expect("an answer").contains("grpc-status"));
        let method = "http_request_method=\"POST\",http_response_status_code=\"200\",http_route=\"/grpc.health.v1.Health";
        let counts = [
            &*format!("\nhttp_server_request_duration_seconds_count{{{method}/Check\"}} 20\n"),
            &format!(
                "\nhttp_server_request_duration_seconds_count{{error_type=\"cancelled\",{method}/Watch\"}} 1\n"
            ),
            "\nhttp_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\"} 1\n",
            "\nhttp_server_active_requests{http_request_method=\"POST\"} 0\n",
        ];
        server.has(&counts);
        server.kill(&server.workers[..2]);
        server.has(&counts);
    }
}

#[test]
fn a_proxy_that_is_upgraded() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = upstream.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in upstream.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = closed.local_addr().expect("an address").port();
    drop(closed);
    for how in ["fork", "exec"] {
        let server = Server::start(env!("CARGO_BIN_EXE_proxy"), how);
        let load = |count: usize| {
            for n in 0..count {
                let answer = server.get(&format!("/{}/x", if n % 5 == 0 { nobody } else { port }));
                let expected = if n % 5 == 0 { "HTTP/1.1 502" } else { "yes" };
                // No request is lost by an upgrade.
                assert!(answer.expect("an answer").contains(expected));
            }
        };
        load(20);
        // All workers are replaced, while requests go on.
        for worker in &server.workers {
            kill(*worker, Signal::SIGQUIT).expect("it lives");
        }
        load(20);
        let successors: Vec<Pid> = (0..3)
            .map(|_| pid(&server.lines.recv_timeout(SOON).expect("a line"), "successor "))
            .collect();
        load(20);
        let counts = [
            "\nproxied_requests_total{upstream=\"local\"} 48\n",
            "\nupstream_errors_total 12\n",
            "\nupstream_seconds_count 60\n",
            "\nhttp_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"proxied\"} 48\n",
            "\nhttp_server_request_duration_seconds_count{error_type=\"502\",http_request_method=\"GET\",http_response_status_code=\"502\",http_route=\"proxied\"} 12\n",
        ];
        server.has(&counts);
        server.kill(&successors[..2]);
        server.has(&counts);
    }
}
