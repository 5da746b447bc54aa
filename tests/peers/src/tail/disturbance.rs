//! A disk that is busy with writing back.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use headcount_peers::measure::pin;
use nix::unistd::syncfs;

use crate::Result;

pub struct Disturbance {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    bulk: PathBuf,
}

impl Disturbance {
    /// On the filesystem of `disk`, and of the files in `segments`, wherever they are.
    pub fn start(disk: &Path, segments: &Path) -> Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let bulk = disk.join("bulk");
        let filesystem = File::open(disk)?;
        let writes = {
            let (is_over, file) = (Arc::clone(&is_over), File::create(&bulk)?);
            thread::spawn(move || write(file, &is_over))
        };
        let syncs = {
            let (is_over, segments) = (Arc::clone(&is_over), segments.to_owned());
            thread::spawn(move || write_back(&filesystem, &segments, &is_over))
        };
        Ok(Self { is_over, threads: vec![writes, syncs], bulk })
    }

    pub fn stop(self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "it panicked")??;
        }
        Ok(fs::remove_file(self.bulk)?)
    }
}

/// Writes 256 MiB again and again.
fn write(mut file: File, is_over: &AtomicBool) -> io::Result<()> {
    // The last processor is the measured thread's.
    pin(0);
    let chunk = vec![7; 1 << 20];
    while !is_over.load(Ordering::Relaxed) {
        file.write_all(&chunk)?;
        if file.stream_position()? >= 256 << 20 {
            file.rewind()?;
        }
    }
    Ok(())
}

/// Asks for each segment to be written back, then for everything.
fn write_back(filesystem: &File, segments: &Path, is_over: &AtomicBool) -> io::Result<()> {
    pin(0);
    while !is_over.load(Ordering::Relaxed) {
        if !segments.as_os_str().is_empty() {
            for entry in fs::read_dir(segments)? {
                // A file that has gone meanwhile needs nothing.
                if let Ok(file) = File::open(entry?.path()) {
                    file.sync_data()?;
                }
            }
        }
        syncfs(filesystem)?;
    }
    Ok(())
}
