//! Pushes: to a real Pushgateway, to listeners that misbehave, and into a textfile. What a batch
//! job has counted reaches the gateway also if it was killed.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use headcount::{Collector, MetricFamily, Pusher};
use headcount_tests::child::Child;
use headcount_tests::files::names;
use headcount_tests::gateway::{Listener, Pushgateway};
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, peer, temporary_directory};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const RUNS: &str = "runs_total{instance=\"web/1\",job=\"nightly\"}";
const ROWS: &str = "rows_total{instance=\"web/1\",job=\"nightly\"}";

fn batch(directory: &Path, gateway: &str, how: &str) -> Child {
    let mut job = Command::new(env!("CARGO_BIN_EXE_batch"));
    Child::start(job.arg(directory).arg(gateway).arg(how).env("RUST_BACKTRACE", "0"))
}

fn headcount(arguments: &[&str], directory: &Path) -> (Option<i32>, String, String) {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| headcount_tests::server::program("headcount"));
    let output = Command::new(program).args(arguments).arg("--dir").arg(directory).output();
    let output = output.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A collector of a directory in which one job has run.
fn after_one_job() -> (tempfile::TempDir, Collector) {
    let folder = temporary_directory(Medium::Memory);
    let nobody = Listener::start(&[OK]);
    let ended = batch(folder.path(), &nobody.address.to_string(), "ends").wait();
    assert!(ended.success());
    let collector = Collector::from_directory(folder.path());
    (folder, collector)
}

#[test]
fn what_is_sent_is_the_whole_page_as_protobuf() {
    let folder = temporary_directory(Medium::Memory);
    let gateway = Listener::start(&[OK]);
    let mut job = batch(folder.path(), &gateway.address.to_string(), "ends");
    assert_eq!(job.all_output(), "");
    let requests = gateway.requests();
    let [(head, body)] = &requests[..] else { panic!("{requests:?}") };
    let first = "PUT /metrics/job/nightly/instance@base64/d2ViLzE= HTTP/1.1\r\n";
    assert!(head.starts_with(first), "{head}");
    let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                encoding=delimited";
    assert!(
        head.to_ascii_lowercase().contains(&format!("content-type: {kind}\r\n").to_lowercase())
    );
    assert!(!head.contains("authorization"));
    for name in ["runs_total", "rows_total", "headcount_processes"] {
        assert!(body.windows(name.len()).any(|at| at == name.as_bytes()), "{name}");
    }
    let snapshot = Collector::from_directory(folder.path()).collect().expect("it is there");
    assert_eq!(snapshot.value("rows_total", &[]), Some(3.0), "nothing is deleted");
}

#[test]
fn a_job_that_fails_panics_or_forks_pushes_once() {
    for (how, ends_well) in [("fails", false), ("panics", false), ("forks", true)] {
        let folder = temporary_directory(Medium::Memory);
        let gateway = Listener::start(&[OK]);
        let ended = batch(folder.path(), &gateway.address.to_string(), how).wait();
        assert_eq!(ended.success(), ends_well, "{how}");
        assert_eq!(gateway.requests().len(), 1, "{how}");
    }
}

#[test]
fn add_and_delete_are_methods_of_their_own_and_credentials_are_sent() {
    let (_folder, collector) = after_one_job();
    let gateway = Listener::start(&[OK]);
    let pusher = Pusher::new(format!("http://{}/", gateway.address), "nightly")
        .collector(collector)
        .basic_auth("Aladdin", "open sesame");
    pusher.add().expect("taken");
    pusher.delete().expect("taken");
    let requests = gateway.requests();
    let [(add, body), (delete, nothing)] = &requests[..] else { panic!("{requests:?}") };
    assert!(add.starts_with("POST /metrics/job/nightly HTTP/1.1\r\n"), "{add}");
    assert!(delete.starts_with("DELETE /metrics/job/nightly HTTP/1.1\r\n"), "{delete}");
    assert!(!body.is_empty() && nothing.is_empty());
    for head in [add, delete] {
        // The example of RFC 7617.
        assert!(head.contains("authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{head}");
    }
    assert!(!format!("{pusher:?}").contains("sesame"));
}

#[test]
fn a_redirect_is_never_followed() {
    let (_folder, collector) = after_one_job();
    let elsewhere = Listener::start(&[OK]);
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: http://{}/x\r\nContent-Length: 0\r\n\r\n",
            elsewhere.address
        );
        let gateway = Listener::start(&[&answer]);
        let pusher = Pusher::new(gateway.address.to_string(), "n").collector(collector.clone());
        for error in [pusher.push(), pusher.add()].map(|done| done.expect_err("no success")) {
            assert!(error.is_rejected() && !error.is_io(), "{error}");
            assert!(error.to_string().contains("the answer is a redirect to http://"), "{error}");
        }
        assert!(pusher.delete().expect_err("no success").is_rejected());
        assert_eq!(gateway.requests().len(), 3, "it is not tried again");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_is_final() {
    let (_folder, collector) = after_one_job();
    let pusher = |gateway: &Listener| {
        Pusher::new(gateway.address.to_string(), "n").collector(collector.clone())
    };
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy";
    let later = "HTTP/1.1 429 Later\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // Closed without an answer, no HTTP, and what a restarting gateway says.
    let gateway = Listener::start(&["", "SSH-2.0-x\r\n\r\n", busy, later, OK]);
    pusher(&gateway).push().expect("at last");
    assert_eq!(gateway.requests().len(), 5);

    let wrong =
        "HTTP/1.1 400 Bad\r\nContent-Length: 17\r\nConnection: close\r\n\r\npushed \x1b[31mred\nno";
    let gateway = Listener::start(&[wrong, OK]);
    let error = pusher(&gateway).push().expect_err("it is final").to_string();
    assert!(
        error.ends_with("can't push: the gateway answered 400 Bad Request: pushed \\u{1b}[31mred"),
        "{error}"
    );
    assert_eq!(gateway.requests().len(), 1);

    // The time is for all tries together.
    let gateway = Listener::start(&[busy]);
    let error = pusher(&gateway).timeout(Duration::from_millis(800)).push().expect_err("busy");
    assert!(error.is_rejected(), "{error}");
    assert!(error.to_string().contains("503 Service Unavailable: busy (tried "), "{error}");
    let tries = gateway.requests().len();
    assert!((2..=4).contains(&tries), "{tries} tries");
}

#[test]
fn a_gateway_that_does_not_answer_in_time_is_given_up() {
    let (_folder, collector) = after_one_job();
    // The kernel accepts, and nobody reads.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let pusher = Pusher::new(&address, "n").collector(collector.clone());
    let began = Instant::now();
    let error = pusher.timeout(Duration::from_millis(300)).push().expect_err("silent");
    assert!(error.is_timeout() && !error.is_io(), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    // An answer that is as long as one likes, and slow: only its status is waited for.
    let endless = format!("HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{}", "x".repeat(1 << 20));
    let gateway = Listener::start(&[&endless]);
    let error = Pusher::new(gateway.address.to_string(), "n").collector(collector).push();
    assert!(error.expect_err("400").to_string().len() < 4096);
}

#[test]
fn a_batch_job_does_not_fail_with_its_gateway_and_reports_it() {
    let folder = temporary_directory(Medium::Memory);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let mut job = batch(folder.path(), &address.to_string(), "ends");
    let output = job.all_output();
    assert!(job.wait().success());
    let warning = format!(
        "WARN: headcount: http://{address}/metrics/job/nightly/instance@base64/d2ViLzE=: can't \
         push: Connection refused"
    );
    assert!(output.starts_with(&warning), "{output}");
    // The program says the same, and that nothing is lost.
    let url = format!("http://{address}");
    let (code, out, err) =
        headcount(&["push", &url, "--job", "nightly", "--timeout", "300ms"], folder.path());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("can't push: Connection refused"), "{err}");
    assert!(
        err.ends_with("nothing is lost: the counts stay in the directory, for the next push\n")
    );
    let snapshot = Collector::from_directory(folder.path()).collect().expect("it is there");
    assert_eq!(snapshot.value("rows_total", &[]), Some(3.0));
}

#[test]
fn labels_that_the_gateway_replaces_are_reported() {
    let folder = temporary_directory(Medium::Memory);
    let gateway = Listener::start(&[OK]);
    let collector = Collector::from_directory(folder.path()).with_families(|| {
        vec![
            MetricFamily::gauge("a", "A.").with_series(&[("job", "mine")], 1.0),
            MetricFamily::gauge("b.c", "B.").with_series(&[("zone", "x")], 1.0),
            MetricFamily::gauge("b_c", "B.").with_series(&[], 1.0),
            MetricFamily::gauge("d", "D.").with_series(&[("jobs", "x")], 1.0),
        ]
    });
    let pusher = Pusher::new(gateway.address.to_string(), "n").collector(collector);
    let snapshot = pusher.grouping("zone", "y").push().expect("taken");
    let reported: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(
        reported,
        [
            "`b.c` is not pushed: escaping makes its names those of others",
            "`a`: the gateway replaces the values of its label `job`",
            "`b.c`: the gateway replaces the values of its label `zone`",
        ]
    );
}

#[test]
fn wrong_calls_are_told_before_anything_is_sent() {
    let (folder, _) = after_one_job();
    for (arguments, code, told) in [
        (&["push"][..], 2, "required"),
        (&["push", "http://gw"], 2, "--job"),
        (&["push", "http://gw", "--job", "n", "--textfile", "a.prom"], 2, "cannot be used with"),
        (&["push", "http://gw", "--job", "n", "--add", "--delete"], 2, "cannot be used with"),
        (&["push", "http://gw", "--job", "n", "--user", "me"], 2, "--password-file"),
        (&["push", "http://gw", "--job", ""], 2, "a value is required for '--job"),
        (&["push", "ftp://gw", "--job", "n"], 2, "neither http:// nor https://"),
        (&["push", "http://me:pw@gw", "--job", "n"], 2, "`basic_auth`"),
        (&["push", "http://gw", "--job", "n", "--grouping", "job=m"], 2, "given by --job"),
        (
            &["push", "http://gw", "--job", "n", "--user", "me", "--password-file", "/nowhere"],
            1,
            "/nowhere: can't read the file",
        ),
        (&["push", "--textfile", "/tmp/shop.txt"], 2, "must end in `.prom`"),
        (&["push", "--textfile", "/nowhere/shop.prom"], 1, "can't write the textfile"),
    ] {
        let (ended, out, err) = headcount(arguments, folder.path());
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{arguments:?}: {err}");
        assert!(err.contains(told), "{arguments:?}: {err}");
    }
    let empty = temporary_directory(Medium::Memory);
    let (code, _, err) = headcount(&["push", "http://gw", "--job", "n"], empty.path());
    assert_eq!(code, Some(1));
    assert!(err.contains("there is nothing of headcount's here"), "{err}");
    assert_eq!(fs::read_dir(empty.path()).expect("there").count(), 0);
}

#[test]
fn a_textfile_is_replaced_whole_and_a_failure_leaves_the_old_one() {
    let (directory, collector) = after_one_job();
    let folder = temporary_directory(Medium::Memory);
    let path = folder.path().join("shop.prom");
    let (code, out, err) =
        headcount(&["push", "--textfile", path.to_str().expect("UTF-8")], directory.path());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("pushed "), "{out}");
    let page = fs::read_to_string(&path).expect("written");
    Page::parse(&page).expect("a page").assert(&[("rows_total", 3.0)]);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o644);
    assert_eq!(names(folder.path()), ["shop.prom"]);

    // A link is replaced and not written through.
    let other = folder.path().join("other");
    fs::write(&other, "mine").expect("ours");
    let link = folder.path().join("link.prom");
    symlink(&other, &link).expect("ours");
    // What a killed process left has no name that anybody looks at, and is in nobody's way.
    let left = folder.path().join(format!(".link.prom.{}-0", std::process::id()));
    fs::write(&left, "half").expect("ours");
    collector.collect().expect("there").write_to_textfile(&link).expect("written");
    assert_eq!(fs::read_to_string(&other).expect("there"), "mine");
    assert!(!link.is_symlink() && fs::read_to_string(&left).expect("there") == "half");

    // A reader sees whole pages only.
    let snapshot = collector.collect().expect("there");
    let whole = fs::read_to_string(&link).expect("there").lines().count();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..200 {
                snapshot.write_to_textfile(&path).expect("written");
            }
        });
        while !writer.is_finished() {
            assert_eq!(fs::read_to_string(&path).expect("there").lines().count(), whole);
        }
    });

    // Something else has the name, and it stays.
    let blocked = folder.path().join("blocked.prom");
    fs::create_dir(&blocked).expect("ours");
    let error = snapshot.write_to_textfile(&blocked).expect_err("a directory");
    assert!(error.is_io() && error.path() == Some(&blocked), "{error}");
    assert!(blocked.is_dir());
    let hidden = names(folder.path()).into_iter().filter(|name| name.starts_with(".b"));
    assert_eq!(hidden.count(), 0, "nothing is left behind");
}

#[test]
#[ignore = "needs a Pushgateway"]
fn a_killed_job_s_counts_reach_the_gateway_by_the_next_run_or_by_hand() {
    let folder = temporary_directory(Medium::Memory);
    let gateway = Pushgateway::start();
    let address = gateway.address.to_string();
    let kill = || {
        let mut job = batch(folder.path(), &address, "waits");
        eventually("it has counted", || job.output().contains("ready").then_some(()));
        job.kill();
    };
    kill();
    assert_eq!(gateway.page().value(ROWS), None, "the job had no time to push");
    // By hand.
    let url = format!("http://{address}");
    let push = ["push", &url, "--job", "nightly", "--grouping", "instance=web/1"];
    let (code, out, err) = headcount(&push, folder.path());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    gateway.page().assert(&[(RUNS, 1.0), (ROWS, 3.0)]);
    // Twice is no harm.
    assert_eq!(headcount(&push, folder.path()).0, Some(0));
    gateway.page().assert(&[(RUNS, 1.0), (ROWS, 3.0)]);
    // By the next run.
    kill();
    assert!(batch(folder.path(), &address, "ends").wait().success());
    gateway.page().assert(&[(RUNS, 3.0), (ROWS, 9.0)]);
    // Add leaves other families alone, and delete removes the group.
    let (code, _, err) = headcount(
        &[&push[..], &["--add", "--prefix", "more", "--no-self-metrics"]].concat(),
        folder.path(),
    );
    assert_eq!(code, Some(0), "{err}");
    gateway.page().assert(&[(ROWS, 9.0), (&format!("more_{ROWS}"), 9.0)]);
    let empty = temporary_directory(Medium::Memory);
    assert_eq!(headcount(&[&push[..], &["--delete"]].concat(), empty.path()).0, Some(0));
    // It is queued there.
    eventually("the group is gone", || gateway.page().value(ROWS).is_none().then_some(()));
}

#[test]
#[ignore = "needs a Pushgateway"]
fn a_gateway_that_comes_up_late_gets_everything_and_one_that_objects_says_why() {
    let folder = temporary_directory(Medium::Memory);
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    // It tries again until the gateway is there.
    let mut job = batch(folder.path(), &address.to_string(), "ends");
    std::thread::sleep(Duration::from_millis(200));
    let gateway = Pushgateway::start_with(Some(address.port()), "");
    assert_eq!(job.all_output(), "");
    gateway.page().assert(&[(ROWS, 3.0)]);
    // Another type for a name that any group has.
    let empty = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(empty.path())
        .with_families(|| vec![MetricFamily::gauge("rows_total", "Rows.").with_series(&[], 1.0)]);
    let pusher = Pusher::new(address.to_string(), "other").collector(collector);
    let error = pusher.push().expect_err("a counter there");
    assert!(error.is_rejected(), "{error}");
    assert!(error.to_string().contains("answered 400 Bad Request: "), "{error}");
    gateway.page().assert(&[(ROWS, 3.0)]);
}

#[test]
#[ignore = "needs a Pushgateway and openssl"]
fn a_gateway_with_tls_and_a_password_is_pushed_to_and_another_s_certificate_is_refused() {
    let (directory, collector) = after_one_job();
    let folder = temporary_directory(Medium::Memory);
    let file = |name: &str| folder.path().join(name).display().to_string();
    for name in ["server", "stranger"] {
        let made = Command::new(peer("openssl"))
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &file(&format!("{name}.key")), "-out", &file(&format!("{name}.pem"))])
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    // The hash of `secret`.
    let config = format!(
        "tls_server_config: {{ cert_file: '{}', key_file: '{}' }}\n\
         basic_auth_users: {{ me: '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW' }}\n",
        file("server.pem"),
        file("server.key")
    );
    let gateway = Pushgateway::start_with(None, &config);
    let url = format!("https://localhost:{}", gateway.address.port());
    fs::write(file("password"), "secret\n").expect("ours");
    let push = ["push", &url, "--job", "n", "--user", "me", "--password-file", &file("password")];
    let with = |more: &[&str]| headcount(&[&push[..], more].concat(), directory.path());
    let (code, _, err) = with(&["--ca-file", &file("server.pem")]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{}", gateway.output());
    // A certificate of somebody else's, and none that the machine trusts: refused at once.
    for more in [&["--ca-file", &file("stranger.pem")][..], &[]] {
        let (code, _, err) = with(more);
        assert_eq!(code, Some(1));
        assert!(err.contains("invalid peer certificate"), "{err}");
        assert!(!err.contains("tried"), "{err}");
    }
    let (code, _, err) = with(&["--ca-file", &file("password")]);
    assert!(code == Some(1) && err.contains("no certificate in the file"), "{err}");
    // Plain HTTP is an answer of 400, and a wrong password one of 401.
    let plain = url.replace("https", "http");
    let pusher =
        |url: &str| Pusher::new(url, "n").collector(collector.clone()).ca_file(file("server.pem"));
    assert!(pusher(&plain).push().expect_err("plain").is_rejected());
    for pusher in [pusher(&url), pusher(&url).basic_auth("me", "wrong")] {
        let error = pusher.push().expect_err("not me");
        assert!(error.is_rejected() && error.to_string().contains("answered 401"), "{error}");
    }
    pusher(&url).basic_auth("me", "secret").push().expect("taken");
}
