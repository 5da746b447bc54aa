//! The error type of the whole crate. It carries the path and the error number that a person needs.
//!
//! Recording never returns it, since recording cannot fail.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::{self, errno};

/// Why something could not be set up, read or collected.
///
/// The type is opaque, since the list of possible failures grows. Its predicates distinguish what a
/// program may want to treat differently, and [`Display`](fmt::Display) gives the details, with the
/// path.
///
/// It can be cloned and sent to other threads, and it is unwind safe, so it can cross
/// [`catch_unwind`](std::panic::catch_unwind). `Debug` prints the text of `Display` as `Error(..)`,
/// since `expect`, `unwrap` and a `main` that returns it show that.
///
/// ```
/// use headcount::Collector;
///
/// let error = Collector::from_directory("/no/such/directory").collect().unwrap_err();
/// assert!(error.is_io());
/// assert_eq!(error.reason(), "io");
/// assert!(error.to_string().starts_with("/no/such/directory: "));
/// let error = std::io::Error::from(error);
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
}

#[derive(Clone)]
pub(crate) enum ErrorKind {
    /// A system call failed while doing `what`.
    Io { what: &'static str, source: SystemError },
    /// The directory is not fit to hold segments.
    Directory { reason: &'static str },
    /// This process should not read the file: it is a link, a device, or belongs to another user.
    Foreign { reason: &'static str },
    /// A valid file whose content, together with that of the files before it, exceeds what is read
    /// at once.
    OverLimit { reason: &'static str },
    /// The file ends too early, or is not one of headcount's files.
    NotSegment { reason: &'static str },
    /// A format version, or a flag, that this version does not know.
    Version { major: u16, minor: u16 },
    /// A file of headcount with content that only a newer version can have written.
    Unknown { what: Cow<'static, str> },
    /// A damaged file of headcount.
    Corrupt { what: &'static str },
    /// Declarations that contradict each other.
    Conflict { message: String },
    /// A family that the program supplied and that no page can show, or a meaningless setting.
    Invalid { message: String },
    /// More than this library keeps of something.
    Limit { message: String },
    /// Nobody could be reached at an address.
    #[cfg(feature = "push")]
    Unreachable { message: String, source: SystemError },
    /// Somebody did not answer in time.
    #[cfg(feature = "push")]
    Timeout { message: String },
    /// Somebody answered with something other than success.
    #[cfg(feature = "push")]
    Rejected { message: String },
    /// A function of the user's does not return.
    Stuck(String),
    /// No directory was named.
    Private,
    /// This system lacks what that takes.
    Unsupported { what: &'static str },
    /// `init` came after recording had begun somewhere else.
    AlreadyStarted,
    /// Another process is compacting this directory.
    Busy,
    /// The lock's file, or the file that was to be replaced, was removed or replaced meanwhile.
    LockLost,
    /// The archive was replaced again and again while a collection was under way.
    Overtaken,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind, path: None }
    }

    pub(crate) fn io(what: &'static str, source: impl Into<io::Error>) -> Self {
        Self::new(ErrorKind::Io { what, source: SystemError::from(source.into()) })
    }

    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::new(ErrorKind::Corrupt { what })
    }

    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unknown { what: what.into() })
    }

    /// Converts damage into [`Unknown`](ErrorKind::Unknown), for a file that a later minor version
    /// wrote: what looks like damage may be something that this version does not know.
    #[must_use]
    pub(crate) fn in_later_version(mut self) -> Self {
        if let ErrorKind::Corrupt { what } = self.kind {
            self.kind = ErrorKind::Unknown { what: what.into() };
        }
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid { message: message.into() })
    }

    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::new(ErrorKind::Unsupported { what })
    }

    pub(crate) fn directory(reason: &'static str) -> Self {
        Self::new(ErrorKind::Directory { reason })
    }

    /// Adds the path. The innermost path stays, so outer callers may add theirs without harm.
    #[must_use]
    pub(crate) fn at(mut self, path: &Path) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_owned());
        }
        self
    }

    /// Returns the file or directory that the error concerns, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether a system call failed: a missing directory, no permission, no space left, a
    /// Pushgateway that cannot be reached. [`raw_os_error`](Self::raw_os_error) returns its number.
    pub fn is_io(&self) -> bool {
        self.system_error().is_some()
    }

    fn system_error(&self) -> Option<&SystemError> {
        match &self.kind {
            ErrorKind::Io { source, .. } => Some(source),
            #[cfg(feature = "push")]
            ErrorKind::Unreachable { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Whether no directory was named, so that the process counts only for itself. A program that
    /// is one process may want exactly that: see [`Config::required`](crate::Config::required).
    pub fn is_private(&self) -> bool {
        matches!(self.kind, ErrorKind::Private)
    }

    /// Whether this system lacks what that takes: processes share a directory on 64-bit
    /// little-endian Linux only. Elsewhere each process counts in its own memory.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.kind, ErrorKind::Unsupported { .. })
    }

    /// Whether the directory exists but is not fit to count in: it belongs to another user,
    /// everyone may write to it, or it is not a directory. The [guide](crate::guide::directory)
    /// lists the rules.
    pub fn is_unfit_directory(&self) -> bool {
        matches!(self.kind, ErrorKind::Directory { .. })
    }

    /// Whether [`init`](crate::init) was called after recording had begun in another place.
    pub fn is_already_started(&self) -> bool {
        matches!(self.kind, ErrorKind::AlreadyStarted)
    }

    /// Whether the error is not the file's fault, and the same call may succeed in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        let passing = [errno::EMFILE, errno::ENFILE, errno::ENOMEM];
        matches!(self.kind, ErrorKind::Overtaken)
            || self.raw_os_error().is_some_and(|number| passing.contains(&number))
    }

    /// Whether the filesystem, or this user's quota on it, has no space left. A limit of this
    /// process (EFBIG) is not included: freeing space would not help.
    pub(crate) fn is_out_of_space(&self) -> bool {
        self.raw_os_error().is_some_and(|number| [errno::ENOSPC, errno::EDQUOT].contains(&number))
    }

    /// Whether the file itself is fine, and can be read together with fewer other files.
    pub(crate) fn is_over_limit(&self) -> bool {
        matches!(self.kind, ErrorKind::OverLimit { .. })
    }

    /// Whether a file is damaged, truncated, or not a file of headcount at all.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. } | ErrorKind::NotSegment { .. })
    }

    /// Whether a file is a damaged file of headcount, written by a version that this one knows.
    pub(crate) fn is_damaged(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. })
    }

    /// Whether a file was written by a version of headcount that this version does not understand,
    /// or does not understand completely. Such a file stays where it is and as it is.
    pub fn is_version(&self) -> bool {
        matches!(self.kind, ErrorKind::Version { .. } | ErrorKind::Unknown { .. })
    }

    /// Whether two declarations contradict each other.
    pub fn is_conflict(&self) -> bool {
        matches!(self.kind, ErrorKind::Conflict { .. })
    }

    /// Whether another process interfered: it was compacting the directory, or a file was replaced
    /// meanwhile. Trying again may help.
    pub fn is_busy(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy | ErrorKind::LockLost | ErrorKind::Overtaken)
    }

    /// Whether a declaration at run time breaks a rule, a family was given a wrong number of label
    /// values, a family that the program supplied cannot be shown on a page, or a setting in the
    /// environment is meaningless.
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, ErrorKind::Invalid { .. })
    }

    /// Whether the program declares more families at run time than headcount keeps: see
    /// [`dynamic`](crate::dynamic).
    pub fn is_limit(&self) -> bool {
        matches!(self.kind, ErrorKind::Limit { .. })
    }

    /// Whether a Pushgateway did not answer in time. It may have taken the push all the same. Needs
    /// the feature `push`.
    #[cfg(feature = "push")]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, ErrorKind::Timeout { .. })
    }

    /// Whether a Pushgateway answered with something other than success: what was pushed is
    /// inconsistent with what it has, the credentials are wrong, or the answer is a redirect. Needs
    /// the feature `push`.
    #[cfg(feature = "push")]
    pub fn is_rejected(&self) -> bool {
        matches!(self.kind, ErrorKind::Rejected { .. })
    }

    /// Returns the operating system's error number if a system call failed.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.system_error()?.number
    }

    /// Returns the kind of the error as one word. The metric `headcount_files_skipped`, which
    /// counts the files that a collection left out, has this word in its label `reason`. Later
    /// versions may add words.
    pub fn reason(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Io { .. } => "io",
            ErrorKind::Directory { .. } | ErrorKind::Foreign { .. } => "foreign",
            ErrorKind::NotSegment { .. } => "not_a_segment",
            ErrorKind::Version { .. } | ErrorKind::Unknown { .. } => "version",
            ErrorKind::Corrupt { .. } => "corrupt",
            ErrorKind::Conflict { .. } => "conflict",
            ErrorKind::Invalid { .. } => "invalid",
            ErrorKind::Limit { .. } | ErrorKind::OverLimit { .. } => "limit",
            #[cfg(feature = "push")]
            ErrorKind::Unreachable { .. } => "io",
            #[cfg(feature = "push")]
            ErrorKind::Timeout { .. } => "timeout",
            #[cfg(feature = "push")]
            ErrorKind::Rejected { .. } => "rejected",
            ErrorKind::Stuck(_) => "stuck",
            ErrorKind::Private => "private",
            ErrorKind::Unsupported { .. } => "unsupported",
            ErrorKind::AlreadyStarted => "started",
            ErrorKind::Busy | ErrorKind::LockLost | ErrorKind::Overtaken => "busy",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", Escaped(&path.display().to_string()))?;
        }
        match &self.kind {
            ErrorKind::Io { what, source } => write!(f, "can't {what}: {source}"),
            ErrorKind::Directory { reason }
            | ErrorKind::Foreign { reason }
            | ErrorKind::OverLimit { reason }
            | ErrorKind::NotSegment { reason } => f.write_str(reason),
            ErrorKind::Version { major, minor } => {
                write!(f, "written in format {major}.{minor}, which this version can't read")
            }
            ErrorKind::Unknown { what } => {
                write!(f, "written by a newer version: {}", Escaped(what))
            }
            ErrorKind::Corrupt { what } => write!(f, "damaged: {what}"),
            ErrorKind::Conflict { message }
            | ErrorKind::Invalid { message }
            | ErrorKind::Limit { message }
            | ErrorKind::Stuck(message) => write!(f, "{}", Escaped(message)),
            #[cfg(feature = "push")]
            ErrorKind::Unreachable { message, .. }
            | ErrorKind::Timeout { message }
            | ErrorKind::Rejected { message } => write!(f, "{}", Escaped(message)),
            ErrorKind::Unsupported { what } => {
                write!(f, "can't {what} on this system: that needs 64-bit little-endian Linux")
            }
            ErrorKind::Private if !kernel::SHARES => f.write_str(
                "processes can't share counts on this system (they can on 64-bit little-endian \
                 Linux), so this process counts for itself alone",
            ),
            ErrorKind::Private => f.write_str(
                "no directory was named (by `Config::directory` or HEADCOUNT_DIR), so this process \
                 counts for itself alone",
            ),
            ErrorKind::Busy => f.write_str("another process is compacting this directory"),
            ErrorKind::LockLost => {
                f.write_str("somebody removed or replaced its lock or its archive meanwhile")
            }
            ErrorKind::Overtaken => {
                f.write_str("its archive is replaced faster than it can be read")
            }
            ErrorKind::AlreadyStarted if self.path.is_some() => {
                f.write_str("recording has already begun in this directory, and can't be moved")
            }
            ErrorKind::AlreadyStarted => {
                f.write_str("recording has already begun in private memory, and can't be moved")
            }
        }
    }
}

/// Prints the text of [`Display`](fmt::Display) as `Error(..)`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({})", Escaped(&self.to_string()))
    }
}

/// The new error has the kind of the operating system's error, or else
/// [`Other`](io::ErrorKind::Other).
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let other =
            if error.is_unsupported() { io::ErrorKind::Unsupported } else { io::ErrorKind::Other };
        let kind = error.system_error().map_or(other, |source| source.kind);
        Self::new(kind, error)
    }
}

/// The error of a failed system call. An [`io::Error`] can't be cloned, and may contain a value
/// that must not pass through `catch_unwind`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemError {
    number: Option<i32>,
    kind: io::ErrorKind,
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self { number: error.raw_os_error(), kind: error.kind() }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => io::Error::from_raw_os_error(number).fmt(f),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for SystemError {}

/// Text that another user may have chosen, such as a file's name. It is printed without characters
/// that a terminal or a log would interpret as commands.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Includes characters that reverse the direction of writing: they make a name look like
        // another.
        let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        for c in self.0.chars() {
            if c.is_control() || turns(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.system_error().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_can_be_cloned_caught_and_passed_on() {
        fn is<T: Clone + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
        is::<Error>();
        let error = Error::io("open it", io::Error::from_raw_os_error(errno::EACCES));
        assert_eq!(error.clone().to_string(), error.to_string());
        let passed_on = io::Error::from(error.clone());
        assert_eq!(passed_on.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(passed_on.to_string(), error.to_string());
        assert_eq!(format!("{error:?}"), format!("Error({error})"));
        assert_eq!(io::Error::from(Error::corrupt("it")).kind(), io::ErrorKind::Other);
    }

    #[test]
    fn what_somebody_else_has_chosen_is_escaped() {
        let error = Error::corrupt("it").at(Path::new("/a/\x1b[31m\u{202e}b\n\u{9b}é\\"));
        assert_eq!(error.to_string(), "/a/\\u{1b}[31m\\u{202e}b\\n\\u{9b}é\\: damaged: it");
    }

    #[test]
    #[cfg_attr(miri, ignore = "the words are the system's")]
    fn an_error_says_what_and_where() {
        let error = Error::io("open it", io::Error::from_raw_os_error(2)).at(Path::new("/a/b"));
        let outer = error.at(Path::new("/other"));
        assert_eq!(
            outer.to_string(),
            "/a/b: can't open it: No such file or directory (os error 2)"
        );
        assert!(outer.is_io() && !outer.is_corrupt());
        assert_eq!(outer.raw_os_error(), Some(2));
    }
}
