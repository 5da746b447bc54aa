//! What the format presumes of the machine, and neither Rust nor POSIX promises.

#![expect(unsafe_code, reason = "maps a file, as the library does")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use headcount_tests::{Medium, temporary_directory};

fn with_mapped_words(medium: Medium, test: impl FnOnce(&[AtomicU64], &File)) {
    let directory = temporary_directory(medium);
    let path = directory.path().join("words");
    let file = File::options().create_new(true).read(true).write(true).open(path).expect("a file");
    file.set_len(4096).expect("space");
    let map = memmap2::MmapOptions::new().len(4096).map_raw(&file).expect("a mapping");
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    // SAFETY: 512 aligned words, accessed through these atomics only while `map` lives; the file
    // isn't cut.
    let words = unsafe { std::slice::from_raw_parts(map.as_mut_ptr().cast::<AtomicU64>(), 512) };
    test(words, &file);
}

/// A read of the whole page, as the collector reads: into words, at a multiple of 8.
fn pread(file: &File) -> [u64; 512] {
    let mut words = [0_u64; 512];
    // SAFETY: the same memory, borrowed mutably for as long; every pattern of bytes is a `u64`.
    let bytes = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 4096) };
    file.read_exact_at(bytes, 0).expect("a page");
    words
}

fn no_word_is_torn(medium: Medium) {
    with_mapped_words(medium, |words, file| {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for value in [0, u64::MAX, 0x0000_0000_ffff_ffff, 0x0000_0001_0000_0000] {
                        for word in words {
                            word.store(value, Ordering::Relaxed);
                        }
                    }
                }
            });
            for _ in 0..20_000 {
                for word in pread(file) {
                    assert!(
                        [0, u64::MAX, 0x0000_0000_ffff_ffff, 0x0000_0001_0000_0000].contains(&word),
                        "a third value: {word:#x}"
                    );
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn an_aligned_word_is_never_torn() {
    no_word_is_torn(Medium::Memory);
}

#[test]
fn an_aligned_word_is_never_torn_on_disk() {
    no_word_is_torn(Medium::Disk);
}

fn stores_are_seen(medium: Medium) {
    with_mapped_words(medium, |words, file| {
        for value in 1..20_000_u64 {
            let at = usize::try_from(value % 512).expect("small");
            words[at].store(value, Ordering::Relaxed);
            assert_eq!(pread(file)[at], value);
        }
    });
}

#[test]
fn a_store_is_seen_by_the_next_pread() {
    stores_are_seen(Medium::Memory);
}

#[test]
fn a_store_is_seen_by_the_next_pread_on_disk() {
    stores_are_seen(Medium::Disk);
}
