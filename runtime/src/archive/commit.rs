//! The commit of a generation: the new archive replaces the old one, and the segments that it
//! contains are removed.

use crate::directory::UNFINISHED;
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::kernel::fs::{AtFlags, OFlags, fchmod, fsync, openat, unlinkat};
use crate::kernel::io::{Errno, pwrite};
use crate::kernel::process::{Resource, getrlimit};
use crate::model::instance::hex;
use crate::process::{epoch, random};
use crate::replace::Original;

use super::compactor::Compactor;
use super::encoding::{MAX_LEN, decode};

impl Compactor<'_> {
    /// The commit: replaces the archive as a whole.
    pub(super) fn write(&self, original: &Original<'_>, bytes: &[u8]) -> Result<(), Error> {
        // Writing beyond the limit raises a signal that ends the program.
        let largest = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        if bytes.len() as u64 > largest.min(MAX_LEN) {
            return Err(Error::io("write the archive", Errno::FBIG));
        }
        // If no reader accepted the archive, the counts of the removed segments would be lost.
        decode(bytes).map_err(|_| Error::io("write the archive", Errno::FBIG))?;
        let random = random().map_err(|e| Error::io("get a random number", e))?;
        let name = format!("{UNFINISHED}{}", hex(&random));
        let writer = epoch();
        let written = self.write_as(&name, bytes).and_then(|()| {
            self.lock.check()?;
            original.check()?;
            fault::call!("compaction.rename", original.replace_by(&name)).map_err(|e| match e {
                // Another compactor has created the first archive meanwhile, or removed this
                // unfinished one.
                Errno::EXIST | Errno::NOENT => Error::new(ErrorKind::LockLost),
                e => Error::io("replace the archive", e),
            })
        });
        // A child that a signal handler forked meanwhile comes here too: the file is its parent's.
        if written.is_err() && writer == epoch() {
            fault::step!("compaction.remove", {
                let _ = unlinkat(self.directory, &name, AtFlags::empty());
            });
        }
        written?;
        // Without this, a power failure could leave the old archive without the segments that were
        // removed.
        fault::call!("compaction.sync_directory", fsync(self.directory))
            .map_err(|e| Error::io("sync the directory", e))
    }

    fn write_as(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = self.directory.file_mode();
        let refused = |e| Error::io("make a new archive", e);
        let fd = fault::call!("compaction.create", openat(self.directory, name, flags, mode));
        let fd = fd.map_err(refused)?;
        // The umask may have removed permissions.
        fault::call!("compaction.mode", fchmod(&fd, mode)).map_err(refused)?;
        self.directory.give_to_owner(&fd)?;
        // At places that are named. A child that a signal handler forks here writes too, and shares
        // the file's position: with plain writes the file would have the bytes twice.
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match fault::call!("compaction.write", pwrite(&fd, rest, written as u64)) {
                Ok(0) => return Err(Error::io("write the archive", Errno::IO)),
                Ok(n) => written += n,
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::io("write the archive", e)),
            }
        }
        fault::call!("compaction.sync", fsync(&fd)).map_err(|e| Error::io("sync the archive", e))
    }

    /// Removes segments. Only for segments that have a tombstone in the archive that is in place.
    pub(super) fn unlink(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            self.lock.check()?;
            let gone =
                fault::call!("compaction.unlink", unlinkat(self.directory, name, AtFlags::empty()));
            match gone {
                // The next compactor tries again: the tombstone stays as long as the file does.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}
