//! Feature `web-config`: a connection's socket with TLS on it, as hyper reads and writes it.

use std::io::{self, Read as _, Write as _};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustls::ServerConnection;

use super::socket::Socket;

/// The bytes that are taken from TLS at once.
const PIECE: usize = 8192;

/// What hyper holds.
pub(super) struct TlsIo {
    socket: Rc<Socket>,
    tls: ServerConnection,
}

/// The socket for rustls, which wants to be told that it would have to wait.
struct Wire<'a>(&'a Socket);

impl io::Read for Wire<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        at_once(self.0.receive(bytes))
    }
}

impl io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        at_once(self.0.transmit(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn at_once<T>(done: Poll<io::Result<T>>) -> io::Result<T> {
    match done {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn would_wait(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl TlsIo {
    pub(super) fn new(socket: Rc<Socket>, tls: ServerConnection) -> Self {
        Self { socket, tls }
    }

    /// Sends what TLS has to send.
    fn send(&mut self) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Wire(&self.socket)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(e) if would_wait(&e) => return Poll::Pending,
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes one message of the client's. `Ok(false)`: there are no more.
    fn receive(&mut self) -> Poll<io::Result<bool>> {
        match self.tls.read_tls(&mut Wire(&self.socket)) {
            Ok(0) => return Poll::Ready(Ok(false)),
            Ok(_) => {}
            Err(e) if would_wait(&e) => return Poll::Pending,
            Err(e) => return Poll::Ready(Err(e)),
        }
        if let Err(e) = self.tls.process_new_packets() {
            // The client is told why, if it can be told at once.
            let _ = self.send();
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, e)));
        }
        Poll::Ready(Ok(true))
    }
}

impl Read for TlsIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; PIECE];
        let free = out.remaining().min(PIECE);
        loop {
            // What is read may need an answer: the handshake.
            if let Poll::Ready(Err(e)) = self.send() {
                return Poll::Ready(Err(e));
            }
            match self.tls.reader().read(bytes.get_mut(..free).unwrap_or_default()) {
                Ok(read) => {
                    out.put_slice(bytes.get(..read).unwrap_or_default());
                    return Poll::Ready(Ok(()));
                }
                Err(e) if would_wait(&e) => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
            match self.receive() {
                Poll::Ready(Ok(true)) => {}
                // Closed without a farewell, as many clients do.
                Poll::Ready(Ok(false)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Write for TlsIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // rustls keeps no more than its limit, so a client that does not read holds little.
        let written = self.tls.writer().write(bytes)?;
        match self.send() {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending if written == 0 => Poll::Pending,
            Poll::Ready(Ok(())) if written == 0 && !bytes.is_empty() => {
                Poll::Ready(self.tls.writer().write(bytes))
            }
            _ => Poll::Ready(Ok(written)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send()
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tls.send_close_notify();
        if self.send().is_pending() {
            return Poll::Pending;
        }
        self.socket.end_writing();
        Poll::Ready(Ok(()))
    }
}
