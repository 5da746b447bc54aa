//! Directories to measure in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is gone when this is.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// In memory, where there is such a filesystem.
    pub fn in_memory() -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        Self::within(if memory.is_dir() { memory } else { Path::new("/tmp") })
    }

    /// Below another directory.
    pub fn within(parent: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("headcount-beside-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How many files there are, and how many KiB of blocks they have.
    pub fn files(&self) -> io::Result<(u32, u64)> {
        files(&self.0)
    }
}

/// How many files a directory has, and how many KiB of blocks these have.
pub fn files(directory: &Path) -> io::Result<(u32, u64)> {
    let (mut files, mut blocks) = (0, 0);
    for entry in fs::read_dir(directory)? {
        files += 1;
        blocks += entry?.metadata()?.blocks();
    }
    Ok((files, blocks / 2))
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left in a directory for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
