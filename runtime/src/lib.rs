//! Counts functions and metrics of programs that run as **many processes** - prefork servers, recycled workers, extensions, batch
//! jobs - and merges them into one Prometheus exposition.
//!
//! Annotate a function, declare a metric. Every process counts in a memory-mapped file of its own, in a directory that all share;
//! any process reads the directory and gets the numbers of all of them, of the living and of the dead.
//!
//! ```
//! use headcount::{Counter, counted, metric, timed};
//!
//! #[counted(name = "jobs_run_total", help = "Jobs run.", labels(queue), outcome)]
//! #[timed]
//! fn run(queue: &str) -> Result<(), String> {
//!     if queue == "lost" { Err("no such queue".into()) } else { Ok(()) }
//! }
//!
//! /// Bytes sent.
//! #[metric(name = "sent_bytes_total")]
//! static SENT: Counter;
//!
//! run("mail")?;
//! assert!(run("lost").is_err());
//! SENT.inc_by(512);
//!
//! let text = headcount::Collector::new().collect()?.to_text();
//! assert!(text.contains(r#"jobs_run_total{outcome="ok",queue="mail"} 1"#));
//! assert!(text.contains(r#"jobs_run_total{outcome="error",queue="lost"} 1"#));
//! assert!(text.contains("sent_bytes_total 512\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the numbers go
//!
//! What the directory must be, and who may write there, says the [guide](directory_guide).
//!
//! Into the directory given to [`init`], else the one that `HEADCOUNT_DIR` names, else
//! `PROMETHEUS_MULTIPROC_DIR`, else systemd's for the service. It is made if
//! it is missing. Without one, or where it can't be used, a process counts in memory of its own,
//! and only its own collector sees that; [`health`] and
//! `headcount_shared` on its page say so, and the [`log`](https://docs.rs/log) facade is told once. [`Config::required`] makes it an error.
//! How children come to their parent's directory, also as another user, in a `chroot` or after
//! `exec`, says the guide too. Recording works all the same: it can't fail, block or panic, and it
//! prints
//! nothing.
//!
//! # Example: a `/metrics` page
//!
//! [`render`] gives a content type and a body, in whichever process is asked and for whatever web framework:
//!
//! ```
//! let page = headcount::render("text/plain")?;
//! assert!(page.content_type().starts_with("text/plain"));
//! assert!(!page.body().is_empty());
//! # Ok::<(), headcount::Error>(())
//! ```
//!
//! # Example: a separate exporter
//!
//! Segments describe themselves, so a program that counts nothing can read them:
//!
//! ```
//! # let directory = std::env::temp_dir().join(format!("headcount-doc-{}", std::process::id()));
//! # std::fs::create_dir(&directory)?;
//! let snapshot = headcount::Collector::open(&directory).collect()?;
//! for skipped in snapshot.skipped() {
//!     eprintln!("{skipped}");
//! }
//! for family in snapshot.families() {
//!     println!("{}: {} series", family.name, family.series.len());
//! }
//! # std::fs::remove_dir(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Forks
//!
//! A program may fork whenever it likes, also with threads running. The child counts for itself, from 0, in a segment that its first
//! operation makes; the parent's numbers stay the parent's. A call that began before the fork, and ends in both, is the
//! parent's alone. After a raw `clone` or `_Fork`, which run no fork handlers, call [`after_fork_in_child`].
//!
//! # Shared libraries
//!
//! A `cdylib` that a program loads while it runs counts as a program does. From its first use on it
//! stays loaded, since threads
//! and fork handlers of it are registered: `dlclose` succeeds and unloads nothing, and when it is
//! loaded again it counts on
//! where it was. Two such libraries in one process are two segments, which all pages add up. A Rust
//! `dylib` that shares one
//! `headcount` with the program must not be unloaded, since its declarations are part of the
//! program's list.
//!
//! # Static libraries
//!
//! A linker takes from a static library only the objects that somebody asks for. Declarations
//! register themselves, and nobody
//! asks for them: so in a C program that is linked with a Rust `staticlib` what is declared in an
//! object that nothing else is
//! taken from is absent from the page, and exists at 0 only if the library is linked whole:
//!
//! ```text
//! cc main.c -Wl,--whole-archive libshop.a -Wl,--no-whole-archive -lpthread -ldl -lm -lgcc_s
//! ```
//!
//! # Calls without an end
//!
//! A call that its process doesn't survive has no end: `panic = "abort"`, `abort`, `exit` in
//! another thread, `kill -9`. A bare
//! `#[counted]` counts where a call begins, and counts it; `outcome`, durations and exceptions are
//! of ends, and lack it.
//!
//! # What a signal handler may do
//!
//! Record, in a thread that has recorded before: a thread's first use allocates, which a handler must not. It is memory-safe, and on
//! x86-64 exact for counters, which are one instruction there; elsewhere a handler that interrupts an operation on the very same cell
//! may lose one of the two. Fork: the child is as any other.

#![warn(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::exit,
    reason = "recording can't fail, and the library neither prints nor ends the program"
)]
#![cfg_attr(
    test,
    allow(clippy::panic, clippy::unwrap_used, clippy::float_cmp, reason = "a test may panic")
)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!(
    "headcount needs Linux on a 64-bit machine: open-file-description locks, O_TMPFILE, fallocate"
);

#[allow(
    unused_extern_crates,
    reason = "expansions say `::headcount`, also in this crate's own tests"
)]
extern crate self as headcount;

// What a metric is, and which there are.
mod buckets;
mod build_info;
mod const_checks;
mod declared;
mod descriptor;
mod idle;
mod label;
mod outcome;
mod registry;

// What a program holds and calls.
mod config;
mod error;
mod metric;
mod record;
mod sampler;

// What recording comes down to.
mod clock;
mod fault;
#[cfg(miri)]
mod no_kernel;
mod operation;
mod room;
mod segment;
mod store;

// What reading needs, and what it yields.
mod collect;
mod directory;
mod expose;
mod process;
#[cfg(feature = "process")]
mod processes;
mod replace;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use buckets::{exponential_buckets, linear_buckets};
pub use collect::{
    Bucket, Clean, Cleaned, Collector, Compacted, Family, FamilyKind, HistogramValue, LabelIter,
    LabelSet, Limit, Number, SegmentInfo, SegmentState, Series, Snapshot, SummaryValue, Value,
    mark_process_dead,
};
pub use config::{Config, SegmentSize};
pub use declared::{Conflicts, Declaration, catalogue, verify};
pub use error::Error;
pub use expose::{Exposition, Format, render};
pub use headcount_macros::{
    LabelValue, count_exceptions, counted, in_progress, metric, skip, timed,
};
pub use label::{LabelValue, LabelWriter, MAX_LABEL_VALUE};
pub use metric::{
    Counter, Gauge, Histogram, Info, Observer, StateSet, Summary, TimedFuture, Timer,
    TrackInProgress,
};
pub use outcome::Outcome;
#[cfg(feature = "process")]
pub use processes::Processes;
pub use store::{Health, after_fork_in_child, child_env, clear, health, init, remove_matching};

#[cfg(feature = "kill-points")]
#[doc(hidden)]
pub use fault::{
    arm as __arm_kill_point, names as __kill_points, refuse as __refuse, stop as __stop_at,
};

/// A guide for whoever deploys; there is nothing in it but this text.
#[cfg(doc)]
#[doc = include_str!("../DIRECTORY.md")]
pub mod directory_guide {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
