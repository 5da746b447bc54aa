//! What lies in a directory of segments.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Whence, lseek};

/// The names of all files, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory is there");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().into_string().expect("UTF-8")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// The names of the segments.
pub fn segments(directory: &Path) -> Vec<String> {
    let mut names = names(directory);
    let is_segment =
        |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "hc");
    names.retain(is_segment);
    names
}

/// Bytes on the disk of all files.
pub fn bytes(directory: &Path) -> u64 {
    let blocks = |name: &String| {
        fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.blocks() * 512)
    };
    names(directory).iter().map(blocks).sum()
}

/// Copies what there is, and leaves out what there isn't.
pub fn copy_sparsely(from: &Path, to: &Path) {
    let from = File::open(from).expect("ours");
    let to = File::create(to).expect("ours");
    to.set_len(from.metadata().expect("metadata").len()).expect("room");
    let mut at = 0;
    while let Ok(start) = lseek(&from, at, Whence::SeekData) {
        at = lseek(&from, start, Whence::SeekHole).expect("an end");
        let mut data = vec![0; usize::try_from(at - start).expect("small")];
        let start = u64::try_from(start).expect("an offset");
        from.read_exact_at(&mut data, start).expect("data");
        to.write_all_at(&data, start).expect("written");
    }
}
