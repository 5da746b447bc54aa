//! The program's settings, and the environment for everything that the program does not set. No
//! other file reads the environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use crate::process;

const DIRECTORY: &str = "HEADCOUNT_DIR";
const GROUP: &str = "HEADCOUNT_GROUP";
const REQUIRED: &str = "HEADCOUNT_REQUIRED";
const SEGMENT_SIZE: &str = "HEADCOUNT_SEGMENT_SIZE";
/// The Python client's variable, and its older spelling.
const PYTHONS: [&str; 2] = ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"];
/// systemd's variable, for a service with `RuntimeDirectory=`.
const SYSTEMDS: &str = "RUNTIME_DIRECTORY";

/// The settings that a program chooses before it records; see [`init`](crate::init).
///
/// For everything that is not set here headcount reads the environment, once, in `init` or at the
/// first use:
///
/// | variable | |
/// |---|---|
/// | `HEADCOUNT_DIR` | [`directory`](Self::directory) |
/// | `HEADCOUNT_GROUP` | [`group`](Self::group), by its number, or by its name in `/etc/group` |
/// | `HEADCOUNT_REQUIRED` | [`required`](Self::required): `1` or `0` |
/// | `HEADCOUNT_SEGMENT_SIZE` | [`segment_size`](Self::segment_size): `large`, `medium`, .. |
///
/// A program that runs with rights which its caller lacks (set-user-ID, set-group-ID, file
/// capabilities; `AT_SECURE`) ignores the environment, since the caller chose it.
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

/// The size of a segment: how many series and threads one process has space for, and how many
/// addresses that reserves. The file and the memory in use depend only on what was counted, not on
/// this size.
///
/// If a limit (`RLIMIT_AS`, `RLIMIT_FSIZE`, locked memory) refuses a size, the process takes the
/// next smaller one. A program with few series that must keep such limits low, or that locks its
/// memory (`mlockall`), chooses a size itself: see the [guide](crate::guide::directory).
///
/// ```
/// use headcount::SegmentSize;
///
/// assert_eq!(SegmentSize::default(), SegmentSize::Large);
/// assert!(SegmentSize::Tiny < SegmentSize::Small);
/// ```
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
    /// Creates a configuration in which the environment decides everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the directory in which all processes of this program have their segments. It is created
    /// with mode 0700 if it is missing. A filesystem in memory (`/dev/shm`, `/run`) is best.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Sets the group, by its number, that shares the directory. This is for a master that starts
    /// as root and has workers that are other users, or for an exporter with its own user. If the
    /// directory is missing, it is created with mode 02770 and this group, and members of the group
    /// can read and compact each other's files. All processes must be members. Every member can
    /// falsify the numbers of all others.
    ///
    /// The permissions of an existing directory are never changed. If they do not let the group
    /// write, [`init`](crate::init) and [`health`](crate::health) report it.
    pub fn group(mut self, gid: u32) -> Self {
        self.group = Some(gid);
        self
    }

    /// Sets whether this process must share what it counts.
    ///
    /// * `true`: [`init`](crate::init) returns an error if no directory is named, or if the
    ///   directory cannot be used.
    /// * `false`: a process for which no directory is named is alone on purpose; neither
    ///   [`health`](crate::health) nor the logger reports it.
    /// * If it is not set, both report it.
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

    /// Sets the largest segment that this process may create. The default is
    /// [`SegmentSize::Large`].
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

    /// Sets how often each process calls the functions that were given to
    /// [`Gauge::set_function`](crate::Gauge::set_function) and its siblings. The default is 5
    /// seconds, the minimum a millisecond.
    pub fn sample_interval(mut self, interval: Duration) -> Self {
        self.sample_interval = Some(interval);
        self
    }

    pub(crate) fn chosen_interval(&self) -> Option<Duration> {
        self.sample_interval
    }

    /// Returns the directory that these settings and the environment select: the one set here, else
    /// `HEADCOUNT_DIR`, else `PROMETHEUS_MULTIPROC_DIR`, else the latter in lower case, as in the
    /// Python client, else the subdirectory `headcount` of the first directory in systemd's
    /// `RUNTIME_DIRECTORY`. With `None`, every process counts in its own memory, which only the
    /// process itself can read.
    pub fn resolved_directory(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(directory_from_environment)
    }

    /// Combines these settings with the environment.
    pub(crate) fn choice(&self) -> Choice {
        let mut mistake = None;
        let group = self.group.or_else(|| parsed(GROUP, &mut mistake, group_called));
        let required = self.required.or_else(|| parsed(REQUIRED, &mut mistake, switch));
        let size = self.segment_size.or_else(|| parsed(SEGMENT_SIZE, &mut mistake, size_called));
        // Absolute, so that it stays the same directory when a program becomes a daemon and changes
        // its working directory.
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

/// The combination of code and environment, computed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) group: Option<u32>,
    pub(crate) required: Option<bool>,
    pub(crate) size: SegmentSize,
    /// A setting in the environment that makes no sense.
    pub(crate) mistake: Option<String>,
    /// The root directory in which `directory` was named, by device and inode. In another root
    /// directory the path has another meaning.
    root: Option<(u64, u64)>,
}

impl Choice {
    /// Whether the path still has the meaning that it had.
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
        let first = std::env::split_paths(&all).next()?;
        // A subdirectory, since the first directory also contains the program's own files.
        first.is_absolute().then(|| first.join("headcount"))
    })
}

/// The value of a variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    // A program that runs with rights which its caller lacks has the caller's environment. The
    // caller must not choose where files are created with those rights.
    if process::has_more_rights_than_its_caller() {
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The parsed value of a variable; sets `mistake` if it cannot be parsed.
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
    // Reads the file instead of using the system's lookup, which may load code and query other
    // machines.
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

/// Whether anything is recorded at all. It is a constant, so the compiler removes the code that
/// depends on it.
pub(crate) const ON: bool = cfg!(not(feature = "off"));

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
