#![no_main]
//! See [`headcount_fuzz::segment`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| headcount_fuzz::segment(data));
