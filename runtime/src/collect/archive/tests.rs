//! Folding without files.

use std::collections::HashSet;

use super::super::merge::Part;
use super::fold::{fold, leave_out_ended, series_of};
use super::format::{decode, encode};
use super::{Archive, KEPT};

/// The next generation, as it is read back from its bytes; `others` are the segments that stay.
pub(in super::super) fn folded(archive: Archive, dead: &[Part], others: &[Part]) -> Archive {
    let mut archive = fold(archive, dead, &HashSet::new(), 7);
    leave_out_ended(&mut archive, || Ok(series_of(others))).unwrap();
    let bytes = encode(&archive, 8);
    let read = decode(&bytes).unwrap();
    assert_eq!(encode(&read, 8), bytes, "what is read is what was written");
    read
}

#[test]
fn an_archive_that_was_cut_or_changed_anywhere_is_refused() {
    let archive = folded(Archive::default(), &[], &[]);
    let bytes = encode(&archive, 9);
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len}");
    }
    for at in 0..bytes.len() {
        for bit in (0..8).step_by(if cfg!(miri) { 8 } else { 1 }) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(decode(&changed).is_err(), "{at} {bit}");
        }
    }
}

#[test]
fn a_tombstone_is_kept_for_some_generations_after_its_file_was_last_seen() {
    let mut archive = Archive::default();
    let instance = [3; 16];
    archive.tombstones.push(super::Tombstone { instance, last_seen: 0 });
    let listed = HashSet::from([instance]);
    for _ in 0..10 {
        archive = fold(archive, &[], &listed, 0);
        assert!(archive.has(&instance));
    }
    for _ in 0..KEPT {
        archive = fold(archive, &[], &HashSet::new(), 0);
        assert!(archive.has(&instance));
    }
    archive = fold(archive, &[], &HashSet::new(), 0);
    assert!(!archive.has(&instance));
}
