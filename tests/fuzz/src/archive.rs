#![no_main]
//! See [`headcount_fuzz::archive`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| headcount_fuzz::archive(data));
