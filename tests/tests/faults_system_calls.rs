//! Every system call fails once, as strace has it fail: the first of its kind, the second, and so
//! on until there is none left. The program neither panics nor dies, and what it did is counted or
//! reported as dropped: nothing else, and nothing twice.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use headcount::Collector;
use headcount_tests::oracle::Oracle;
use headcount_tests::page::Page;
use headcount_tests::victim::{self, FAMILIES, Report, Role};
use headcount_tests::{Medium, eventually, peer, temporary_directory};

/// What fails, as strace calls it, with what it may well fail with.
const FAILURES: [(&str, &[&str]); 19] = [
    ("mkdir", &["EACCES", "ENOSPC"]),
    ("open,openat", &["EMFILE", "EACCES", "ENOSPC", "EINTR"]),
    ("fallocate", &["ENOSPC", "EDQUOT", "EIO", "EINTR", "EOPNOTSUPP"]),
    ("mmap", &["ENOMEM"]),
    ("mprotect", &["ENOMEM", "EACCES"]),
    ("fcntl", &["EMFILE", "ENOLCK", "EINTR", "EIO"]),
    ("linkat", &["ENOSPC", "EACCES", "EIO"]),
    ("rename,renameat,renameat2", &["ENOSPC", "EACCES", "EIO"]),
    ("fsync", &["EIO", "ENOSPC", "EINTR"]),
    ("read", &["EIO"]),
    ("pread64", &["EIO", "EINTR"]),
    ("getdents64", &["EIO"]),
    ("ftruncate", &["ENOSPC", "EIO", "EINTR"]),
    ("unlink,unlinkat", &["EACCES", "EIO"]),
    ("madvise", &["ENOMEM"]),
    ("fstat,newfstatat,statx", &["EIO", "ENOMEM"]),
    ("fstatfs", &["EIO"]),
    ("write,pwrite64", &["ENOSPC", "EIO", "EINTR"]),
    // Comes into play where the directory is out of reach.
    ("memfd_create", &["EMFILE", "ENOMEM"]),
];

/// What fails all the time, so that something else comes into play at all.
fn beside(call: &str) -> Option<&'static str> {
    (call == "memfd_create").then_some("linkat")
}

/// One run of the victim, in a directory of its own.
struct Run {
    _folder: tempfile::TempDir,
    directory: PathBuf,
    oracle: Oracle,
    /// What the victim and strace have written.
    output: String,
    /// System calls that failed because strace had them fail.
    injected: usize,
}

impl Run {
    /// `when` as strace has it: `3` is the third, `3+` is all from the third on. Each thread has a
    /// count of its own.
    fn new(strace: &Path, call: &str, errno: &str, when: &str) -> Self {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path().join("segments");
        let path = folder.path().join("oracle");
        let oracle = Oracle::map(&path, victim::WORDS);
        let mut victim = Command::new(env!("CARGO_BIN_EXE_victim"));
        victim.arg("traced").arg(&directory).arg(&path);
        let mut victim = victim.stderr(Stdio::piped()).spawn().expect("the victim starts");
        let stage = victim::stage(&oracle);
        eventually("it waits", || (stage.load(Ordering::Acquire) == 1).then_some(()));

        // Attached once it runs: what the loader does is not what is to fail.
        let trace = folder.path().join("trace");
        let mut tracer = Command::new(strace);
        tracer.args(["-f", "-p", &victim.id().to_string(), "-o"]).arg(&trace);
        let other = beside(call);
        tracer.args([
            "-e",
            &format!("trace={call}{}", other.map_or(String::new(), |o| format!(",{o}"))),
        ]);
        tracer.args(["-e", &format!("inject={call}:error={errno}:when={when}")]);
        if let Some(other) = other {
            tracer.args(["-e", &format!("inject={other}:error=EACCES")]);
        }
        let said = folder.path().join("strace");
        let file = fs::File::create(&said).expect("a file");
        let mut tracer = tracer.stderr(file).spawn().expect("strace starts");
        eventually("strace has attached", || {
            fs::read_to_string(&said).is_ok_and(|said| said.contains("attached")).then_some(())
        });
        stage.store(2, Ordering::Release);
        let ended = eventually(&format!("{call} fails with {errno}, {when}: it ends"), || {
            victim.try_wait().expect("it is our child")
        });
        eventually("strace has ended", || tracer.try_wait().expect("it is our child"));
        let mut output = String::new();
        for line in BufReader::new(victim.stderr.take().expect("a pipe")).lines() {
            output += &line.expect("UTF-8");
            output.push('\n');
        }
        let trace = fs::read_to_string(&trace).expect("strace wrote it");
        let ours = |line: &&str| {
            line.contains("(INJECTED)") && other.is_none_or(|other| !line.contains(other))
        };
        let injected = trace.lines().filter(ours).count();
        let run = Self { _folder: folder, directory, oracle, output, injected };
        assert!(ended.success(), "{ended:?}: {}\n{trace}", run.output);
        run
    }

    fn report(&self, role: Role, what: Report) -> u64 {
        victim::report(&self.oracle, role, what).load(Ordering::Acquire)
    }

    /// Everything that must be true however it went.
    fn check(&self, what: &str) {
        assert!(!self.output.contains("panicked"), "{what}: {}", self.output);
        assert_eq!(
            self.report(Role::Child, Report::Failed),
            0,
            "{what}: the child: {}",
            self.output
        );
        let before = self.page(what);
        for process in [Role::Main, Role::Child] {
            assert_eq!(self.report(process, Report::Finished), 1, "{what}: {}", self.output);
            self.check_counts(&before, process, what);
        }
        if !self.directory.exists() {
            return;
        }
        // Whatever was left half done is done now, and nothing is changed by it.
        let compacted = Collector::from_directory(&self.directory).compact();
        compacted.unwrap_or_else(|error| panic!("{what}: {error}"));
        let after = self.page(what);
        for role in Role::ALL {
            let [before, after] = [&before, &after].map(|page| victim::counted(page, role));
            assert_eq!(before, after, "{what}: compaction changed what {role:?} counted");
        }
        let names = fs::read_dir(&self.directory).expect("it is there");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
        let known = |name: &String| [".compact.lock", "archive.hca"].contains(&name.as_str());
        assert!(names.iter().all(known), "{what}: {names:?}");
    }

    /// What a process did is what others see, or what it sees itself where it counts in private;
    /// but for what it reported as dropped.
    fn check_counts(&self, page: &Page, process: Role, what: &str) {
        let shared = self.report(process, Report::Shared) == 1;
        let dropped = self.report(process, Report::DroppedOperations);
        let (mut done, mut counted) = (0, 0);
        for role in process.of_same_process() {
            for (kind, account) in victim::accounts(&self.oracle, *role).iter().enumerate() {
                let of_others = victim::counted(page, *role)[kind];
                let seen = victim::seen(&self.oracle, *role, kind).load(Ordering::Acquire);
                let value = if shared { of_others } else { seen.saturating_sub(1) };
                if !shared && seen == 0 {
                    // It couldn't look: its own collection is what failed.
                    return;
                }
                assert!(
                    value <= account.acknowledged(),
                    "{what}: {} of {role:?}: {} done, {value} counted",
                    FAMILIES[kind],
                    account.acknowledged()
                );
                done += account.acknowledged();
                counted += value;
            }
        }
        assert!(done > 0, "{what}: {process:?} did nothing");
        assert_eq!(
            counted + dropped,
            done,
            "{what}: {process:?}, shared: {shared}: {counted} counted and {dropped} dropped of {done}"
        );
        // Nobody is left in the dark.
        let knows = self.report(process, Report::Problem) == 1;
        assert!(
            dropped == 0 || knows,
            "{what}: {process:?} dropped {dropped} and knows of nothing"
        );
        assert!(shared || knows, "{what}: {process:?} counts in private and knows of nothing");
    }

    fn page(&self, what: &str) -> Page {
        if !self.directory.exists() {
            return Page::parse("").expect("an empty page");
        }
        let snapshot = Collector::from_directory(&self.directory)
            .auto_compact(false)
            .collect()
            .expect("readable");
        assert!(snapshot.skipped().is_empty(), "{what}: {:?}", snapshot.skipped());
        Page::parse(&snapshot.to_text()).expect("a page")
    }
}

#[test]
#[ignore = "needs strace: tests/run"]
fn every_system_call_may_fail() {
    let strace = peer("strace");
    // The one call, or from there on all of them: that, of the likeliest error.
    let cases: Vec<_> = FAILURES
        .iter()
        .flat_map(|(call, errors)| {
            let ever = errors.iter().take(1).map(move |errno| (*call, *errno, "+"));
            errors.iter().map(move |errno| (*call, *errno, "")).chain(ever)
        })
        .collect();
    let (next, injections) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let untouched = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match until_clean(&strace, case) {
                        0 => untouched.lock().expect("no thread failed").push(case.0),
                        n => {
                            injections.fetch_add(n, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    println!("{} injections", injections.into_inner());
    let untouched = untouched.into_inner().expect("no thread failed");
    assert!(untouched.is_empty(), "never called: {untouched:?}");
}

/// The first call fails, the second, and so on, until there is none left; how many have failed.
fn until_clean(strace: &Path, (call, errno, onwards): &(&str, &str, &str)) -> usize {
    let mut injections = 0;
    for nth in 1.. {
        let when = format!("{nth}{onwards}");
        let run = Run::new(strace, call, errno, &when);
        run.check(&format!("{call} fails with {errno}, {when}"));
        if run.injected == 0 {
            break;
        }
        injections += run.injected;
    }
    injections
}
