//! Filesystems of a test's own: images that are mounted where nobody else sees them, and can be
//! filled to the last block.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::syncfs;
use tempfile::TempDir;

use crate::{Medium, eventually, peer, temporary_directory};

/// A filesystem as programs `mkfs.*` make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Writes in place.
    Ext4,
    /// Writes in place what nobody else has a reference to.
    Xfs,
    /// Writes elsewhere, unless a file says otherwise.
    Btrfs,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// Not much more than the least that its program makes.
    fn size(self) -> u64 {
        match self {
            Self::Ext4 => 64 << 20,
            Self::Xfs => 320 << 20,
            Self::Btrfs => 128 << 20,
        }
    }
}

/// Mounts an empty filesystem of a megabyte, in memory. Only this process and its children see it.
/// No rights are needed, unless the system forbids users to have namespaces.
pub fn mount_megabyte(directory: &str) -> nix::Result<()> {
    mount_memory(directory, "size=1m")
}

/// The same with another limit.
pub fn mount_memory(directory: &str, limit: &str) -> nix::Result<()> {
    let me = fs::metadata("/proc/self").map_err(|_| Errno::ENOENT)?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    let write = |file: &str, text: String| {
        fs::write(Path::new("/proc/self").join(file), text).map_err(|_| Errno::EPERM)
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {} 1", me.uid()))?;
    write("gid_map", format!("0 {} 1", me.gid()))?;
    let options = format!("{limit},mode=0700");
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some(&*options))
}

/// A mounted filesystem. Only the thread that made it sees it, and the programs that this thread
/// starts: it goes with the last of them, whatever ends them, and its loop device with it.
#[derive(Debug)]
pub struct Filesystem {
    image: PathBuf,
    root: PathBuf,
    filler: PathBuf,
    _folder: TempDir,
}

impl Filesystem {
    /// An empty one.
    pub fn new(kind: Kind) -> Self {
        let folder = temporary_directory(Medium::Memory);
        let (image, root) = (folder.path().join("image"), folder.path().join("root"));
        fs::create_dir(&root).expect("a directory");
        File::create(&image).expect("an image").set_len(kind.size()).expect("it is sparse");
        succeed(Command::new(peer(&format!("mkfs.{}", kind.name()))).arg("-q").arg(&image));

        unshare(CloneFlags::CLONE_NEWNS).expect("root may");
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("root may");
        succeed(
            Command::new("mount")
                .args(["-n", "-t", kind.name(), "-o", "loop"])
                .args([&image, &root]),
        );
        let filler = root.join("filler");
        Self { image, root, filler, _folder: folder }
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An overlay whose upper layer lies here: where it is mounted.
    pub fn overlay(&self) -> PathBuf {
        let layers = ["lower", "upper", "work", "all"].map(|layer| self.root.join(layer));
        for layer in &layers {
            fs::create_dir(layer).expect("a directory");
        }
        let [lower, upper, work, all] = layers;
        let (lower, upper, work) = (lower.display(), upper.display(), work.display());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        mount(Some("overlay"), &all, Some("overlay"), MsFlags::empty(), Some(&*options))
            .expect("root may");
        all
    }

    /// Writes everything that is dirty: the next store to a mapped page asks the filesystem again.
    pub fn write_back(&self) {
        syncfs(File::open(&self.root).expect("it is mounted")).expect("it can be written");
    }

    /// Takes all space that is left.
    pub fn fill(&self) {
        let filler = File::options().create(true).append(true).open(&self.filler).expect("a file");
        let mut end = i64::try_from(filler.metadata().expect("it is open").len()).expect("small");
        // Some of what is refused at first comes to light once everything is written: what was set
        // aside for metadata, or freed a moment ago.
        for _ in 0..3 {
            for step in [16 << 20, 1 << 20, 64 << 10, 4 << 10] {
                loop {
                    match fallocate(&filler, FallocateFlags::empty(), end, step) {
                        Ok(()) => end += step,
                        Err(Errno::ENOSPC) => break,
                        Err(Errno::EINTR) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            self.write_back();
        }
    }

    /// Gives some of what [`fill`](Self::fill) took.
    pub fn give_back(&self, bytes: u64) {
        let filler = File::options().write(true).open(&self.filler).expect("it is full");
        let len = filler.metadata().expect("it is open").len();
        filler.set_len(len.saturating_sub(bytes)).expect("it can be cut");
        self.write_back();
    }

    /// Gives back all that [`fill`](Self::fill) took.
    pub fn empty(&self) {
        fs::remove_file(&self.filler).expect("it is full");
        self.write_back();
    }

    /// Whether a loop device has this image still.
    fn is_attached(&self) -> bool {
        let devices = fs::read_dir("/sys/block").expect("the kernel's");
        let images = devices.filter_map(|device| {
            fs::read_to_string(device.ok()?.path().join("loop/backing_file")).ok()
        });
        let ours = self.image.to_str().expect("UTF-8");
        images.into_iter().any(|image| image.starts_with(ours))
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        // Whoever is still in it keeps it for so long.
        let unmounted = umount2(&self.root, MntFlags::MNT_DETACH);
        if !std::thread::panicking() {
            unmounted.expect("it was mounted");
            eventually("the loop device is free again", || (!self.is_attached()).then_some(()));
        }
    }
}

/// Runs a program that has nothing to say.
#[track_caller]
pub fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
