//! Each thread's handles, by the facade's keys.
//!
//! A map that threads share needs a lock, and a child that is forked while another thread holds it
//! would wait for ever. A thread's own map needs none, and no cache line is shared. What is not in
//! it is looked up in headcount, which knows what other threads have declared.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use metrics::{Counter, Gauge, Histogram, Key};

/// The maximum number of handles of a kind in one thread. A program with more series begins anew:
/// otherwise each thread would keep a handle of every series that ever was.
const MOST: usize = 10_000;

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

/// Of each key the facade's handle, and the series in which it counts.
type Handles<T> = HashMap<Key, (T, <T as Cached>::Series), BuildHasherDefault<Hash>>;

/// The handles of one recorder.
pub(crate) struct Cache {
    /// The recorder's number.
    recorder: u64,
    counters: Handles<Counter>,
    gauges: Handles<Gauge>,
    histograms: Handles<Histogram>,
}

impl Cache {
    const fn new() -> Self {
        const fn none<T: Cached>() -> Handles<T> {
            HashMap::with_hasher(BuildHasherDefault::new())
        }
        Self { recorder: 0, counters: none(), gauges: none(), histograms: none() }
    }
}

/// A handle that the cache has.
pub(crate) trait Cached: Clone {
    type Series: Copy;

    fn is_removed(series: Self::Series) -> bool;

    fn of(cache: &mut Cache) -> &mut Handles<Self>;
}

impl Cached for Counter {
    type Series = headcount::Counter;

    fn is_removed(series: Self::Series) -> bool {
        series.is_removed()
    }

    fn of(cache: &mut Cache) -> &mut Handles<Self> {
        &mut cache.counters
    }
}

impl Cached for Gauge {
    type Series = headcount::Gauge;

    fn is_removed(series: Self::Series) -> bool {
        series.is_removed()
    }

    fn of(cache: &mut Cache) -> &mut Handles<Self> {
        &mut cache.gauges
    }
}

impl Cached for Histogram {
    type Series = headcount::Histogram;

    fn is_removed(series: Self::Series) -> bool {
        series.is_removed()
    }

    fn of(cache: &mut Cache) -> &mut Handles<Self> {
        &mut cache.histograms
    }
}

/// The handle of a key, which `make` makes if this thread has none, or if its series was removed.
/// What can't be made now is not kept: it may be possible later.
pub(crate) fn handle<T: Cached>(
    recorder: u64,
    key: &Key,
    make: impl FnOnce() -> Option<(T, T::Series)>,
) -> Option<T> {
    let known = with(recorder, |cache| {
        let (handle, series) = T::of(cache).get(key)?;
        // One that was removed would count nothing, and nobody would hear of it.
        (!T::is_removed(*series)).then(|| handle.clone())
    });
    known.flatten().or_else(|| {
        let new = make()?;
        let handle = new.0.clone();
        with(recorder, |cache| {
            let handles = T::of(cache);
            if handles.len() >= MOST {
                handles.clear();
            }
            handles.insert(key.to_retained(), new);
        });
        Some(handle)
    })
}

/// `None` in a thread that is ending, and in a signal handler that interrupted this very function:
/// the handle is then made again.
fn with<R>(recorder: u64, use_it: impl FnOnce(&mut Cache) -> R) -> Option<R> {
    let used = CACHE.try_with(|cache| {
        let mut cache = cache.try_borrow_mut().ok()?;
        if cache.recorder != recorder {
            *cache = Cache { recorder, ..Cache::new() };
        }
        Some(use_it(&mut cache))
    });
    used.ok().flatten()
}

/// A key brings its hash along.
#[derive(Default)]
pub(crate) struct Hash(u64);

impl Hasher for Hash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
