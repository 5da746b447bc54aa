//! Clients that would keep others from scraping.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use headcount_tests::SOON;

use crate::{ANYBODY, Guarded, SERVER, basic, hashed};

#[test]
fn slow_and_hostile_handshakes_keep_nobody_from_scraping() {
    let config = format!("{SERVER}basic_auth_users:\n  alice: {}\n", hashed("a"));
    let server = Guarded::start(&config).expect("it starts");
    // More than it has space for: silent ones, half a greeting, rubbish, and greetings byte by
    // byte.
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
