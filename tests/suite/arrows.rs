//! Which rooms of the house know each other, as the source says.

use std::fs;
use std::path::{Path, PathBuf};

/// The source files below a place of this package, with comments left out.
fn sources(place: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(place), &mut files);
    files
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, String)>) {
    if let Ok(entries) = fs::read_dir(path) {
        entries.for_each(|entry| collect(&entry.unwrap().path(), files));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        files.push((path.to_owned(), code.collect::<Vec<_>>().join("\n")));
    }
}

/// Whether a word stands in the code, not as a part of another one.
fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part))
}

/// The modules of the library that a file names: `io` for `crate::io` and for `use crate::{io, ..`.
fn modules_named_in(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        let group = rest.strip_prefix('{').and_then(|rest| rest.split_once("};"));
        let parts = group.map_or_else(|| vec![rest], |(group, _)| group.split(',').collect());
        for part in parts {
            let name = part.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next();
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

#[track_caller]
fn assert_knows_only(place: &str, allowed: &[&str]) {
    let files = sources(place);
    assert!(!files.is_empty(), "there is nothing in {place}");
    for (path, code) in files {
        for module in modules_named_in(&code) {
            let known = allowed.contains(&module.as_str());
            assert!(known, "{} uses `crate::{module}`, beyond {allowed:?}", path.display());
        }
    }
}

#[test]
fn the_format_knows_neither_files_nor_stores() {
    assert_knows_only("src/format", &["schema", "format", "carryless"]);
    for (path, code) in sources("src/format") {
        for word in ["std::fs", "std::io", "std::os", "std::env", "rustix", "memmap2", "fs2"] {
            assert!(!code.contains(word), "{} uses `{word}`", path.display());
        }
    }
}

#[test]
fn the_io_knows_no_format() {
    assert_knows_only("src/io", &["error", "io"]);
}

#[test]
fn the_schema_knows_neither_files_nor_stores() {
    for place in ["src/schema", "src/schema.rs", "src/value", "src/value.rs"] {
        assert_knows_only(place, &["schema", "value", "text"]);
    }
}

#[test]
fn the_structures_and_verify_stand_beside_the_store() {
    let looking = ["src/inspect", "src/inspect.rs", "src/history.rs", "src/outlook.rs"];
    for place in looking.into_iter().chain(["src/verify", "src/verify.rs", "src/structures.rs"]) {
        for (path, code) in sources(place) {
            for word in ["RawStore", "Store", "Mapping", "memmap2"] {
                assert!(!has_word(&code, word), "{} uses `{word}`", path.display());
            }
        }
    }
}

#[test]
fn the_command_sees_what_users_see() {
    for (path, code) in sources("src/lib.rs") {
        assert!(!has_word(&code, "cli"), "{} knows the command", path.display());
    }
    for place in ["src/main.rs", "src/cli"] {
        for (path, code) in sources(place) {
            // It asks the system about its own output, and to read a file past its memory, and
            // there only.
            let asks = [
                ("src/cli/pipe.rs", "rustix::event::"),
                ("src/cli/bench/page_cache.rs", "rustix::fs::"),
            ];
            let asked = asks.into_iter().find(|(place, _)| path.ends_with(place));
            let code = asked.map_or(code.clone(), |(_, asked)| code.replace(asked, ""));
            for word in ["#[path", "include!", "memmap2", "fs2", "rustix"] {
                assert!(!code.contains(word), "{} uses `{word}`", path.display());
            }
        }
    }
}

/// What systems do differently stands in one place of the library; tests, and the command's
/// benchmark, may ask where they are.
#[test]
fn only_one_module_asks_which_system_this_is() {
    let mut asking = Vec::new();
    for (path, code) in sources("src") {
        let is_test = path.ends_with("tests.rs")
            || path.components().any(|part| {
                let part = part.as_os_str();
                part == "cli" || part == "sim" || part == "crash_tests" || part == "tests"
            });
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let words = ["target_os", "\"/proc", "fadvise", "fallocate(", "ioctl_", "statx", "futex"];
        if !is_test && words.iter().any(|word| code.contains(word)) {
            asking.push(path);
        }
    }
    asking.sort();
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/io/platform/linux.rs");
    // It chooses between the files.
    assert_eq!(asking, [expected.clone(), expected.with_file_name("mod.rs")]);
}

#[test]
fn unsafe_stands_in_three_files() {
    let mut with_unsafe = Vec::new();
    for place in ["src", "derive/src", "tests"] {
        for (path, code) in sources(place) {
            // This file names what it looks for.
            let here = path.ends_with("tests/suite/arrows.rs");
            let starts = ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code"];
            if !here && starts.iter().any(|start| code.contains(start)) {
                with_unsafe.push(path);
            }
        }
    }
    with_unsafe.sort();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = ["src/carryless.rs", "src/io/mapping.rs", "src/store/view.rs"];
    let expected = expected.map(|file| root.join(file));
    assert_eq!(with_unsafe, expected);
}

#[test]
fn files_are_short_and_lines_fit() {
    for place in ["src", "derive/src", "tests"] {
        for (path, _) in sources(place) {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            assert!(lines <= 600, "{} has {lines} lines", path.display());
            for (number, line) in (1..).zip(text.lines()) {
                let width = line.chars().count();
                let is_table = line.trim_start().trim_start_matches(['/', '!']).starts_with(" |");
                assert!(width <= 100 || is_table, "{}:{number} is {width} wide", path.display());
                let todo = ["TO", "DO"].concat();
                assert!(!has_word(line, &todo), "{}:{number} has a {todo}", path.display());
            }
        }
    }
}
