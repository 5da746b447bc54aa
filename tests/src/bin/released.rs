//! A program in which a signal arrives at the very moment at which the library's mutex is released:
//! its allocator raises it while the mutex is held, and signals wait until then. The handler forks,
//! and the child returns into what its parent was doing.
//!
//! ```text
//! released <directory> <threads>
//! ```

#![allow(clippy::print_stdout, reason = "what it has done is printed")]
#![expect(unsafe_code, reason = "fork, a signal handler, and an allocator that raises signals")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use headcount::{Config, Counter, metric};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// What children count, once they know that they are children.
#[metric(name = "children_total")]
static CHILDREN: Counter;
/// What is interrupted.
#[metric(name = "work_total")]
static WORK: Counter;

thread_local! {
    static RAISES: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, which raises a signal once where it is told to.
struct Raising;

#[global_allocator]
static ALLOCATOR: Raising = Raising;

// SAFETY: everything is done by the system's allocator; the rest touches a thread-local without
// destructor, and raises a signal.
unsafe impl GlobalAlloc for Raising {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let memory = unsafe { System.alloc(layout) };
        if RAISES.replace(false) {
            let _ = raise(Signal::SIGUSR1);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
    }
}

/// The child that the handler forked, or -1 in that child.
static FORKED: AtomicI32 = AtomicI32::new(0);

extern "C" fn fork_here(_: i32) {
    // SAFETY: the signal was raised outside of the system's allocator.
    let forked = match unsafe { fork() } {
        Ok(ForkResult::Child) => -1,
        Ok(ForkResult::Parent { child }) => child.as_raw(),
        Err(_) => 0,
    };
    FORKED.store(forked, Ordering::SeqCst);
}

/// What a thread does first here: it gets its shard, and is interrupted where that allocates.
fn first_use() {
    RAISES.set(true);
    WORK.inc();
    RAISES.set(false);
    if FORKED.load(Ordering::SeqCst) == -1 {
        CHILDREN.inc_by(10);
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, threads] = arguments.as_slice() else { panic!("{arguments:?}") };
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    let action = SigAction::new(
        SigHandler::Handler(fork_here),
        SaFlags::SA_RESTART | SaFlags::SA_NODEFER,
        SigSet::empty(),
    );
    // SAFETY: the handler touches an atomic and forks.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("a handler");
    let mut children = 0;
    for _ in 0..threads.parse().expect("a number") {
        FORKED.store(0, Ordering::SeqCst);
        let (done, wait) = std::sync::mpsc::channel();
        // It stays, so that the next one doesn't get its shard.
        let _stays = thread::spawn(move || {
            first_use();
            done.send(()).expect("somebody waits");
            thread::park();
        });
        wait.recv().expect("it records");
        let child = FORKED.load(Ordering::SeqCst);
        if child != 0 {
            children += 1;
            let status = waitpid(Pid::from_raw(child), None).expect("it is our child");
            assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
        }
    }
    println!("children: {children}");
}
