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
