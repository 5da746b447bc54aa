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
//! it is missing. [The guide](guide::directory) describes what the directory must be, who may write
//! to it, and how children find their parent's directory, also as another user or in a `chroot`.
//!
//! If there is no directory, or it cannot be used, a process counts in its own memory, and only its
//! own collector sees the numbers. [`health`] and `headcount_shared` on its page report that, and
//! so does the [`log`](https://docs.rs/log) facade, once. [`Config::required`] makes it an error of
//! [`init`].
//!
//! Recording works in every case: it cannot fail, block or panic, and it prints nothing.
//!
//! # Other systems than Linux
//!
//! Processes share files on 64-bit little-endian Linux. On macOS, Windows, other Unixes, and 32-bit
//! or big-endian machines the same program builds, and counts in private memory: one process, the
//! same API, the same page. The logger says so once, and [`health`] and `headcount_shared` do so
//! always; [`init`] fails only with [`Config::required`]. To collect from a directory is an error
//! there ([`Error::is_unsupported`]). With the feature `off`, which counts nothing, it builds for
//! `wasm32` too.
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
//! 0, in a file that its first operation creates; the parent's numbers stay the parent's.
//! [Programs of many processes](guide::processes) has the rest: workers that are started by `exec`,
//! rights that are given up, upgrades, batch jobs.
//!
//! # Features
//!
//! Attributes, metrics, collecting and [`render`] need no feature. Only the first is on by default:
//!
//! | feature | what it adds |
//! |---|---|
//! | `compact-when-full` | a process on a full disk compacts what dead processes left |
//! | `serve` | `serve` and `Server`: an HTTP server in a thread; brings `http` and `gzip` |
//! | `web-config` | `Server::web_config`: TLS, client certificates, users, rate limits |
//! | `http` | conversions from and to the types of the crate `http`; label values of its types |
//! | `gzip` | compresses a page for clients that take gzip |
//! | `process` | `Collector::process_metrics`: CPU time, memory and descriptors of all processes |
//! | `push` | `Pusher`: sends totals to a Pushgateway |
//! | `tls` | `https` for `Pusher` |
//! | `off` | counts nothing and makes no file; for a binary to choose |
//!
//! # The guide
//!
//! [`guide`] has a page for each question: [which mode a gauge needs](guide::gauge_modes),
//! [what labels multiply](guide::labels), [how to test](guide::testing),
//! [what is wrong if a number is missing](guide::troubleshooting),
//! [how to move from another library](guide::migrating), and what holds in
//! [unusual builds](guide::builds): `panic = "abort"`, static and shared libraries, LTO, signal
//! handlers.

// On docs.rs each item shows the feature that it needs, and not how a system gets its version.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    docsrs,
    doc(auto_cfg(hide(
        miri,
        headcount_private,
        target_os = "linux",
        target_pointer_width = "64",
        target_endian = "little"
    )))
)]
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
#![cfg_attr(
    not(all(
        target_os = "linux",
        target_pointer_width = "64",
        target_endian = "little",
        not(any(miri, headcount_private))
    )),
    allow(dead_code, reason = "what only the server and shared files need")
)]

#[cfg(not(target_has_atomic = "64"))]
compile_error!(
    "headcount counts in atomic 64-bit words, which this target lacks (`target_has_atomic`)"
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
mod kernel;
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
#[cfg(all(
    feature = "serve",
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little",
    not(any(miri, headcount_private))
))]
mod serve;
#[cfg(all(
    feature = "serve",
    not(all(
        target_os = "linux",
        target_pointer_width = "64",
        target_endian = "little",
        not(any(miri, headcount_private))
    ))
))]
#[path = "serve/elsewhere.rs"]
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

// Only text.
#[cfg(doc)]
pub mod guide;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
