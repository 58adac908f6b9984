//! Runs `stridedb_fuzz::journal` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::journal(bytes);
});
