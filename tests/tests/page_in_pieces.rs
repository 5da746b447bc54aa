//! Pages of hundreds of megabytes over HTTP: the server's memory does not grow with them, neither
//! for clients that read fast nor for clients that read slowly or not at all.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::planted::archive;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn server(directory: &Path) -> (Child, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut command = Command::new(env!("CARGO_BIN_EXE_serving"));
    let child = Child::start(command.arg(directory).arg(address.to_string()));
    eventually("it serves", || child.output().contains("serving ").then_some(()));
    (child, address)
}

/// The most memory that a process has had, in KiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.pid())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel's");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

/// A response of which nothing is kept.
#[derive(Debug)]
struct Answer {
    head: String,
    /// Of the body.
    length: u64,
    checksum: u32,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    stream
}

/// Sends a request and reads the response, until the server closes the connection.
fn read(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a head") > 0, "{head}");
    }
    let (mut checksum, mut length) = (crc32fast::Hasher::new(), 0);
    let mut take = |from: &mut dyn Read, most: u64| {
        let mut from = from.take(most);
        let mut bytes = vec![0; 1 << 16];
        loop {
            match from.read(&mut bytes).expect("a body") {
                0 => break,
                count => {
                    checksum.update(&bytes[..count]);
                    length += count as u64;
                }
            }
        }
    };
    if head.contains("transfer-encoding: chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a chunk");
            let size = u64::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
            take(&mut reader, size);
            reader.read_line(&mut line).expect("its end");
            if size == 0 {
                break;
            }
        }
        assert_eq!(reader.read(&mut [0]).expect("an end"), 0, "nothing follows");
    } else {
        take(&mut reader, u64::MAX);
    }
    Answer { head, length, checksum: checksum.finalize() }
}

fn request(method: &str, version: &str, headers: &str) -> String {
    format!("{method} /metrics HTTP/{version}\r\nHost: me\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn the_memory_of_a_server_does_not_grow_with_the_page() {
    let folder = temporary_directory(Medium::Memory);
    fs::write(folder.path().join("archive.hca"), archive(3)).expect("ours");
    let (server, address) = server(folder.path());
    for _ in 0..3 {
        let head = read(address, &request("HEAD", "1.1", ""));
        assert!(head.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", head.head);
        assert_eq!(head.length, 0);
    }
    // Everything that was collected is in there.
    let before = peak(&server);
    let most = 4 << 10;
    for accept in ["text/plain", "application/openmetrics-text", PROTOBUF, "application/json"] {
        let accept_line = format!("Accept: {accept}\r\n");
        let page = read(address, &request("GET", "1.1", &accept_line));
        assert!(page.head.contains("transfer-encoding: chunked\r\n"), "{}", page.head);
        // Two formats repeat the labels of a histogram for each bucket.
        let is_text = accept.starts_with("text") || accept.contains("openmetrics");
        assert!(!is_text || page.length > 180 << 20, "{} bytes of {accept}", page.length);
        // The kernel's own figure may be a few pages lower at a second look.
        let more = peak(&server).saturating_sub(before);
        println!("{accept}: {} bytes, at most {more} KiB more", page.length);
        assert!(peak(&server) < before + most, "{before} and {} KiB", peak(&server));
    }
    let packed = read(address, &request("GET", "1.1", "Accept-Encoding: gzip\r\n"));
    assert!(packed.head.contains("content-encoding: gzip\r\n"), "{}", packed.head);
    assert!(packed.length > 100_000, "{}", packed.length);
    assert!(peak(&server) < before + most, "{before} and {} KiB", peak(&server));
}

#[test]
fn every_version_of_http_gets_the_same_page() {
    let folder = temporary_directory(Medium::Memory);
    fs::write(folder.path().join("archive.hca"), archive(1)).expect("ours");
    let (_server, address) = server(folder.path());
    // A family that is the same in each collection.
    let of_one = |method: &str, version: &str, name: &str| {
        let request = request(method, version, "");
        read(address, &request.replace("/metrics", &format!("/metrics?name[]={name}")))
    };
    let chunked = of_one("GET", "1.1", "planted_size");
    assert!(chunked.head.contains("transfer-encoding: chunked\r\n"), "{}", chunked.head);
    assert!(!chunked.head.contains("content-length"), "{}", chunked.head);
    let old = of_one("GET", "1.0", "planted_size");
    assert!(old.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", old.head);
    assert!(!old.head.contains("transfer-encoding"), "{}", old.head);
    assert!(old.length > 60 << 20, "{}", old.length);
    assert_eq!((old.length, old.checksum), (chunked.length, chunked.checksum));
    // A short page has a length, in both versions and for both methods.
    for version in ["1.0", "1.1"] {
        let get = of_one("GET", version, "candidates_total");
        let length = format!("content-length: {}\r\n", get.length);
        assert!(get.length > 50 && get.head.contains(&length), "{}", get.head);
        let head = of_one("HEAD", version, "candidates_total");
        assert!(head.length == 0 && head.head.contains(&length), "{}", head.head);
    }
}

#[test]
fn clients_that_do_not_read_hold_pieces_and_keep_nobody_from_scraping() {
    let folder = temporary_directory(Medium::Memory);
    fs::write(folder.path().join("archive.hca"), archive(3)).expect("ours");
    let (server, address) = server(folder.path());
    read(address, &request("HEAD", "1.1", ""));
    let before = peak(&server);
    // As many as may have a snapshot of their own, and many that wait for one.
    let held: Vec<TcpStream> = (0..50)
        .map(|number| {
            let mut stream = connect(address);
            stream.write_all(request("GET", "1.1", "").as_bytes()).expect("it reads");
            if number < 4 {
                assert!(stream.read(&mut [0; 100]).expect("the page has begun") > 0);
            }
            stream
        })
        .collect();
    // Others are still answered: what needs no snapshot, a part, and the beginning of all.
    let mut connection = Connection::open(address).expect("it accepts");
    assert_eq!(connection.get("/healthz").expect("an answer").status, 200);
    let part = eventually("a part is answered", || {
        Connection::open(address).ok()?.get("/metrics?name[]=candidates_total").ok()
    });
    Page::parse(&part.body).expect("a page").assert(&[("candidates_total", 1.0)]);
    // A piece of 64 KiB and what hyper has of it for each, four snapshots, and none of the pages.
    let most = 24 << 10;
    println!("50 that do not read: at most {} KiB more", peak(&server) - before);
    assert!(peak(&server) < before + most, "{before} and {} KiB", peak(&server));
    drop(held);
    let whole = read(address, &request("GET", "1.1", ""));
    assert!(whole.length > 180 << 20, "{}", whole.length);
}
