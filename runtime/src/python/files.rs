//! The public function: merges files, wherever they are.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::kernel;
use crate::model::GaugeMode;

use super::family::{Combined, Merged};
use super::file_name::FileName;
use super::key_table::KeyTable;
use super::merging::Merging;
use super::read::{Buffer, Earlier, read};

/// Merges files of Python's `prometheus_client` as its `MultiProcessCollector.merge` does, in the
/// order given. A [`Collector`](crate::Collector) reads such files in its directory by itself, in
/// the order of their names; this function is for those who have files elsewhere, or want to see
/// what a Python program would show.
///
/// Without `accumulate`, each bucket of a histogram has its own count, and there is no total count:
/// as the files have them.
///
/// A file that cannot be read is left out, and reported in [`Merged::skipped`]. A file of a live
/// gauge that is missing is not: it was removed because its process has ended.
///
/// # Examples
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("headcount-py-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// // What `Counter("jobs", "Jobs done.").inc(3)` in process 17 writes.
/// let key = br#"["jobs", "jobs_total", {}, "Jobs done."]"#;
/// let padding = 8 - (4 + key.len()) % 8;
/// let used = (8 + 4 + key.len() + padding + 16) as u32;
/// let mut file = [used.to_le_bytes(), [0; 4]].concat();
/// file.extend((key.len() as u32).to_le_bytes());
/// file.extend(key);
/// file.extend(&b"        "[..padding]);
/// file.extend([3_f64.to_le_bytes(), 0_f64.to_le_bytes()].concat());
/// std::fs::write(directory.join("counter_17.db"), file)?;
///
/// let merged = headcount::python::merge([directory.join("counter_17.db")], true);
/// assert!(merged.skipped.is_empty());
/// assert_eq!(merged.families[0].name, "jobs");
/// assert_eq!(merged.families[0].samples[0].name, "jobs_total");
/// assert_eq!(merged.families[0].samples[0].value, 3.0);
///
/// let page = headcount::Collector::from_directory(&directory).collect()?.to_text();
/// assert!(page.contains("# TYPE jobs_total counter\njobs_total 3\n"), "{page}");
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn merge<P: AsRef<Path>>(files: impl IntoIterator<Item = P>, accumulate: bool) -> Merged {
    let (mut merging, mut keys, mut buffer) =
        (Merging::default(), KeyTable::default(), Buffer::default());
    let mut skipped = Vec::new();
    for path in files {
        let path = path.as_ref();
        if let Err(e) = add(path, &mut merging, &mut keys, &mut buffer) {
            skipped.push(e.at(path));
        }
    }
    let families = merging.finish().into_iter();
    let families = families.map(|family: Combined| family.into_family(accumulate)).collect();
    Merged { families, skipped }
}

fn add(
    path: &Path,
    merging: &mut Merging,
    keys: &mut KeyTable,
    buffer: &mut Buffer,
) -> Result<(), Error> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let file = FileName::parse(name)?;
    let fd = match kernel::open_by_path(path) {
        Ok(fd) => fd,
        Err(e) => {
            let is_gone = e.kind() == io::ErrorKind::NotFound;
            if is_gone && file.mode.is_some_and(GaugeMode::is_live) {
                return Ok(());
            }
            return Err(Error::io("open the file", e));
        }
    };
    let found = read(&fd, Earlier::default(), file.has_times(), u64::MAX, keys, buffer)?;
    let Some((layout, bytes)) = found else { return Ok(()) };
    merging.add(file, &layout, layout.values(bytes), keys)?.told()
}
