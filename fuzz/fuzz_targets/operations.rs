//! Runs `stridedb_fuzz::operations` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::operations(bytes);
});
