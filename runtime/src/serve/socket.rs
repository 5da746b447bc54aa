//! A connection's socket, as hyper reads and writes it. It never waits: it notes what it would have
//! to wait for.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::segment::fork_safe_fd::Registered;

/// The bytes that are read at once.
const PIECE: usize = 8192;

/// A socket, and what its connection waits for.
#[derive(Debug)]
pub(super) struct Socket {
    fd: Option<Registered>,
    wants: Cell<PollFlags>,
}

impl Socket {
    pub(super) fn new(fd: Registered) -> Self {
        // A new connection waits for its request.
        Self { fd: Some(fd), wants: Cell::new(PollFlags::IN) }
    }

    pub(super) fn fd(&self) -> Option<&Registered> {
        self.fd.as_ref()
    }

    /// What the connection waits for.
    pub(super) fn wants(&self) -> PollFlags {
        self.wants.get()
    }

    /// To be called before the connection goes on.
    pub(super) fn forget_wants(&self) {
        self.wants.set(PollFlags::empty());
    }

    /// Calls the system with the descriptor, and notes `wait` if that would have to wait.
    fn call<T>(
        &self,
        wait: PollFlags,
        mut what: impl FnMut(std::os::fd::BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let done = self.fd().and_then(|fd| fd.with(&mut what));
            match done.unwrap_or(Err(Errno::BADF)) {
                Err(Errno::AGAIN) => {
                    self.wants.set(self.wants.get() | wait);
                    return Poll::Pending;
                }
                Err(Errno::INTR) => {}
                done => return Poll::Ready(done.map_err(Into::into)),
            }
        }
    }
}

impl Socket {
    /// Reads what has arrived.
    pub(super) fn receive(&self, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        self.call(PollFlags::IN, |fd| {
            recv(fd, &mut *bytes, RecvFlags::empty()).map(|(read, _)| read)
        })
    }

    /// Writes as much as the system takes now.
    pub(super) fn transmit(&self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // The signal for a closed connection would end a program that does not ignore it.
        self.call(PollFlags::OUT, |fd| send(fd, bytes, SendFlags::NOSIGNAL))
    }

    pub(super) fn end_writing(&self) {
        let _ = self.fd().and_then(|fd| fd.with(|fd| shutdown(fd, Shutdown::Write)));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(fd) = self.fd.take() {
            // A child that was created without fork handlers still has the connection.
            let _ = fd.with(|fd| shutdown(fd, Shutdown::Both));
            fd.close();
        }
    }
}

/// What hyper holds.
pub(super) struct Io(pub(super) Rc<Socket>);

impl Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; PIECE];
        let free = out.remaining().min(PIECE);
        let read = self.0.receive(bytes.get_mut(..free).unwrap_or_default());
        read.map_ok(|read| out.put_slice(bytes.get(..read).unwrap_or_default()))
    }
}

impl Write for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.transmit(bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.end_writing();
        Poll::Ready(Ok(()))
    }
}
