//! What a kernel knows of processes, where nobody asks it.

pub(crate) type ProcResult<T> = Result<T, super::io::Errno>;

pub(crate) fn page_size() -> u64 {
    0
}

pub(crate) fn ticks_per_second() -> u64 {
    1
}

pub(crate) fn boot_time_secs() -> ProcResult<u64> {
    Err(super::io::Errno::NOSYS)
}

pub(crate) mod process {
    use super::super::fd::{AsFd, BorrowedFd};
    use super::super::io::Errno;
    use super::super::never::Never;
    use super::ProcResult;

    /// A process that was found.
    pub(crate) struct Process(Never);

    #[allow(dead_code, reason = "nothing is of this type")]
    pub(crate) struct Stat {
        never: Never,
        pub(crate) starttime: u64,
        pub(crate) utime: u64,
        pub(crate) stime: u64,
        pub(crate) rss: u64,
        pub(crate) vsize: u64,
        pub(crate) num_threads: i64,
        pub(crate) state: char,
    }

    #[allow(dead_code, reason = "nobody has limits here")]
    #[derive(Clone, Copy)]
    pub(crate) enum LimitValue {
        Unlimited,
        Value(u64),
    }

    pub(crate) struct Limit {
        pub(crate) soft_limit: LimitValue,
    }

    pub(crate) struct Limits {
        pub(crate) max_open_files: Limit,
        pub(crate) max_address_space: Limit,
    }

    pub(crate) struct Opened(Never);

    impl Process {
        pub(crate) fn new(_: i32) -> ProcResult<Self> {
            Err(Errno::NOSYS)
        }

        pub(crate) fn stat(&self) -> ProcResult<Stat> {
            self.0.absurd()
        }

        pub(crate) fn limits(&self) -> ProcResult<Limits> {
            self.0.absurd()
        }

        pub(crate) fn fd_count(&self) -> ProcResult<usize> {
            self.0.absurd()
        }

        pub(crate) fn open_relative(&self, _: &str) -> ProcResult<Opened> {
            self.0.absurd()
        }
    }

    impl AsFd for Opened {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.absurd()
        }
    }

    impl std::io::Read for Opened {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.0.absurd()
        }
    }
}
