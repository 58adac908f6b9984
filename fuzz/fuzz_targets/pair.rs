//! Runs `stridedb_fuzz::pair` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::pair(bytes);
});
