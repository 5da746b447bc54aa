use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::kernel::rights;
use crate::process::random;

/// An empty directory for one test, which is removed with its files when this is dropped in the
/// process that made it.
///
/// A process counts in one directory for its life ([`init`](crate::init)), so tests of one program
/// that need directories of their own start processes of their own.
///
/// ```
/// use headcount::testing::TestDirectory;
///
/// let directory = TestDirectory::new()?;
/// let path = directory.path().to_owned();
/// assert!(path.is_dir());
/// drop(directory);
/// assert!(!path.exists());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug)]
pub struct TestDirectory {
    path: PathBuf,
    process: u32,
}

impl TestDirectory {
    /// Makes a directory that only this user may enter, in the directory for temporary files.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory can't be made.
    pub fn new() -> Result<Self, Error> {
        let random = random().map_err(|e| Error::io("get a random number", e))?;
        let name = format!("headcount-{:032x}", u128::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        let made = rights::of_directory(&mut fs::DirBuilder::new(), 0o700).create(&path);
        made.map_err(|e: io::Error| Error::io("make the directory", e).at(&path))?;
        Ok(Self { path, process: std::process::id() })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for TestDirectory {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        // A forked child has this too.
        if self.process == std::process::id() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
