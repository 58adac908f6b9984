//! Runs `stridedb_fuzz::store` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::store(bytes);
});
