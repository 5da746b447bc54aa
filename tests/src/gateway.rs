//! Gateways: a real Pushgateway, and a listener that answers as a test says.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

use crate::child::Child;
use crate::http::Connection;
use crate::page::Page;
use crate::{Medium, SOON, eventually, peer, temporary_directory};

/// A running Pushgateway.
#[derive(Debug)]
pub struct Pushgateway {
    /// Where it listens.
    pub address: SocketAddr,
    // In this order: the program ends before its directory goes.
    process: Child,
    _folder: TempDir,
}

impl Pushgateway {
    /// Starts one at a port of its own.
    pub fn start() -> Self {
        Self::start_with(None, "")
    }

    /// Starts one at a certain port, or with a file of exporter-toolkit's configuration.
    pub fn start_with(port: Option<u16>, web_config: &str) -> Self {
        let folder = temporary_directory(Medium::Memory);
        let config = folder.path().join("web.yml");
        fs::write(&config, web_config).expect("written");
        // It takes no listener from us, so the port may be taken before it binds it.
        for _ in 0..10 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
            let address = free.expect("a free port").local_addr().expect("an address");
            let mut process = Child::start(
                Command::new(peer("prometheus-pushgateway"))
                    .arg(format!("--web.listen-address={address}"))
                    .arg(format!("--web.config.file={}", config.display()))
                    .arg("--persistence.file=")
                    .current_dir(folder.path()),
            );
            let is_there = eventually("the gateway listens, or has ended", || {
                if process.ended().is_some() {
                    return Some(false);
                }
                TcpStream::connect(address).is_ok().then_some(true)
            });
            if is_there {
                return Self { address, process, _folder: folder };
            }
            assert!(process.all_output().contains("address already in use"));
        }
        panic!("no port is free for the gateway");
    }

    /// Its own page, which has everything that was pushed.
    pub fn page(&self) -> Page {
        let mut connection = Connection::open(self.address).expect("the gateway accepts");
        let page = connection.get("/metrics").expect("the gateway answers").body;
        Page::parse(&page).unwrap_or_else(|error| panic!("{error}\n{page}"))
    }

    /// What it has logged.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

/// A request as it arrived: its head, and its body.
pub type Request = (String, Vec<u8>);

/// Listens at a port, and answers each request with the next of the given answers; the last one is
/// repeated. An empty answer closes the connection.
#[derive(Debug)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Listener {
    /// Starts it. It goes with the test's process.
    pub fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let kept = Arc::clone(&requests);
        let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let Ok(request) = read(&mut stream) else { continue };
                let number = {
                    let mut requests = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    requests.push(request);
                    requests.len() - 1
                };
                let answer = answers.get(number).or(answers.last()).expect("an answer");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    /// The requests until now.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(stream: &mut TcpStream) -> io::Result<Request> {
    stream.set_read_timeout(Some(SOON))?;
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let mut more = [0; 4096];
        let count = stream.read(&mut more)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..count]);
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = bytes.split_off(head);
    let missing = length.unwrap_or(0).saturating_sub(body.len());
    let mut rest = vec![0; missing];
    stream.read_exact(&mut rest)?;
    body.extend(rest);
    Ok((text, body))
}
