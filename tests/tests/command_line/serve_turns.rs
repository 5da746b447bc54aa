//! Which of several `headcount serve` serves, what the others wait for, and how one ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use headcount_tests::child::Child;
use headcount_tests::http::Connection;
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{command, program, run};

/// What one says that waits for another's end.
const WAITS: &str = "has its turn to serve at ";

fn serve(directory: &Path, addresses: &[&str]) -> std::process::Command {
    let mut command = command(&["serve", "--dir"]);
    command.arg(directory);
    for address in addresses {
        command.args(["--web.listen-address", address]);
    }
    command
}

fn started(directory: &Path, addresses: &[&str]) -> Child {
    Child::start(&mut serve(directory, addresses))
}

#[track_caller]
fn says(child: &Child, what: &str) {
    eventually(what, || child.output().contains(what).then_some(()));
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[track_caller]
fn answers(address: &str) {
    let answer = match address.strip_prefix("unix:") {
        None => {
            let mut connection =
                Connection::open(address.parse().expect("an address")).expect("it accepts");
            connection.get("/healthz").expect("an answer").status.to_string()
        }
        Some(path) => {
            let mut stream = UnixStream::connect(path).expect("it accepts");
            let request = b"GET /healthz HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n";
            stream.write_all(request).expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        }
    };
    assert!(answer.contains("200"), "{answer}");
}

#[test]
fn hosts_of_one_port_are_served_by_one_process_or_by_several() {
    let folder = temporary_directory(Medium::Memory);
    let port = free_port();
    let [first, second, third] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|host| {
        let address = format!("{host}:{port}");
        (address.clone(), format!("serving http://{address}/"))
    });
    let mut both = started(folder.path(), &[&first.0, &second.0]);
    says(&both, &first.1);
    says(&both, &second.1);
    let mut other = started(folder.path(), &[&third.0]);
    says(&other, &third.1);
    // One of them in common is a turn to wait for, and so are all interfaces.
    let common = started(folder.path(), &[&second.0]);
    says(&common, &format!("{WAITS}{}", second.0));
    let all = started(folder.path(), &[&format!("0.0.0.0:{port}")]);
    says(&all, WAITS);
    both.kill();
    says(&common, &second.1);
    answers(&third.0);
    assert!(!all.output().contains("serving http://"), "{}", all.output());
    other.kill();
    drop(common);
    says(&all, &format!("serving http://0.0.0.0:{port}/"));
}

#[test]
fn an_address_that_is_given_twice_is_in_use() {
    let folder = temporary_directory(Medium::Memory);
    let address = format!("127.0.0.1:{}", free_port());
    // There is a lock in the first directory only.
    for directory in [folder.path(), &folder.path().join("later")] {
        let (code, _, err) = run(&mut serve(directory, &[&address, &address]));
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(&format!("{address}: can't listen at the address: ")), "{err}");
    }
}

#[test]
fn candidates_may_name_their_addresses_in_any_order() {
    let folder = temporary_directory(Medium::Memory);
    let [one, other] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let mut leader = started(folder.path(), &[&one, &other]);
    says(&leader, &format!("serving http://{other}/"));
    let mut waiting: Vec<Child> = [[&other, &one], [&one, &other], [&other, &one]]
        .iter()
        .map(|addresses| started(folder.path(), &addresses.map(String::as_str)))
        .collect();
    for candidate in &waiting {
        says(candidate, WAITS);
    }
    leader.kill();
    while !waiting.is_empty() {
        let serves = |child: &Child| child.output().contains("serving http://");
        let at = eventually("another takes over", || waiting.iter().position(serves));
        waiting.swap_remove(at).kill();
    }
}

#[test]
fn a_socket_at_which_somebody_listens_is_left_alone() {
    let folder = temporary_directory(Medium::Memory);
    let [mine, others] = ["mine", "others"].map(|name| {
        let directory = folder.path().join(name);
        fs::create_dir(&directory).expect("ours");
        directory
    });
    let path = folder.path().join("m.sock");
    let address = format!("unix:{}", path.display());
    let refused = || {
        let (code, _, err) = run(&mut serve(&mine, &[&address]));
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains("m.sock: can't listen at the address: Address already in"), "{err}");
    };
    // A stranger's, which does not even accept.
    let stranger = UnixListener::bind(&path).expect("a socket");
    refused();
    UnixStream::connect(&path).expect("it is there");
    drop(stranger);
    // One of another directory.
    let mut other = started(&others, &[&address]);
    says(&other, "serving unix:");
    refused();
    answers(&address);
    other.kill();
    // One of the same directory, by another name. A killed one's file is replaced.
    let mut first = started(&mine, &[&address]);
    says(&first, "serving unix:");
    let second = Child::start(serve(&mine, &["unix:./m.sock"]).current_dir(folder.path()));
    says(&second, WAITS);
    answers(&address);
    first.kill();
    says(&second, "serving unix:");
    answers(&address);
}

#[test]
fn a_server_that_ends_removes_its_own_socket_only() {
    let folder = temporary_directory(Medium::Memory);
    let path = folder.path().join("m.sock");
    let address = format!("unix:{}", path.display());
    for is_replaced in [false, true] {
        let mut serving = started(folder.path(), &[&address]);
        says(&serving, "serving unix:");
        let new = is_replaced.then(|| {
            fs::remove_file(&path).expect("ours");
            UnixListener::bind(&path).expect("a socket")
        });
        serving.signal(Signal::SIGTERM);
        assert_eq!(serving.wait().code(), Some(0));
        assert_eq!(path.exists(), new.is_some());
    }
}

#[test]
fn a_signal_ends_it_also_while_it_waits_and_as_process_1() {
    let folder = temporary_directory(Medium::Memory);
    let address = format!("127.0.0.1:{}", free_port());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut serving = started(folder.path(), &[&address]);
        says(&serving, "serving http://");
        let mut waiting = started(folder.path(), &[&address]);
        says(&waiting, WAITS);
        for child in [&mut waiting, &mut serving] {
            child.signal(signal);
            assert_eq!(child.wait().code(), Some(0), "{signal}: {}", child.output());
        }
    }
    let kinds = ["--pid", "--fork", "--mount-proc"];
    if !are_namespaces_allowed(&kinds) {
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut container = in_namespaces(&kinds, &[program().to_str().expect("UTF-8")]);
        container.args(["serve", "--web.listen-address", &address, "--dir"]).arg(folder.path());
        let mut container = Child::start(&mut container);
        says(&container, "serving http://");
        let children = format!("/proc/{0}/task/{0}/children", container.pid());
        let children = fs::read_to_string(children).expect("it lives");
        let first = children.trim().parse().expect("one process");
        kill(Pid::from_raw(first), signal).expect("it lives");
        // `unshare` ends as its program does.
        assert_eq!(container.wait().code(), Some(0), "{signal}: {}", container.output());
    }
}

#[test]
fn one_that_waits_for_a_stranger_says_so() {
    let folder = temporary_directory(Medium::Memory);
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = stranger.local_addr().expect("an address").to_string();
    let serving = started(&folder.path().join("later"), &[&address]);
    says(&serving, &format!("{address}: can't listen at the address: Address already in use"));
    says(&serving, "by another process that serves, or by another program; trying again");
    drop(stranger);
    says(&serving, &format!("serving http://{address}/"));
}
