//! Hostile bytes for the library, and what must be true of whatever they are.
//!
//! Each target is a function of bytes that panics if something is not as it must be. libFuzzer
//! calls them with what it makes (`fuzz_targets/`); a test of the main package, with the committed
//! seeds and with random changes of them (`tests/suite/fuzz_seeds.rs`). Only the library's public
//! interface is used.
//!
//! * [`exercise`](mod@exercise) says what must be true of all files;
//! * [`promise`], what of a store that an accident has changed;
//! * [`mend`](mod@mend) says what must be true of a repair;
//! * [`operations`](mod@operations) says what a store must hold after whatever was done with it;
//! * [`base`] makes the stores that are changed, [`edit`] and [`header`](mod@header) change them.

pub mod base;
pub mod edit;
pub mod exercise;
pub mod header;
pub mod mend;
pub mod operations;
pub mod promise;
pub mod seeds;

mod fixed_ids;
mod found;
mod images;
mod model;
mod operation;
mod records;
mod seal;
mod structures;
mod workplace;
mod writes;

use stridedb::schema::{ByteOrder, Schema};
use stridedb::value::decode_record;

use base::{Base, Files};
use edit::{Input, Seal, edited};
use exercise::exercise;
use found::kind;

/// What became of the bytes, in a few words to be counted: `opened ...`, or the error's name. The
/// forged ones, of which little can be asked, say so.
pub type Verdict = String;

/// One target.
pub type Target = fn(&[u8]) -> Verdict;

/// The targets, by name.
pub const TARGETS: [(&str, Target); 7] = [
    ("header", header),
    ("operations", operations),
    ("journal", journal),
    ("pair", pair),
    ("repair", repair),
    ("store", store),
    ("schema", schema),
];

/// In the first byte of `header`, `journal` and `store`: the rest is all of the file, or of
/// the pages before the slots.
pub const WHOLE: u8 = 0x80;
/// In the first byte of `header`, `journal` and `store`: all checksums are made right.
pub const SEALED: u8 = 0x40;

/// A base's files under pages of these bytes: see [`header`](mod@header).
pub fn header(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let (Some(first), Some(how)) = (input.byte(), input.byte()) else { return "nothing".into() };
    let base = base::chosen(first & !(WHOLE | SEALED));
    let files = header::laid(base, first, how, input.0);
    if how & header::BESIDE != 0 { header::read_beside(base, files) } else { judged(base, &files) }
}

/// Operations on a store: see [`operations`](mod@operations).
pub fn operations(bytes: &[u8]) -> Verdict {
    operations::run(bytes)
}

/// A base's store, beside a journal of these bytes: all of it, or the frames behind a right page.
pub fn journal(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let Some(first) = input.byte() else { return "nothing".into() };
    let base = base::chosen(first & !(WHOLE | SEALED));
    let mut files = base.files.clone();
    let journal = files.journal.get_or_insert_default();
    let start = if first & WHOLE == 0 { 4096.min(journal.len()) } else { 0 };
    let size = journal.len();
    journal.truncate(start);
    journal.extend_from_slice(input.0);
    journal.resize(size.max(journal.len()), 0);
    if first & SEALED != 0 {
        Seal::Frames.apply(&mut files);
    }
    judged(base, &files)
}

/// A base's store and journal after edits.
pub fn pair(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let Some(first) = input.byte() else { return "nothing".into() };
    let base = base::chosen(first);
    let files = edited(base, &mut input);
    judged(base, &files)
}

/// A base's store and journal after edits, or a store of these bytes: to be repaired.
pub fn repair(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let Some(first) = input.byte() else { return "nothing".into() };
    let base = base::chosen(first & !(WHOLE | SEALED));
    let mut files = match first & WHOLE {
        0 => edited(base, &mut input),
        _ => Files { store: input.0.to_vec(), journal: None },
    };
    if first & SEALED != 0 {
        Seal::Everything.apply(&mut files);
    }
    mend::mend(base, &files)
}

/// A store's file without a journal: these bytes, or a closed one after edits.
pub fn store(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let Some(first) = input.byte() else { return "nothing".into() };
    let base = base::chosen(0);
    let mut files = match first & WHOLE {
        0 => edited(base, &mut input),
        _ => Files { store: input.0.to_vec(), journal: None },
    };
    files.journal = None;
    if first & SEALED != 0 {
        Seal::Everything.apply(&mut files);
    }
    judged(base, &files)
}

/// A schema's text: what is read as a schema is written as the same text, and reads any record.
pub fn schema(bytes: &[u8]) -> Verdict {
    let schema = match Schema::from_json(bytes) {
        Ok(schema) => schema,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return "SchemaError".into();
        }
    };
    assert!(schema.to_json().as_bytes() == bytes, "read, and written otherwise");
    if schema.record_size() > 1 << 12 {
        return "opened, with large records".into(); // Their values would take most of the time.
    }
    let record = vec![0x31; schema.record_size() as usize];
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let (checked, decoded) =
            (schema.check(order, &record), decode_record(&schema, order, &record));
        assert!(checked.is_err() || decoded.is_ok(), "{checked:?}, and yet {decoded:?}");
    }
    "opened".into()
}

fn judged(base: &Base, files: &Files) -> Verdict {
    let is_forged = base.written.is_forged(files);
    let outcome = exercise(files);
    if !is_forged {
        promise::hold(base, files, &outcome);
    }
    let verdict = match &outcome.written {
        Ok(how) => (*how).to_owned(),
        Err(error) => kind(error),
    };
    if is_forged { format!("forged: {verdict}") } else { verdict }
}
