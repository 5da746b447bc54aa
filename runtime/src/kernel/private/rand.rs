//! Random numbers, of what the standard library asks the system for.

use std::hash::{BuildHasher, RandomState};

use super::flags::flags;
use super::io::Result;

flags! {
    GetRandomFlags { NONBLOCK = 1 }
}

/// Numbers that other processes are unlikely to get, not secrets.
pub(crate) fn getrandom(into: &mut [u8], _: GetRandomFlags) -> Result<usize> {
    for bytes in into.chunks_mut(8) {
        // The keys differ in each state. A forked child goes on from its parent's.
        let word = RandomState::new().hash_one(std::process::id()).to_le_bytes();
        bytes.copy_from_slice(word.get(..bytes.len()).unwrap_or_default());
    }
    Ok(into.len())
}
