//! What happens to the files of a directory between two passes.
//!
//! Most files of a large directory are those of dead processes. A file that nobody has open for
//! writing, and that nobody has opened since, has not changed, and need not be opened to know that.
//! The kernel tells by inotify whose file was opened, before the one who opens it can write to it.

use core::mem::MaybeUninit;

use crate::directory::Directory;
use crate::kernel::fd::{AsFd, AsRawFd, OwnedFd};
use crate::kernel::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use crate::kernel::fs::{fstat, fstatfs};
use crate::kernel::io::Errno;
use crate::process::epoch;

/// Looks at a directory from the moment on at which it was made.
#[derive(Debug)]
pub(super) struct Watch {
    queue: OwnedFd,
    directory: (u64, u64),
    /// A forked child shares the queue, and would take its parent's news. The epoch is that of
    /// `fork`, and the number is for a child that was made in another way.
    process: (u32, u32),
}

/// What may lead to a change of a file, its name or its owner. What ends the watch is told anyhow.
const WANTED: WatchFlags = WatchFlags::OPEN
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

impl Watch {
    /// `None`: not on this filesystem, or this user has no watch left.
    pub(super) fn of(directory: &Directory) -> Option<Self> {
        // Those on which everybody who opens a file is seen by this kernel.
        const LOCAL: [u64; 4] = [
            0x0102_1994, // tmpfs
            0xef53,      // ext2, ext3, ext4
            0x5846_5342, // xfs
            0x9123_683e, // btrfs
        ];
        #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "signed somewhere")]
        let is_local = LOCAL.contains(&(fstatfs(directory).ok()?.f_type as u64));
        if !is_local {
            return None;
        }
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        // Not its path, which may lead elsewhere by now.
        let path = format!("/proc/self/fd/{}", directory.as_fd().as_raw_fd());
        inotify::add_watch(&queue, path, WANTED).ok()?;
        Some(Self {
            queue,
            directory: identity(directory)?,
            process: (epoch(), std::process::id()),
        })
    }

    /// Whether it looks at this directory, for this process.
    pub(super) fn is_of(&self, directory: &Directory) -> bool {
        self.process == (epoch(), std::process::id()) && identity(directory) == Some(self.directory)
    }

    /// Passes on the names of files to which something may have happened. `false`: to any of them.
    pub(super) fn news(&self, mut changed: impl FnMut(&str)) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => continue,
                Err(_) => return false,
            };
            let ends = ReadFlags::QUEUE_OVERFLOW
                | ReadFlags::IGNORED
                | ReadFlags::UNMOUNT
                | ReadFlags::DELETE_SELF
                | ReadFlags::MOVE_SELF;
            if event.events().intersects(ends) {
                return false;
            }
            // One without a name is of the directory itself: somebody listed it.
            if let Some(Ok(name)) = event.file_name().map(|name| name.to_str()) {
                changed(name);
            }
        }
    }
}

fn identity(directory: &Directory) -> Option<(u64, u64)> {
    let stat = fstat(directory).ok()?;
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        reason = "of other types elsewhere"
    )]
    Some((stat.st_dev as u64, stat.st_ino as u64))
}
