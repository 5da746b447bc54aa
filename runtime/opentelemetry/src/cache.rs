//! Each thread's series, by the instrument and the attributes.
//!
//! A map that threads share needs a lock, and a child that is forked while another thread holds it
//! would wait for ever. A thread's own map needs none, and no cache line is shared. What is not in
//! it is looked up in headcount, which knows what other threads have declared.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use foldhash::fast::RandomState;
use opentelemetry::{KeyValue, Value};

use crate::series::Series;

/// The maximum number of series in one thread's map. A program with more begins anew: otherwise
/// each thread would keep every series that ever was.
const MOST: usize = 10_000;

/// How often something that couldn't be declared is asked for until it is tried again. The
/// declaration takes a lock, and nearly always fails again.
const PATIENCE: u32 = 1_000;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache {
        // Chosen at random, so that nobody can choose attributes that collide.
        hasher: RandomState::default(),
        known: HashMap::default(),
    });
}

struct Cache {
    hasher: RandomState,
    /// By the hash of the instrument and the attributes. Of two with one hash the last one is
    /// known.
    known: HashMap<u64, Known, BuildHasherDefault<Identity>>,
}

struct Known {
    instrument: u64,
    /// In the order in which they were given.
    attributes: Box<[KeyValue]>,
    series: Series,
    /// How often it couldn't record.
    failed: u32,
}

/// The series of an instrument with these attributes, which `make` makes if this thread has none,
/// or if it was removed.
pub(crate) fn series(
    instrument: u64,
    attributes: &[KeyValue],
    make: impl Fn() -> Series,
) -> Series {
    let found =
        CACHE.try_with(|cache| Some(cache.try_borrow_mut().ok()?.find(instrument, attributes)));
    // Not in a thread that is ending, and not in a signal handler that interrupted this function.
    let Ok(Some(found)) = found else { return make() };
    let hash = match found {
        Found::Series(series) => return series,
        Found::Nothing(hash) => hash,
    };
    // Outside the cache, since this may run the code of an allocator or of a logger.
    let series = make();
    let _ = CACHE.try_with(|cache| {
        let Ok(mut cache) = cache.try_borrow_mut() else { return };
        if cache.known.len() >= MOST {
            cache.known.clear();
        }
        let known = Known { instrument, attributes: attributes.into(), series, failed: 0 };
        cache.known.insert(hash, known);
    });
    series
}

enum Found {
    Series(Series),
    /// The hash under which it will be found.
    Nothing(u64),
}

impl Cache {
    fn find(&mut self, instrument: u64, attributes: &[KeyValue]) -> Found {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(instrument);
        for attribute in attributes {
            hasher.write(attribute.key.as_str().as_bytes());
            hash(&attribute.value, &mut hasher);
        }
        let hash = hasher.finish();
        let Some(known) = self.known.get_mut(&hash) else { return Found::Nothing(hash) };
        if known.instrument != instrument || !is_same(&known.attributes, attributes) {
            return Found::Nothing(hash);
        }
        if known.series.is_usable() {
            return Found::Series(known.series);
        }
        known.failed += 1;
        let is_patient = matches!(known.series, Series::Nothing) && known.failed < PATIENCE;
        if is_patient { Found::Series(Series::Nothing) } else { Found::Nothing(hash) }
    }
}

fn hash(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::Bool(value) => hasher.write_u8(u8::from(*value)),
        Value::I64(value) => hasher.write_i64(*value),
        Value::F64(value) => hasher.write_u64(value.to_bits()),
        Value::String(value) => value.as_str().hash(hasher),
        other => other.as_str().hash(hasher),
    }
}

fn is_same(known: &[KeyValue], given: &[KeyValue]) -> bool {
    let is_same = |(known, given): (&KeyValue, &KeyValue)| {
        known.key == given.key
            && match (&known.value, &given.value) {
                // Otherwise NaN would never be found.
                (Value::F64(known), Value::F64(given)) => known.to_bits() == given.to_bits(),
                (known, given) => known == given,
            }
    };
    known.len() == given.len() && known.iter().zip(given).all(is_same)
}

/// The hash is the key.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
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
