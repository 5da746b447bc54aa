//! Lists every segment of a directory, whether its process is alive, and how that is known.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::archive;
use crate::directory::{Directory, segment_name};
use crate::error::Error;
use crate::kernel::fs::fstat;
use crate::model::cold_sort;
use crate::model::instance::{InstanceId, hex};
use crate::reader::liveness::{Here, Life, Reason, settle};
use crate::reader::log_reader::Logs;
use crate::reader::segment::{ENDLESS, Segment, read_header};
use crate::reader::source::Source;
use crate::segment::format::Header;

use super::Collector;

/// Information about one segment, which is one process's file; see [`Collector::segments`].
///
/// ```
/// use headcount::{Collector, Config, Counter, SegmentState, metric, testing::TestDirectory};
///
/// /// Letters sent.
/// #[metric(name = "segment_letters_total")]
/// static LETTERS: Counter;
///
/// let directory = TestDirectory::new()?;
/// headcount::init(Config::new().directory(directory.path()))?;
/// LETTERS.inc();
///
/// let segments = Collector::from_directory(directory.path()).segments()?;
/// let segment = &segments[0];
/// assert_eq!(segment.pid(), Some(std::process::id()));
/// assert_eq!((segment.state(), segment.why()), (SegmentState::Live, "holds its lock"));
/// assert!(segment.is_live() && segment.series() > 0 && segment.bytes() < 1 << 20);
/// assert!(segment.file_name().ends_with(".hc") && segment.error().is_none());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SegmentInfo {
    file_name: String,
    bytes: u64,
    header: Option<Header>,
    series: usize,
    dropped_operations: u64,
    state: SegmentState,
    why: String,
    error: Option<Error>,
}

/// Whether a segment's process can still count, and whether the segment counts.
///
/// ```
/// use headcount::{Collector, SegmentState, testing::TestDirectory};
///
/// let directory = TestDirectory::new()?;
/// std::fs::write(directory.path().join("17-a.hc"), "something else")?;
/// let segments = Collector::from_directory(directory.path()).segments()?;
/// assert_eq!(segments[0].state(), SegmentState::Unreadable);
/// assert_eq!(segments[0].state().to_string(), "unreadable");
/// assert!(segments[0].error().is_some_and(|error| error.is_corrupt()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SegmentState {
    /// The process is alive.
    Live,
    /// The process has ended. Its numbers are read from its segment, until that is compacted.
    Dead,
    /// There may be a process that is invisible from here: on another machine, or in another pid
    /// namespace. Its live gauges are not shown, and its segment is never compacted.
    Unknown,
    /// The archive contains its numbers. The file is not read any more, and the next compaction
    /// removes it.
    Archived,
    /// A copy of another segment. It does not count.
    Copy,
    /// The segment cannot be read: [`SegmentInfo::error`] says why.
    Unreadable,
}

impl fmt::Display for SegmentState {
    /// Prints one word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "live",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
            Self::Archived => "archived",
            Self::Copy => "copy",
            Self::Unreadable => "unreadable",
        })
    }
}

impl SegmentInfo {
    /// Returns the file's name in the directory.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Returns the pid, in the process's own pid namespace. This and the other values from the
    /// header are `None` if the header cannot be read.
    pub fn pid(&self) -> Option<u32> {
        self.header.as_ref().map(|header| header.pid)
    }

    /// Returns the user that the process ran as when it created the segment.
    pub fn uid(&self) -> Option<u32> {
        self.header.as_ref().map(|header| header.uid)
    }

    /// Returns the random number that identifies this segment, as 32 hexadecimal digits.
    pub fn instance(&self) -> Option<String> {
        self.header.as_ref().map(|header| hex(&header.instance))
    }

    /// Returns when the segment was created: at the process's first use of a metric.
    pub fn created(&self) -> Option<SystemTime> {
        let since = Duration::from_nanos(self.header.as_ref()?.created_ns);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }

    /// Returns the bytes that the segment takes on disk, or in memory. Its length would be
    /// misleading: most of it is holes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the number of series; a histogram is one. Removed series are not included.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Returns the number of operations that the process did not record, because there was no space
    /// or the value was invalid.
    pub fn dropped_operations(&self) -> u64 {
        self.dropped_operations
    }

    /// Returns what the kernel reports of the process, if it is alive and can be seen from here.
    #[cfg(all(feature = "serve", feature = "process"))]
    pub(crate) fn glance(&self) -> Option<crate::processes::Glance> {
        self.header.as_ref().filter(|_| self.is_live()).and_then(crate::processes::glance)
    }

    /// Returns whether the process is alive, and what happens with the segment.
    pub fn state(&self) -> SegmentState {
        self.state
    }

    /// Returns whether the process is alive.
    pub fn is_live(&self) -> bool {
        self.state == SegmentState::Live
    }

    /// Returns how that is known, in words.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Returns why the segment cannot be read, if it cannot.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

impl Collector {
    /// Lists every segment in the directory, the oldest first, with the state of its process, and
    /// how that is known. Segments that cannot be read come last, with their errors.
    ///
    /// The list is for headcount what `ps` is for processes. A process that counts in private
    /// memory has no file, so it is not listed; nor are processes whose numbers are in the archive
    /// and whose files are gone.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Config, SegmentState, counted};
    ///
    /// #[counted]
    /// fn work() {}
    ///
    /// # let name = format!("headcount-segments-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// headcount::init(Config::new().directory(&directory))?;
    /// work();
    ///
    /// let segments = Collector::new().segments()?;
    /// assert_eq!(segments.len(), 1);
    /// assert_eq!(segments[0].pid(), Some(std::process::id()));
    /// assert_eq!(segments[0].state(), SegmentState::Live);
    /// assert!(segments[0].series() >= 1);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, Error> {
        let Some(directory) = self.open_directory()? else { return Ok(Vec::new()) };
        let here = Here::in_directory(&directory);
        let mut logs = Logs::default();
        let names = directory.names()?.segments;
        let mut all: Vec<Found> = names
            .into_iter()
            .filter_map(|name| Found::of(&directory, name, &here, &mut logs))
            .collect();
        let lives =
            all.iter_mut().filter_map(|one| Some((one.info.header.as_ref()?, &mut one.life)));
        settle(lives.collect());
        // A collection ignores an archive that cannot be read, too.
        let archive = archive::read(&directory).unwrap_or_default();
        // Of several files with one instance, a collection reads this one.
        let mut originals = HashMap::<InstanceId, (Rank, String)>::new();
        for one in &all {
            let Some(header) = &one.info.header else { continue };
            let ranked = (one.rank(), one.info.file_name.clone());
            let best = originals.entry(header.instance).or_insert_with(|| ranked.clone());
            if ranked.0 > best.0 {
                *best = ranked;
            }
        }
        for one in &mut all {
            let Some(header) = &one.info.header else { continue };
            let original = originals.get(&header.instance);
            let is_copy = original.is_none_or(|(_, name)| *name != one.info.file_name);
            one.judge(archive.has(&header.instance), is_copy);
        }
        cold_sort::sort_by(&mut all, |a, b| a.order().cmp(&b.order()));
        Ok(all.into_iter().map(|one| one.info).collect())
    }
}

/// For the choice among copies, as [`Part::rank`](crate::merge::part::Part::rank); one that cannot
/// be read comes last.
type Rank = (bool, Life, (u64, u64), bool);

/// A segment, and the data by which it is judged.
struct Found {
    info: SegmentInfo,
    life: Life,
    reason: Option<Reason>,
    log_age: (u64, u64),
    /// It contains something that this version does not know.
    has_unknown: bool,
}

impl Found {
    /// `None`: the file is gone.
    fn of(directory: &Directory, file_name: String, here: &Here, logs: &mut Logs) -> Option<Self> {
        let info = SegmentInfo {
            file_name,
            bytes: 0,
            header: None,
            series: 0,
            dropped_operations: 0,
            state: SegmentState::Unreadable,
            why: "it can't be read".to_owned(),
            error: None,
        };
        let mut found =
            Self { info, life: Life::Dead, reason: None, log_age: (0, 0), has_unknown: false };
        match found.read(directory, here, logs) {
            Ok(is_there) => is_there.then_some(found),
            Err(e) => {
                let path = directory.path().join(&found.info.file_name);
                found.info.error = Some(e.at(&path));
                Some(found)
            }
        }
    }

    /// Reads as much as possible.
    fn read(&mut self, directory: &Directory, here: &Here, logs: &mut Logs) -> Result<bool, Error> {
        let Some(fd) = directory.open_file(&self.info.file_name)? else { return Ok(false) };
        let stat = fstat(&fd).map_err(|e| Error::io("stat the file", e))?;
        self.info.bytes = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
        let source = Source::File(fd);
        let header = read_header(&source, u64::try_from(stat.st_size).unwrap_or(0))?;
        if let Source::File(fd) = &source {
            let (life, reason) = here.why(&header, fd);
            (self.life, self.reason) = (life, Some(reason));
        }
        self.info.header = Some(header.clone());
        let segment = Segment::read(&source, header, logs)?;
        let series = segment.log.layout.series.iter();
        self.info.series = series.filter(|series| segment.span(series).1 == ENDLESS).count();
        self.info.dropped_operations = segment.dropped_operations;
        self.log_age = segment.log.id.age();
        self.has_unknown = segment.unknown().is_some();
        Ok(true)
    }

    fn rank(&self) -> Rank {
        let header = self.info.header.as_ref();
        let own_name = header.map(|header| segment_name(header.pid, &header.instance));
        let has_own_name = own_name.as_ref() == Some(&self.info.file_name);
        (self.info.error.is_none(), self.life, self.log_age, has_own_name)
    }

    fn order(&self) -> (bool, u64, &str) {
        let created = self.info.header.as_ref().map(|header| header.created_ns);
        (created.is_none(), created.unwrap_or(0), &self.info.file_name)
    }

    fn judge(&mut self, is_archived: bool, is_copy: bool) {
        if self.info.error.is_some() {
            return;
        }
        let pid = self.info.pid().unwrap_or(0);
        let (state, why) = match (self.life, self.reason) {
            (Life::Dead, _) if is_archived => {
                (SegmentState::Archived, "in the archive already; waits to be removed".to_owned())
            }
            _ if is_copy => (SegmentState::Copy, "a copy of another segment".to_owned()),
            (Life::Dead, Some(Reason::Runs)) => {
                let why = format!("weak lock; process {pid} has become another program");
                (SegmentState::Dead, why)
            }
            (life, reason) => {
                let state = match life {
                    Life::Dead => SegmentState::Dead,
                    Life::Unseen => SegmentState::Unknown,
                    Life::Running | Life::Locked => SegmentState::Live,
                };
                (state, reason.map_or_else(String::new, |reason| words(reason, pid)))
            }
        };
        (self.info.state, self.info.why) = (state, why);
        if self.has_unknown {
            self.info.why.push_str("; has metrics that only a newer version knows: not compacted");
        }
    }
}

fn words(reason: Reason, pid: u32) -> String {
    match reason {
        Reason::HoldsLock => "holds its lock".to_owned(),
        Reason::LockIsFree => "its lock is free".to_owned(),
        Reason::OtherBoot => "made before this boot".to_owned(),
        Reason::OtherMachine => "another machine's, or made before this boot".to_owned(),
        Reason::OtherNamespace => "weak lock; in another pid namespace".to_owned(),
        Reason::Runs => format!("weak lock; process {pid} runs since the same moment"),
        Reason::HasEnded => format!("weak lock; process {pid} has ended"),
        Reason::CannotLook => format!("weak lock; process {pid} can't be looked at"),
    }
}
