//! What lies in a directory of segments.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Whence, lseek};

/// The archive of a directory.
pub const ARCHIVE: &str = "archive.hca";
/// The file that is locked by whoever compacts.
pub const LOCK: &str = ".compact.lock";

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

/// A path as an argument of a program.
#[track_caller]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
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
    to.set_len(from.metadata().expect("metadata").len()).expect("space");
    let mut at = 0;
    while let Ok(start) = lseek(&from, at, Whence::SeekData) {
        at = lseek(&from, start, Whence::SeekHole).expect("an end");
        let mut data = vec![0; usize::try_from(at - start).expect("small")];
        let start = u64::try_from(start).expect("an offset");
        from.read_exact_at(&mut data, start).expect("data");
        to.write_all_at(&data, start).expect("written");
    }
}

/// Makes the checksum of an archive's header right.
pub fn seal_archive_header(bytes: &mut [u8]) {
    let crc = crc32fast::hash(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
}

/// Makes an archive's length and checksums right.
pub fn seal_archive(archive: &mut [u8]) {
    if archive.len() < 144 {
        return;
    }
    let len = archive.len() as u64;
    archive[48..56].copy_from_slice(&len.to_le_bytes());
    seal_archive_header(archive);
    let body = archive.len() - 16;
    let generation: [u8; 8] = archive[32..40].try_into().expect("eight");
    let crc = crc32fast::hash(&archive[..body]);
    archive[body..body + 8].copy_from_slice(&generation);
    archive[body + 8..body + 12].copy_from_slice(&crc.to_le_bytes());
    archive[body + 12..].copy_from_slice(b"HCAE");
}

/// Bytes as `xxd -a` prints them, without the letters: sixteen in a row behind their offset, and a
/// star for rows of zeros, but for the last.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    let rows = bytes.chunks(16).enumerate();
    let mut is_left_out = false;
    for (number, row) in rows {
        let is_last = (number + 1) * 16 >= bytes.len();
        if row.iter().all(|byte| *byte == 0) && !is_last {
            if !is_left_out {
                text.push_str("*\n");
            }
            is_left_out = true;
            continue;
        }
        is_left_out = false;
        write!(text, "{:08x}:", number * 16).expect("space");
        for (place, byte) in row.iter().enumerate() {
            let space = if place % 2 == 0 { " " } else { "" };
            write!(text, "{space}{byte:02x}").expect("space");
        }
        text.push('\n');
    }
    text
}

/// The bytes that [`to_hex`] made a text of.
pub fn from_hex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| *line != "*") {
        let (offset, digits) = line.split_once(": ").expect("an offset and bytes");
        bytes.resize(usize::from_str_radix(offset, 16).expect("an offset"), 0);
        let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
        for pair in digits.chunks(2) {
            let pair = std::str::from_utf8(pair).expect("digits");
            bytes.push(u8::from_str_radix(pair, 16).expect("digits"));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_text() {
        let mut bytes = vec![0; 100];
        bytes[3] = 0xab;
        bytes[64..70].fill(0x0f);
        let text = to_hex(&bytes);
        assert_eq!(text.lines().count(), 5);
        assert!(text.starts_with("00000000: 0000 00ab 0000"), "{text}");
        assert_eq!(from_hex(&text), bytes);
        assert_eq!(from_hex(&to_hex(&[])), [0; 0]);
        assert_eq!(from_hex(&to_hex(&[0; 32])), [0; 32]);
    }
}
