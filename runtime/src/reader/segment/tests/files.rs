//! Files that change while they are read.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::kernel::fs::{MemfdFlags, memfd_create};
use crate::segment::format::tests::header;

use super::*;

/// A segment without declarations.
fn file() -> (File, Header) {
    let header = header();
    let file = File::from(memfd_create("segment", MemfdFlags::CLOEXEC).unwrap());
    file.set_len(header.geometry.logical_len()).unwrap();
    file.write_all_at(header.encode().as_slice(), 0).unwrap();
    file.write_all_at(&1_u64.to_le_bytes(), Word::Ready.offset()).unwrap();
    (file, header)
}

fn read(file: &File, header: Header) -> Result<Segment, Error> {
    let source = Source::File(file.try_clone().unwrap().into());
    Segment::read(&source, header, &mut Logs::default())
}

#[test]
fn what_is_cut_after_its_header_was_read_is_an_error() {
    let (file, header) = file();
    let len = header.geometry.logical_len();
    let source = Source::File(file.try_clone().unwrap().into());
    let read_before = read_header(&source, len).unwrap();
    read(&file, read_before.clone()).unwrap();
    // First behind everything that is read, then where a shard would begin.
    for len in [len - 1, header.geometry.cells_off] {
        file.set_len(len).unwrap();
        let error = read(&file, read_before.clone()).unwrap_err();
        assert!(error.to_string().contains("cut off"), "{error}");
    }
}

#[test]
fn what_has_grown_since_its_header_was_read_is_read() {
    let (file, header) = file();
    file.set_len(header.geometry.logical_len() * 2).unwrap();
    read(&file, header).unwrap();
}
