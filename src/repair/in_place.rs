//! The mended store in the old one's place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::output::{self, Outcome};
use super::plan::Plan;
use super::quarantine::{BYTES, LINES};
use crate::error::Result;
use crate::io::{Lock, NewFile, StoreFile, is_taken};
use crate::journal::{self, path_beside};

/// What stands between a store's name and the date in the name of its backup.
const BACKUP: &str = ".backup-";

/// Swaps the mended store in; the backup's name.
pub(super) fn apply(
    plan: &Plan,
    quarantine: bool,
    progress: Option<&dyn Fn(u64, u64)>,
) -> Result<(PathBuf, Outcome)> {
    let backup = free_name(plan.path());
    let quarantine = quarantine.then_some(backup.as_path());
    plan.check_losses(quarantine)?;
    let new = NewFile::to_replace(plan.path(), plan.file.mode()?)?;
    new.take_owner_of(&plan.file)?;
    let outcome = output::write_into(plan, &new, quarantine, progress)?;
    plan.check_undisturbed()?;
    // A backup is whole with its journal only.
    let journal = match plan.sources.has_journal {
        true => journal::find(plan.path())?.1,
        false => None,
    };
    remove_interrupted(&plan.file, journal.as_ref())?;
    plan.file.add_name(&backup)?;
    if let Some(journal) = &journal {
        journal.add_name(&path_beside(&backup))?;
    }
    plan.file.sync_directory()?; // The backup is there.
    let _locked = new.replace(Lock::Exclusive)?; // The mended store is there.
    if let Some(journal) = journal {
        // Until here the new store would have set it aside.
        journal.remove()?;
        plan.file.sync_directory()?;
    }
    Ok((backup, outcome))
}

/// Makes sure that a file has no other name than its own, and that of a backup which an interrupted
/// repair has given to it.
///
/// # Errors
///
/// [`Error::Linked`](crate::Error::Linked), [`Error::Io`](crate::Error::Io)
pub(super) fn check_names(file: &StoreFile) -> Result<()> {
    let left = file.other_names(|name| is_backup(file.path(), name, ""))?;
    file.check_names(1 + left.len() as u64)
}

/// Takes away the second names that an interrupted repair has left: it has given them, and not yet
/// put another file under the first one.
fn remove_interrupted(store: &StoreFile, journal: Option<&StoreFile>) -> Result<()> {
    store.remove_other_names(|name| is_backup(store.path(), name, ""))?;
    if let Some(journal) = journal {
        journal.remove_other_names(|name| is_backup(store.path(), name, "-journal"))?;
    }
    Ok(())
}

/// Whether a name is one that a backup gets: the store's, `.backup-` and a date, perhaps a number.
fn is_backup(store: &Path, name: &Path, suffix: &str) -> bool {
    let name = name.as_os_str().as_encoded_bytes();
    let start = with(store, BACKUP);
    let rest = name.strip_prefix(start.as_os_str().as_encoded_bytes());
    let rest = rest.and_then(|rest| rest.strip_suffix(suffix.as_bytes()));
    let Some((date, number)) = rest.and_then(|rest| rest.split_at_checked(10)) else {
        return false;
    };
    let is_date = date.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let is_number = |number: &[u8]| !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    is_date && (number.is_empty() || number.strip_prefix(b"-").is_some_and(is_number))
}

/// The name of a backup that nothing has, nor what goes with it.
fn free_name(path: &Path) -> PathBuf {
    let base = with(path, &format!("{BACKUP}{}", today()));
    let numbered = (2..u32::MAX).map(|number| with(&base, &format!("-{number}")));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    let with_it = ["", "-journal", LINES, BYTES];
    let is_free = |name: &PathBuf| with_it.iter().all(|suffix| !is_taken(&with(name, suffix)));
    names.find(is_free).unwrap_or(base)
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The date in UTC: `2026-01-31`. From the days since 1970-01-01 as Howard Hinnant has it in
/// "chrono-Compatible Low-Level Date Algorithms" (`civil_from_days`).
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    date(now.map_or(0, |since| since.as_secs() / 86_400))
}

fn date(days: u64) -> String {
    let days = days + 719_468; // Since 0000-03-01.
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_backups_are_known() {
        let store = Path::new("/d/s.stride");
        for (name, expected) in [
            ("/d/s.stride.backup-2026-11-30", true),
            ("/d/s.stride.backup-2026-11-30-2", true),
            ("/d/s.stride.backup-2026-11-30-", false),
            ("/d/s.stride.backup-2026-11-30-journal", false),
            ("/d/s.stride.backup-mine", false),
            ("/d/s.stride.backup-before-it", false),
            ("/d/t.stride.backup-2026-11-30", false),
        ] {
            assert_eq!(is_backup(store, Path::new(name), ""), expected, "{name}");
        }
        let journal = Path::new("/d/s.stride.backup-2026-11-30-2-journal");
        assert!(is_backup(store, journal, "-journal"));
    }

    #[test]
    fn dates_are_right() {
        let known = [(0, "1970-01-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01")];
        for (days, expected) in known.into_iter().chain([(20_787, "2026-11-30")]) {
            assert_eq!(date(days), expected);
        }
    }
}
