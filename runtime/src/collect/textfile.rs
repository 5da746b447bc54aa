//! Writes a page for the textfile collector of Prometheus' `node_exporter`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use crate::error::Error;
use crate::expose::SAME_NAMES;
use crate::kernel::rights;
use crate::model::Snapshot;

impl Snapshot {
    /// Writes the page into a file for the textfile collector of Prometheus' `node_exporter`, or
    /// replaces it: a reader sees the old page or the new one, whole. The file can be read by
    /// everyone.
    ///
    /// Its name must end in `.prom`, since the textfile collector ignores all others. If several
    /// programs write such files, give each family of yours a name that the others do not have
    /// ([`Collector::prefix`](crate::Collector::prefix)): of one that two files have, with
    /// different help, the collector drops one. A file that nobody replaces any more stays, with
    /// its numbers; the collector's `node_textfile_mtime_seconds` is its age.
    ///
    /// # Errors
    ///
    /// Returns an error if the name does not end in `.prom`, or if the file cannot be written. The
    /// old file stays then.
    ///
    /// # Examples
    ///
    /// ```
    /// # let folder = std::env::temp_dir();
    /// let path = folder.join(format!("shop-{}.prom", std::process::id()));
    /// headcount::Collector::new().collect()?.write_to_textfile(&path)?;
    /// assert!(std::fs::read_to_string(&path)?.starts_with("# HELP "));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_to_textfile(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| path.extension().is_some_and(|end| end == "prom")) else {
            let message = "the name of a textfile must end in `.prom`".to_owned();
            return Err(Error::invalid(message).at(path));
        };
        let failed = |e| Error::io("write the textfile", e).at(path);
        let (new, mut file) = create_beside(path, name).map_err(failed)?;
        let written = self
            .encode_text(&mut file)
            .map(|left_out| {
                for family in left_out {
                    let path = path.display();
                    log::warn!("headcount: `{family}` is left out of {path}: {SAME_NAMES}");
                }
            })
            // The umask may have removed what the collector, another user, needs.
            .and_then(|()| rights::let_all_read(&file))
            // Or a loss of power could leave an empty file in the place of the old one.
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&new, path));
        written.map_err(|e| {
            let _ = fs::remove_file(&new);
            failed(e)
        })
    }
}

/// Creates a file in the same directory, whose name the textfile collector ignores.
fn create_beside(path: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    // A killed process, or one of another pid namespace, may have left such a file.
    let mut last = None;
    for number in 0..1000 {
        let new = path.with_file_name(format!(".{name}.{}-{number}", process::id()));
        let mut options = File::options();
        options.write(true).create_new(true);
        match rights::of_this_user_only(&mut options).open(&new) {
            Ok(file) => return Ok((new, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = Some(e),
            Err(e) => return Err(e),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}
