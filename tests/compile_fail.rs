//! What the attribute refuses, and that its errors stand at the field they speak of.

use std::process::Command;

/// The compiler whose messages stand in the `.stderr` files; others word and order them otherwise.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn errors_of_the_attribute_stand_at_the_field() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    if !version.starts_with(COMPILER) {
        println!("skipped: the expected messages are those of {COMPILER}x, not {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
