//! The server's interface on systems for which it is not written: to start one is an error.

use crate::collect::Collector;
use crate::error::Error;

/// A server of the page, which only 64-bit little-endian Linux has.
#[derive(Debug, Clone)]
#[must_use = "it serves nothing until it is started"]
pub struct Server(());

impl Server {
    /// Creates a server that listens at an address.
    pub fn new(_: impl Into<String>) -> Self {
        Self(())
    }

    /// Creates a server for sockets that are bound and listen already.
    #[cfg(unix)]
    pub fn from_listeners<L: Into<std::os::fd::OwnedFd>>(_: impl IntoIterator<Item = L>) -> Self {
        Self(())
    }

    /// Adds another address.
    pub fn listen(self, _: impl Into<String>) -> Self {
        self
    }

    /// Sets what is collected.
    pub fn collector(self, _: Collector) -> Self {
        self
    }

    /// Sets the path of the page.
    pub fn metrics_path(self, _: impl Into<String>) -> Self {
        self
    }

    /// Sets a web configuration.
    #[cfg(feature = "web-config")]
    pub fn web_config(self, _: impl Into<std::path::PathBuf>) -> Self {
        self
    }

    /// Starts nothing.
    ///
    /// # Errors
    ///
    /// Always: this system has no such server. [`render`](crate::render) makes the page for any
    /// other.
    pub fn start(self) -> Result<Serving, Error> {
        Err(Error::unsupported("serve pages"))
    }
}

/// A server that was started, of which there are none here.
#[derive(Debug, Clone)]
pub struct Serving(core::convert::Infallible);

impl Serving {
    /// Returns the addresses at which this process serves.
    pub fn addresses(&self) -> Vec<String> {
        match self.0 {}
    }

    /// Stops the server.
    pub fn stop(self) {
        match self.0 {}
    }
}

/// Starts nothing: see [`Server::start`].
///
/// # Errors
///
/// Always.
pub fn serve(address: impl Into<String>) -> Result<Serving, Error> {
    Server::new(address).start()
}
