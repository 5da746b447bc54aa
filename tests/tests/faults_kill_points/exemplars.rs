//! A signal handler that keeps an exemplar in the place in which its own thread is keeping one: it
//! does not wait, everything is counted, and the place goes on as before.

use std::io::Write;
use std::process::Command;

use headcount_tests::child::{Child, reported};
use headcount_tests::collected::page_of;
use headcount_tests::exemplars::numbers;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::signal::Signal;

use crate::victim;

/// The families of the victim: their kind, their name, their labels, and the name of their count.
const KINDS: [(&str, &str, &[&str], &str); 3] = [
    ("counter", "work_total", &["main"], "work_total{role=\"main\"}"),
    ("histogram", "sizes", &["0", "main"], "sizes_count{id=\"0\",role=\"main\"}"),
    ("native", "loads", &["main"], "loads_count{role=\"main\"}"),
];

/// The exemplars of the victim: what it records before, what is interrupted, and what the handler
/// records; and what it is told to record then. The values of all are in one bucket.
const FIRST: u64 = 8;
const INTERRUPTED: u64 = 10;
const IN_HANDLER: u64 = 20;
const AFTERWARDS: [u64; 3] = [22, 23, 24];

#[test]
fn a_handler_that_interrupts_an_exemplar_does_not_wait_and_leaves_the_place_usable() {
    let victim = victim();
    for place in [
        // The place is held: the copy is whole but for its number; and then with it.
        "exemplar.write.before",
        "exemplar.write.after",
        // The first exemplar of all: its places are assigned.
        "segment.store.before",
        "segment.store.after",
    ] {
        for (kind, interrupted, ..) in KINDS {
            let what = format!("{kind}, {place}");
            let folder = temporary_directory(Medium::Memory);
            let directory = folder.path();
            let mut process = Command::new(&victim);
            process.arg("exemplar-in-handler").arg(directory).args([kind, place]);
            let (mut process, mut input) = Child::start_with_input(&mut process);
            assert!(process.stops(), "{what}: {}", process.output());
            process.signal(Signal::SIGCONT);
            eventually(&format!("it goes on: {what}"), || {
                assert!(process.ended().is_none(), "{what}: {}", process.output());
                process.output().contains("handled: ").then_some(())
            });
            assert_eq!(reported(&process.output(), "handled: "), "1", "{what}");
            let page = page_of(directory);
            for (_, name, labels, count) in KINDS {
                let counted = if name == interrupted { 4.0 } else { 3.0 };
                assert_eq!(page.value(count), Some(counted), "{what}");
                // The handler has given its exemplar up where the place was held. Everywhere else
                // it has written one, which the operations before, if still to come, replace.
                let of_others = if place.starts_with("exemplar") { IN_HANDLER } else { FIRST };
                let expected = if name == interrupted { INTERRUPTED } else { of_others };
                let shown = numbers(directory, name, labels);
                assert_eq!(shown, [expected], "{what}: {name}");
            }
            // All of them go on, the one that was interrupted too.
            for (said, n) in (1..).zip(AFTERWARDS) {
                writeln!(input, "{n}").expect("it listens");
                eventually(&format!("it has recorded: {what}"), || {
                    (process.output().matches("recorded").count() == said).then_some(())
                });
                for (_, name, labels, _) in KINDS {
                    assert_eq!(numbers(directory, name, labels), [n], "{what}: {name}");
                }
            }
            drop(input);
            assert!(process.wait().success(), "{what}: {}", process.output());
        }
    }
}
