//! The library from outside: what its users see.
#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod children;
mod common;
#[allow(unreachable_pub, reason = "in `fuzz/` it is a library")]
#[path = "../../fuzz/harness/lib.rs"]
mod harness;

mod arrows;
mod atomic;
mod bad_files;
mod bad_pages;
mod bit_flips;
mod campaign;
mod compact;
mod conformance;
mod crash;
mod create;
mod diagnosis;
mod errors;
mod format_document;
mod format_rules;
mod full_disk;
mod fuzz_seeds;
mod injected;
mod journals;
mod locks;
mod logs;
mod many;
mod many_updates;
mod memory;
mod places;
mod private;
mod python;
mod readers;
mod repair;
mod rules;
mod searching;
mod sensitive;
mod shared;
mod sorted;
mod sorting;
mod store;
mod transactions;
mod typed;
#[cfg(target_os = "linux")]
mod windows;
