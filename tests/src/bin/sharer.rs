//! A program under test, for where its processes count: children that are started anew, that give
//! up their rights, that change their root directory, or whose descriptors were closed. Each
//! scenario is one command, and each ends by itself.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "fork, and closing descriptors that others have")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, exit};
use std::sync::Mutex;

use headcount::{Config, Counter, SegmentSize, metric};
use headcount_tests::program::this_program;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, chroot, fork, setgid, setgroups, setuid};

/// What the scenarios count.
#[metric(name = "work_total")]
static WORK: Counter;

/// What the library tells the logger.
struct Heard;

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Heard {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        HEARD.lock().expect("no panic").push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn main() {
    log::set_logger(&Heard).expect("the first");
    log::set_max_level(log::LevelFilter::Trace);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        // A worker that was started by `exec`.
        ["worker"] => {
            init("worker", Config::new());
            WORK.inc_by(5);
            tell("worker");
        }
        ["required", required] => {
            init("worker", Config::new().required(required == "true"));
            WORK.inc_by(5);
            tell("worker");
        }
        ["first-use"] => {
            WORK.inc_by(5);
            tell("worker");
        }
        ["exec", directory, with_environment] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            let mut child = Command::new(this_program());
            child.arg("worker");
            if with_environment == "true" {
                child.envs(headcount::child_env());
            }
            assert!(child.status().expect("it starts").success());
            tell("master");
        }
        ["prefork", directory, group, user] => prefork(directory, group, user),
        // Before anything is counted, or once this process counts in the directory.
        ["without-random", directory] => {
            refuse(nix::libc::SYS_getrandom, Errno::EPERM);
            init("worker", Config::new().directory(directory));
            WORK.inc_by(5);
            in_child(|| {
                WORK.inc_by(5);
                tell("child");
            });
            tell("worker");
        }
        ["without-any-random"] => {
            refuse(nix::libc::SYS_getrandom, Errno::ENOSYS);
            refuse(nix::libc::SYS_openat, Errno::EACCES);
            WORK.inc_by(5);
            // Without a collection: what sorts its maps at random needs a random number.
            let health = headcount::health();
            println!("worker: {} {}", health.has_started(), health.dropped_operations());
        }
        ["unlisted", directory] => {
            init("worker", Config::new().directory(directory));
            WORK.inc_by(5);
            refuse(nix::libc::SYS_getdents64, Errno::EACCES);
            let snapshot = headcount::Collector::new().collect().expect("its own numbers");
            println!("worker: work {}", work(&snapshot.to_text()));
            for skipped in snapshot.skipped() {
                println!("worker: skipped {skipped}");
            }
            let error =
                headcount::Collector::from_directory(directory).collect().expect_err("unreadable");
            println!("worker: error {error}");
        }
        ["chroot" | "chroot-too-late" | "jailed" | "mount", ..] => elsewhere(&arguments),
        ["rename", directory, renamed] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            fs::rename(directory, renamed).expect("ours");
            fs::create_dir(directory).expect("another");
            in_child(|| {
                WORK.inc_by(10);
                tell("worker");
            });
            tell("master");
        }
        ["remove", directory] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            fs::remove_dir_all(directory).expect("ours");
            tell("master");
            in_child(|| {
                WORK.inc_by(10);
                tell("worker");
            });
            tell("master");
        }
        ["tidied", directory, children] => tidied(directory, children),
        ["daemon", directory, then] => daemon(directory, then),
        ["locked", directory] => locked(directory),
        ["limited-after", size, directory] => limited_after(size, directory),
        ["size", size, directory] => sized(size, directory),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn init(who: &str, config: Config) {
    match headcount::init(config) {
        Ok(()) => println!("{who}: init fine"),
        Err(error) => println!("{who}: init {} {error}", error.is_private()),
    }
}

fn page() -> String {
    match headcount::Collector::new().collect() {
        Ok(snapshot) => snapshot.to_text(),
        Err(error) => format!("collect: {error}"),
    }
}

fn value<'a>(page: &'a str, name: &str) -> &'a str {
    let of = |line: &'a str| line.strip_prefix(name)?.strip_prefix(' ');
    page.lines().find_map(of).unwrap_or("absent")
}

fn work(page: &str) -> &str {
    value(page, "work_total")
}

/// Where this process counts, in all the ways in which a person can learn it.
fn tell(who: &str) {
    // Twice, to see what is said once.
    let _ = page();
    let page = page();
    let health = headcount::health();
    println!("{who}: shared {} {}", health.is_shared(), value(&page, "headcount_shared"));
    println!("{who}: work {}", work(&page));
    match health.problem() {
        Some(problem) => println!("{who}: problem {problem}"),
        None => println!("{who}: no problem"),
    }
    for line in HEARD.lock().expect("no panic").drain(..) {
        println!("{who}: log {line}");
    }
}

/// Does it in a child, which must succeed.
fn in_child(child: impl FnOnce()) {
    // SAFETY: this program has one thread, but for those that tell the logger and have ended, so
    // the child finds no lock held by a thread that it doesn't have.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).expect("it is our child");
            assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
        }
        ForkResult::Child => {
            child();
            exit(0);
        }
    }
}

/// Children count one after the other where no file can be made without a name, while somebody else
/// compacts. The first that counts for itself alone ends this.
fn tidied(directory: &str, children: &str) {
    // The rest of it is what directories are opened with.
    let flags = nix::libc::O_TMPFILE & !nix::libc::O_DIRECTORY;
    let flags = u32::try_from(flags).expect("one bit");
    refuse_if(nix::libc::SYS_openat, Some((2, flags)), Errno::EOPNOTSUPP);
    init("master", Config::new().directory(directory));
    WORK.inc();
    for _ in 0..children.parse().expect("a number") {
        in_child(|| {
            WORK.inc_by(10);
            let health = headcount::health();
            assert!(health.is_shared(), "{:?}", health.problem());
        });
    }
    tell("master");
}

/// From now on the kernel refuses this system call to this process and its children.
fn refuse(call: nix::libc::c_long, with: Errno) {
    refuse_if(call, None, with);
}

/// The same, only where the argument at this place has one of these bits.
fn refuse_if(call: nix::libc::c_long, bits: Option<(u32, u32)>, with: Errno) {
    use nix::libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
    use nix::libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, sock_filter, sock_fprog};

    let step =
        |code: u32, jt, jf, k| sock_filter { code: u16::try_from(code).expect("small"), jt, jf, k };
    let call = u32::try_from(call).expect("a number");
    let errno = u32::try_from(with as i32).expect("a number");
    // The arguments are 64-bit numbers behind 16 bytes. The bits are in the lower half of one.
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    // Without bits to look for, the number of the call is looked at twice.
    let (at, test, bits) = match bits {
        Some((argument, bits)) => (16 + 8 * argument + half, BPF_JSET, bits),
        None => (0, BPF_JEQ, call),
    };
    let mut steps = [
        step(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, call),
        step(BPF_LD | BPF_W | BPF_ABS, 0, 0, at),
        step(BPF_JMP | test | BPF_K, 0, 1, bits),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | errno),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
    ];
    let program = sock_fprog { len: 6, filter: steps.as_mut_ptr() };
    // SAFETY: sets a flag of this process.
    let set = unsafe { nix::libc::prctl(nix::libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(set, 0);
    let mode = nix::libc::SECCOMP_MODE_FILTER;
    // SAFETY: the kernel copies the program, which is alive, and checks it.
    let set = unsafe { nix::libc::prctl(nix::libc::PR_SET_SECCOMP, mode, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Closes every descriptor and opens files and directories of its own, which get the numbers.
fn daemon(directory: &str, then: &str) {
    init("master", Config::new().directory(directory));
    WORK.inc();
    let ours: Vec<i32> = fs::read_dir("/proc/self/fd")
        .expect("the kernel's")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    assert!(ours.len() >= 2, "the segment and the directory: {ours:?}");
    for number in &ours {
        // SAFETY: what is closed is the library's, which has to see it, and nobody else's.
        unsafe { nix::libc::close(*number) };
    }
    let foreign = tempfile::tempdir().expect("a directory");
    for number in &ours {
        let file = File::open(foreign.path()).expect("a directory");
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        if fd == *number {
            std::mem::forget(file);
        } else {
            // SAFETY: the numbers are this function's; nobody relies on what they mean.
            unsafe { nix::libc::dup2(fd, *number) };
        }
    }
    if then == "elsewhere" {
        fs::rename(directory, format!("{directory}-renamed")).expect("ours");
        fs::create_dir(directory).expect("another");
    }
    tell("master");
    in_child(|| {
        WORK.inc_by(10);
        tell("worker");
    });
    tell("master");
    assert_eq!(fs::read_dir(foreign.path()).expect("ours").count(), 0, "a foreign directory");
    for number in &ours {
        // SAFETY: only looks whether there is such a descriptor.
        let flags = unsafe { nix::libc::fcntl(*number, nix::libc::F_GETFD) };
        assert!(flags >= 0, "{number} was closed");
    }
}

/// Workers that give up root's rights before their first use.
fn prefork(directory: &str, group: &str, user: &str) {
    let config = Config::new().directory(directory);
    let config = match group.parse() {
        Ok(group) => config.group(group),
        // The environment says it, or nobody.
        Err(_) => config,
    };
    init("master", config);
    let (gid, uid) = user.split_once(':').expect("gid:uid");
    for _ in 0..3 {
        in_child(|| {
            setgroups(&[]).expect("root may");
            setgid(Gid::from_raw(gid.parse().expect("a number"))).expect("root may");
            setuid(Uid::from_raw(uid.parse().expect("a number"))).expect("root may");
            WORK.inc();
            tell("worker");
        });
    }
    tell("master");
}

/// Children to which the directory's path means something else.
fn elsewhere(arguments: &[&str]) {
    match *arguments {
        ["chroot", directory, jail] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            in_child(|| {
                chroot(jail).expect("root may");
                std::env::set_current_dir("/").expect("the jail");
                WORK.inc_by(10);
                tell("worker");
            });
            tell("master");
        }
        // As a server does that starts as root.
        ["jailed", directory, jail, group] => {
            let group = group.parse().expect("a number");
            init("master", Config::new().directory(directory).group(group));
            WORK.inc();
            in_child(|| {
                chroot(jail).expect("root may");
                std::env::set_current_dir("/").expect("the jail");
                setgroups(&[]).expect("root may");
                setgid(Gid::from_raw(group)).expect("root may");
                setuid(Uid::from_raw(1_234)).expect("root may");
                WORK.inc_by(10);
                tell("worker");
            });
            tell("master");
        }
        // The directory was named, and nothing opened: nobody can tell what is meant.
        ["chroot-too-late", directory, jail] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            fs::remove_dir_all(directory).expect("ours");
            in_child(|| {
                chroot(jail).expect("root may");
                WORK.inc_by(10);
                tell("worker");
            });
        }
        ["mount", directory] => {
            init("master", Config::new().directory(directory));
            WORK.inc();
            in_child(|| {
                unshare(CloneFlags::CLONE_NEWNS).expect("root may");
                let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
                mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("root may");
                let above = Path::new(directory).parent().expect("not the root");
                mount(Some("tmpfs"), above, Some("tmpfs"), MsFlags::empty(), None::<&str>)
                    .expect("root may");
                WORK.inc_by(10);
                tell("worker");
            });
            tell("master");
        }
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// As many addresses are locked as a process without rights may lock.
fn locked(directory: &str) {
    let limit = 2 << 20;
    setrlimit(Resource::RLIMIT_MEMLOCK, limit, limit).expect("less is allowed");
    if Uid::effective().is_root() {
        setgid(Gid::from_raw(65_534)).expect("root may");
        setuid(Uid::from_raw(65_534)).expect("root may");
    }
    mlockall(MlockAllFlags::MCL_FUTURE).expect("2 MiB");
    init("worker", Config::new().directory(directory));
    WORK.inc_by(5);
    let health = headcount::health();
    // Without its own thread: a stack is more than may be locked.
    println!("worker: {} {}", health.has_started(), health.dropped_operations());
    println!("worker: work {}", work(&page()));
}

/// Limits that a program sets once it counts.
fn limited_after(size: &str, directory: &str) {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's");
    let of = |line: &str| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse().ok();
    let before: u64 = status.lines().find_map(of).expect("a size");
    let config = Config::new().directory(directory);
    init("worker", size_called(size).into_iter().fold(config, Config::segment_size));
    WORK.inc();
    // As much as the program itself takes, and some for what it counts in.
    let limit = (before << 10) + (8 << 20);
    let is_root = Uid::effective().is_root();
    // A limit that is lower than that can be raised by some only.
    if is_root && setrlimit(Resource::RLIMIT_MEMLOCK, limit, limit).is_ok() {
        setuid(Uid::from_raw(65_534)).expect("root may");
        println!("worker: locked {}", mlockall(MlockAllFlags::MCL_CURRENT).is_ok());
    }
    setrlimit(Resource::RLIMIT_AS, 2 << 30, 2 << 30).expect("less is allowed");
    let started = std::thread::Builder::new().spawn(|| WORK.inc());
    println!("worker: thread {}", started.is_ok_and(|thread| thread.join().is_ok()));
}

fn size_called(size: &str) -> Option<SegmentSize> {
    match size {
        "tiny" => Some(SegmentSize::Tiny),
        "small" => Some(SegmentSize::Small),
        "medium" => Some(SegmentSize::Medium),
        "large" => Some(SegmentSize::Large),
        _ => None,
    }
}

fn sized(size: &str, directory: &str) {
    let config = Config::new().directory(directory);
    init("master", size_called(size).into_iter().fold(config, Config::segment_size));
    WORK.inc();
    // A child is as its parent.
    in_child(|| WORK.inc());
    tell("master");
}
