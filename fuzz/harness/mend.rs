//! What must be true of a repair, whatever the files are.
//!
//! * Nothing panics, and neither file is written to.
//! * What a plan can be made of is mended: the new store verifies, but for values that a program
//!   wrote, needs no mending, and comes out of another repair byte for byte.
//! * What needs no mending comes out byte for byte as well. What `verify` calls sound loses nothing.
//! * Nothing is invented: unless something is forged, each record of the new store is one that its
//!   slot has held at some commit.
//! * If nothing says where the slots are, `salvage` may find them, and the same holds of what it
//!   writes.

use std::fs;
use std::path::Path;

use stridedb::repair::{Plan, RepairOptions, salvage};
use stridedb::{Class, Error, RawReader, VerifyOptions, verify};

use super::Verdict;
use super::base::{self, Base, Files};
use super::found::{self, Found};
use super::workplace::{self, journal_of};

/// Repairs some files, and fails unless all of the above holds.
pub fn mend(base: &Base, files: &Files) -> Verdict {
    let directory = workplace::directory();
    let path = directory.path().join("s.stride");
    files.put(&path);
    let is_sound = verify(&path, &VerifyOptions { threads: 1, ..VerifyOptions::default() })
        .is_ok_and(|report| report.is_sound());
    let schema = base::schema();
    let options = RepairOptions { threads: 1, ..RepairOptions::default() };
    let given = RepairOptions { schema: Some(&schema), ..options };
    let is_forged = base.written.is_forged(files);
    let plan = match Plan::new(&path, &options) {
        Ok(plan) => plan,
        Err(error) => {
            assert!(!is_sound || is_forged, "sound, and no plan: {error}");
            let found = salvage(&path, &given).map(|found| found.plan);
            if let Ok(Some(plan)) = found {
                hold(base, files, &plan, &path, is_forged);
            }
            return found::kind(&error);
        }
    };
    assert!(!is_sound || plan.losses().is_empty(), "sound, and {plan:?}");
    hold(base, files, &plan, &path, is_forged);
    match (plan.is_empty(), plan.losses().is_empty()) {
        (true, _) => "opened, nothing to mend".into(),
        (_, true) => "opened, mended".into(),
        _ => "opened, mended with losses".into(),
    }
}

fn hold(base: &Base, files: &Files, plan: &Plan, path: &Path, is_forged: bool) {
    let new = path.with_file_name("new.stride");
    let outcome = match plan.write_to(&new, Some(&new)) {
        Ok(outcome) => outcome,
        // A forged length can be more than there is room for.
        Err(Error::Full { .. } | Error::Io { .. }) if is_forged => return,
        Err(error) => panic!("{plan:?}: {error}"),
    };
    let store = fs::read(path).unwrap();
    let journal = fs::read(journal_of(path)).ok();
    assert!(Files { store, journal } == *files, "a repair wrote into what it repairs");
    let report = verify(&new, &VerifyOptions { threads: 1, ..VerifyOptions::default() }).unwrap();
    let is_value = |class: Class| class == Class::Value;
    assert!(report.findings.iter().all(|f| is_value(f.class())), "{plan:?}: {report:?}");
    assert_eq!((report.len, report.live_count), (outcome.len, outcome.live_count));
    if plan.is_empty() {
        assert!(fs::read(&new).unwrap() == files.store, "nothing to mend, and it changed");
        return;
    }
    let options = RepairOptions { threads: 1, ..RepairOptions::default() };
    let again = Plan::new(&new, &options).unwrap();
    assert!(again.is_empty(), "mended, and still {again:?}");
    if is_forged {
        return;
    }
    let found = Found::of_reader(&RawReader::open(&new).unwrap());
    for (index, record) in found.records.iter().enumerate() {
        let Ok(Some(record)) = record else { continue };
        let held =
            |state: &base::State| state.get(index).is_some_and(|r| r.as_ref() == Some(record));
        assert!(base.history.iter().any(held), "{plan:?}: record {index} was never {record:?}");
    }
}
