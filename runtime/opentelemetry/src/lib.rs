//! A meter provider for [OpenTelemetry](opentelemetry), for programs that run as many processes.
//!
//! Crates that are instrumented with OpenTelemetry's metrics API count in [headcount]'s segments.
//! Every process counts for itself, and any process shows the sums of all of them, living and dead,
//! on one Prometheus page. There is no SDK, no exporter and no push: the API's instruments record
//! directly.
//!
//! ```
//! use opentelemetry::{KeyValue, global};
//!
//! headcount_opentelemetry::install();
//!
//! let meter = global::meter("shop");
//! let requests = meter.u64_counter("http.requests").with_description("Requests served.").build();
//! let duration = meter.f64_histogram("http.server.request.duration").with_unit("s").build();
//! let active = meter.i64_up_down_counter("http.server.active_requests").build();
//!
//! active.add(1, &[]);
//! requests.add(2, &[KeyValue::new("http.route", "/"), KeyValue::new("http.status", 200)]);
//! duration.record(0.03, &[]);
//!
//! let page = headcount::Collector::new().collect()?.to_text();
//! assert!(page.contains("# HELP http_requests_total Requests served.\n"));
//! assert!(page.contains(
//!     "http_requests_total{http_route=\"/\",http_status=\"200\",otel_scope_name=\"shop\"} 2\n"
//! ));
//! assert!(page.contains(
//!     "http_server_request_duration_seconds_bucket{otel_scope_name=\"shop\",le=\"0.05\"} 1\n"
//! ));
//! assert!(page.contains("http_server_active_requests{otel_scope_name=\"shop\"} 1\n"));
//! # Ok::<(), headcount::Error>(())
//! ```
//!
//! # What becomes of an instrument
//!
//! * A **counter** is headcount's, of whole numbers or of floats.
//! * An **up-down counter** is a gauge. Of several processes it is the sum of the living ones
//!   ([`GaugeMode::LiveSum`]): what a process that ended had open is no longer open.
//! * A **gauge** of several processes is the value that was set last by one of the living ones
//!   ([`GaugeMode::LiveMostRecent`]), since OpenTelemetry's gauges are those whose values must not
//!   be added up. A [rule](Builder::gauge_mode) names another mode, for both.
//! * A **histogram** has the buckets that a [rule](Builder::buckets) names, else those that its
//!   library advises, else those of Prometheus' client libraries if its unit is `s`, else
//!   OpenTelemetry's default ones. With an empty list of boundaries it is a summary.
//! * The callbacks of an **observable** instrument are called in every process, by the thread that
//!   calls the functions of [`Gauge::set_function`](headcount::Gauge::set_function): every five
//!   seconds, and before the process itself collects. An observable counter counts what its total
//!   has grown by. In a forked child the first total is the starting point, since what came before
//!   is the parent's.
//!
//! A series appears when it is first recorded. A process has up to 10,000 series of a family
//! ([`Builder::max_series`]); further ones are counted in one whose label values are `_other`.
//!
//! # Names
//!
//! They follow OpenTelemetry's rules for Prometheus:
//!
//! * Other characters than letters, digits, `_` and `:` become `_`, and several `_` become one.
//!   With [`Builder::utf8_names`], names are kept, and each client gets them as it can read them.
//! * A unit is appended as a word: `s` as `_seconds`, `By/s` as `_bytes_per_second`. `1` is
//!   `_ratio`, of a gauge. What is in braces is no unit. A name that contains the word is kept.
//! * A counter's name ends in `_total`.
//! * **Attributes** are labels. Their order makes no difference. If several have one name as a
//!   label, their values are joined by `;`. Labels that Prometheus reserves (`le`, `quantile`,
//!   `pid`) begin with `exported_`.
//! * The **scope** is `otel_scope_name`, `otel_scope_version` and `otel_scope_schema_url`, and each
//!   of its attributes is `otel_scope_` and its name. [`Builder::scope_labels`] leaves them out.
//!
//! The resource is not the API's, and so not known here: [`Collector::label`] adds labels to all
//! families.
//!
//! [`Collector::label`]: headcount::Collector::label
//!
//! # Errors
//!
//! An instrument that can't be declared, because its name is empty or reserved or used by an
//! instrument of another type, or because its boundaries do not ascend, counts nothing.
//! [`headcount::health`] and the program's logger report the first such instrument. Nothing panics.
//! Two scopes may use one name if they use it for the same type: counters of whole numbers and of
//! floats are added up.
//!
//! Instruments that are bound to attributes are an experiment of the API. They need the feature
//! `bound-instruments`: without it the API gives out handles that record nothing.
//!
//! # Forks
//!
//! Instruments of before a fork count in the child. The provider has no lock that a child could
//! inherit locked: each thread has its own cache of series.
//!
//! [`GaugeMode::LiveSum`]: headcount::GaugeMode::LiveSum
//! [`GaugeMode::LiveMostRecent`]: headcount::GaugeMode::LiveMostRecent

// On docs.rs each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod instrument;
mod labels;
mod names;
mod observable;
mod provider;
mod rules;
mod series;
mod units;

pub use provider::{Builder, Provider};
pub use rules::Matcher;

/// Sets a provider with the default rules as the program's, for [`opentelemetry::global::meter`].
///
/// # Examples
///
/// ```
/// headcount_opentelemetry::install();
/// opentelemetry::global::meter("jobs").u64_counter("jobs").build().add(1, &[]);
///
/// let page = headcount::Collector::new().collect()?.to_text();
/// assert!(page.contains("jobs_total{otel_scope_name=\"jobs\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn install() {
    Builder::new().install();
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
