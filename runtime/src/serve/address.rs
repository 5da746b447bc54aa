//! Where a server listens.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio};
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, getsockname, socket_with,
};

use crate::error::Error;
use crate::kernel::lock::Holders;
use crate::segment::fork_safe_fd::{self, Registered};
use crate::store::FORKS;

/// An address, resolved.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// As it was given.
    text: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// It listens at the first that can be bound.
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
    /// A socket that somebody else has bound, and that listens.
    Inherited(Arc<OwnedFd>),
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let new = |place| Self { text: text.to_owned(), place };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(Error::invalid(format!("`{text}` names no socket"))),
                path => Ok(new(Place::Unix(PathBuf::from(path)))),
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
                let other = SocketAddr::from(([0, 0, 0, 0], first.port()));
                Ok(new(Place::Tcp(vec![*first, other])))
            }
            Some(_) => Ok(new(Place::Tcp(found))),
        }
    }

    pub(super) fn inherited(fd: Arc<OwnedFd>) -> Self {
        Self { text: "the inherited socket".to_owned(), place: Place::Inherited(fd) }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The locks that candidates for this address take, by their names. Who listens on all
    /// interfaces has the port alone, and those who listen at one host each have it together. There
    /// is none if the system chooses the port, which then is nobody else's.
    pub(super) fn locks(&self) -> Vec<(String, Holders)> {
        match &self.place {
            Place::Tcp(found) => found.iter().flat_map(locks_of).collect(),
            Place::Unix(path) => {
                let sum = crc32fast::hash(whole(path).as_os_str().as_encoded_bytes());
                vec![(format!(".serve-unix-{sum:08x}.lock"), Holders::One)]
            }
            Place::Inherited(_) => Vec::new(),
        }
    }

    /// Whether a listener at one of them can be why the other is in use.
    fn is_beside(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Tcp(mine), Place::Tcp(others)) => {
                mine.iter().any(|one| others.iter().any(|other| one.port() == other.port()))
            }
            (Place::Unix(mine), Place::Unix(other)) => whole(mine) == whole(other),
            _ => false,
        }
    }

    /// Listens there. A socket's file at which nobody listens any more is replaced.
    fn bind(&self) -> Result<Listener, Error> {
        let failed = |e: io::Error| Error::io("listen at the address", e).at(Path::new(&self.text));
        if let Place::Unix(path) = &self.place {
            remove_stale(path);
        }
        let bind = || -> io::Result<(OwnedFd, String)> {
            let (fd, address) = match &self.place {
                Place::Tcp(found) => {
                    let listener = TcpListener::bind(&**found)?;
                    rustix::net::listen(&listener, QUEUE)?;
                    listener.set_nonblocking(true)?;
                    let address = listener.local_addr()?.to_string();
                    (OwnedFd::from(listener), address)
                }
                Place::Unix(path) => {
                    let listener = UnixListener::bind(path)?;
                    rustix::net::listen(&listener, QUEUE)?;
                    listener.set_nonblocking(true)?;
                    (OwnedFd::from(listener), format!("unix:{}", path.display()))
                }
                Place::Inherited(fd) => inherit(fd)?,
            };
            Ok((fd, address))
        };
        let bound = FORKS.without(|| {
            let (fd, address) = bind()?;
            Ok((fork_safe_fd::register(fd)?, address))
        });
        match bound {
            Some(Ok((Some(fd), address))) => {
                let file = match &self.place {
                    Place::Unix(path) => SocketFile::at(path),
                    // Whoever bound an inherited one keeps its file.
                    Place::Tcp(_) | Place::Inherited(_) => None,
                };
                Ok(Listener { fd: Some(fd), address, file })
            }
            Some(Err(e)) => Err(failed(e)),
            Some(Ok((None, _))) | None => Err(failed(Errno::MFILE.into())),
        }
    }
}

fn locks_of(address: &SocketAddr) -> Vec<(String, Holders)> {
    let port = address.port();
    if port == 0 {
        return Vec::new();
    }
    // An address of IPv4 may be written as one of IPv6.
    let host = address.ip().to_canonical();
    let of_port = format!(".serve-{port}.lock");
    if host.is_unspecified() {
        return vec![(of_port, Holders::One)];
    }
    let scope = match (address, host) {
        (SocketAddr::V6(address), IpAddr::V6(_)) if address.scope_id() != 0 => {
            format!("%{}", address.scope_id())
        }
        _ => String::new(),
    };
    let of_host = format!(".serve-{host}{scope}-{port}.lock");
    vec![(of_host, Holders::One), (of_port, Holders::Many)]
}

/// The one path of a file that may not exist yet: relative ones and links in its folder's path name
/// the same socket.
fn whole(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().map(fs::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// Listens at all addresses, or at none.
pub(super) fn bind_all(addresses: &[Address]) -> Result<Vec<Listener>, Refused> {
    let mut listeners = Vec::new();
    for address in addresses {
        match address.bind() {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let mut own = addresses.iter().take(listeners.len());
                return Err(Refused { error, is_by_own: own.any(|own| own.is_beside(address)) });
            }
        }
    }
    Ok(listeners)
}

/// Why there are no listeners.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// If the address is in use, then probably by another one of the same server.
    pub(super) is_by_own: bool,
}

impl Refused {
    pub(super) fn is_in_use(&self) -> bool {
        self.error.raw_os_error() == Some(libc::EADDRINUSE)
    }

    /// Logs that it is tried again.
    pub(super) fn tell(&self, has_locks: bool) {
        let Self { error, .. } = self;
        if !self.is_in_use() {
            log::warn!("headcount: {error}; trying again each second");
        } else if has_locks {
            log::warn!(
                "headcount: {error}: by another program, or by a process that serves another \
                 directory; trying again each second"
            );
        } else {
            log::info!(
                "headcount: {error}: by another process that serves, or by another program; \
                 trying again each second"
            );
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

/// Removes a socket that nobody listens at: a killed server leaves its file. What lets somebody in,
/// or does not say, is somebody's.
fn remove_stale(path: &Path) {
    let Some(file) = SocketFile::at(path) else { return };
    // A listener whose queue is full would keep a call that blocks waiting.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = SocketAddrUnix::new(path).and_then(|address| {
        connect(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?, &address)
    });
    if connected == Err(Errno::CONNREFUSED) {
        file.remove();
    }
}

/// The file of a Unix socket. Another one may be given its name.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let [device, inode] = [metadata.dev(), metadata.ino()];
        metadata.file_type().is_socket().then(|| Self { path: whole(path), device, inode })
    }

    /// Removes it, unless the name is another one's by now.
    fn remove(&self) {
        let now = Self::at(&self.path);
        if now.is_some_and(|now| (now.device, now.inode) == (self.device, self.inode)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A socket that listens, and is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) fd: Option<Registered>,
    address: String,
    file: Option<SocketFile>,
}

impl Listener {
    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            file.remove();
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
        let tcp = |text: &str| match Address::parse(text).unwrap().place {
            Place::Tcp(found) => found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Place::Unix(path) => vec![format!("unix {}", path.display())],
            Place::Inherited(_) => Vec::new(),
        };
        assert_eq!(tcp("127.0.0.1:9464"), ["127.0.0.1:9464"]);
        assert_eq!(tcp("[::1]:0"), ["[::1]:0"]);
        assert_eq!(tcp(":9464"), ["[::]:9464", "0.0.0.0:9464"]);
        assert_eq!(tcp("unix:/run/m"), ["unix /run/m"]);
        for wrong in ["", "9464", "127.0.0.1", "127.0.0.1:99999", "unix:", "a b:1"] {
            assert!(Address::parse(wrong).unwrap_err().is_invalid(), "{wrong}");
        }
    }

    #[test]
    fn a_lock_is_named_by_what_a_kernel_lets_one_socket_have() {
        let locks = |text: &str| Address::parse(text).unwrap().locks();
        let [one, many] = [Holders::One, Holders::Many];
        let named = |locks: &[(&str, Holders)]| -> Vec<(String, Holders)> {
            locks.iter().map(|(name, holders)| ((*name).to_owned(), *holders)).collect()
        };
        let of_host = named(&[(".serve-127.0.0.1-80.lock", one), (".serve-80.lock", many)]);
        assert_eq!(locks("127.0.0.1:80"), of_host);
        assert_eq!(locks("[::ffff:127.0.0.1]:80"), of_host);
        assert_eq!(locks("[::1]:80"), locks("[0:0::0001]:80"));
        assert_ne!(locks("[::1]:80"), of_host);
        for all in ["0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80"] {
            assert_eq!(locks(all), named(&[(".serve-80.lock", one)]), "{all}");
        }
        assert_eq!(locks("0.0.0.0:0"), []);
        assert_ne!(locks("unix:/a"), locks("unix:/b"));
        let here = std::env::current_dir().unwrap();
        assert_eq!(locks("unix:./a"), locks(&format!("unix:{}/a", here.display())));
    }
}
