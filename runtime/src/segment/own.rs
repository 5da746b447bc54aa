//! Reads this process's own segment, for a collector in the same process.

use crate::error::Error;
use crate::kernel;
use crate::process::{Blocked, epoch};

use super::format::Header;
use super::memory::View;

/// This process's own segment. The collector in the same process reads it in memory, so it also
/// reads a segment that has no name or lost it. It is read without the store, so that a collection
/// does not delay a fork.
pub(crate) struct Own {
    header: Header,
    view: View,
    /// The epoch in which the memory is valid.
    since: u32,
}

impl Own {
    pub(crate) fn of(header: Header, view: View) -> Self {
        Self { header, view, since: epoch() }
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// A changing word, as it is now.
    ///
    /// # Errors
    ///
    /// The same as for [`read`](Self::read).
    pub(crate) fn word(&self, offset: u64) -> Result<u64, Error> {
        let _blocked = Blocked::all();
        self.check()?;
        Ok(self.view.word(offset))
    }

    /// Whether this still is the process that owns the memory.
    fn check(&self) -> Result<(), Error> {
        let forked = || std::io::Error::from(kernel::io::Errno::INTR);
        if self.since == epoch() {
            Ok(())
        } else {
            Err(Error::io("read this process's own numbers after a fork", forked()))
        }
    }

    /// Copies words from an offset of the file. Where no blocks are allocated, they are zeros.
    ///
    /// # Errors
    ///
    /// Fails in a child that a signal handler forked after this was made: the child's memory is a
    /// different one.
    pub(crate) fn read(&self, offset: u64, into: &mut [u64]) -> Result<(), Error> {
        for (words, at) in into.chunks_mut(AT_ONCE).zip((offset..).step_by(AT_ONCE * 8)) {
            // Signals are blocked, so that no handler forks between the check and the read.
            let _blocked = Blocked::all();
            self.check()?;
            self.view.read(at, words);
        }
        Ok(())
    }
}

/// The number of words that are read while signals are blocked, which takes some microseconds.
const AT_ONCE: usize = 1 << 13;
