//! A system on which processes can't share files, which `--cfg headcount_private` makes of Linux:
//! everything counts, in private memory, and nothing is silent about that.
#![cfg(headcount_private)]

use std::sync::Mutex;
use std::{io, process, thread};

use headcount::{Collector, Config, Counter, counted, metric};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Letters.
#[metric(name = "letters_total")]
static LETTERS: Counter;

/// Letters by street.
#[metric(name = "streets_total")]
fn streets(street: &str) -> Counter;

#[counted(name = "carried_total", help = "Carried.", outcome)]
fn carry(heavy: bool) -> Result<(), &'static str> {
    if heavy { Err("too heavy") } else { Ok(()) }
}

struct Logger(Mutex<Vec<String>>);

static LOGGER: Logger = Logger(Mutex::new(Vec::new()));

impl Logger {
    fn said(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn page() -> String {
    Collector::new().collect().expect("private memory can be read").to_text()
}

/// One test, since a process counts in one way for its life.
#[test]
fn it_counts_in_private_memory_and_says_so_once() {
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let directory = std::env::temp_dir().join(format!("headcount-private-{}", process::id()));
    let config = || Config::new().directory(&directory);

    headcount::init(config()).expect("a developer's machine need not share");
    let said = LOGGER.said();
    assert_eq!(said.len(), 1, "{said:?}");
    let why = "can't share counts in a directory on this system";
    assert!(said[0].contains("counting in private memory") && said[0].contains(why), "{said:?}");
    assert!(!directory.exists());

    let health = headcount::health();
    assert!(health.has_started() && !health.is_shared(), "{health:?}");
    assert!(health.problem().unwrap().is_unsupported(), "{health:?}");
    let refused = headcount::init(config().required(true)).unwrap_err();
    assert!(refused.is_unsupported() && refused.path() == Some(&*directory), "{refused}");

    thread::scope(|scope| {
        // More threads than have cells of their own.
        for _ in 0..80 {
            scope.spawn(|| {
                for _ in 0..100 {
                    LETTERS.inc();
                    streets("Elm").inc();
                }
                let _ = carry(true);
            });
        }
    });
    let text = page();
    for line in [
        "letters_total 8000\n",
        "streets_total{street=\"Elm\"} 8000\n",
        "carried_total{outcome=\"error\"} 80\n",
        "carried_total{outcome=\"ok\"} 0\n",
        "headcount_shared 0\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert_eq!(headcount::health().dropped_operations(), 0);

    // A directory can't be read either, with or without files.
    let unread = Collector::from_directory(std::env::temp_dir()).collect().unwrap_err();
    assert!(unread.is_unsupported(), "{unread}");
    assert!(unread.to_string().ends_with("that needs 64-bit little-endian Linux"), "{unread}");
    assert_eq!(io::Error::from(unread).kind(), io::ErrorKind::Unsupported);

    #[cfg(feature = "serve")]
    {
        let error = headcount::serve("127.0.0.1:0").unwrap_err();
        assert!(error.is_unsupported(), "{error}");
    }

    a_child_counts_for_itself();
    assert!(page().contains("letters_total 8000\n"));
    assert_eq!(LOGGER.said().len(), 1, "{:?}", LOGGER.said());
}

fn a_child_counts_for_itself() {
    #[expect(unsafe_code, reason = "forks")]
    // SAFETY: all threads that this test has started have ended, and the library's are made for
    // this.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            LETTERS.inc_by(3);
            let text = page();
            let is_right = text.contains("letters_total 3\n")
                && text.contains("streets_total{street=\"Elm\"} 0\n");
            if !is_right {
                eprintln!("{text}");
            }
            process::exit(i32::from(!is_right));
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
    }
}
