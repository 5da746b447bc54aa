//! The web configuration of Prometheus' exporters: which files are refused and why, and what the
//! others let in. The cases are those that `exporter-toolkit` documents and tests.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use headcount::{Collector, Server, Serving};
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
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

#[test]
fn what_is_wrong_or_not_supported_is_refused_by_name() {
    let tls = |line: &str| format!("{SERVER}  {line}\n");
    let cases = [
        ("- a list", "is not a mapping"),
        ("{", "not YAML"),
        ("a: 1\na: 2", "not YAML"),
        ("tls_config:\n  cert_file: x", "`tls_config` is not supported"),
        (&tls("keyfile: server.key"), "`tls_server_config.keyfile` is not supported"),
        ("tls_server_config:\n", "neither a certificate nor a key"),
        ("tls_server_config:\n  cert_file: \"\"\n  key_file: \"\"", "neither a certificate nor"),
        ("tls_server_config:\n  key_file: server.key", "neither `cert` nor `cert_file`"),
        ("tls_server_config:\n  cert_file: server.crt", "neither `key` nor `key_file`"),
        (
            "tls_server_config:\n  cert_file: no.crt\n  key_file: server.key",
            "no.crt: can't read the file: No such file",
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n  key_file: no.key",
            "no.key: can't read the file: No such file",
        ),
        (
            "tls_server_config:\n  cert_file: web.yml\n  key_file: server.key",
            "`tls_server_config.cert` has no certificate",
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server.crt",
            "`tls_server_config.key`: ",
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n  key_file: client.key",
            "`tls_server_config`: ",
        ),
        (&tls("cert: inline"), "both `tls_server_config.cert` and `tls_server_config.cert_file`"),
        (&tls("client_ca_file: authority.crt"), "`client_ca` needs a `client_auth_type`"),
        (&tls("client_auth_type: RequireAndVerifyClientCert"), "needs a `client_ca`"),
        (&tls("client_auth_type: VerifyClientCertIfGiven"), "needs a `client_ca`"),
        (&tls("client_auth_type: Whatever"), "client_auth_type`: no type `Whatever`"),
        (
            &tls("client_auth_type: RequestClientCert\n  client_ca_file: web.yml"),
            "`tls_server_config.client_ca` has no certificate",
        ),
        (
            &tls("client_auth_type: RequestClientCert\n  client_allowed_sans: [a]"),
            "`client_allowed_sans` needs",
        ),
        (&tls("client_allowed_sans: [a]"), "`client_allowed_sans` needs"),
        (
            &tls("client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a@b.c]"),
            "a@b.c: mail addresses are not supported",
        ),
        (&tls("min_version: TLS10"), "min_version`: TLS10 is not supported"),
        (&tls("max_version: TLS11"), "max_version`: TLS11 is not supported"),
        (&tls("min_version: TLS111"), "min_version`: TLS111 is no version"),
        (&tls("min_version: TLS13\n  max_version: TLS12"), "no version is allowed"),
        (
            &tls("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]"),
            "cipher_suites`: TLS_RSA_WITH_AES_128_CBC_SHA is not supported",
        ),
        (&tls("cipher_suites: [TLS_CAESAR]"), "TLS_CAESAR is not supported"),
        (&tls("cipher_suites: TLS_CAESAR"), "cipher_suites` is not a list of texts"),
        (&tls("curve_preferences: [CurveP521]"), "curve_preferences`: CurveP521 is not supported"),
        (&tls("prefer_server_cipher_suites: maybe"), "is neither true nor false"),
        ("basic_auth_users:\n  alice: secret", "`basic_auth_users.alice` is not a hash of bcrypt"),
        ("basic_auth_users:\n  alice:", "`basic_auth_users.alice` is not a hash of bcrypt"),
        ("basic_auth_users: [alice]", "`basic_auth_users` is not a mapping"),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: maybe",
            "X-Frame-Options` is none of deny, sameorigin",
        ),
        (
            "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff",
            "X-Content-Type-Options` is none of nosniff",
        ),
        (
            "http_server_config:\n  headers:\n    X-Mine: 1",
            "`http_server_config.headers.X-Mine` is not supported",
        ),
        (
            "http_server_config:\n  headers:\n    X-XSS-Protection: \"a\\nb\"",
            "cannot be the value of a header",
        ),
        ("http_server_config:\n  http2: 2", "`http_server_config.http2` is neither true nor false"),
        ("http_server_config:\n  http3: true", "`http_server_config.http3` is not supported"),
        ("rate_limit:\n  interval: soon", "`rate_limit.interval` is not a duration"),
        ("rate_limit:\n  interval: 1s\n  burst: many", "`rate_limit.burst` is not a whole number"),
        ("ip_socket_config:\n  dscp: 1", "`ip_socket_config` is not supported"),
    ];
    for (config, reason) in cases {
        let refused = Guarded::start(config).map(|_| ()).expect_err(config);
        let message = refused.to_string();
        assert!(message.contains(reason), "{config}\n{message}");
    }
    let missing = Server::new("127.0.0.1:0").web_config("/no/such.yml").start();
    let missing = missing.expect_err("there is no file").to_string();
    assert!(missing.starts_with("/no/such.yml: can't read the file: "), "{missing}");
    // A pipe would keep the server waiting for whoever writes to it.
    let folder = temporary_directory(Medium::Memory);
    let pipe = folder.path().join("pipe.yml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let refused = Server::new("127.0.0.1:0").web_config(&pipe).start().expect_err("a pipe");
    assert!(refused.to_string().contains("not a regular file"), "{refused}");
}

#[test]
fn what_is_supported_serves() {
    let read = |name: &str| fs::read_to_string(certificates().join(name)).expect("there");
    let indented = |text: &str| {
        let lines = text.trim_end().replace('\n', "\n    ");
        format!("    {lines}\n")
    };
    let inline = format!(
        "tls_server_config:\n  cert: |\n{}  key: |\n{}",
        indented(&read("server.crt")),
        indented(&read("server.key"))
    );
    let cases = [
        SERVER.to_owned(),
        inline,
        format!("{SERVER}  min_version: TLS12\n  max_version: TLS12\n"),
        format!("{SERVER}  min_version: TLS13\n"),
        format!("{SERVER}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"),
        format!("{SERVER}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"),
        format!("{SERVER}  prefer_server_cipher_suites: false\n"),
        format!("{SERVER}  curve_preferences: [CurveP256, CurveP384, X25519]\n"),
        format!("{SERVER}  cipher_suites: []\n  client_ca_file: \"\"\n"),
        format!("{SERVER}http_server_config:\n  http2: false\n"),
        format!("{SERVER}http_server_config:\n  http2: true\nbasic_auth_users:\n"),
    ];
    for config in cases {
        let server = Guarded::start(&config).unwrap_or_else(|e| panic!("{config}\n{e}"));
        let (status, answer) = server.secure(&ANYBODY).unwrap_or_else(|e| panic!("{config}\n{e}"));
        assert_eq!(status, 200, "{config}\n{answer}");
        assert!(answer.contains("headcount_processes"), "{answer}");
        // A client that does not trust the server ends the handshake, and the server goes on.
        let distrustful = Client { authority: "stranger_authority", ..ANYBODY };
        assert!(server.secure(&distrustful).is_err());
        assert_eq!(server.secure(&ANYBODY).expect("an answer").0, 200);
    }
    for config in ["", "# nothing", "basic_auth_users: {}", "rate_limit:\n  interval: 0\n"] {
        let server = Guarded::start(config).unwrap_or_else(|e| panic!("{config}\n{e}"));
        assert_eq!(server.plain("").0, 200, "{config}");
    }
    // Without TLS to a server that has it: no answer, and no page.
    let server = Guarded::start(SERVER).expect("it starts");
    let stream = TcpStream::connect(server.address).expect("it accepts");
    let answer = ask(stream, "").unwrap_or_default();
    assert!(!answer.contains("200 OK"), "{answer}");
    let old = Client { versions: OLD, ..ANYBODY };
    server.configure(&format!("{SERVER}  min_version: TLS13\n"));
    assert!(server.secure(&old).is_err());
    server.configure(SERVER);
    assert_eq!(server.secure(&old).expect("an answer").0, 200);
}

#[test]
fn clients_are_known_by_their_certificates() {
    let who = |certificate| Client { certificate, ..ANYBODY };
    let (nobody, known, stranger) = (who(None), who(Some("client")), who(Some("stranger")));
    let ca = "\n  client_ca_file: authority.crt";
    let sans = "\n  client_allowed_sans: ";
    // Who is let in: without a certificate, with a known one, and with a stranger's.
    let cases = [
        ("NoClientCert".to_owned(), [true, true, true]),
        ("RequestClientCert".to_owned(), [true, true, true]),
        ("RequireAnyClientCert".to_owned(), [false, true, true]),
        (format!("VerifyClientCertIfGiven{ca}"), [true, true, false]),
        (format!("RequireAndVerifyClientCert{ca}"), [false, true, false]),
        (format!("RequireAndVerifyClientCert{ca}{sans}[scraper.example]"), [false, true, false]),
        (format!("RequireAndVerifyClientCert{ca}{sans}[127.0.0.9]"), [false, true, false]),
        (
            format!("RequireAndVerifyClientCert{ca}{sans}[spiffe://shop/scraper]"),
            [false, true, false],
        ),
        (format!("RequireAndVerifyClientCert{ca}{sans}[x, scraper.example]"), [false, true, false]),
        (format!("RequireAndVerifyClientCert{ca}{sans}[example]"), [false, false, false]),
        (format!("RequireAndVerifyClientCert{ca}{sans}[127.0.0.1]"), [false, false, false]),
        (format!("RequireAnyClientCert{sans}[scraper.example]"), [false, true, true]),
    ];
    // One server: each connection is made by the file as it is then.
    let server = Guarded::start(SERVER).expect("it starts");
    for (setting, expected) in cases {
        server.configure(&format!("{SERVER}  client_auth_type: {setting}\n"));
        let seen = [nobody, known, stranger]
            .map(|client| server.secure(&client).is_ok_and(|(status, _)| status == 200));
        assert_eq!(seen, expected, "{setting}");
    }
}

#[test]
fn users_are_known_by_their_passwords() {
    let users = |alice: &str| {
        format!("basic_auth_users:\n  alice: {}\n  7: {}\n", hashed(alice), hashed("x:y"))
    };
    let server = Guarded::start(&users("first")).expect("it starts");
    let (status, refused) = server.plain("");
    assert_eq!(status, 401);
    assert!(refused.contains("www-authenticate: Basic\r\n"), "{refused}");
    assert!(!refused.contains("headcount_"), "{refused}");
    for _ in 0..3 {
        assert_eq!(server.plain(&basic("alice", "first")).0, 200);
        assert_eq!(server.plain(&basic("7", "x:y")).0, 200);
        for (name, password) in [
            ("alice", "second"),
            ("alice", ""),
            ("bob", "first"),
            ("", ""),
            ("7", "x"),
            ("alice", "x:y"),
        ] {
            assert_eq!(server.plain(&basic(name, password)).0, 401, "{name}:{password}");
        }
    }
    for value in ["Basic", "Basic !!!", "Bearer YWxpY2U6Zmlyc3Q=", "basic"] {
        assert_eq!(server.plain(value).0, 401, "{value}");
    }
    // All paths are guarded.
    for path in ["/", "/healthz", "/api/state", "/page/main.js", "/nothing"] {
        let mut stream = TcpStream::connect(server.address).expect("it accepts");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
    }
    // A change holds at once.
    server.configure(&users("second"));
    assert_eq!(server.plain(&basic("alice", "first")).0, 401);
    assert_eq!(server.plain(&basic("alice", "second")).0, 200);
    // What a scrape costs, seen and not asserted: a known password, a wrong one, an unknown user.
    server.configure(&format!(
        "basic_auth_users:\n  alice: {}\n  bob: {}\n",
        bcrypt::hash("a", 10).expect("a hash"),
        hashed("b")
    ));
    for (name, password) in [("alice", "a"), ("alice", "a"), ("alice", "no"), ("carol", "no 2")] {
        let began = Instant::now();
        let (status, _) = server.plain(&basic(name, password));
        println!("{name}:{password} {status} after {:?}", began.elapsed());
    }
}

#[test]
fn a_broken_file_lets_nobody_in_until_it_is_repaired() {
    let good = format!("basic_auth_users:\n  alice: {}\n", hashed("a"));
    let server = Guarded::start(&good).expect("it starts");
    let alice = basic("alice", "a");
    assert_eq!(server.plain(&alice).0, 200);
    for broken in ["{", "users: x", "basic_auth_users:\n  alice: plain\n"] {
        server.configure(broken);
        let (status, answer) = server.plain(&alice);
        assert_eq!(status, 500, "{answer}");
        // What is in the file is nobody's business.
        assert!(!answer.contains("alice") && !answer.contains("headcount_"), "{answer}");
        assert_eq!(server.plain("").0, 500);
    }
    fs::remove_file(server.folder.path().join("web.yml")).expect("ours");
    assert_eq!(server.plain(&alice).0, 500);
    // TLS cannot be turned on later, and must not be off by mistake.
    server.configure(SERVER);
    assert_eq!(server.plain(&alice).0, 500);
    server.configure(&good);
    assert_eq!(server.plain(&alice).0, 200);

    let server = Guarded::start(SERVER).expect("it starts");
    for broken in ["", "tls_server_config:\n  cert_file: no\n  key_file: no\n"] {
        server.configure(broken);
        // By the certificate that it had.
        assert_eq!(server.secure(&ANYBODY).expect("an answer").0, 500, "{broken}");
    }
    server.configure(SERVER);
    assert_eq!(server.secure(&ANYBODY).expect("an answer").0, 200);
}

#[test]
fn headers_are_added_and_requests_are_limited() {
    let headers = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n    \
                   X-Frame-Options: deny\n    Content-Security-Policy: sandbox\n";
    let server = Guarded::start(&format!("{headers}rate_limit:\n  interval: 1h\n  burst: 2\n"))
        .expect("it starts");
    let (status, answer) = server.plain("");
    assert_eq!(status, 200);
    for line in ["strict-transport-security: max-age=1", "x-frame-options: deny"] {
        assert!(answer.contains(line), "{answer}");
    }
    assert_eq!(server.plain("").0, 200);
    assert_eq!(server.plain("").0, 429);
    assert_eq!(server.plain("").0, 429);
    // One more for each interval.
    server.configure("rate_limit:\n  interval: 1ms\n  burst: 1\n");
    eventually("it answers again", || (server.plain("").0 == 200).then_some(()));
    eventually("and again", || (server.plain("").0 == 200).then_some(()));
}

#[test]
fn slow_and_hostile_handshakes_keep_nobody_from_scraping() {
    let config = format!("{SERVER}basic_auth_users:\n  alice: {}\n", hashed("a"));
    let server = Guarded::start(&config).expect("it starts");
    // More than it has room for: silent ones, half a greeting, rubbish, and greetings byte by byte.
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    let mut held: Vec<TcpStream> = Vec::new();
    for number in 0..150 {
        let mut stream = TcpStream::connect(server.address).expect("it accepts");
        let sent: &[u8] = match number % 4 {
            0 => &[],
            1 => &hello,
            2 => &[0xff; 300],
            _ => &hello[..1],
        };
        // It may have been dropped for a later one.
        let _ = stream.write_all(sent);
        held.push(stream);
        if number % 25 == 0 {
            assert_eq!(server.secure(&ANYBODY).expect("an answer").0, 401);
        }
    }
    for stream in &mut held {
        let _ = stream.write_all(&[0]);
    }
    assert_eq!(server.secure(&ANYBODY).expect("an answer").0, 401);
    // One that greets too slowly is cut off, as one that sends its header too slowly.
    let mut slow = TcpStream::connect(server.address).expect("it accepts");
    slow.set_read_timeout(Some(SOON)).expect("a socket");
    slow.write_all(&hello).expect("it reads");
    let began = Instant::now();
    assert_eq!(slow.read(&mut [0; 64]).unwrap_or(0), 0);
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
}

/// Checking passwords is slow by design; who is known must not wait for those who guess.
#[test]
fn guessing_passwords_keeps_nobody_from_scraping() {
    let hash = bcrypt::hash("a", 10).expect("a hash");
    let server =
        Guarded::start(&format!("basic_auth_users:\n  alice: {hash}\n")).expect("it starts");
    let alice = basic("alice", "a");
    assert_eq!(server.plain(&alice).0, 200);
    let guesses: Vec<TcpStream> = (0..40)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).expect("it accepts");
            let guess = basic("alice", &format!("guess {number}"));
            write!(stream, "GET /metrics HTTP/1.1\r\nHost: me\r\nAuthorization: {guess}\r\n\r\n")
                .expect("it reads");
            stream
        })
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.plain(&alice).0, 200);
    }
    println!("20 scrapes beside 40 guesses took {:?}", began.elapsed());
    drop(guesses);
}
