//! Runs `stridedb_fuzz::repair` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::repair(bytes);
});
