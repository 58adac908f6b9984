//! What to run after a verification.

use std::path::Path;

use stridedb::format::geometry::META_OFFSETS;
use stridedb::{Class, Level, Problem, VerifyReport};

/// What to do next: commands in back quotes, each with what it does. Nothing if all is well.
pub(in crate::cli) fn next(file: &Path, report: &VerifyReport) -> Vec<String> {
    let name = shell_word(file);
    let mut next = Vec::new();
    if report.level == Level::Quick {
        next.push(format!("`stridedb verify {name}` looks at the slots, which was not done here"));
    }
    let sort_key = report.schema.as_ref().and_then(|schema| schema.sort_key());
    if let (true, Some(key)) = (is_only_of(Class::Order, report), sort_key) {
        let by = shell_word(Path::new(key.path()));
        next.push(format!(
            "`stridedb sort {name} --by {by} --declare --output NEW` writes the records in order \
             into a new file"
        ));
    } else if is_only_of(Class::Value, report) {
        next.extend(first_invalid(report).map(|slot| {
            format!(
                "`stridedb set {name} {slot} FIELD=VALUE` gives a field a value that it may have: \
                 the bytes are as they were written"
            )
        }));
    } else if has_no_meta(report) {
        next.push(format!(
            "`stridedb repair {name}` counts the slots: both metas are lost, which say how many \
             there are"
        ));
    } else if !report.is_sound() {
        next.push(format!(
            "`stridedb repair {name}` says what can be mended; with `--output NEW` it does so in \
             a new file"
        ));
    }
    next
}

/// For a file of which nothing says where its slots are, or how many.
pub(in crate::cli) fn salvage(file: &Path) -> String {
    format!(
        "`stridedb salvage {} --output NEW` looks for the records that are there, since nothing \
         says where the slots are, or how many",
        shell_word(file)
    )
}

/// Whether nothing is wrong but what a program has written into whole records.
fn is_only_of(class: Class, report: &VerifyReport) -> bool {
    !report.findings.is_empty()
        && report.findings.iter().all(|finding| finding.class() == class)
        && report.slots_damaged == 0
}

fn first_invalid(report: &VerifyReport) -> Option<u64> {
    report.findings.iter().find_map(|finding| match &finding.problem {
        Problem::Record { index, .. } => Some(index.get()),
        _ => None,
    })
}

/// Whether both metas are lost, which say how many slots there are.
pub(in crate::cli) fn has_no_meta(report: &VerifyReport) -> bool {
    META_OFFSETS.iter().all(|&offset| {
        let mut findings = report.findings.iter();
        findings.any(|finding| finding.class() == Class::Pages && finding.offset == Some(offset))
    })
}

/// A path as a shell takes it.
pub(in crate::cli) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/,:@%".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_needs_it() {
        for (path, word) in [
            ("/data/ticks-1.stride", "/data/ticks-1.stride"),
            ("my ticks.stride", "'my ticks.stride'"),
            ("it's", r"'it'\''s'"),
            ("--output", "'./--output'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
