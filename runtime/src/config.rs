//! What the program says, else what the environment says. Nothing else reads the environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process;

const DIRECTORY: &str = "HEADCOUNT_DIR";
const GROUP: &str = "HEADCOUNT_GROUP";
const REQUIRED: &str = "HEADCOUNT_REQUIRED";
const SEGMENT_SIZE: &str = "HEADCOUNT_SEGMENT_SIZE";
/// The Python client's, and its older spelling.
const PYTHONS: [&str; 2] = ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"];
/// systemd's, for a service with `RuntimeDirectory=`.
const SYSTEMDS: &str = "RUNTIME_DIRECTORY";

/// What a program decides before it records; see [`init`](crate::init).
///
/// What is not said here the environment says, once, at `init` or at the first use:
///
/// | variable | |
/// |---|---|
/// | `HEADCOUNT_DIR` | [`directory`](Self::directory) |
/// | `HEADCOUNT_GROUP` | [`group`](Self::group), by its number, or by its name in `/etc/group` |
/// | `HEADCOUNT_REQUIRED` | [`required`](Self::required): `1` or `0` |
/// | `HEADCOUNT_SEGMENT_SIZE` | [`segment_size`](Self::segment_size): `large`, `medium`, .. |
///
/// A program that runs with rights its caller hasn't (set-user-ID, set-group-ID, file
/// capabilities; `AT_SECURE`) doesn't look at the environment, which is the caller's.
///
/// ```
/// let config = headcount::Config::new().directory("/run/shop/metrics");
/// assert_eq!(config.resolved_directory().unwrap().to_str(), Some("/run/shop/metrics"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a configuration does nothing until it is given to `headcount::init`"]
pub struct Config {
    directory: Option<PathBuf>,
    group: Option<u32>,
    required: Option<bool>,
    segment_size: Option<SegmentSize>,
    sample_interval: Option<Duration>,
}

/// How many series and threads one process has room for, and how many addresses that takes. The
/// file and the memory in use are as large as what was counted, whatever the size.
///
/// Where a limit (`RLIMIT_AS`, `RLIMIT_FSIZE`, locked memory) refuses one, the next smaller is
/// taken. A process of few series that wants to keep such limits low, or to lock its memory
/// (`mlockall`), chooses one itself: see the [guide](crate::directory_guide).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SegmentSize {
    /// 256 KiB of addresses: 4,096 cells, 4 shards, 120 KiB of descriptions.
    Tiny,
    /// 3 MiB of addresses: 16,384 cells, 16 shards, 1 MiB of descriptions.
    Small,
    /// 36 MiB of addresses: 65,536 cells, 64 shards, 4 MiB of descriptions.
    Medium,
    /// 4,160 MiB of addresses: 1,048,576 cells, 512 shards, 64 MiB of descriptions.
    #[default]
    Large,
}

impl Config {
    /// What the environment says, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The directory in which all processes of this program have their segments. It is made if it
    /// is missing, with mode 0700. A filesystem in memory (`/dev/shm`, `/run`) is best.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// The group, by number, that shares the directory: for a master that starts as root and has
    /// workers of other users, or an exporter with a user of its own. The directory is made with
    /// mode 02770 and this group, if it is missing, and members of the group read each other's
    /// files and fold them. All of them must be members; whoever is can spoil the numbers of all.
    ///
    /// The rights of a directory that is there already are never changed. If they don't let the
    /// group write, [`init`](crate::init) and [`health`](crate::health) say so.
    pub fn group(mut self, gid: u32) -> Self {
        self.group = Some(gid);
        self
    }

    /// Whether this process must share what it counts. With `true`, [`init`](crate::init) is an
    /// error where no directory is named, or it can't be used. With `false`, a process for which no
    /// directory is named is alone on purpose: nothing is said about it in
    /// [`health`](crate::health) or to the logger. Unless it is said, both tell.
    ///
    /// ```
    /// use headcount::Config;
    ///
    /// # if Config::new().resolved_directory().is_some() { return }
    /// let error = headcount::init(Config::new().required(true)).unwrap_err();
    /// assert!(error.is_private());
    /// ```
    pub fn required(mut self, required: bool) -> Self {
        self.required = Some(required);
        self
    }

    /// The largest segment that this process makes.
    ///
    /// ```
    /// use headcount::{Config, SegmentSize};
    ///
    /// let config = Config::new().segment_size(SegmentSize::Small);
    /// # headcount::init(config).unwrap_or(());
    /// ```
    pub fn segment_size(mut self, size: SegmentSize) -> Self {
        self.segment_size = Some(size);
        self
    }

    /// How often each process asks the functions that were given to
    /// [`Gauge::set_function`](crate::Gauge::set_function) and its siblings: every 5 seconds unless
    /// told otherwise. At least a millisecond.
    pub fn sample_interval(mut self, interval: Duration) -> Self {
        self.sample_interval = Some(interval);
        self
    }

    pub(crate) fn chosen_interval(&self) -> Option<Duration> {
        self.sample_interval
    }

    /// The directory that these words and the environment come to: the one given here, else
    /// `HEADCOUNT_DIR`, else `PROMETHEUS_MULTIPROC_DIR`, else the latter in lower case, as the
    /// Python client has it, else the subdirectory `headcount` of the first directory in systemd's
    /// `RUNTIME_DIRECTORY`. `None`: every process counts in memory of its own, where only itself
    /// can read.
    pub fn resolved_directory(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(directory_from_environment)
    }

    /// What these words and the environment come to.
    pub(crate) fn choice(&self) -> Choice {
        let mut mistake = None;
        let group = self.group.or_else(|| parsed(GROUP, &mut mistake, group_called));
        let required = self.required.or_else(|| parsed(REQUIRED, &mut mistake, switch));
        let size = self.segment_size.or_else(|| parsed(SEGMENT_SIZE, &mut mistake, size_called));
        // Absolute, so that it stays the same directory when a program that becomes a daemon
        // changes its own.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Choice {
            directory: self.resolved_directory().map(absolute),
            group,
            required,
            size: size.unwrap_or_default(),
            mistake,
            root: process::root(),
        }
    }
}

/// What code and environment came to, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) group: Option<u32>,
    pub(crate) required: Option<bool>,
    pub(crate) size: SegmentSize,
    /// What in the environment makes no sense.
    pub(crate) mistake: Option<String>,
    /// The root directory in which `directory` was named, by device and inode: in another, the
    /// path means something else.
    root: Option<(u64, u64)>,
}

impl Choice {
    /// Whether the path still means what it meant.
    pub(crate) fn is_of_this_root(&self) -> bool {
        self.root == process::root()
    }

    pub(crate) fn as_environment(&self) -> Vec<(&'static str, OsString)> {
        let mut all = Vec::new();
        let mut say = |name, value: &OsStr| all.push((name, value.to_owned()));
        if let Some(directory) = &self.directory {
            say(DIRECTORY, directory.as_os_str());
        }
        if let Some(group) = self.group {
            say(GROUP, group.to_string().as_ref());
        }
        if let Some(required) = self.required {
            say(REQUIRED, OsStr::new(if required { "1" } else { "0" }));
        }
        if self.size != SegmentSize::default() {
            say(SEGMENT_SIZE, OsStr::new(self.size.name()));
        }
        all
    }
}

impl SegmentSize {
    const ALL: [Self; 4] = [Self::Tiny, Self::Small, Self::Medium, Self::Large];

    fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

fn directory_from_environment() -> Option<PathBuf> {
    let named =
        || [DIRECTORY, PYTHONS[0], PYTHONS[1]].into_iter().find_map(variable).map(PathBuf::from);
    named().or_else(|| {
        let all = variable(SYSTEMDS)?;
        let first = all.as_bytes().split(|byte| *byte == b':').next()?;
        // A subdirectory, since the program's own files are there.
        let first = Path::new(OsStr::from_bytes(first));
        first.is_absolute().then(|| first.join("headcount"))
    })
}

/// The value of a variable that is there and isn't empty.
fn variable(name: &str) -> Option<OsString> {
    // The environment of a program that runs with other rights than its caller's is the caller's:
    // who wrote it must not choose where files are made with those rights.
    if process::has_more_rights_than_its_caller() {
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What a variable says, or `mistake`.
fn parsed<T>(
    name: &str,
    mistake: &mut Option<String>,
    parse: fn(&str) -> Result<T, &'static str>,
) -> Option<T> {
    let value = variable(name)?;
    match value.to_str().map_or(Err("text"), parse) {
        Ok(parsed) => Some(parsed),
        Err(expected) => {
            mistake.get_or_insert(format!("{name} is {value:?}, which is not {expected}"));
            None
        }
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("1 or 0"),
    }
}

fn size_called(text: &str) -> Result<SegmentSize, &'static str> {
    let size = SegmentSize::ALL.into_iter().find(|size| size.name() == text);
    size.ok_or("tiny, small, medium or large")
}

fn group_called(text: &str) -> Result<u32, &'static str> {
    let by_number = text.parse().ok();
    // The file and not the system's lookup, which may load code and ask other machines.
    let by_name = || group_in(&std::fs::read_to_string("/etc/group").ok()?, text);
    by_number.or_else(by_name).ok_or("a group's number or its name in /etc/group")
}

fn group_in(file: &str, name: &str) -> Option<u32> {
    file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        fields.nth(1).filter(|_| is_it)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_environment_are_understood_or_refused() {
        assert_eq!((switch("1"), switch("off")), (Ok(true), Ok(false)));
        assert!(switch("maybe").is_err());
        assert_eq!(size_called("small"), Ok(SegmentSize::Small));
        assert!(size_called("Small").is_err());
        assert_eq!(group_called("1001"), Ok(1001));
    }

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let file = "root:x:0:\nwww:x:33:a,b\nwww-data:x:34:\nbroken\n";
        assert_eq!(group_in(file, "www"), Some(33));
        assert_eq!(group_in(file, "www-data"), Some(34));
        assert_eq!(group_in(file, "broken"), None);
        assert_eq!(group_in(file, "b"), None);
    }
}
