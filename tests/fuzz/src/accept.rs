#![no_main]
//! See [`headcount_fuzz::accept`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| headcount_fuzz::accept(data));
