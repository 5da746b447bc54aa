//! A third program under test: it has a metric of every kind, and leaves behind what processes
//! leave. Each scenario is one command, and ends by itself, when its input ends, or when it is
//! killed.

#![allow(clippy::print_stdout, reason = "what a scenario has found is told on its output")]
#![expect(unsafe_code, reason = "fork")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use headcount::{
    Collector, Config, Counter, Gauge, Histogram, Info, LabelValue, Number, StateSet, Summary,
    Value, counted, dynamic, in_progress, metric, timed,
};
use headcount_tests::{Medium, eventually, files, temporary_directory};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, Uid, fork, setuid};

/// Things made.
#[metric(name = "made_total")]
static MADE: Counter;
/// Money spent: "much", of \ kinds.
#[metric(name = "spent_euros_total", unit = "euros")]
static SPENT: Counter<f64>;

#[derive(Debug, Clone, Copy, LabelValue)]
enum Method {
    Get,
    Post,
}

/// Requests served.
#[metric(name = "requests_total")]
fn requests(method: Method, path: &str) -> Counter;
/// Calls of one tenant each.
#[metric(name = "tenant_calls_total")]
fn tenant_calls(tenant: &str) -> Counter;
/// Money of one tenant each.
#[metric(name = "tenant_euros_total", unit = "euros")]
fn tenant_euros(tenant: &str) -> Counter<f64>;

/// Of each process.
#[metric(name = "level_all", mode = "all")]
static ALL: Gauge;
/// Of each living process.
#[metric(name = "level_liveall", mode = "liveall")]
static LIVE_ALL: Gauge;
/// The least.
#[metric(name = "level_min", mode = "min")]
static MIN: Gauge;
/// The least of the living.
#[metric(name = "level_livemin", mode = "livemin")]
static LIVE_MIN: Gauge;
/// The greatest.
#[metric(name = "level_max", mode = "max")]
static MAX: Gauge;
/// The greatest of the living.
#[metric(name = "level_livemax", mode = "livemax")]
static LIVE_MAX: Gauge;
/// All together.
#[metric(name = "level_added", mode = "sum")]
static ADDED: Gauge;
/// All living together.
#[metric(name = "level_livesum", mode = "livesum")]
static LIVE_SUM: Gauge;
/// Set last.
#[metric(name = "level_mostrecent", mode = "mostrecent")]
static MOST_RECENT: Gauge;
/// Set last by the living.
#[metric(name = "level_livemostrecent", mode = "livemostrecent")]
static LIVE_MOST_RECENT: Gauge;
/// Set by nobody.
#[metric(name = "level_unset", mode = "max")]
static UNSET: Gauge;
/// Jobs done, by queue.
#[metric(name = "queue_level", mode = "sum")]
fn queue_level(queue: &str) -> Gauge;

/// Sizes.
#[metric(name = "size_bytes", buckets = [0.1, 10.0, 1e3], unit = "bytes")]
static SIZE: Histogram;
/// Sizes by queue.
#[metric(name = "queue_size_bytes", buckets = [1.0, 2.0])]
fn queue_size(queue: &str) -> Histogram;
/// Weights.
#[metric(name = "weight_grams")]
static WEIGHT: Summary;
/// What was built.
#[metric(name = "remains_build_info")]
fn build(version: &str) -> Info;
/// What was done.
#[metric(name = "remains_job_info", mode = "max")]
fn job(number: &str) -> Info;

#[derive(LabelValue)]
enum Phase {
    Starting,
    Serving,
}

/// What each process does.
#[metric(name = "phase_all", mode = "all")]
static PHASE_OF_ALL: StateSet<Phase>;
/// What the last one began to do.
#[metric(name = "phase_mostrecent", mode = "mostrecent")]
static LAST_PHASE: StateSet<Phase>;
/// How many living ones do what.
#[metric(name = "phase_livesum", mode = "livesum")]
static PHASES: StateSet<Phase>;

#[counted(name = "steps_total", labels(queue), outcome)]
#[timed(name = "step_seconds", buckets = [1e-9, 0.001, 1.0])]
#[in_progress(name = "steps_now", oldest)]
fn step(queue: &str, fails: bool) -> Result<(), ()> {
    inner_step();
    if fails { Err(()) } else { Ok(()) }
}

#[timed(name = "inner_step_seconds", summary)]
fn inner_step() {
    thread::yield_now();
}

/// Something of every kind, and something else for each `n`.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn count(n: u64) {
    let x = n as f64 / 7.0;
    MADE.inc_by(n);
    // Parts that a sum in another order would round otherwise.
    for part in [0.1 * x, 1e16 / x, 1e-9, 3.3 * x] {
        SPENT.inc_by(part);
        SIZE.observe(part);
        WEIGHT.observe(part / 3.0);
        tenant_euros("acme").inc_by(part);
    }
    requests(Method::Get, "/").inc_by(n);
    requests(Method::Post, "/a \"b\"\\\n").inc();
    requests(Method::Post, if n % 2 == 0 { "/even" } else { "/odd" }).inc();
    tenant_calls("acme").inc();
    for gauge in [
        ALL,
        LIVE_ALL,
        MIN,
        LIVE_MIN,
        MAX,
        LIVE_MAX,
        ADDED,
        LIVE_SUM,
        MOST_RECENT,
        LIVE_MOST_RECENT,
    ] {
        gauge.set(x - 2.0);
    }
    let _ = UNSET;
    queue_level(if n % 3 == 0 { "mail" } else { "print" }).add(x);
    queue_size("mail").observe(x);
    build("1.2.3").set();
    job(if n % 2 == 0 { "even" } else { "odd" }).set();
    for phases in [PHASE_OF_ALL, LAST_PHASE, PHASES] {
        phases.set(Phase::Starting);
        if n % 2 == 0 {
            phases.set(Phase::Serving);
        }
    }
    for i in 0..n % 5 {
        let _ = step("mail", i == 2);
    }
    // In a shard of another thread.
    thread::spawn(|| MADE.inc()).join().expect("it ends well");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["count", directory, n] => {
            start_in(directory);
            count(number(n));
        }
        ["hold", directory, n] => {
            start_in(directory);
            count(number(n));
            wait_to_be_killed();
        }
        ["short-lived", directory, times] => short_lived(directory, number(times)),
        ["golden", folder] => golden(Path::new(folder)),
        ["page-text", directory] => {
            let snapshot = Collector::from_directory(directory).auto_compact(false).collect();
            print!("{}", snapshot.expect("a snapshot").to_text());
        }
        ["page", directory] => print!("{}", page(Path::new(directory))),
        ["obey", directory] => obey(directory),
        ["collect-as", uid, directory] => {
            setuid(Uid::from_raw(uid.parse().expect("a number"))).expect("root may");
            Collector::from_directory(directory).collect().expect("it may read");
            println!(
                "{}",
                Collector::from_directory(directory).compact().expect_err("it may not write")
            );
        }
        ["compact", directory] => compact(directory),
        ["compact-limited", directory, limit] => {
            setrlimit(Resource::RLIMIT_FSIZE, number(limit), number(limit)).expect("less");
            compact(directory);
        }
        ["compact-full", directory] => compact_full(directory),
        ["compact-while-forking", directory] => compact_while_forking(directory),
        ["removal-race", directory] => removal_race(directory),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn start_in(directory: &str) {
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
}

fn wait_to_be_killed() {
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the child runs this program's own code and ends by `exit` or a signal; the library
    // holds nothing over a fork, and what the C library's allocator holds it lets go of itself.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            exit(0);
        }
    }
}

/// Workers that count one thing and end, one after the other. This process counts nothing.
fn short_lived(directory: &str, times: u64) {
    for _ in 0..times {
        let child = forked(|| {
            start_in(directory);
            MADE.inc();
            queue_level("mail").add(0.5);
            SIZE.observe(1.0);
        });
        waitpid(child, None).expect("our child");
    }
}

/// Does what it is told, line by line, and says so.
fn obey(directory: &str) {
    start_in(directory);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let said = match *words {
            ["inc", tenant, n] => {
                tenant_calls(tenant).inc_by(number(n));
                tenant_euros(tenant).inc_by(0.1);
                "done".to_owned()
            }
            ["level", queue] => {
                queue_level(queue).add(0.5);
                "done".to_owned()
            }
            ["added", level] => {
                ADDED.set(level.parse::<f64>().expect("a number"));
                "done".to_owned()
            }
            ["last", level] => {
                MOST_RECENT.set(level.parse::<f64>().expect("a number"));
                "done".to_owned()
            }
            ["observe", queue] => {
                queue_size(queue).observe(1.5);
                "done".to_owned()
            }
            ["remove", tenant] => tenant_calls(tenant).remove().to_string(),
            ["matching", family, label, value] => {
                headcount::remove_matching(family, &[(label, value)]).to_string()
            }
            ["clear", family] => headcount::remove_matching(family, &[]).to_string(),
            ["mark-dead", pid] => {
                let pid = pid.parse().expect("a pid");
                match headcount::mark_process_dead(pid).expect("the directory is ours") {
                    headcount::MarkedDead::Compacted(segments) => segments.to_string(),
                    _ => "0".to_owned(),
                }
            }
            _ => panic!("no such command: {line}"),
        };
        println!("{said}");
        std::io::stdout().flush().expect("someone listens");
    }
}

fn compact(directory: &str) {
    match Collector::from_directory(directory).compact() {
        Ok(compacted) => println!("compacted: {}", compacted.segments()),
        Err(error) => println!("error: {error}"),
    }
}

/// What there is to see of the dead's counts.
fn tell(directory: &str) {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    for line in snapshot.to_text().lines().filter(|line| line.starts_with("made_total ")) {
        println!("{line}");
    }
    let names = fs::read_dir(directory)
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name != "filler").collect();
    names.sort();
    println!("files: {}", names.join(" "));
}

/// A filesystem without room, in a mount of this process only.
fn compact_full(directory: &str) {
    let me = fs::metadata("/proc/self").expect("it is there");
    let is_mounted = || -> nix::Result<()> {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        let write = |file: &str, text: String| {
            fs::write(Path::new("/proc/self").join(file), text).map_err(|_| Errno::EPERM)
        };
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("0 {} 1", me.uid()))?;
        write("gid_map", format!("0 {} 1", me.gid()))?;
        let flags = MsFlags::empty();
        mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some("size=1m,mode=0700"))
    };
    if let Err(error) = is_mounted() {
        println!("refused: {error}");
        return;
    }
    short_lived(directory, 5);
    let filler = Path::new(directory).join("filler");
    let mut file = File::create(&filler).expect("a file");
    while file.write_all(&[1; 512]).is_ok() {}
    drop(file);
    compact(directory);
    tell(directory);
    fs::remove_file(&filler).expect("ours");
    compact(directory);
    tell(directory);
}

/// Compacts again and again while another thread forks children that sleep, of which the newest few
/// are kept; ends by SIGKILL in the middle of a compaction in which a child was forked.
fn compact_while_forking(directory: &str) {
    let lock = Path::new(directory).join(".compact.lock");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut children = VecDeque::new();
            loop {
                let was_held = is_locked(&lock);
                children.push_back(forked(|| {
                    loop {
                        thread::sleep(Duration::from_secs(1));
                    }
                }));
                if children.len() > 50 && was_held && is_locked(&lock) {
                    let _ = raise(Signal::SIGKILL);
                }
                if children.len() > 50 {
                    let first: Pid = children.pop_front().expect("many");
                    kill(first, Signal::SIGKILL).expect("our child");
                    waitpid(first, None).expect("our child");
                }
            }
        });
        loop {
            Collector::from_directory(directory).compact().expect("nobody else compacts");
        }
    });
}

/// Whether somebody compacts.
fn is_locked(lock: &Path) -> bool {
    let Ok(file) = File::open(lock) else { return false };
    // All of it, and nobody's.
    let write = i16::try_from(libc::F_WRLCK).expect("small");
    let mut found = libc::flock { l_type: write, l_whence: 0, l_start: 0, l_len: 1, l_pid: 0 };
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).expect("it can be asked");
    i32::from(found.l_type) != libc::F_UNLCK
}

/// Four threads count through handles, old ones too, while two others remove the same series again
/// and again.
///
/// Each series is only ever given its own power of ten, so that a count on another's cell would be
/// seen in its digits. Tells how often each was counted.
fn removal_race(directory: &str) {
    const ROUNDS: u64 = 15_000;
    const NAMES: [&str; 5] = ["1", "1000000", "1000000000000", "kept", "kept too"];
    let power = |name: &str| name.parse().unwrap_or(1_u64);
    start_in(directory);
    let stop = AtomicBool::new(false);
    let counted: [AtomicU64; 5] = Default::default();
    thread::scope(|scope| {
        let counting: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let handles = NAMES.map(tenant_calls);
                        for _ in 0..10 {
                            for ((handle, name), counted) in handles.iter().zip(NAMES).zip(&counted)
                            {
                                handle.inc_by(power(name));
                                counted.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for name in &NAMES[..3] {
                        tenant_calls(name).remove();
                    }
                    headcount::remove_matching("tenant_calls_total", &[("tenant", "1")]);
                    // Slots are not used again: let the threads get something done with each.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for counting in counting {
            counting.join().expect("it ends well");
        }
        stop.store(true, Ordering::Relaxed);
    });
    for (name, counted) in NAMES.iter().zip(counted) {
        println!("counted {name}: {}", counted.into_inner());
    }
}

/// Everything that is known of what was counted, without what a collector tells of itself. Not as a
/// scraper gets it: that may change, and what is in the files may not.
fn page(directory: &Path) -> String {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let mut page = String::new();
    for skipped in snapshot.skipped() {
        writeln!(page, "skipped {skipped}").expect("room");
    }
    for family in snapshot.families() {
        if family.name.starts_with("headcount_") || family.series.is_empty() {
            continue;
        }
        let (name, kind) = (&family.name, family.kind);
        writeln!(page, "{kind:?} {name} {:?} {:?}", family.unit, family.help).expect("room");
        for series in &family.series {
            write!(page, "   ").expect("room");
            for (label, value) in &series.labels {
                write!(page, " {label}={value:?}").expect("room");
            }
            write!(page, " {}", value(&series.value)).expect("room");
            if let Some(created) = series.created {
                let since = created.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
                write!(page, " since {}", since.as_nanos()).expect("room");
            }
            page.push('\n');
        }
    }
    page
}

fn value(value: &Value) -> String {
    match value {
        Value::Counter(Number::Integer(n)) => n.to_string(),
        Value::Counter(Number::Float(n)) | Value::Gauge(n) => format!("{n:?}"),
        Value::Summary(summary) => format!("sum {:?} count {}", summary.sum, summary.count),
        Value::Histogram(histogram) => {
            let buckets = histogram.buckets.iter().map(|b| format!("{:?}:{}", b.le, b.count));
            let buckets: Vec<String> = buckets.collect();
            format!("sum {:?} buckets {}", histogram.sum, buckets.join(" "))
        }
        other => panic!("something that no golden file has: {other:?}"),
    }
}

/// Records what this version writes: a segment with something of every kind, an archive of three
/// others, and what the two come to.
fn golden(folder: &Path) {
    let directory = temporary_directory(Medium::Memory);
    let directory = directory.path();
    let counts = |n| {
        // The least geometry.
        setrlimit(Resource::RLIMIT_FSIZE, 3 << 20, 3 << 20).expect("less than there was");
        start_in(directory.to_str().expect("UTF-8"));
        count(n);
        tenant_calls("shared").inc_by(n);
        // A name that only versions from 2.2 on can have.
        let calls = dynamic::counter("rpc.calls_total", "Calls.").labels(["rpc.method"]);
        let calls = calls.declared_at("rpc.toml", 7).utf8_names().register_family();
        calls.expect("right").with_label_values(&["Get"]).inc_by(n);
    };
    let living = forked(|| {
        counts(9);
        wait_to_be_killed();
    });
    eventually("it has counted", || page(directory).contains("tenant=\"shared\" 9 ").then_some(()));
    for n in [1, 4, 14] {
        let child = forked(|| {
            counts(n);
            // Its end is in the archive, since the living one has it.
            assert!(tenant_calls("shared").remove());
        });
        waitpid(child, None).expect("our child");
    }
    assert_eq!(Collector::from_directory(directory).compact().expect("ours").segments(), 3);
    kill(living, Signal::SIGKILL).expect("our child");
    waitpid(living, None).expect("our child");
    let segment = files::segments(directory).remove(0);
    for (name, file) in [("segment.hex", &*segment), ("archive.hex", "archive.hca")] {
        let bytes = fs::read(directory.join(file)).expect("ours");
        fs::write(folder.join(name), files::to_hex(&bytes)).expect("the folder is there");
    }
    fs::write(folder.join("page.txt"), page(directory)).expect("the folder is there");
}
