//! A program under test: one operation, so many times, after it was done with each of its values.
//!
//! `repeat OPERATION TIMES` does it, for callgrind to count. `repeat OPERATION TIMES sealed` does
//! it where any system call ends the process, and tells how often it allocated. `repeat` tells the
//! names of those that are steady.

#![allow(clippy::print_stdout, reason = "tells what it found")]
#![expect(unsafe_code, reason = "an allocator that counts, and a filter of system calls")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::env;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Waker};
use std::time::Instant;

use headcount::dynamic::{self, Family};
use headcount::{
    Collector, Config, Counter, Gauge, Histogram, LabelValue, StateSet, Summary, TraceContext,
    count_exceptions, counted, in_progress, metric, timed,
};
use nix::libc;

#[derive(LabelValue, Clone, Copy)]
enum Method {
    Get,
    Post,
}

#[derive(LabelValue, Clone, Copy)]
enum Status {
    Fine,
    Broken,
}

/// Whole numbers.
#[metric(name = "repeat_total")]
static COUNTER: Counter;
/// Numbers.
#[metric(name = "repeat_sum_total")]
static FLOAT: Counter<f64>;
/// A level.
#[metric(name = "repeat_level", mode = "livesum")]
static GAUGE: Gauge;
/// The last level.
#[metric(name = "repeat_last_level", mode = "mostrecent")]
static RECENT: Gauge;
/// Durations, in 14 buckets.
#[metric(name = "repeat_seconds")]
static HISTOGRAM: Histogram;
/// Sizes in fine buckets.
#[metric(name = "repeat_native_bytes", native)]
static NATIVE: Histogram;
/// Sizes.
#[metric(name = "repeat_weight")]
static SUMMARY: Summary;
/// What it does.
#[metric(name = "repeat_status", mode = "liveall")]
static STATUS: StateSet<Status>;

/// Keeps exemplars by itself.
#[metric(name = "repeat_exemplars_total", exemplars)]
static EXEMPLARS: Counter;
/// Keeps exemplars by itself.
#[metric(name = "repeat_exemplars_seconds", exemplars)]
static EXEMPLAR_TIMES: Histogram;

/// Closed labels.
#[metric(name = "repeat_closed_total")]
fn closed(method: Method, status: Status) -> Counter;
/// Open labels.
#[metric(name = "repeat_open_total")]
fn open(queue: &str, tenant: &str) -> Counter;
/// A number among the labels.
#[metric(name = "repeat_status_total")]
fn by_status(queue: &str, status: u16) -> Counter;

/// Rows that come and go.
#[metric(name = "repeat_guests_total", max_series = 100_000)]
fn guest(id: u64) -> Counter;

#[inline(never)]
fn plain(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[in_progress]
#[inline(never)]
fn is_in_progress(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[in_progress(oldest)]
#[inline(never)]
fn oldest_is_noted(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted]
#[inline(never)]
fn is_counted(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[timed]
#[inline(never)]
fn is_timed(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
#[inline(never)]
fn all_four(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted(outcome)]
#[timed(outcome)]
#[in_progress]
#[count_exceptions]
#[inline(never)]
fn by_outcome(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[counted(name = "repeat_calls_total", labels(queue), outcome)]
#[inline(never)]
fn labelled(queue: &str) -> Result<u64, ()> {
    black_box(Ok(queue.len() as u64))
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
async fn future(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

const TRACE: TraceContext = TraceContext::new([1; 16], [2; 8]);

type Operation = (&'static str, fn(u64));

/// The first three are what the others are compared with.
const OPERATIONS: &[Operation] = &[
    ("nothing", |times| repeat(times, |_| ())),
    ("call", |times| repeat(times, plain)),
    ("timed call", |times| {
        repeat(times, |n| {
            let began = Instant::now();
            let value = plain(n);
            black_box(began.elapsed());
            value
        });
    }),
    ("inc", |times| repeat(times, |_| COUNTER.inc())),
    ("inc_by float", |times| repeat(times, |n| FLOAT.inc_by(small(n)))),
    ("set", |times| repeat(times, |n| GAUGE.set(small(n)))),
    ("add", |times| repeat(times, |n| GAUGE.add(small(n)))),
    ("set mostrecent", |times| repeat(times, |n| RECENT.set(small(n)))),
    ("observe", |times| repeat(times, |n| HISTOGRAM.observe(small(n)))),
    ("observe native", |times| repeat(times, |n| NATIVE.observe(small(n)))),
    ("observe summary", |times| repeat(times, |n| SUMMARY.observe(small(n)))),
    ("inc_with_exemplar", |times| repeat(times, |_| COUNTER.inc_with_exemplar(TRACE))),
    ("observe_with_exemplar", |times| {
        repeat(times, |n| HISTOGRAM.observe_with_exemplar(small(n), TRACE));
    }),
    // They keep one of some thousands.
    ("inc, exemplars", |times| {
        headcount::set_trace_source(|| Some(TRACE));
        repeat(times, |_| EXEMPLARS.inc());
    }),
    ("observe, exemplars", |times| {
        headcount::set_trace_source(|| Some(TRACE));
        repeat(times, |n| EXEMPLAR_TIMES.observe(small(n)));
    }),
    ("time", |times| repeat(times, |n| HISTOGRAM.time(|| plain(n)))),
    ("track", |times| repeat(times, |_| drop(GAUGE.track_in_progress()))),
    ("state", |times| {
        repeat(times, |n| STATUS.set(if n % 2 == 0 { Status::Fine } else { Status::Broken }));
    }),
    ("closed labels", |times| {
        repeat(times, |n| {
            let method = if n % 2 == 0 { Method::Get } else { Method::Post };
            closed(black_box(method), black_box(Status::Fine)).inc();
        });
    }),
    ("open labels", |times| {
        repeat(times, |_| open(black_box("mail"), black_box("tenant-7")).inc());
    }),
    ("open labels, a number", |times| {
        repeat(times, |_| by_status(black_box("mail"), black_box(200)).inc());
    }),
    ("open labels, a long number", |times| {
        repeat(times, |_| by_status(black_box("mail"), black_box(54_321)).inc());
    }),
    ("handle", |times| {
        let handle = open("mail", "tenant-7");
        repeat(times, |_| handle.inc());
    }),
    ("handle, run time", |times| {
        let RunTime { counter, .. } = run_time();
        repeat(times, |_| counter.inc());
    }),
    ("observe, run time", |times| {
        let RunTime { histogram, .. } = run_time();
        repeat(times, |n| histogram.observe(small(n)));
    }),
    ("with_label_values", |times| {
        let RunTime { family, .. } = run_time();
        repeat(times, |_| {
            family.with_label_values(&[black_box("mail"), black_box("tenant-7")]).inc();
        });
    }),
    ("#[counted]", |times| repeat(times, is_counted)),
    ("#[in_progress]", |times| repeat(times, is_in_progress)),
    ("#[in_progress(oldest)]", |times| repeat(times, oldest_is_noted)),
    ("#[timed]", |times| repeat(times, is_timed)),
    // Milliseconds: until the processor's counter takes over from the system's clock, and beyond.
    ("#[timed], for a while", |times| {
        let began = Instant::now();
        while began.elapsed().as_millis() < u128::from(2 * times) {
            let _ = is_timed(times);
        }
    }),
    ("all four", |times| repeat(times, all_four)),
    ("all four, outcome", |times| repeat(times, by_outcome)),
    ("#[counted], a label", |times| repeat(times, |_| labelled(black_box("mail")))),
    ("all four, future", |times| {
        let mut context = Context::from_waker(Waker::noop());
        repeat(times, |n| {
            let future = pin!(future(n));
            future.poll(&mut context)
        });
    }),
];

/// What is not steady: with new series the table, the log and the cells grow.
const UNSTEADY: &[Operation] = &[
    ("new rows, run time", |times| {
        let RunTime { family, .. } = run_time();
        for number in 0..times {
            family.with_label_values(&["new", &number.to_string()]).inc();
        }
    }),
    ("new rows", |times| {
        for number in 0..times {
            by_status("new", u16::try_from(number).expect("few")).inc();
        }
    }),
    ("remove one of 1,000", |times| remove_one_of(1_000, times)),
    ("remove one of 20,000", |times| remove_one_of(20_000, times)),
    ("declare after 1,000", |times| declare_after(1_000, times)),
    ("declare after 20,000", |times| declare_after(20_000, times)),
    ("collect after 2,000", |times| collect_after(2_000, times)),
    ("collect after 20,000", |times| collect_after(20_000, times)),
];

/// What is declared at run time.
#[derive(Clone, Copy)]
struct RunTime {
    counter: Counter,
    histogram: Histogram,
    family: Family<Counter>,
}

/// Declared once: a declaration takes a lock.
fn run_time() -> RunTime {
    static DECLARED: OnceLock<RunTime> = OnceLock::new();
    *DECLARED.get_or_init(|| {
        let family = dynamic::counter("run_time_rows_total", "Rows.").labels(["queue", "tenant"]);
        RunTime {
            counter: dynamic::counter("run_time_total", "One.").register().expect("right"),
            histogram: dynamic::histogram("run_time_seconds", "Times.").register().expect("right"),
            family: family.register_family().expect("right"),
        }
    })
}

/// Declares families beside others.
fn declare_after(others: u64, times: u64) {
    let declare = |number: u64| {
        let family = dynamic::counter(format!("declared_{number:08}_total"), "One of many.");
        family.labels(["queue", "tenant"]).register_family().expect("right")
    };
    for number in 0..others {
        let _ = black_box(declare(number));
    }
    repeat(times, |n| declare(others + n));
}

/// Makes a row and removes it, beside others that stay.
fn remove_one_of(others: u64, times: u64) {
    (0..others).for_each(|id| guest(id).inc());
    repeat(times, |n| come_and_go(others + n));
}

/// Collects after so many rows came and went.
fn collect_after(gone: u64, times: u64) {
    (0..gone).for_each(come_and_go);
    let collector = Collector::new();
    repeat(times, |_| collector.collect().expect("a snapshot"));
}

fn come_and_go(id: u64) {
    let guest = guest(id);
    guest.inc();
    assert!(guest.remove());
}

#[inline]
fn repeat<T>(times: u64, mut operation: impl FnMut(u64) -> T) {
    for n in 0..times {
        black_box(operation(black_box(n)));
    }
}

/// How many values there are. A value may be the first of its bucket, which then needs space.
const PERIOD: u64 = 16;

/// In each of the buckets, by turns.
fn small(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 16")]
    let small = (n % PERIOD) as f64;
    small * 0.75
}

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is done by the system's allocator; the rest touches a thread-local without
// destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// From now on a system call other than `write` and the end of the process kills it.
///
/// Not the kernel's strict mode: that one forbids reading the time-stamp counter as well, and with
/// it the clock that needs no call.
fn seal() {
    const fn statement(code: u32, k: u32, if_true: u8, if_false: u8) -> libc::sock_filter {
        #[expect(clippy::cast_possible_truncation, reason = "the header's numbers fit")]
        libc::sock_filter { code: code as u16, jt: if_true, jf: if_false, k }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    const fn allows(call: i64, further: u8) -> libc::sock_filter {
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32, further, 0)
    }
    let mut program = [
        // The number of the system call is the first word of what a filter sees.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        allows(libc::SYS_write, 2),
        allows(libc::SYS_exit_group, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("five"),
        filter: program.as_mut_ptr(),
    };
    nix::sys::prctl::set_no_new_privs().expect("a filter may be set");
    // SAFETY: the kernel copies the program, which is alive and as long as it says.
    let set =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (name, times, is_sealed) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        [] => return OPERATIONS.iter().for_each(|(name, _)| println!("{name}")),
        [name, times] => (name, times, false),
        [name, times, "sealed"] => (name, times, true),
        _ => panic!("{arguments:?}: an operation, how often, and perhaps `sealed`"),
    };
    let operation = OPERATIONS.iter().chain(UNSTEADY).find(|(known, _)| *known == name);
    let (_, operation) = operation.unwrap_or_else(|| panic!("no operation {name}"));
    let times = times.parse().expect("a number");
    headcount::init(Config::new()).expect("the directory is fit");
    operation(PERIOD);
    if is_sealed {
        // Makes the buffer of the output.
        println!("sealed");
        seal();
    }
    let before = ALLOCATIONS.get();
    operation(times);
    if is_sealed {
        println!("allocations {}", ALLOCATIONS.get() - before);
        // SAFETY: ends the process at once; what a regular exit would do needs system calls.
        unsafe { libc::_exit(0) }
    }
}
