//! Creates a segment: as a file that is complete before it gets a name, or in private memory.

use std::io;

use crate::config::SegmentSize;
use crate::directory::{Directory, TEMPORARY, segment_name};
use crate::error::Error;
use crate::fault;
use crate::kernel;
use crate::kernel::errno;
use crate::kernel::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use crate::kernel::fs::memfd_create;
use crate::kernel::fs::{AtFlags, CWD, IFlags, MemfdFlags, OFlags};
use crate::kernel::io::Errno;
use crate::kernel::lock;
use crate::kernel::process::{Resource, getrlimit};
use crate::model::instance::{InstanceId, hex};
use crate::process::{self, Identity};

use super::current;
use super::format::{Geometry, Header, LADDER, LIVENESS_OFD, LIVENESS_WEAK, MINOR, Word};
use super::mapping::{Backing, Region};
use super::memory::Memory;

/// Magic numbers of statfs.
const OVERLAYFS: i64 = 0x794c_7630;
const BTRFS: i64 = 0x9123_683e;

/// How many files are tried before a process counts in private memory. Beside a compactor that
/// never rests, one file in ten that had a temporary name was taken for a leftover.
const MOST_FILES: u32 = 16;

/// The initial content of a new segment. The first segment of a program is empty. A forked child's
/// has its parent's log, so that every slot assigned before the fork stays valid.
pub(crate) struct Heritage<'a> {
    /// Addresses that are already reserved, if there are any.
    pub(crate) region: Option<Region>,
    /// The maximum size.
    pub(crate) size: SegmentSize,
    pub(crate) log: &'a [u8],
    pub(crate) slots_used: u32,
    /// The minimum number of cells of shard 0: those below `slots_used`, and as many as shard 0 of
    /// the parent had, because an interrupted operation may have compared with the parent's limit.
    pub(crate) process_cells: u32,
    pub(crate) parent: InstanceId,
    pub(crate) log_epoch_ns: Option<u64>,
    /// Whether this still is the process that began to make the segment. A signal handler can fork
    /// in the middle; if two processes made one file, both would hold its lock.
    pub(crate) is_same_process: &'a dyn Fn() -> bool,
}

impl Heritage<'_> {
    fn check(&self) -> Result<(), Error> {
        let forked = || Error::io("go on after a fork", io::Error::from(Errno::INTR));
        if (self.is_same_process)() { Ok(()) } else { Err(forked()) }
    }

    /// The geometries that are large enough and not too large, in the order in which they are
    /// tried.
    fn geometries(&self) -> impl Iterator<Item = Geometry> {
        let [large, medium, small, tiny] = LADDER;
        let most = match self.size {
            SegmentSize::Large => large,
            SegmentSize::Medium => medium,
            SegmentSize::Small => small,
            SegmentSize::Tiny => tiny,
        };
        // A child's geometry is as large as its parent's if the slots require it.
        let fitting = LADDER.into_iter().filter(|geometry| self.fits(*geometry));
        let least = fitting.clone().next_back().map_or(0, Geometry::logical_len);
        let most = most.logical_len().max(least);
        fitting.filter(move |geometry| geometry.logical_len() <= most)
    }

    fn fits(&self, geometry: Geometry) -> bool {
        geometry.slot_cap >= self.process_cells && geometry.log_cap() >= self.log.len() as u64
    }
}

/// A segment that is ready to record in.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) memory: Memory,
    pub(crate) header: Header,
}

/// Gives up a segment that could not be completed. Its blocks stay allocated as long as it is
/// mapped.
pub(crate) fn abandon(kept: Option<Region>) {
    current::begin(&Backing::none());
    if let Some(region) = kept {
        let _ = fault::step!("space.abandon", region.replace_by_private());
    }
}

/// Makes a segment in memory of this process only. It needs no descriptor and is the last resort.
pub(crate) fn create_private(
    heritage: &Heritage<'_>,
    kept: &mut Option<Region>,
) -> Result<Created, Error> {
    *kept = heritage.region;
    let mut refused = io::Error::from(Errno::NOMEM);
    for geometry in heritage.geometries() {
        let placed = match *kept {
            Some(region) if region.len() < geometry.logical_len() => continue,
            Some(region) => region.replace_by_private().map(|()| region),
            None => Region::reserve_private(geometry.logical_len()),
        };
        match placed {
            Ok(region) => {
                *kept = Some(region);
                current::place(region);
                return filled(region, Backing::none(), heritage, geometry, LIVENESS_OFD, true);
            }
            Err(e) => refused = e,
        }
    }
    Err(Error::io("get private memory", refused))
}

/// Makes a segment in the directory. Without a directory, makes it in a file that exists only in
/// memory of this process.
///
/// `kept` receives the reserved addresses, even if making the segment fails afterwards, so that
/// they can be used again.
pub(crate) fn create(
    directory: Option<&Directory>,
    heritage: &Heritage<'_>,
    kept: &mut Option<Region>,
) -> Result<Created, Error> {
    *kept = heritage.region;
    let (mut named, mut tried) = (false, 0);
    loop {
        let heritage = Heritage { region: *kept, ..*heritage };
        let file = Unnamed::open(directory, named).map_err(|e| Error::io("make a file", e))?;
        tried += 1;
        match complete_or_remove(file, directory, &heritage, kept) {
            // This file can't be given a name, and another one may. An unnamed file can't where
            // there is no /proc, and the kernel requires a privilege for the other way. A file with
            // a temporary name can't once it was taken for the leftover of a killed process.
            Err(e)
                if directory.is_some()
                    && e.raw_os_error() == Some(Errno::NOENT.raw_os_error())
                    && tried < MOST_FILES =>
            {
                named = true;
            }
            created => return created,
        }
    }
}

fn complete_or_remove(
    file: Unnamed,
    directory: Option<&Directory>,
    heritage: &Heritage<'_>,
    kept: &mut Option<Region>,
) -> Result<Created, Error> {
    let temporary = file.temporary.clone();
    let created = complete(file, directory, heritage, kept);
    if let (Err(_), Some(directory), Some(temporary)) = (&created, directory, temporary) {
        fault::step!("create.remove", {
            let _ = kernel::fs::unlinkat(directory, &temporary, AtFlags::empty());
        });
    }
    created
}

fn complete(
    file: Unnamed,
    directory: Option<&Directory>,
    heritage: &Heritage<'_>,
    kept: &mut Option<Region>,
) -> Result<Created, Error> {
    current::begin(&file.backing);
    heritage.check()?;
    let lost = || Error::io("find the segment's descriptor again", io::Error::from(Errno::BADF));
    let fd = file.backing.get().ok_or_else(lost)?;
    let (region, geometry) =
        place(fd, heritage, kept).map_err(|e| Error::io("map the segment", e))?;
    current::place(region);
    fault::call!("create.truncate", kernel::fs::ftruncate(fd, geometry.logical_len()))
        .map_err(|e| Error::io("set the segment's length", e))?;

    heritage.check()?;
    let locked = match directory {
        Some(_) => fault::call!("create.lock", lock(fd, file.weak)),
        None => Ok(LIVENESS_OFD),
    };
    // Until it was locked, a process that tidies up may have locked it itself, and removed it as a
    // leftover. Nobody else locks a file that has no segment's name.
    let has_lost = match &locked {
        Ok(_) => file.backing.links() == Some(0),
        Err(e) => matches!(e.raw_os_error(), Some(errno::EAGAIN | errno::EACCES)),
    };
    if file.temporary.is_some() && has_lost {
        return Err(Error::io("keep the segment's file", io::Error::from(Errno::NOENT)));
    }
    let liveness = locked.map_err(|e| Error::io("lock the segment", e))?;
    let Unnamed { backing, temporary, .. } = file;
    let is_private = directory.is_none();
    let created = filled(region, backing, heritage, geometry, liveness, is_private)?;
    heritage.check()?;
    if let Some(directory) = directory {
        let named = publish(&created.memory, directory, &created.header, temporary.as_deref());
        named.map_err(|e| Error::io("give the segment its name", e))?;
    }
    Ok(created)
}

pub(super) fn filled(
    region: Region,
    backing: Backing,
    heritage: &Heritage<'_>,
    geometry: Geometry,
    liveness: u32,
    is_private: bool,
) -> Result<Created, Error> {
    let header = header(heritage, geometry, liveness, is_private)?;
    let mut memory = Memory::new(region, backing, geometry)
        .ok_or_else(|| Error::corrupt("a segment larger than its addresses"))?;
    fill(&mut memory, &header, heritage).map_err(|e| Error::io("allocate the segment", e))?;
    Ok(Created { memory, header })
}

fn header(
    heritage: &Heritage<'_>,
    geometry: Geometry,
    liveness: u32,
    is_private: bool,
) -> Result<Header, Error> {
    let me = Identity::of_this_process();
    let created_ns = process::steady_ns();
    let instance = match fault::call!("create.random", process::random()) {
        Ok(random) => random,
        // Only this process will read it, so the number only has to differ from those of its
        // ancestors and from its own earlier ones. Pid and creation time ensure that.
        Err(_) if is_private => {
            let mut instance = [0; 16];
            let (number, time) = instance.split_at_mut(8);
            number.copy_from_slice(&u64::from(me.pid).to_le_bytes());
            time.copy_from_slice(&created_ns.to_le_bytes());
            instance
        }
        Err(e) => return Err(Error::io("get a random number", e)),
    };
    Ok(Header {
        minor: MINOR,
        instance,
        boot_id: me.boot_id,
        pid_namespace: me.pid_namespace,
        pid: me.pid,
        uid: me.uid,
        start_ticks: me.start_ticks,
        created_ns,
        log_epoch_ns: heritage.log_epoch_ns.unwrap_or(created_ns),
        parent: heritage.parent,
        liveness,
        geometry,
        booted_ns: process::booted_ns(),
        time_namespace: process::time_namespace(),
    })
}

/// Picks the largest geometry that the limits allow, and maps the empty file.
fn place(
    file: BorrowedFd<'_>,
    heritage: &Heritage<'_>,
    kept: &mut Option<Region>,
) -> io::Result<(Region, Geometry)> {
    // Exceeding RLIMIT_FSIZE raises a signal that ends the program, so the limit is checked first.
    let largest = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    let mut refused = io::Error::from(Errno::FBIG);
    for geometry in heritage.geometries().filter(|one| one.logical_len() <= largest) {
        let placed = match *kept {
            Some(region) => region.replace(file, geometry.logical_len()).map(|()| region),
            None => Region::reserve(file, geometry.logical_len()),
        };
        match placed {
            Ok(region) => {
                *kept = Some(region);
                return Ok((region, geometry));
            }
            Err(e) => refused = e,
        }
    }
    Err(refused)
}

/// Writes everything that makes a segment valid, `ready` last.
fn fill(memory: &mut Memory, header: &Header, heritage: &Heritage<'_>) -> io::Result<()> {
    memory.begin_log(heritage.log)?;
    memory.grow_shard(0, heritage.process_cells)?;
    memory.write(0, header.encode().as_slice());
    let order = core::sync::atomic::Ordering::Release;
    memory.word(Word::SlotsUsed).store(u64::from(heritage.slots_used), order);
    memory.word(Word::ShardsUsed).store(1, order);
    memory.word(Word::LogUsed).store(heritage.log.len() as u64, order);
    fault::step!("create.ready", memory.word(Word::Ready).store(1, order));
    Ok(())
}

/// Gives the file its name. From here on it is complete and visible to every collector.
fn publish(
    memory: &Memory,
    directory: &Directory,
    header: &Header,
    temporary: Option<&str>,
) -> kernel::io::Result<()> {
    let name = segment_name(header.pid, &header.instance);
    if let Some(temporary) = temporary {
        return fault::call!(
            "create.rename",
            kernel::fs::renameat(directory, temporary, directory, &name)
        );
    }
    let fd = memory.backing().get().ok_or(Errno::BADF)?;
    let linked = fault::call!(
        "create.link",
        kernel::fs::linkat(fd, "", directory, &name, AtFlags::EMPTY_PATH)
    );
    // Before Linux 6.10 that takes a privilege. The other way takes the kernel longer, and needs
    // /proc, which a minimal chroot lacks. If the directory refuses, it does so twice.
    linked.or_else(|_| {
        let by_proc = format!("/proc/self/fd/{}", fd.as_raw_fd());
        fault::call!(
            "create.link_by_proc",
            kernel::fs::linkat(CWD, &by_proc, directory, &name, AtFlags::SYMLINK_FOLLOW)
        )
    })
}

/// A file that no collector can find yet.
struct Unnamed {
    /// Not a plain descriptor: in a child that a signal handler forks meanwhile, the fork handler
    /// closes the descriptor.
    backing: Backing,
    weak: bool,
    /// Its temporary name, on filesystems without unnamed files.
    temporary: Option<String>,
}

impl Unnamed {
    fn open(directory: Option<&Directory>, named: bool) -> io::Result<Self> {
        let Some(directory) = directory else {
            let make = || memfd_create("headcount", MemfdFlags::CLOEXEC);
            let fd = fault::call!("private.file", make())?;
            let backing = Backing::new(move_up(fd))?;
            return Ok(Self { backing, weak: false, temporary: None });
        };
        let mode = directory.file_mode();
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let unnamed = || {
            let flags = flags | OFlags::TMPFILE;
            fault::call!("create.unnamed", kernel::fs::openat(directory, ".", flags, mode))
        };
        let (fd, temporary) = match if named { Err(Errno::OPNOTSUPP) } else { unnamed() } {
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {
                let name = format!("{TEMPORARY}{}", hex(&process::random()?));
                let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                let opened = fault::call!(
                    "create.temporary",
                    kernel::fs::openat(directory, &name, flags, mode)
                );
                (opened?, Some(name))
            }
            opened => (opened?, None),
        };
        // Independent of the umask.
        kernel::fs::fchmod(&fd, mode)?;
        let magic = kernel::fs::fstatfs(&fd)?.f_type;
        match magic {
            BTRFS => overwrite_in_place(&fd)?,
            // An overlayfs may be on top of btrfs, and passes the flags on. Other filesystems do
            // not know the flags.
            OVERLAYFS => {
                let _ = overwrite_in_place(&fd);
            }
            _ => {}
        }
        // On overlayfs the lock is released with the descriptor, although the mapping can still
        // write.
        let backing = Backing::new(move_up(fd))?;
        Ok(Self { backing, weak: magic == OVERLAYFS, temporary })
    }
}

/// Turns copy-on-write off for the file. Otherwise each write-back makes the pages need new blocks,
/// even where blocks were allocated before, and on a full disk the next store raises SIGBUS. The
/// flag can only be set on an empty file.
fn overwrite_in_place(fd: &OwnedFd) -> kernel::io::Result<()> {
    let mut flags = kernel::fs::ioctl_getflags(fd)?;
    // The directory may have set compression. Compressed files are never overwritten in place, and
    // the two flags cannot be exchanged in one call.
    if flags.contains(IFlags::COMPRESSED) {
        flags -= IFlags::COMPRESSED;
        kernel::fs::ioctl_setflags(fd, flags)?;
    }
    kernel::fs::ioctl_setflags(fd, flags | IFlags::NOCOW)
}

/// Takes the lock that means "alive", and returns how far readers can trust it.
fn lock(fd: BorrowedFd<'_>, weak: bool) -> io::Result<u32> {
    let unsupported = [Errno::NOLCK, Errno::OPNOTSUPP, Errno::INVAL].map(Errno::raw_os_error);
    match lock::take(fd) {
        Ok(()) if !weak => Ok(LIVENESS_OFD),
        Ok(()) => Ok(LIVENESS_WEAK),
        // The filesystem does not support locks.
        Err(e) if e.raw_os_error().is_some_and(|e| unsupported.contains(&e)) => Ok(LIVENESS_WEAK),
        Err(e) => Err(e),
    }
}

/// Moves a descriptor to a high number, out of the way of programs that expect low numbers. If that
/// fails, the descriptor stays as it is.
fn move_up(fd: OwnedFd) -> OwnedFd {
    let least = process::high_number();
    fault::call!("create.move_up", kernel::io::fcntl_dupfd_cloexec(fd.as_fd(), least)).unwrap_or(fd)
}
