//! The server as a program declares it, and its start.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::collect::Collector;
use crate::error::Error;
use crate::process::Blocked;

use super::address::{Address, Listener, bind_all};
use super::answer::{self, Answers};
use super::connections;
use super::serving::{Serving, Shared};
use super::turn::{Turns, wait_for_turn};
#[cfg(feature = "web-config")]
use super::{web_config, web_security};

/// Serves the page of this process's directory at an address: `Server::new(address).start()`.
///
/// Every process of a program may call it, workers too: exactly one of them serves, and if it dies,
/// another one takes over within milliseconds.
///
/// # Errors
///
/// Returns the errors of [`Server::start`].
///
/// # Examples
///
/// ```
/// # use std::io::{Read, Write};
/// let serving = headcount::serve("127.0.0.1:0")?;
/// let address = &serving.addresses()[0];
/// let mut connection = std::net::TcpStream::connect(address)?;
/// write!(connection, "GET /metrics HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// connection.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\nheadcount_processes"));
/// serving.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serve(address: impl Into<String>) -> Result<Serving, Error> {
    Server::new(address).start()
}

/// An HTTP server for the page, in a thread of its own and without a runtime.
///
/// | path | answer |
/// |---|---|
/// | `/metrics`, or [`metrics_path`](Self::metrics_path) | the page: [`Scrape`](crate::Scrape) |
/// | `/healthz` | 200, or 503 with the reason if the directory cannot be read |
/// | `/` | a page for people: problems, processes, live charts of every family |
///
/// If the directory can't be read, the page is status 503 with the reason; the server goes on, and
/// serves the page as soon as the directory can be read.
///
/// **Several candidates.** Processes that serve the same address from the same directory take turns
/// by locks in the directory, `.serve-<host>-<port>.lock` for example. If the one that serves dies,
/// the kernel hands its locks to another one. Processes with several addresses take turns if they
/// have one of them in common. In a directory that this user cannot write to, and without a
/// directory, each candidate tries to bind once a second. What a candidate waits for is logged.
///
/// **Forks.** The server belongs to the process that started it. A forked child holds neither the
/// port nor the lock, and its connections are the parent's; it may start a server of its own.
///
/// **Limits.** 64 connections (fewer if the process may have few descriptors): one more takes the
/// place of the one that has waited longest for its request, so that a scraper always gets in.
/// Header of 8 KiB and 64 lines, 5 seconds for it; 30 seconds for an answer; idle connections are
/// closed after a minute. Requests that arrive during a collection share the next one.
///
/// A page is written while its client reads it, 64 KiB at a time, so the memory does not grow with
/// the page. At most four snapshots are in memory: a request that needs a fifth waits until a page
/// is read, and after two seconds ends the client that reads for the longest time. Pages above 64
/// KiB have no `Content-Length`: HTTP/1.1 clients get chunks.
///
/// # Examples
///
/// ```no_run
/// use headcount::{Collector, Server};
///
/// let serving = Server::new("0.0.0.0:9464")
///     .listen("unix:/run/shop/metrics.sock")
///     .collector(Collector::from_directory("/run/shop"))
///     .metrics_path("/internal/metrics")
///     .start()?;
/// serving.stop();
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "it serves nothing until it is started"]
pub struct Server {
    addresses: Vec<String>,
    inherited: Vec<Arc<OwnedFd>>,
    collector: Collector,
    path: String,
    #[cfg(feature = "web-config")]
    web_config: Option<std::path::PathBuf>,
}

impl Server {
    /// Creates a server of this process's directory that listens at an address: `host:port`,
    /// `:port` (on all interfaces), or `unix:` and the path of a socket. With port 0 the system
    /// chooses one.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            addresses: vec![address.into()],
            inherited: Vec::new(),
            #[cfg(feature = "process")]
            collector: Collector::new().process_metrics(crate::ProcessMetrics::Sum),
            #[cfg(not(feature = "process"))]
            collector: Collector::new(),
            path: "/metrics".to_owned(),
            #[cfg(feature = "web-config")]
            web_config: None,
        }
    }

    /// Creates a server for sockets that are bound and listen already, such as those that systemd
    /// hands to a service. Nobody takes turns for them: whoever has them serves.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::Server;
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?.to_string();
    /// let serving = Server::from_listeners([listener]).start()?;
    /// assert_eq!(serving.addresses(), [address]);
    /// serving.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_listeners<L: Into<OwnedFd>>(listeners: impl IntoIterator<Item = L>) -> Self {
        let mut server = Self::new("");
        server.addresses.clear();
        server.inherited = listeners.into_iter().map(|one| Arc::new(one.into())).collect();
        server
    }

    /// Adds another address.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Sets what is collected. The default is [`Collector::new`], with process metrics if the
    /// feature `process` is on.
    pub fn collector(mut self, collector: Collector) -> Self {
        self.collector = collector;
        self
    }

    /// Sets the path of the page. The default is `/metrics`.
    pub fn metrics_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets a web configuration: the file in which Prometheus' exporters have TLS, client
    /// certificates, users and rate limits. `exporter-toolkit` documents it.
    ///
    /// The file is read anew for each connection and each request. While it cannot be read or is
    /// wrong, every request is answered by status 500, and the reason is logged. What is not
    /// supported is refused by name: TLS below 1.2, cipher suites and curves that rustls does not
    /// have, and mail addresses as names in client certificates. There is no HTTP/2.
    #[cfg(feature = "web-config")]
    pub fn web_config(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.web_config = Some(path.into());
        self
    }

    /// Starts the thread. If another process serves already, the thread waits for its turn, and
    /// this call succeeds.
    ///
    /// # Errors
    ///
    /// Returns an error if an address or the path is invalid, if an address is in use by a program
    /// that is no candidate or by another address of this server, if this process may not bind it,
    /// if the web configuration is wrong, or if no thread can be created. Where there are no locks
    /// by which candidates can be told, an address that is in use is no error: the thread waits.
    pub fn start(mut self) -> Result<Serving, Error> {
        answer::check_path(&self.path)?;
        let parsed = self.addresses.iter().map(|address| Address::parse(address));
        let mut addresses: Vec<Address> = parsed.collect::<Result<_, _>>()?;
        addresses.extend(core::mem::take(&mut self.inherited).into_iter().map(Address::inherited));
        if addresses.is_empty() {
            return Err(Error::invalid("there is no socket to listen at"));
        }
        #[cfg(feature = "web-config")]
        let web_config = self.web_config.as_deref().map(web_config::WebConfig::read).transpose()?;
        let directory = self.collector.open_directory().ok().flatten();
        let turns = directory.map(|one| Turns::open(&one, &addresses)).transpose()?.flatten();
        let shared = Arc::new(Shared::new()?);
        // The first attempt is made here, so that a wrong address is an error of this call.
        let is_mine = turns.as_ref().map_or(Ok(true), Turns::take)?;
        let first = if is_mine { bind_first(&addresses, turns.is_some())? } else { None };
        if let Some(listeners) = &first {
            shared.set_addresses(listeners);
        }
        let in_thread = Arc::clone(&shared);
        // The program's signals must be delivered to the program's threads.
        let _blocked = Blocked::all();
        let thread = std::thread::Builder::new().name("headcount-serve".to_owned());
        let started = thread.spawn(move || {
            let listeners = first.or_else(|| wait_for_turn(&in_thread, &addresses, turns.as_ref()));
            // An inherited socket has a descriptor now that a forked child closes.
            drop(addresses);
            if let Some(listeners) = listeners {
                in_thread.set_addresses(&listeners);
                let answers = Answers::new(self.collector, self.path);
                #[cfg(feature = "web-config")]
                let answers =
                    answers.guarded(self.web_config.zip(web_config).map(|(path, first)| {
                        web_security::Security::new(path, first, Arc::clone(&in_thread))
                    }));
                connections::run(&listeners, &in_thread, answers);
            }
            // Closed before anybody hears that it has ended.
            drop(turns);
            in_thread.end();
        });
        started.map_err(|e| Error::io("start the server's thread", e))?;
        Ok(Serving::new(shared))
    }
}

/// Binds all addresses. `None` if one is in use, perhaps by another candidate, of which no lock
/// tells.
fn bind_first(addresses: &[Address], has_locks: bool) -> Result<Option<Vec<Listener>>, Error> {
    // The kernel may release the locks of one that died before it closes its sockets.
    let mut attempts = 20;
    loop {
        let refused = match bind_all(addresses) {
            Ok(listeners) => return Ok(Some(listeners)),
            Err(refused) => refused,
        };
        attempts -= 1;
        let is_final = has_locks || refused.is_by_own;
        if !refused.is_in_use() || (is_final && attempts == 0) {
            return Err(refused.error);
        }
        if !is_final {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
