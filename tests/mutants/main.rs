//! Mutants: copies of the source with one fault each, to see that the tests notice.
//!
//! The store itself has no switch that makes it lose anything. A mutant is a text in the source,
//! and what stands there instead; `table` has them all.
//!
//! ```text
//! STRIDEDB_MUTANTS=all cargo test --release --test mutants -- --nocapture
//! STRIDEDB_MUTANTS=checkpoint cargo test --release --test mutants -- --nocapture
//! ```
//!
//! The second takes only those with this word in their names. Without the variable the test sees
//! to it that the table is in step with the source, and no more.

mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;
use std::{env, fs};

use table::{MUTANTS, Mutant, Tests};

/// What building and testing a copy of the package needs.
const COPIED: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "README.md", "derive", "docs", "fuzz", "src", "tests"];

/// The tests that notice mutants, to be run where there is none.
const ALL_TESTS: [Tests; 2] = [Tests::Library("crash_tests::"), Tests::Suite("journals::")];

#[test]
fn each_mutant_replaces_one_place_of_the_source() {
    for Mutant { name, file, original, replacement, .. } in MUTANTS {
        let source = read(&package().join(file));
        let count = source.matches(original).count();
        assert_eq!(count, 1, "`{name}` replaces a text that {file} has {count} times: {original}");
        assert_ne!(original, replacement, "`{name}` changes nothing");
    }
}

#[test]
fn each_mutant_has_its_own_name() {
    let names: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), MUTANTS.len(), "{names:#?}");
}

#[test]
fn each_mutant_is_noticed() {
    let Ok(asked) = env::var("STRIDEDB_MUTANTS") else {
        return println!("skipped: it takes long, and STRIDEDB_MUTANTS is not set");
    };
    let is_asked = |mutant: &&Mutant| asked == "all" || mutant.name.contains(&asked);
    let mutants: Vec<_> = MUTANTS.iter().filter(is_asked).collect();
    assert!(!mutants.is_empty(), "no mutant has `{asked}` in its name");
    let copy = PackageCopy::make();
    for tests in ALL_TESTS {
        let output = copy.run(tests);
        assert!(output.status.success(), "without a mutant:\n{}", text(&output));
    }
    let begun = Instant::now();
    let problems: Vec<_> = mutants.iter().filter_map(|mutant| copy.try_out(mutant).err()).collect();
    println!("{} mutants in {} s", mutants.len(), begun.elapsed().as_secs());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A copy of this package, in which mutants live for a while.
struct PackageCopy {
    directory: tempfile::TempDir,
}

impl PackageCopy {
    fn make() -> Self {
        let directory = tempfile::tempdir_in(temporary()).expect("room for a copy");
        for name in COPIED {
            copy(&package().join(name), &directory.path().join(name));
        }
        Self { directory }
    }

    /// Tries a mutant out, and says what came of it; an error if it was noticed late or not at all.
    fn try_out(&self, mutant: &Mutant) -> Result<(), String> {
        let Mutant { name, file, original, replacement, noticed_by, images_max } = *mutant;
        let path = self.directory.path().join(file);
        let source = read(&path);
        write(&path, &source.replacen(original, replacement, 1));
        let output = self.run(noticed_by);
        write(&path, &source);
        if output.status.success() {
            println!("{name}: SURVIVES");
            return Err(format!("`{name}` is not noticed by {noticed_by:?}"));
        }
        let text = text(&output);
        let story = story(&text);
        match noticed_after(&text) {
            Some(images) => {
                println!("{name}: noticed after {images} images: {story}");
                let late = format!("`{name}` is noticed after {images} images, not {images_max}");
                if images <= images_max { Ok(()) } else { Err(late) }
            }
            None if images_max == 0 => {
                println!("{name}: noticed: {story}");
                Ok(())
            }
            None => Err(format!("`{name}`: no test says after how many images:\n{text}")),
        }
    }

    /// Builds tests, which must succeed, and runs them.
    fn run(&self, tests: Tests) -> Output {
        let (target, filter): (&[&str], _) = match tests {
            Tests::Library(filter) => (&["--lib"], filter),
            Tests::Suite(filter) => (&["--test", "suite"], filter),
        };
        let built = self.cargo().args(target).arg("--no-run").output().expect("cargo can be run");
        assert!(built.status.success(), "{}", text(&built));
        self.cargo().args(target).arg(filter).output().expect("cargo can be run")
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(self.directory.path());
        cargo.args(["test", "--release", "--offline", "--locked", "--no-default-features"]);
        // Of its own, since cargo forgets what it has built of another directory's package.
        cargo.env("CARGO_TARGET_DIR", temporary().join("mutants-target"));
        // It is built more often than it runs.
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_INCREMENTAL", "1");
        // A mutant may leave something unused, and its number of images must be the same each time.
        for variable in ["RUSTFLAGS", "STRIDEDB_CRASH_HISTORIES", "STRIDEDB_CRASH_SEED"] {
            cargo.env_remove(variable);
        }
        // More than a full run has the time for: a fault may show in few of them.
        cargo.env("STRIDEDB_CRASH_HISTORIES", "12");
        cargo
    }
}

/// What the crash tests say when they fail.
fn noticed_after(output: &str) -> Option<usize> {
    let (_, rest) = output.split_once("noticed after ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What the last panic says, on one line: the crash tests end the story of a failure with the
/// problem, and with what would repeat it.
fn story(output: &str) -> &str {
    let Some((_, panic)) = output.rsplit_once(" panicked at ") else { return "no test panicked" };
    let mut lines = panic.lines().skip(1);
    let first = lines.next().unwrap_or_default();
    let mut before = first;
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.starts_with("units of ") {
            return before;
        }
        before = line;
    }
    first
}

fn text(output: &Output) -> String {
    let (stderr, stdout) = (&output.stderr, &output.stdout);
    format!("{}\n{}", String::from_utf8_lossy(stderr), String::from_utf8_lossy(stdout))
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn temporary() -> PathBuf {
    env!("CARGO_TARGET_TMPDIR").into()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Copies a file, or a directory with all that is in it and was not built there.
fn copy(from: &Path, to: &Path) {
    let try_to = || {
        if !from.is_dir() {
            return fs::copy(from, to).map(drop);
        }
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if name != "target" {
                copy(&from.join(&name), &to.join(&name));
            }
        }
        Ok(())
    };
    try_to().unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}
