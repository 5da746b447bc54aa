//! Who is let in: certificates, users, headers, and limits.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use headcount_tests::eventually;

use crate::{ANYBODY, Client, Guarded, OLD, SERVER, ask, basic, certificates, hashed};

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
