//! A client of HTTP/1.1 that keeps one connection, and can leave in the middle of a request.
//!
//! The usual clients choose and mend connections by themselves. These tests must know which
//! connection, hence which worker, a request went to, must see a connection break, and must be able
//! to break one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::SOON;

/// One connection, kept alive between requests.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: String,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects. Every later read and write has a time limit.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.set_write_timeout(Some(SOON))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends a request and does not wait for the response.
    pub fn send(&mut self, path: &str) -> io::Result<()> {
        self.send_with(path, "")
    }

    /// The same with more header lines, each with its end.
    fn send_with(&mut self, path: &str, headers: &str) -> io::Result<()> {
        self.send_by("GET", path, headers)
    }

    fn send_by(&mut self, method: &str, path: &str, headers: &str) -> io::Result<()> {
        let host = self.address;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        self.stream.get_mut().write_all(request.as_bytes())
    }

    /// Waits for the response to the request sent before.
    pub fn receive(&mut self) -> io::Result<Response> {
        let line = self.line()?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| invalid(&line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: String::new() };
        let body = if response.header("transfer-encoding") == Some("chunked") {
            self.chunks()?
        } else {
            let length = response.header("content-length").unwrap_or("0");
            self.exactly(length.parse().map_err(|_| invalid(length))?)?
        };
        response.body = String::from_utf8(body).map_err(|_| invalid("not UTF-8"))?;
        Ok(response)
    }

    /// Sends a request and waits for its response.
    pub fn get(&mut self, path: &str) -> io::Result<Response> {
        self.send(path)?;
        self.receive()
    }

    /// The same by POST, with an empty body.
    pub fn post(&mut self, path: &str) -> io::Result<Response> {
        self.send_by("POST", path, "Content-Length: 0\r\n")?;
        self.receive()
    }

    /// The same as `get`, with a header `Accept`.
    pub fn get_as(&mut self, path: &str, accept: &str) -> io::Result<Response> {
        self.send_with(path, &format!("Accept: {accept}\r\n"))?;
        self.receive()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| invalid(&size))?;
            body.extend(self.exactly(size)?);
            let _end_of_chunk = self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Text as the value of a query parameter.
pub fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
