//! This process's own segment, for a reader in the same process.

use crate::error::Error;
use crate::process::{Blocked, epoch};

use super::format::Header;
use super::memory::View;

/// This process's own segment, for the collector in the same process, which reads it where it is:
/// also when it has no name, or lost it. Read without the store, so that a collection doesn't hold
/// up a fork.
pub(crate) struct Own {
    header: Header,
    view: View,
    /// The epoch in which there is such memory.
    since: u32,
}

impl Own {
    pub(crate) fn of(header: Header, view: View) -> Self {
        Self { header, view, since: epoch() }
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// A moving word as it is now.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub(crate) fn word(&self, offset: u64) -> Result<u64, Error> {
        let _blocked = Blocked::all();
        self.check()?;
        Ok(self.view.word(offset))
    }

    /// Whether this still is the process whose memory it is.
    fn check(&self) -> Result<(), Error> {
        let forked = || std::io::Error::from(rustix::io::Errno::INTR);
        if self.since == epoch() {
            Ok(())
        } else {
            Err(Error::io("read this process's own numbers after a fork", forked()))
        }
    }

    /// Copies words from an offset of the file; where there are no blocks, zeros.
    ///
    /// # Errors
    ///
    /// In a child that a signal handler forked since this was made: its memory is another.
    pub(crate) fn read(&self, offset: u64, into: &mut [u64]) -> Result<(), Error> {
        for (words, at) in into.chunks_mut(AT_ONCE).zip((offset..).step_by(AT_ONCE * 8)) {
            // So that no handler forks between the look and the reading.
            let _blocked = Blocked::all();
            self.check()?;
            self.view.read(at, words);
        }
        Ok(())
    }
}

/// Words of this process's own segment that are read while signals wait: some microseconds.
const AT_ONCE: usize = 1 << 13;
