//! Runs `stridedb_fuzz::schema` on what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stridedb_fuzz::schema(bytes);
});
