#![no_main]
//! See [`headcount_fuzz::python`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| headcount_fuzz::python(data));
