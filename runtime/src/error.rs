//! The one error type, with the path and the number that a person needs.
//!
//! It does not appear in recording: recording can't fail.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be set up, read or collected.
///
/// Opaque, since what goes wrong with files is a long list that grows; the predicates tell apart what a program may
/// want to treat differently, and [`Display`](fmt::Display) says the rest, with the path.
/// It can be cloned, compared by its predicates and sent to other threads, and passes through
/// [`catch_unwind`](std::panic::catch_unwind). `Debug` prints what `Display` prints, since that is what
/// `expect`, `unwrap` and a `main` that returns it show.
///
/// ```
/// use headcount::Collector;
///
/// let error = Collector::open("/no/such/directory").collect().unwrap_err();
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
    /// The file is not one that this process should read: a link, a device, a stranger's.
    Foreign { reason: &'static str },
    /// As it is, but together with the files before it more than is read at once.
    Crowded { reason: &'static str },
    /// The file ends before what it announces, or has never been one of ours.
    NotSegment { reason: &'static str },
    /// A version or a flag from the future.
    Version { major: u16, minor: u16 },
    /// One of ours, with something that only a newer version can have written.
    Unknown { what: Cow<'static, str> },
    /// One of ours, damaged.
    Corrupt { what: &'static str },
    /// Declarations that can't both be true.
    Conflict { message: String },
    /// A family that a program made, and that can't stand on a page.
    Invalid { message: String },
    /// A function of the user's doesn't return.
    Stuck(String),
    /// No directory was named.
    Private,
    /// `init` came after recording had begun somewhere else.
    AlreadyStarted,
    /// Someone else folds this directory right now.
    Busy,
    /// The file of the lock, or the one that was to be replaced, was removed or replaced meanwhile.
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

    /// The same, in a file that says of itself that a later minor version has written it: what
    /// looks
    /// like damage may be something that this version doesn't know.
    #[must_use]
    pub(crate) fn in_later_version(mut self) -> Self {
        if let ErrorKind::Corrupt { what } = self.kind {
            self.kind = ErrorKind::Unknown { what: what.into() };
        }
        self
    }

    pub(crate) fn directory(reason: &'static str) -> Self {
        Self::new(ErrorKind::Directory { reason })
    }

    /// Says where; the innermost place wins, so callers further out may add theirs without harm.
    #[must_use]
    pub(crate) fn at(mut self, path: &Path) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_owned());
        }
        self
    }

    /// The file or directory that this is about.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether a system call failed: a missing directory, no permission, no room.
    pub fn is_io(&self) -> bool {
        matches!(self.kind, ErrorKind::Io { .. })
    }

    /// Whether no directory was named, so that a process counts for itself alone. A program that is
    /// one process may want nothing else: see [`Config::required`](crate::Config::required).
    pub fn is_private(&self) -> bool {
        matches!(self.kind, ErrorKind::Private)
    }

    /// Whether a directory is there, and not fit to be counted in.
    pub fn is_unfit_directory(&self) -> bool {
        matches!(self.kind, ErrorKind::Directory { .. })
    }

    /// Whether [`init`](crate::init) came after recording had begun somewhere else.
    pub fn is_already_started(&self) -> bool {
        matches!(self.kind, ErrorKind::AlreadyStarted)
    }

    /// Whether it says nothing of the file, and the same call may succeed the next moment.
    pub(crate) fn is_passing(&self) -> bool {
        let passing = [libc::EMFILE, libc::ENFILE, libc::ENOMEM];
        matches!(self.kind, ErrorKind::Overtaken)
            || self.raw_os_error().is_some_and(|number| passing.contains(&number))
    }

    /// Whether the filesystem has no room, or this user none on it. Not a limit of this process (EFBIG), for which nothing that is given back
    /// makes up.
    pub(crate) fn is_want_of_room(&self) -> bool {
        self.raw_os_error().is_some_and(|number| [libc::ENOSPC, libc::EDQUOT].contains(&number))
    }

    /// Whether it says nothing of the file, which can be read with fewer others.
    pub(crate) fn is_crowded(&self) -> bool {
        matches!(self.kind, ErrorKind::Crowded { .. })
    }

    /// Whether a file is damaged, cut off, or no segment at all.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. } | ErrorKind::NotSegment { .. })
    }

    /// Whether a file is one of ours, and spoilt: not a stranger's, and not a newer version's.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. })
    }

    /// Whether a file was written by a version of headcount that this one doesn't understand, or
    /// not in full. Such a file is left where it is and as it is.
    pub fn is_version(&self) -> bool {
        matches!(self.kind, ErrorKind::Version { .. } | ErrorKind::Unknown { .. })
    }

    /// Whether two declarations contradict each other.
    pub fn is_conflict(&self) -> bool {
        matches!(self.kind, ErrorKind::Conflict { .. })
    }

    /// Whether another process was at it, and trying again may help.
    pub fn is_busy(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy | ErrorKind::LockLost | ErrorKind::Overtaken)
    }

    /// Whether a family that the program supplied can't stand on a page, or a setting in the
    /// environment has no meaning.
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, ErrorKind::Invalid { .. })
    }

    /// The operating system's error number, where a system call failed.
    pub fn raw_os_error(&self) -> Option<i32> {
        match &self.kind {
            ErrorKind::Io { source, .. } => source.number,
            _ => None,
        }
    }

    /// The kind of error in one word: the value of the label `reason` under which
    /// `headcount_files_skipped` counts a file that a collection left out. A later version may have
    /// more words.
    pub fn reason(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Io { .. } => "io",
            ErrorKind::Directory { .. } | ErrorKind::Foreign { .. } | ErrorKind::Crowded { .. } => {
                "foreign"
            }
            ErrorKind::NotSegment { .. } => "not_a_segment",
            ErrorKind::Version { .. } | ErrorKind::Unknown { .. } => "version",
            ErrorKind::Corrupt { .. } => "corrupt",
            ErrorKind::Conflict { .. } => "conflict",
            ErrorKind::Invalid { .. } => "invalid",
            ErrorKind::Stuck(_) => "stuck",
            ErrorKind::Private => "private",
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
            | ErrorKind::Crowded { reason }
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
            | ErrorKind::Stuck(message) => write!(f, "{}", Escaped(message)),
            ErrorKind::Private => f.write_str(
                "no directory was named (by `Config::directory` or HEADCOUNT_DIR), so this process \
                 counts for itself alone",
            ),
            ErrorKind::Busy => f.write_str("another process is folding this directory"),
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

/// As [`Display`](fmt::Display).
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({})", Escaped(&self.to_string()))
    }
}

/// With the kind that the operating system's error has, or else [`Other`](io::ErrorKind::Other).
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error.kind {
            ErrorKind::Io { source, .. } => source.kind,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// What is known of a failed system call. An [`io::Error`] can't be cloned, and may hold something
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

/// Text that somebody else may have chosen, such as a file's name: without what a terminal or a log
/// would take for commands.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With those that turn the direction of writing a name looks like another.
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
        match &self.kind {
            ErrorKind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_can_be_cloned_caught_and_passed_on() {
        fn is<T: Clone + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
        is::<Error>();
        let error = Error::io("open it", io::Error::from_raw_os_error(libc::EACCES));
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
