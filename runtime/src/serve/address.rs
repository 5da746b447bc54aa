//! Where a server listens.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::{fcntl_dupfd_cloexec, ioctl_fionbio};
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{SocketAddrUnix, getsockname};

use crate::error::Error;
use crate::segment::fork_safe_fd::{self, Registered};
use crate::store::FORKS;

/// An address, resolved.
#[derive(Debug, Clone)]
pub(super) enum Address {
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
    /// A socket that somebody else has bound, and that listens.
    Inherited(Arc<OwnedFd>),
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(Error::invalid(format!("`{text}` names no socket"))),
                path => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        // As Go's programs understand it: on all interfaces.
        let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
        let found: Vec<SocketAddr> = whole
            .to_socket_addrs()
            .map_err(|e| Error::invalid(format!("`{text}` is not an address (host:port): {e}")))?
            .collect();
        match found.first() {
            None => Err(Error::invalid(format!("`{text}` has no address"))),
            // A machine without IPv6 has only the other.
            Some(first) if text.starts_with(':') => {
                Ok(Self::Tcp(vec![*first, SocketAddr::from(([0, 0, 0, 0], first.port()))]))
            }
            Some(_) => Ok(Self::Tcp(found)),
        }
    }

    /// The name of the lock that candidates for this address take. `None` if the system chooses
    /// the port, which then is nobody else's.
    pub(super) fn lock_name(&self) -> Option<String> {
        match self {
            Self::Tcp(found) => {
                let port = found.first().map(SocketAddr::port).filter(|port| *port != 0);
                port.map(|port| format!(".serve-{port}.lock"))
            }
            Self::Unix(path) => {
                let sum = crc32fast::hash(path.as_os_str().as_encoded_bytes());
                Some(format!(".serve-unix-{sum:08x}.lock"))
            }
            Self::Inherited(_) => None,
        }
    }

    /// Listens there. If this process has the lock, a socket's file that is left of another
    /// candidate is replaced.
    pub(super) fn bind(&self, has_lock: bool) -> Result<Listener, Error> {
        let failed = |e: io::Error| Error::io("listen at the address", e);
        if let Self::Unix(path) = self {
            remove_stale(path, has_lock);
        }
        let bind = || -> io::Result<(OwnedFd, String)> {
            let (fd, address) = match self {
                Self::Tcp(found) => {
                    let listener = TcpListener::bind(&**found)?;
                    rustix::net::listen(&listener, QUEUE)?;
                    listener.set_nonblocking(true)?;
                    let address = listener.local_addr()?.to_string();
                    (OwnedFd::from(listener), address)
                }
                Self::Unix(path) => {
                    let listener = UnixListener::bind(path)?;
                    rustix::net::listen(&listener, QUEUE)?;
                    listener.set_nonblocking(true)?;
                    (OwnedFd::from(listener), format!("unix:{}", path.display()))
                }
                Self::Inherited(fd) => inherit(fd)?,
            };
            Ok((fd, address))
        };
        let bound = FORKS.without(|| {
            let (fd, address) = bind()?;
            Ok((fork_safe_fd::register(fd)?, address))
        });
        match bound {
            Some(Ok((Some(fd), address))) => {
                let path = match self {
                    Self::Unix(path) => Some(path.clone()),
                    // Whoever bound an inherited one keeps its file.
                    Self::Tcp(_) | Self::Inherited(_) => None,
                };
                Ok(Listener { fd: Some(fd), address, path })
            }
            Some(Err(e)) => Err(failed(e)),
            Some(Ok((None, _))) | None => Err(failed(rustix::io::Errno::MFILE.into())),
        }
    }
}

/// How many connections wait to be accepted. The standard library's 128 are full for a moment when
/// somebody opens thousands, and the kernel then lets a scraper wait for a second.
const QUEUE: i32 = 4096;

/// Another descriptor of a socket that listens, and its address.
fn inherit(fd: &OwnedFd) -> io::Result<(OwnedFd, String)> {
    if !socket_acceptconn(fd)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
    }
    let fd = fcntl_dupfd_cloexec(fd, 3)?;
    ioctl_fionbio(&fd, true)?;
    let address = getsockname(&fd)?;
    let address = match SocketAddr::try_from(address.clone()) {
        Ok(address) => address.to_string(),
        Err(_) => SocketAddrUnix::try_from(address)
            .ok()
            .and_then(|address| Some(address.path()?.to_string_lossy().into_owned()))
            .map_or_else(|| "unix:".to_owned(), |path| format!("unix:{path}")),
    };
    Ok((fd, address))
}

/// Removes a socket that nobody listens at: a killed server leaves its file.
fn remove_stale(path: &Path, has_lock: bool) {
    let is_socket =
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let is_refused =
        || UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
    if is_socket && (has_lock || is_refused()) {
        let _ = fs::remove_file(path);
    }
}

/// A socket that listens, and is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) fd: Option<Registered>,
    address: String,
    /// The file of a Unix socket.
    path: Option<PathBuf>,
}

impl Listener {
    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
        if let Some(fd) = self.fd.take() {
            fd.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_other_exporters() {
        let tcp = |text: &str| match Address::parse(text).unwrap() {
            Address::Tcp(found) => found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Address::Unix(path) => vec![format!("unix {}", path.display())],
            Address::Inherited(_) => Vec::new(),
        };
        assert_eq!(tcp("127.0.0.1:9464"), ["127.0.0.1:9464"]);
        assert_eq!(tcp("[::1]:0"), ["[::1]:0"]);
        assert_eq!(tcp(":9464"), ["[::]:9464", "0.0.0.0:9464"]);
        assert_eq!(tcp("unix:/run/m"), ["unix /run/m"]);
        for wrong in ["", "9464", "127.0.0.1", "127.0.0.1:99999", "unix:", "a b:1"] {
            assert!(Address::parse(wrong).unwrap_err().is_invalid(), "{wrong}");
        }
        let lock = |text: &str| Address::parse(text).unwrap().lock_name();
        assert_eq!(lock("0.0.0.0:80").as_deref(), Some(".serve-80.lock"));
        assert_eq!(lock("0.0.0.0:0"), None);
        assert_ne!(lock("unix:/a"), lock("unix:/b"));
    }
}
