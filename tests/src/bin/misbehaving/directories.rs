//! What happens to the directory and its files: closed, removed, relative, full.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;

use headcount_tests::child::in_child;
use headcount_tests::mounted::mount_megabyte;
use headcount_tests::program::{start_in, tell, wait_to_be_killed};

use crate::{WORK, hit, work};

/// A program that closes all descriptors that it doesn't know, as daemons do, and then opens its
/// own files.
pub(crate) fn close_all(directory: &str, files: &Path) {
    start_in(directory);
    work();
    for fd in 3..2_000 {
        let _ = nix::unistd::close(fd);
    }
    let open = |i: u32| File::create(files.join(i.to_string())).expect("a file");
    let mine: Vec<File> = (0..600).map(open).collect();
    for i in 50..990 {
        hit(i);
    }
    work();
    let is_untouched = |file: &File| {
        let metadata = file.metadata().expect("it is open");
        (metadata.len(), metadata.blocks()) == (0, 0)
    };
    in_child(|| {
        work();
        assert!(mine.iter().all(is_untouched), "a child touched the files");
    });
    assert!(mine.iter().all(is_untouched), "the files were touched");
    wait_to_be_killed();
}

pub(crate) fn remove(directory: &str) {
    start_in(directory);
    work();
    fs::remove_dir_all(directory).expect("ours");
    work();
    tell();
    in_child(work);
}

/// A program that starts with a relative directory and then goes to another, as daemons do.
pub(crate) fn relative(parent: &Path) {
    std::env::set_current_dir(parent).expect("it is there");
    start_in("metrics");
    work();
    std::env::set_current_dir("/").expect("it is there");
    in_child(work);
}

/// A filesystem that runs full, in a mount of this process only.
pub(crate) fn full(directory: &str) {
    if let Err(error) = mount_megabyte(directory) {
        println!("refused: {error}");
        return;
    }
    start_in(directory);
    WORK.inc();
    hit(0);
    let filler = Path::new(directory).join("filler");
    let mut file = File::create(&filler).expect("a file");
    while std::io::Write::write_all(&mut file, &[1; 1024]).is_ok() {}
    drop(file);
    // Some of these find space in blocks that are there already.
    for i in 1..900 {
        hit(i);
    }
    thread::spawn(|| WORK.inc_by(7)).join().expect("it ends well");
    WORK.inc_by(92);
    in_child(|| WORK.inc_by(100));
    fs::remove_file(&filler).expect("ours");
    tell();
    println!("again:");
    // Patience with a full disk ends.
    for i in 0..20_000 {
        hit(1_000 + i % 10);
    }
    tell();
}
