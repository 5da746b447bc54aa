//! A program under test that knows nothing of headcount, and loads libraries that count: `guest`.
//! `process_unloading.rs` says what it is for. Each scenario ends by itself, or says `ready` and
//! waits to be killed.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "loads libraries, forks")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use headcount_tests::child::in_child;
use nix::libc;

/// A library that was loaded.
#[derive(Clone, Copy)]
struct Guest(*mut c_void);

// SAFETY: the loader's handles may be used by any thread.
unsafe impl Send for Guest {}

impl Guest {
    fn load(path: &Path) -> Self {
        let path = CString::new(path.as_os_str().as_bytes()).expect("no 0 in it");
        // SAFETY: a string that ends in 0; what the library does when it is loaded is ours.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "{path:?}: {:?}", last_error());
        Self(handle)
    }

    fn symbol(self, name: &CStr) -> *mut c_void {
        // SAFETY: a handle that was not closed, and a string that ends in 0.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!symbol.is_null(), "{name:?}: {:?}", last_error());
        symbol
    }

    fn init(self, directory: &Path) {
        type Init = unsafe extern "C" fn(*const c_char) -> bool;
        // SAFETY: `guest` defines it so.
        let init = unsafe { std::mem::transmute::<*mut c_void, Init>(self.symbol(c"guest_init")) };
        let directory = CString::new(directory.as_os_str().as_bytes()).expect("no 0 in it");
        // SAFETY: a string that ends in 0.
        assert!(unsafe { init(directory.as_ptr()) }, "a fit directory");
    }

    fn function(self, name: &CStr) -> extern "C" fn() {
        // SAFETY: `guest` defines all others so.
        unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(self.symbol(name)) }
    }

    fn call(self, name: &CStr) {
        self.function(name)();
    }

    fn close(self) {
        // SAFETY: loaded, and not closed since.
        assert_eq!(unsafe { libc::dlclose(self.0) }, 0, "{:?}", last_error());
    }
}

fn last_error() -> Option<String> {
    // SAFETY: it returns null or a string that stays until this thread's next call.
    let error = unsafe { libc::dlerror() };
    // SAFETY: such a string.
    (!error.is_null()).then(|| unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned())
}

/// Descriptors and KiB of addresses that this process has.
fn taken() -> (usize, u64) {
    let descriptors = fs::read_dir("/proc/self/fd").expect("a directory").count();
    let status = fs::read_to_string("/proc/self/status").expect("a file");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("a size");
    let kib = size.trim().trim_end_matches(" kB").parse().expect("a number");
    (descriptors, kib)
}

fn tell_and_wait() {
    let (descriptors, kib) = taken();
    println!("descriptors: {descriptors}");
    println!("mebibytes: {}", kib / 1_024);
    println!("ready");
    loop {
        thread::park();
    }
}

/// Loads, counts in threads that end before and after it is closed, and closes, again and again.
fn again_and_again(guest: &Path, directory: &Path, cycles: u32) {
    let (descriptors, kib) = taken();
    println!("descriptors before: {descriptors}");
    println!("mebibytes before: {}", kib / 1_024);
    for cycle in 0..cycles {
        let (loaded, wait_for_work) = channel();
        let (closed, wait_for_close) = channel::<()>();
        let (guest, directory) = (guest.to_owned(), directory.to_owned());
        let worker = thread::spawn(move || {
            let guest = Guest::load(&guest);
            guest.init(&directory);
            guest.call(c"guest_work");
            if cycle + 1 == cycles {
                guest.call(c"guest_asks");
            }
            loaded.send(guest).expect("someone waits");
            // This thread's destructors run when the library is closed already, every other time.
            if cycle % 2 == 0 {
                wait_for_close.recv().expect("it is closed");
            }
        });
        let guest = wait_for_work.recv().expect("it works");
        if cycle % 20 == 0 {
            in_child(|| guest.call(c"guest_work"));
        }
        if cycle % 2 == 0 {
            guest.close();
            closed.send(()).expect("someone waits");
            worker.join().expect("it ends well");
        } else {
            worker.join().expect("it ends well");
            guest.close();
        }
        if cycle % 20 == 0 {
            // Fork handlers run in between.
            in_child(|| ());
            thread::sleep(Duration::from_millis(3));
        }
    }
    tell_and_wait();
}

/// The library's own thread has just begun when the library is closed, and the thread that has used
/// it is gone.
fn asked_and_closed(guest: &Path, directory: &Path) {
    let (guest, directory) = (guest.to_owned(), directory.to_owned());
    let worker = thread::spawn(move || {
        let guest = Guest::load(&guest);
        guest.init(&directory);
        guest.call(c"guest_asks");
        guest
    });
    worker.join().expect("it ends well").close();
    in_child(|| ());
    thread::sleep(Duration::from_millis(20));
    tell_and_wait();
}

/// Two libraries at once, each with a headcount of its own, from several threads.
fn two_at_once(guests: &[&Path], directory: &Path) {
    let threads: Vec<_> = guests
        .iter()
        .map(|path| {
            let (path, directory) = (path.to_path_buf(), directory.to_owned());
            thread::spawn(move || {
                for _ in 0..20 {
                    let guest = Guest::load(&path);
                    guest.init(&directory);
                    guest.call(c"guest_work");
                    guest.call(c"guest_asks");
                    in_child(|| guest.call(c"guest_inc"));
                    guest.close();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("it ends well");
    }
    tell_and_wait();
}

/// The first use is in a constructor, under the loader's lock, while other threads load, close and
/// fork; and it is a first use in another thread as well.
fn in_constructors(guest: &Path, other: &Path) {
    static DONE: AtomicBool = AtomicBool::new(false);
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let other = other.to_owned();
            thread::spawn(move || {
                loop {
                    let library = Guest::load(&other);
                    library.call(c"guest_inc");
                    in_child(|| library.call(c"guest_inc"));
                    library.close();
                    if DONE.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        let guest = Guest::load(guest);
        guest.call(c"guest_inc");
        guest.close();
    }
    DONE.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().expect("it ends well");
    }
    tell_and_wait();
}

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let paths: Vec<_> = arguments.iter().map(Path::new).collect();
    match *paths {
        [what, guest, directory] if what == Path::new("again") => {
            again_and_again(guest, directory, 200);
        }
        [what, guest, directory] if what == Path::new("asked") => {
            asked_and_closed(guest, directory);
        }
        [what, guest, other, directory] if what == Path::new("two") => {
            two_at_once(&[guest, other], directory);
        }
        [what, guest, other] if what == Path::new("constructors") => in_constructors(guest, other),
        _ => panic!("no such scenario: {paths:?}"),
    }
}
