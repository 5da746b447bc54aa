//! Prometheus metrics for programs that run as **many processes**: prefork servers, recycled
//! workers, extensions, batch jobs. The metrics of all processes are merged into one exposition.
//!
//! Annotate a function, or declare a metric. Every process counts in its own memory-mapped file, in
//! a directory that all processes share. Any process can read the directory and gets the numbers of
//! all of them, living and dead.
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
//! They go into the directory given to [`init`], else the one that `HEADCOUNT_DIR` names, else
//! `PROMETHEUS_MULTIPROC_DIR`, else the service's directory that systemd provides. It is created if
//! it is missing. The [deployment guide](directory_guide) describes what the directory must be, who
//! may write to it, and how children find their parent's directory, also as another user, in a
//! `chroot` or after `exec`.
//!
//! If there is no directory, or it cannot be used, a process counts in its own memory, and only its
//! own collector sees the numbers. [`health`] and `headcount_shared` on its page report that, and
//! so does the [`log`](https://docs.rs/log) facade, once. [`Config::required`] makes it an error of
//! [`init`].
//!
//! Recording works in every case: it cannot fail, block or panic, and it prints nothing.
//!
//! # Example: a `/metrics` page
//!
//! [`render`] returns a content type and a body, in any process and for any web framework:
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
//! The files describe themselves, so a program that counts nothing can read them:
//!
//! ```
//! # let directory = std::env::temp_dir().join(format!("headcount-doc-{}", std::process::id()));
//! # std::fs::create_dir(&directory)?;
//! let snapshot = headcount::Collector::from_directory(&directory).collect()?;
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
//! A program may fork at any moment, also with threads running. The child counts for itself, from
//! 0, in a file that its first operation creates; the parent's numbers stay the parent's. If a call
//! begins before the fork and ends in both processes, only the parent records it. After a raw
//! `clone` or `_Fork`, which run no fork handlers, call [`after_fork_in_child`] in the child.
//!
//! # Shared libraries
//!
//! A `cdylib` that a program loads at run time counts as a program does. It stays loaded from its
//! first use on, since its threads and fork handlers are registered: `dlclose` succeeds and unloads
//! nothing, and when the library is loaded again it continues to count. Two such libraries in one
//! process have two files, and every page adds them up. A Rust `dylib` that shares one `headcount`
//! with the program must not be unloaded, since its declarations are in the program's list.
//!
//! # Static libraries
//!
//! A linker takes from a static library only the objects that something refers to. Declarations
//! register themselves, and nothing refers to them. So in a C program that is linked with a Rust
//! `staticlib`, a metric is absent from the page if nothing else is taken from its object. It
//! exists at 0 only if the whole library is linked:
//!
//! ```text
//! cc main.c -Wl,--whole-archive libshop.a -Wl,--no-whole-archive -lpthread -ldl -lm -lgcc_s
//! ```
//!
//! # Calls without an end
//!
//! A call that is running when its process dies has no end: `panic = "abort"`, `abort`, `exit` in
//! another thread, `kill -9`. A bare `#[counted]` counts when a call begins, so it counts such a
//! call. `outcome`, durations and exceptions are recorded at the end, so they lack it.
//!
//! # What a signal handler may do
//!
//! A signal handler may record, if its thread has recorded before: a thread's first use allocates,
//! which a handler must not do. Recording in a handler is memory-safe. On x86-64 it is exact for
//! counters, whose addition is one instruction there. On other processors, if a handler interrupts
//! an operation on the same cell, one of the two operations may be lost.
//!
//! A signal handler may fork: the child is like any other.

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

// The model of metrics, and the declarations of a program.
mod declare;
mod label;
mod model;

// The interface for programs.
mod config;
pub mod dynamic;
mod error;
mod metric;
mod record;

// Recording.
mod clock;
mod fault;
#[cfg(miri)]
mod no_kernel;
mod segment;
mod store;

// Reading.
mod archive;
mod collect;
mod directory;
mod expose;
mod merge;
mod process;
#[cfg(feature = "process")]
mod processes;
pub mod python;
mod reader;
mod replace;
mod scan;

// Tests of programs.
pub mod testing;

// An HTTP server, and a client of a Pushgateway.
#[cfg(feature = "push")]
mod push;
#[cfg(feature = "serve")]
mod serve;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use collect::{
    Clean, Cleaned, Collector, Compacted, MarkedDead, SegmentInfo, SegmentState, catalog,
    declarations, mark_process_dead, render, render_in_pieces, verify,
};
pub use config::{Config, SegmentSize};
pub use declare::buckets::{exponential_buckets, linear_buckets};
pub use declare::catalogue::{Conflicts, Declaration};
pub use error::Error;
pub use expose::{Exposition, Format, IntoPieces, Pieces, Scrape};
pub use headcount_macros::{
    LabelValue, count_errors, count_exceptions, counted, in_progress, metric, skip, timed,
};
pub use label::{DisplayValue, LabelValue, LabelWriter, display};
pub use metric::{
    Counter, Gauge, Histogram, InProgress, Info, IntoF64, Observer, StateSet, Summary, TimedFuture,
    Timer,
};
pub use model::outcome::Outcome;
pub use model::text::MAX_LABEL_VALUE_LEN;
pub use model::{
    Bucket, Exemplar, GaugeMode, HistogramValue, LabelIter, LabelSet, MetricFamily, MetricType,
    NativeBuckets, Number, Quantile, Series, Snapshot, SummaryValue, TraceContext, Value,
};
#[cfg(feature = "process")]
pub use processes::ProcessMetrics;
#[cfg(feature = "push")]
pub use push::{PushOnDrop, Pusher};
pub use record::set_trace_source;
pub use scan::Limit;
#[cfg(feature = "serve")]
pub use serve::{Server, Serving, serve};
pub use store::{Health, after_fork_in_child, child_env, health, init, remove_matching};

#[cfg(feature = "__kill-points")]
#[doc(hidden)]
pub use fault::{
    arm as __arm_kill_point, names as __kill_points, refuse as __refuse, stop as __stop_at,
};

/// The deployment guide. This module contains only text.
#[cfg(doc)]
#[doc = include_str!("../DIRECTORY.md")]
pub mod directory_guide {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
