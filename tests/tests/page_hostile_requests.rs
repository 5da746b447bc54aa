//! Requests that no scraper sends: each gets one answer that fits, or none, and the server goes on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use headcount::{Collector, MetricFamily, Server, Serving};
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, temporary_directory};

fn start(directory: &Path) -> (Serving, SocketAddr) {
    let server =
        Server::new("127.0.0.1:0")
            .collector(Collector::from_directory(directory).with_families(|| {
                vec![MetricFamily::gauge("seen", "Seen.").with_series(&[], 1.0)]
            }));
    let serving = server.start().expect("it listens");
    let address = serving.addresses()[0].parse().expect("an address");
    (serving, address)
}

/// The whole answer to bytes, after which the client sends no more.
fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    // It may have closed the connection before it has read all.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of each answer.
fn statuses(answer: &str) -> Vec<&str> {
    let lines = answer.split("HTTP/1.").skip(1);
    lines.map(|line| line.get(2..5).expect("a status")).collect()
}

#[test]
fn a_request_that_means_two_things_is_one_request_or_none() {
    let folder = temporary_directory(Medium::Memory);
    let (serving, address) = start(folder.path());
    let get = "GET /metrics HTTP/1.1\r\nHost: me\r\n";
    let next = "GET /smuggled HTTP/1.1\r\nHost: me\r\n\r\n";
    for (request, expected) in [
        // Where does the body end? One length, or it is no request.
        (format!("{get}Content-Length: 0\r\nContent-Length: 40\r\n\r\n{next}"), &["400"][..]),
        (format!("{get}Content-Length: 5, 6\r\n\r\nhello"), &["400"]),
        (format!("{get}Content-Length: -1\r\n\r\n"), &["400"]),
        (format!("{get}Content-Length: +5\r\n\r\nhello"), &["400"]),
        (format!("{get}Content-Length: 99999999999999999999\r\n\r\n"), &["400"]),
        (format!("{get}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), &["400"]),
        (format!("{get}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), &["400"]),
        (format!("{get} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), &["400"]),
        // No words of a request.
        ("GET /metrics HTTP/1.1\nHost: me\n\n".to_owned(), &["200"]),
        ("GET  /metrics HTTP/1.1\r\n\r\n".to_owned(), &["400"]),
        ("GET /metrics HTTP/9.9\r\n\r\n".to_owned(), &["400"]),
        ("GET /metrics\r\n\r\n".to_owned(), &["400"]),
        ("GET /a b HTTP/1.1\r\n\r\n".to_owned(), &["400"]),
        (format!("{get}X: a\0b\r\n\r\n"), &["400"]),
        (format!("{get}X\r\n\r\n"), &["400"]),
        // A body that nobody reads is not a request.
        (format!("{get}Content-Length: {}\r\n\r\n{next}", next.len()), &["200"]),
        (format!("{get}Connection: close\r\n\r\n{next}"), &["200"]),
        (format!("{get}\r\n{get}\r\n"), &["200", "200"]),
    ] {
        let answer = raw(address, request.as_bytes());
        assert_eq!(statuses(&answer), expected, "{request:?}: {answer}");
    }
    // Both a length and chunks: the chunks count, and nothing is left over for a second request.
    let both = "POST /metrics HTTP/1.1\r\nHost: me\r\nContent-Length: 4\r\n\
                Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = raw(address, both.as_bytes());
    assert!(["400", "405"].contains(&statuses(&answer)[0]), "{answer}");
    assert_eq!(statuses(&answer).len(), 1, "{answer}");
    serving.stop();
}

#[test]
fn a_target_in_any_form_is_a_path_of_ours_or_none() {
    let folder = temporary_directory(Medium::Memory);
    let (serving, address) = start(folder.path());
    for (target, expected) in [
        ("/metrics", "200"),
        ("http://elsewhere:1/metrics", "200"),
        ("http://elsewhere:1/metrics?name[]=seen", "200"),
        ("//metrics", "404"),
        ("/metrics/", "404"),
        ("/metrics/../metrics", "404"),
        ("/%6detrics", "404"),
        ("/metrics%00", "404"),
        ("/METRICS", "404"),
        ("/api/state/../../etc/passwd", "404"),
        ("/page/../../../etc/passwd", "404"),
        ("/page/%2e%2e/main.js", "404"),
        ("*", "404"),
        ("metrics", "404"),
    ] {
        let answer = raw(address, format!("GET {target} HTTP/1.1\r\nHost: me\r\n\r\n").as_bytes());
        assert_eq!(statuses(&answer), [expected], "{target}: {answer}");
    }
    for (line, expected) in [
        ("OPTIONS * HTTP/1.1", "405"),
        ("CONNECT elsewhere:80 HTTP/1.1", "405"),
        ("TRACE /metrics HTTP/1.1", "405"),
        ("DELETE /metrics HTTP/1.1", "405"),
        ("get /metrics HTTP/1.1", "405"),
        ("WHATEVER /metrics HTTP/1.1", "405"),
        ("HEAD /nothing HTTP/1.1", "404"),
    ] {
        let answer = raw(address, format!("{line}\r\nHost: me\r\n\r\n").as_bytes());
        assert_eq!(statuses(&answer), [expected], "{line}: {answer}");
        assert_eq!(expected == "405", answer.contains("\r\nallow: GET, HEAD\r\n"), "{answer}");
    }
    // The beginning of HTTP/2, and of TLS.
    for bytes in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"]
    {
        assert!(!raw(address, bytes).contains(" 200 "), "{bytes:?}");
    }
    serving.stop();
}

#[test]
fn hostile_names_and_headers_are_names_of_nothing_and_wishes_for_text() {
    let folder = temporary_directory(Medium::Memory);
    let (serving, address) = start(folder.path());
    for name in [
        "%00",
        "%ff%fe",
        "%0d%0aX-Injected:%20yes%0d%0a%0d%0a%3Cscript%3E",
        "%",
        "%zz",
        "../../etc/passwd",
        "%F0%9F%92%A9",
        "%E2%80%AE",
        "a&name[]=&name[]&&&=&name%5B%5D=%5D",
        &"x".repeat(7000),
        &"x&name[]=".repeat(700),
    ] {
        let request = format!("GET /metrics?name[]={name} HTTP/1.1\r\nHost: me\r\n\r\n");
        let answer = raw(address, request.as_bytes());
        assert_eq!(statuses(&answer), ["200"], "{name}: {answer}");
        assert!(!answer.contains("X-Injected") && !answer.contains("script"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "no family has such a name: {answer}");
    }
    let accepts: [&[u8]; 9] = [
        b"",
        b";;;,,,q=",
        b"\xff\xfe\xfd",
        b"text/plain;version=9",
        b"*/*;q=nan",
        b"application/openmetrics-text;q=0",
        b"application/vnd.google.protobuf;proto=evil;encoding=delimited",
        b"image/png",
        b"application/json;q=1e400",
    ];
    let long = vec![b','; 7000];
    for accept in accepts.into_iter().chain([&long[..]]) {
        let mut request = b"GET /metrics HTTP/1.1\r\nHost: me\r\nAccept: ".to_vec();
        request.extend(accept);
        request.extend(b"\r\n\r\n");
        let answer = raw(address, &request);
        assert_eq!(statuses(&answer), ["200"], "{accept:?}: {answer}");
        let text = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
        assert!(answer.contains(text), "{accept:?}: {answer}");
    }
    for process in ["", "x", "%ff", &"f".repeat(32), &"f".repeat(3000), "../1"] {
        let request = format!("GET /api/state?process={process} HTTP/1.1\r\nHost: me\r\n\r\n");
        let answer = raw(address, request.as_bytes());
        assert_eq!(statuses(&answer), ["200"], "{process}: {answer}");
    }
    // A body that is promised and does not come keeps nobody waiting.
    let mut silent = TcpStream::connect(address).expect("it accepts");
    let promise = "POST /metrics HTTP/1.1\r\nHost: me\r\nContent-Length: 1000000\r\n\
                   Expect: 100-continue\r\n\r\n";
    silent.write_all(promise.as_bytes()).expect("it reads");
    silent.set_read_timeout(Some(SOON)).expect("a socket");
    let mut answer = [0; 12];
    silent.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 405");
    let page = Connection::open(address).expect("it accepts").get("/metrics").expect("an answer");
    Page::parse(&page.body).expect("a page").assert(&[("seen", 1.0)]);
    serving.stop();
}

#[test]
fn the_state_of_a_huge_and_hostile_directory_is_bounded_and_says_what_it_lacks() {
    const FILES: usize = 3_000;
    const SERIES: usize = 200_000;
    let folder = temporary_directory(Medium::Memory);
    let hostile = "</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\"\\\n";
    for number in 0..FILES {
        let name = format!("{number}-\u{1b}<b>\"'.hc");
        std::fs::write(folder.path().join(name), "no segment").expect("ours");
    }
    let collector = Collector::from_directory(folder.path()).with_families(move || {
        let mut family = MetricFamily::gauge("many", hostile);
        for number in 0..SERIES {
            family = family.with_series(&[("label", &format!("{hostile}{number}"))], 1.0);
        }
        vec![family]
    });
    let serving = Server::new("127.0.0.1:0").collector(collector).start().expect("it listens");
    let address: SocketAddr = serving.addresses()[0].parse().expect("an address");
    let mut connection = Connection::open(address).expect("it accepts");
    let answer = connection.get("/api/state").expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 10 << 20, "{}", answer.body.len());
    assert!(!answer.body.contains('\u{1b}'), "no control character as it is");
    let state: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let number = |value: &serde_json::Value| {
        usize::try_from(value.as_u64().expect("a number")).expect("small")
    };
    let length = |value: &serde_json::Value| value.as_array().expect("a list").len();
    let processes = &state["processes"];
    assert_eq!(number(&processes["states"]["unreadable"]), FILES);
    assert!(length(&processes["list"]) <= 2_000);
    assert_eq!(length(&processes["list"]) + number(&processes["left_out"]), FILES);
    let problems = &state["problems"];
    assert!(length(&problems["list"]) <= 100);
    assert!(length(&problems["list"]) + number(&problems["left_out"]) >= FILES);
    let families = state["families"].as_array().expect("a list");
    let many = families.iter().find(|family| family["name"] == "many").expect("the family");
    assert_eq!((number(&many["count"]), many["help"].as_str()), (SERIES, Some(hostile)));
    let listed = length(&many["series"]);
    assert!(listed > 1_000 && listed < SERIES, "{listed}");
    assert_eq!(listed + number(&state["left_out"]["series"]), SERIES);
    assert_eq!(many["series"][0][0][1].as_str(), Some(format!("{hostile}0").as_str()));
    // The page for scrapers has all of them.
    let page = connection.get("/metrics?name[]=many").expect("an answer").body;
    assert_eq!(page.lines().count(), SERIES + 2);
    serving.stop();
}
