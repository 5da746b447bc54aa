//! What is pushed, and when.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ureq::http::Method;

use crate::collect::Collector;
use crate::error::{Error, ErrorKind};
use crate::expose::SAME_NAMES;
use crate::model::{MetricFamily, Snapshot};
use crate::process::epoch;

use super::address;
use super::gateway::Gateway;

/// The one format in which a gateway keeps everything: it takes `OpenMetrics` for text, in which a
/// counter has no type.
const FORMAT: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                      encoding=delimited";

/// Sends what all processes of a directory have counted to a Prometheus Pushgateway. Needs the
/// feature `push`, and for `https` the feature `tls`.
///
/// A job that ends before anybody scrapes it pushes at its end. **One line** does it, also if the
/// job fails:
///
/// ```no_run
/// # fn host() -> String { String::new() }
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _push = headcount::Pusher::new("http://gateway:9091", "nightly")
///         .grouping("instance", host())
///         .push_on_drop();
///     // .. the job
///     Ok(())
/// }
/// ```
///
/// **Nothing that was counted is lost if the job is killed before it pushes**, or if the gateway is
/// down. The counts are in the directory, and a push deletes nothing there: it sends the totals of
/// all runs. The next run, or `headcount push` on the command line, sends what this one could not.
/// That needs a directory that the runs share and that outlives them.
///
/// A group at a gateway holds what was pushed last. So one pusher has a group: if several
/// hosts run the job, give each an `instance`. Don't put a pid there: a gateway forgets nothing.
/// Gauges whose mode is `live..` are those of processes that live while it pushes.
///
/// It blocks the thread that calls, for at most the [`timeout`](Self::timeout), and needs no
/// runtime. In an `async` function call it by `spawn_blocking` or its like. A redirect is an error
/// and never followed; proxies in the environment are not used.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
/// # let gateway = format!("http://127.0.0.1:{port}");
/// let pusher = headcount::Pusher::new(gateway, "nightly")
///     .basic_auth("me", "secret")
///     .timeout(Duration::from_millis(50));
/// // Nobody listens there.
/// let error = pusher.push().unwrap_err();
/// assert!(error.is_io());
/// assert!(error.to_string().contains("/metrics/job/nightly: can't push: Connection refused"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "it pushes nothing until it is told to"]
pub struct Pusher {
    url: String,
    job: String,
    grouping: Vec<(String, String)>,
    collector: Collector,
    gateway: Gateway,
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("Pusher")
            .field("url", &self.url)
            .field("job", &self.job)
            .field("grouping", &self.grouping)
            .field("timeout", &self.gateway.timeout)
            .finish_non_exhaustive()
    }
}

impl Pusher {
    /// Creates a pusher of this process's directory. `url` is the gateway's address, such as
    /// `http://gateway:9091`, and `job` the name of the job, which becomes the label `job` of all
    /// series.
    pub fn new(url: impl Into<String>, job: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            job: job.into(),
            grouping: Vec::new(),
            collector: Collector::new(),
            gateway: Gateway {
                credentials: None,
                #[cfg(feature = "tls")]
                ca_file: None,
                timeout: Duration::from_secs(10),
            },
        }
    }

    /// Adds a label of the group, such as `instance`. The gateway adds it to all series; of a label
    /// that a series has already, it replaces the value. A second value for the same name replaces
    /// the first.
    pub fn grouping(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.grouping.retain(|(known, _)| *known != name);
        self.grouping.push((name, value.into()));
        self
    }

    /// Sets what is collected. The default is [`Collector::new`].
    pub fn collector(mut self, collector: Collector) -> Self {
        self.collector = collector;
        self
    }

    /// Sets the user and the password for the gateway.
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.gateway.credentials = Some((user.into(), password.into()));
        self
    }

    /// Sets a file with the certificates (PEM) of the authorities to trust, in place of those that
    /// the machine trusts. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.gateway.ca_file = Some(path.into());
        self
    }

    /// Sets how long a push may take, with all tries. The default is 10 seconds.
    ///
    /// If the gateway cannot be reached, or answers with status 429 or 5xx, the push is tried again
    /// until the time is over. All other answers are final.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.gateway.timeout = timeout;
        self
    }

    /// Collects, and replaces everything that the gateway has of this group (`PUT`).
    ///
    /// Returns what was collected, with what was left out in [`Snapshot::skipped`]. The gateway
    /// takes only Prometheus names of old, so others are escaped by underscores.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Collector::collect`]. An address, a job or a grouping label that no
    /// gateway can have [`is_invalid`](Error::is_invalid). A gateway that can't be reached
    /// [`is_io`](Error::is_io), one that does not answer in time [`is_timeout`](Error::is_timeout),
    /// and one that answers with anything but success [`is_rejected`](Error::is_rejected).
    pub fn push(&self) -> Result<Snapshot, Error> {
        self.send(&Method::PUT)
    }

    /// Collects, and replaces the families of the same names in this group (`POST`). Other families
    /// of the group stay as they are.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`push`](Self::push).
    pub fn add(&self) -> Result<Snapshot, Error> {
        self.send(&Method::POST)
    }

    /// Removes the group from the gateway. Nothing is collected.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`push`](Self::push).
    pub fn delete(&self) -> Result<(), Error> {
        let address = address::of_group(&self.url, &self.job, &self.grouping)?;
        self.gateway.send(&Method::DELETE, &address, "text/plain", &[])
    }

    /// Returns a guard that pushes when it is dropped, also by a panic.
    ///
    /// A push that fails is reported to the `log` facade, as a warning. `std::process::exit` drops
    /// nothing. A forked child that drops the guard pushes nothing.
    pub fn push_on_drop(self) -> PushOnDrop {
        PushOnDrop { pusher: self, epoch: epoch() }
    }

    fn send(&self, method: &Method) -> Result<Snapshot, Error> {
        let address = address::of_group(&self.url, &self.job, &self.grouping)?;
        let mut snapshot = self.collector.collect()?;
        let page = snapshot.render(FORMAT);
        let left_out = page.left_out().iter().map(|family| {
            let message = format!("`{family}` is not pushed: {SAME_NAMES}");
            Error::new(ErrorKind::Conflict { message })
        });
        snapshot.skipped.extend(left_out);
        let replaced = snapshot.families().iter().filter_map(|family| self.replaced(family));
        let replaced: Vec<Error> = replaced.collect();
        snapshot.skipped.extend(replaced);
        self.gateway.send(method, &address, page.content_type(), page.body())?;
        Ok(snapshot)
    }

    /// What the gateway does to a family that has one of the group's labels.
    fn replaced(&self, family: &MetricFamily) -> Option<Error> {
        let group = self.grouping.iter().map(|(name, _)| name.as_str());
        let label = std::iter::once("job").chain(group).find(|name| {
            family.series.iter().any(|series| series.labels.iter().any(|(label, _)| label == *name))
        })?;
        let name = &family.name;
        let message = format!("`{name}`: the gateway replaces the values of its label `{label}`");
        Some(Error::invalid(message))
    }
}

/// Pushes when it is dropped: see [`Pusher::push_on_drop`].
#[derive(Debug)]
#[must_use = "it pushes when it is dropped, which is at once if it has no name"]
pub struct PushOnDrop {
    pusher: Pusher,
    epoch: u32,
}

impl Drop for PushOnDrop {
    fn drop(&mut self) {
        if self.epoch != epoch() {
            return;
        }
        // A second panic while the first unwinds would end the program.
        match catch_unwind(AssertUnwindSafe(|| self.pusher.push())) {
            Ok(Ok(snapshot)) => {
                for skipped in snapshot.skipped() {
                    log::warn!("headcount: {skipped}");
                }
            }
            Ok(Err(error)) => log::warn!("headcount: {error}"),
            Err(_) => log::warn!("headcount: a push failed by a panic"),
        }
    }
}
