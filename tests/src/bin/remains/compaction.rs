//! Compactions: on a full disk, while children are forked, and rival to a removal.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use headcount::Collector;
use headcount_tests::mounted::mount_megabyte;
use headcount_tests::program::start_in;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::metrics::tenant_calls;
use crate::{compact, forked, short_lived, tell};

/// A filesystem without space, in a mount of this process only.
pub(crate) fn compact_full(directory: &str) {
    if let Err(error) = mount_megabyte(directory) {
        println!("refused: {error}");
        return;
    }
    short_lived(directory, 5);
    let filler = Path::new(directory).join("filler");
    let mut file = File::create(&filler).expect("a file");
    while file.write_all(&[1; 512]).is_ok() {}
    drop(file);
    compact(directory);
    tell(directory);
    fs::remove_file(&filler).expect("ours");
    compact(directory);
    tell(directory);
}

/// Compacts again and again while another thread forks children that sleep, of which the newest few
/// are kept; ends by SIGKILL in the middle of a compaction in which a child was forked.
pub(crate) fn compact_while_forking(directory: &str) {
    let lock = Path::new(directory).join(".compact.lock");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut children = VecDeque::new();
            loop {
                let was_held = is_locked(&lock);
                children.push_back(forked(|| {
                    loop {
                        thread::sleep(Duration::from_secs(1));
                    }
                }));
                if children.len() > 50 && was_held && is_locked(&lock) {
                    let _ = raise(Signal::SIGKILL);
                }
                if children.len() > 50 {
                    let first: Pid = children.pop_front().expect("many");
                    kill(first, Signal::SIGKILL).expect("our child");
                    waitpid(first, None).expect("our child");
                }
            }
        });
        loop {
            Collector::from_directory(directory).compact().expect("nobody else compacts");
        }
    });
}

/// Whether somebody compacts.
fn is_locked(lock: &Path) -> bool {
    let Ok(file) = File::open(lock) else { return false };
    // All of it, and nobody's.
    let write = i16::try_from(libc::F_WRLCK).expect("small");
    let mut found = libc::flock { l_type: write, l_whence: 0, l_start: 0, l_len: 1, l_pid: 0 };
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).expect("it can be asked");
    i32::from(found.l_type) != libc::F_UNLCK
}

/// Four threads count through handles, old ones too, while two others remove the same series again
/// and again.
///
/// Each series is only ever given its own power of ten, so that a count on another's cell would be
/// seen in its digits. Tells how often each was counted.
pub(crate) fn removal_race(directory: &str) {
    const ROUNDS: u64 = 15_000;
    const NAMES: [&str; 5] = ["1", "1000000", "1000000000000", "kept", "kept too"];
    let power = |name: &str| name.parse().unwrap_or(1_u64);
    start_in(directory);
    let stop = AtomicBool::new(false);
    let counted: [AtomicU64; 5] = Default::default();
    thread::scope(|scope| {
        let counting: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let handles = NAMES.map(tenant_calls);
                        for _ in 0..10 {
                            for ((handle, name), counted) in handles.iter().zip(NAMES).zip(&counted)
                            {
                                handle.inc_by(power(name));
                                counted.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for name in &NAMES[..3] {
                        tenant_calls(name).remove();
                    }
                    headcount::remove_matching("tenant_calls_total", &[("tenant", "1")]);
                    // Slots are not used again: let the threads get something done with each.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for counting in counting {
            counting.join().expect("it ends well");
        }
        stop.store(true, Ordering::Relaxed);
    });
    for (name, counted) in NAMES.iter().zip(counted) {
        println!("counted {name}: {}", counted.into_inner());
    }
}
