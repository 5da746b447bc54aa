//! Where segments go: what the program says, else what the environment says. Nothing else reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What a program decides before it records; see [`init`](crate::init).
///
/// ```
/// let config = headcount::Config::new().directory("/run/shop/metrics");
/// assert_eq!(config.chosen_directory().unwrap().to_str(), Some("/run/shop/metrics"));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a configuration does nothing until it is given to `headcount::init`"]
pub struct Config {
    directory: Option<PathBuf>,
    group: Option<u32>,
    sample_interval: Option<Duration>,
}

impl Config {
    /// What the environment says, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The directory in which all processes of this program have their segments. It is made if it is missing, with
    /// mode 0700. A filesystem in memory (`/dev/shm`, `/run`) is best.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// The group, by number, that shares the directory: for a master that starts as root and has workers of other users, or an exporter with a user of its
    /// own. The directory is made with mode 02770 and this group, if it is missing, and members of the group read each other's files and fold them. All
    /// of them must be members; whoever is can spoil the numbers of all.
    pub fn group(mut self, gid: u32) -> Self {
        self.group = Some(gid);
        self
    }

    pub(crate) fn chosen_group(&self) -> Option<u32> {
        self.group
    }

    /// How often each process asks the functions that were given to [`Gauge::set_function`](crate::Gauge::set_function) and its siblings: every 5 seconds
    /// unless told otherwise. At least a millisecond.
    pub fn sample_interval(mut self, interval: Duration) -> Self {
        self.sample_interval = Some(interval);
        self
    }

    pub(crate) fn chosen_interval(&self) -> Option<Duration> {
        self.sample_interval
    }

    /// Absolute, so that it stays the same directory when a program that becomes a daemon changes its own.
    pub(crate) fn absolute_directory(&self) -> Option<PathBuf> {
        self.chosen_directory().map(|path| std::path::absolute(&path).unwrap_or(path))
    }

    /// The directory that these words and the environment come to: the one given here, else `HEADCOUNT_DIR`, else
    /// `PROMETHEUS_MULTIPROC_DIR`, else the latter in lower case, as the Python client has it. `None`: every
    /// process counts in memory of its own, where only itself can read.
    pub fn chosen_directory(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(from_environment)
    }
}

fn from_environment() -> Option<PathBuf> {
    ["HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the one place")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
