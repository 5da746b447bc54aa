#![no_main]
//! See [`headcount_fuzz::ledger`].

libfuzzer_sys::fuzz_target!(|data: &[u8]| headcount_fuzz::ledger(data));
