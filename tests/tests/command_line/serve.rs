//! `headcount serve`.

use std::fs;
use std::process::{Command, Stdio};

use headcount_tests::child::Child;
use headcount_tests::files::names;
use headcount_tests::http::Connection;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};

use crate::{command, count, program, run};

#[test]
fn serve_serves_what_is_there_and_what_will_be() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("later");
    let mut serving = command(&["serve", "--web.listen-address", "127.0.0.1:0", "--dir"]);
    serving.arg(&directory).args(["--web.telemetry-path", "/m"]);
    let serving = Child::start(serving.args(["--label", "region=eu", "--prefix", "shop"]));
    let url = eventually("it serves", || {
        let output = serving.output();
        let url = output.lines().find_map(|line| line.strip_prefix("headcount: serving http://"));
        url.map(str::to_owned)
    });
    assert!(serving.output().contains("serving that until it can be read"));
    let (address, path) = url.split_once('/').expect("a path");
    assert_eq!(path, "m");
    let get = |path: &str| {
        let address = address.parse().expect("an address");
        Connection::open(address).expect("it accepts").get(path).expect("an answer")
    };
    assert_eq!((get("/m").status, get("/metrics").status), (503, 404));
    fs::create_dir(&directory).expect("ours");
    Page::parse(&get("/m").body)
        .expect("a page")
        .assert(&[("headcount_processes{region=\"eu\",state=\"live\"}", 0.0)]);
    assert!(get("/healthz").body.contains("nothing of headcount's is in the directory yet"));
    count(&directory, 5);
    let page = Page::parse(&get("/m?name[]=shop_made_total").body).expect("a page");
    page.assert(&[("shop_made_total{region=\"eu\"}", 6.0)]);
    assert_eq!(page.samples.len(), 1);
    assert_eq!(get("/healthz").body, "ok\n");
    assert!(
        !names(&directory).iter().any(|name| name.starts_with(".serve-")),
        "port 0 is nobody else's"
    );
}

#[test]
fn serve_lets_in_whom_its_web_configuration_lets_in() {
    let folder = temporary_directory(Medium::Memory);
    let config = folder.path().join("web.yml");
    let arguments = ["serve", "--web.listen-address", "127.0.0.1:0", "--web.config.file"];
    fs::write(&config, "basic_auth_users:\n  alice: plain\n").expect("ours");
    let mut wrong = command(&arguments);
    let (code, _, err) = run(wrong.arg(&config).arg("--dir").arg(folder.path()));
    assert_eq!(code, Some(1));
    assert!(err.contains("web.yml: `basic_auth_users.alice` is not a hash of bcrypt"), "{err}");

    let hash = bcrypt::hash("a", 4).expect("a hash");
    fs::write(&config, format!("basic_auth_users:\n  alice: {hash}\n")).expect("ours");
    let mut serving = command(&arguments);
    let serving = Child::start(serving.arg(&config).arg("--dir").arg(folder.path()));
    let address = eventually("it serves", || {
        let output = serving.output();
        let rest = output.lines().find_map(|line| line.strip_prefix("headcount: serving at "));
        rest.and_then(|rest| rest.split_once('/')).map(|(address, _)| address.to_owned())
    });
    let get = || {
        let address = address.parse().expect("an address");
        Connection::open(address).expect("it accepts").get("/metrics").expect("an answer").status
    };
    assert_eq!(get(), 401);
    // The reason is for whoever runs the server.
    fs::write(&config, "nonsense: 1\n").expect("ours");
    assert_eq!(get(), 500);
    eventually("the reason is reported", || {
        serving.output().contains("`nonsense` is not supported").then_some(())
    });
}

#[test]
fn serve_takes_the_sockets_of_systemd() {
    let folder = temporary_directory(Medium::Memory);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // As systemd does it: the socket is descriptor 3, and the variables say so.
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
    let mut serving = Command::new("bash");
    serving.args(["-c", script]).arg(program()).args(["serve", "--web.systemd-socket", "--dir"]);
    serving.arg(folder.path()).stdin(std::os::fd::OwnedFd::from(listener));
    let mut serving = serving.stderr(Stdio::piped()).spawn().expect("bash runs");
    let answer = eventually("it serves", || Connection::open(address).ok()?.get("/metrics").ok());
    assert_eq!(answer.status, 200);
    serving.kill().expect("it lives");
    serving.wait().expect("ours");
    // Without them the call is wrong.
    let (code, _, err) =
        run(command(&["serve", "--web.systemd-socket", "--dir"]).arg(folder.path()));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("systemd has handed no socket"), "{err}");
}
