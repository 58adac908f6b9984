//! Runs `stridedb_fuzz::header` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::header(bytes);
});
