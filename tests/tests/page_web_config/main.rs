//! The web configuration of Prometheus' exporters: which files are refused and why, and what the
//! others let in. The cases are those that `exporter-toolkit` documents and tests.

mod attacks;
mod clients;
mod files;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headcount::{Collector, Server, Serving};
use headcount_tests::{Medium, SOON, temporary_directory};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;

/// Where the certificates are.
fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web_config")
}

/// The setting of a certificate and its key.
const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// A server with a web configuration, which may change.
struct Guarded {
    serving: Serving,
    address: SocketAddr,
    folder: TempDir,
}

impl Guarded {
    fn start(config: &str) -> Result<Self, headcount::Error> {
        let folder = temporary_directory(Medium::Memory);
        for entry in fs::read_dir(certificates()).expect("there") {
            let path = entry.expect("an entry").path();
            let copy = folder.path().join(path.file_name().expect("a name"));
            fs::copy(&path, copy).expect("ours");
        }
        fs::create_dir(folder.path().join("metrics")).expect("ours");
        let path = folder.path().join("web.yml");
        fs::write(&path, config).expect("ours");
        let collector = Collector::from_directory(folder.path().join("metrics"));
        let server = Server::new("127.0.0.1:0").collector(collector).web_config(&path);
        let serving = server.start()?;
        let address = serving.addresses()[0].parse().expect("an address");
        Ok(Self { serving, address, folder })
    }

    /// Replaces the file.
    fn configure(&self, config: &str) {
        let new = self.folder.path().join("new.yml");
        fs::write(&new, config).expect("ours");
        fs::rename(&new, self.folder.path().join("web.yml")).expect("ours");
    }

    /// The status of a request without TLS, and the whole answer.
    fn plain(&self, authorization: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.address).expect("it accepts");
        stream.set_read_timeout(Some(SOON)).expect("a socket");
        status(ask(stream, authorization)).expect("an answer")
    }

    /// The same with TLS. `Err`: there was no answer.
    fn secure(&self, client: &Client) -> Result<(u16, String), std::io::Error> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(SOON))?;
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(client.config()), name);
        let stream = rustls::StreamOwned::new(connection.expect("a client"), stream);
        status(ask(stream, ""))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.serving.clone().stop();
    }
}

/// Sends a request, and reads to the end.
fn ask(mut stream: impl Read + Write, authorization: &str) -> Result<String, std::io::Error> {
    let line = if authorization.is_empty() { "" } else { "Authorization: " };
    let end = if authorization.is_empty() { "" } else { "\r\n" };
    let head = "GET /metrics HTTP/1.1\r\nHost: me\r\nConnection: close\r\n";
    stream.write_all(format!("{head}{line}{authorization}{end}\r\n").as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // Without a farewell of TLS; the length says whether it is whole.
        Err(e) if e.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        done => drop(done?),
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status(answer: Result<String, std::io::Error>) -> Result<(u16, String), std::io::Error> {
    let answer = answer?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))?;
    Ok((status, answer))
}

/// A client of TLS.
#[derive(Clone, Copy)]
struct Client {
    authority: &'static str,
    certificate: Option<&'static str>,
    versions: &'static [&'static SupportedProtocolVersion],
}

const ANYBODY: Client =
    Client { authority: "authority", certificate: None, versions: rustls::ALL_VERSIONS };

/// Of a client that knows no newer one.
static OLD: &[&SupportedProtocolVersion] = &[&version::TLS12];

impl Client {
    fn config(self) -> ClientConfig {
        let folder = certificates();
        let pem = |name: &str| CertificateDer::from_pem_file(folder.join(format!("{name}.crt")));
        let mut roots = RootCertStore::empty();
        roots.add(pem(self.authority).expect("a certificate")).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .expect("versions")
            .with_root_certificates(roots);
        match self.certificate {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")));
                let chain = vec![pem(name).expect("a certificate")];
                builder.with_client_auth_cert(chain, key.expect("a key")).expect("they fit")
            }
        }
    }
}

fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {encoded}")
}

/// A hash that takes little time.
fn hashed(password: &str) -> String {
    bcrypt::hash(password, 4).expect("a hash")
}
