//! Which files are refused, and which are read.

use std::fs;

use headcount::Server;
use headcount_tests::{Medium, temporary_directory};

use crate::{ANYBODY, Guarded, SERVER, basic, hashed};

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
fn users_of_a_second_document_are_not_ignored() {
    let users = format!("basic_auth_users:\n  alice: {}\n", hashed("a"));
    for config in [format!("rate_limit:\n---\n{users}"), format!("---\n---\n{users}")] {
        let refused = Guarded::start(&config).map(|_| ()).expect_err(&config).to_string();
        assert!(refused.contains("more than one YAML document"), "{refused}");
    }
    // A document may say where it begins and ends.
    let server = Guarded::start(&format!("---\n{users}...\n")).expect("it starts");
    assert_eq!(server.plain("").0, 401);
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
