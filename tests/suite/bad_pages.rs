//! Pages and schemas that say absurd, wrong or newer things under right checksums.

use std::fs;

use stridedb::format::Corruption;
use stridedb::format::checksum::crc32;
use stridedb::format::geometry::SCHEMA_OFFSET;
use stridedb::format::header::Identity;
use stridedb::format::meta::{COUNT_WRITABLE, FLAG_CLEAN, MetaPage};
use stridedb::format::slot::Tag;
use stridedb::zerocopy::little_endian::{U16, U32, U64};
use stridedb::{Error, Reader, Store};

use crate::bad_files::ask;
use crate::common::{
    Sample, assert_samples, chain, change_identity, change_metas, directory, report, sample,
    schema_text, ten_samples, write_slot,
};

/// A whole identity with one absurd field, under right checksums.
#[test]
fn absurd_headers_are_refused_with_the_field() {
    let directory = directory();
    type Change = fn(&mut Identity);
    let cases: [(&str, &str, Change); 17] = [
        ("record_size 0", "record_size", |id| id.record_size = U32::new(0)),
        ("record_size max", "record_size", |id| id.record_size = U32::new(u32::MAX)),
        ("record_size other", "record_size", |id| id.record_size = U32::new(23)),
        ("stride 0", "stride", |id| id.stride = U32::new(0)),
        ("stride max", "stride", |id| id.stride = U32::new(u32::MAX)),
        ("data_start 0", "data_start", |id| id.data_start = U64::new(0)),
        ("data_start in schema", "data_start", |id| id.data_start = U64::new(16384)),
        ("data_start odd", "data_start", |id| id.data_start = U64::new(20481)),
        ("data_start max", "data_start", |id| id.data_start = U64::new(u64::MAX)),
        ("schema_offset 0", "schema_offset", |id| id.schema_offset = U64::new(0)),
        ("schema_offset max", "schema_offset", |id| id.schema_offset = U64::new(u64::MAX)),
        ("schema_len 0", "schema_len", |id| id.schema_len = U32::new(0)),
        ("schema_len max", "schema_len", |id| id.schema_len = U32::new(u32::MAX)),
        ("schema_len 64k", "data_start", |id| id.schema_len = U32::new(65536)),
        ("byte_order 9", "byte_order", |id| id.byte_order = 9),
        ("byte_order none", "byte_order", |id| id.byte_order = 0),
        ("reserved", "reserved", |id| id.reserved = [1; 3]),
    ];
    for (name, expected, change) in cases {
        let mut bytes = ten_samples();
        change_identity(&mut bytes, change);
        for error in ask(directory.path(), name, &bytes).refused(name) {
            let Error::Corrupt { corruption: Corruption::Field { field, .. }, .. } = error else {
                panic!("{name}: {error:?}");
            };
            assert_eq!(field, expected, "{name}");
        }
    }
    let mut far = ten_samples();
    change_identity(&mut far, |id| id.data_start = U64::new(1 << 30));
    for error in ask(directory.path(), "data far away", &far).refused("data far away") {
        let source = match error {
            Error::Corrupt { corruption: source, .. } => source,
            other => panic!("{other:?}"),
        };
        assert!(matches!(source, Corruption::FileTooShort { .. }), "{source}");
    }
}

/// Metas with absurd numbers, under right checksums.
#[test]
fn absurd_metas_are_refused_with_the_field() {
    let directory = directory();
    type Change = fn(&mut MetaPage);
    let cases: [(&str, &str, Change); 9] = [
        ("len max", "len", |page| page.len = U64::new(u64::MAX)),
        ("len of 2^63 bytes", "len", |page| page.len = U64::new(1 << 58)),
        ("len one more", "", |page| page.len = U64::new(11)),
        ("len of exabytes", "", |page| page.len = U64::new((1 << 58) - 1000)),
        ("live_count max", "live_count", |page| page.live_count = U64::new(u64::MAX)),
        ("free_head at len", "free_head", |page| page.free_head = U64::new(10)),
        ("flags", "flags", |page| page.flags = U16::new(0xFF)),
        ("sequence max", "sequence", |page| page.sequence = U64::new(u64::MAX)),
        ("commit_number max", "commit_number", |page| page.commit_number = U64::new(u64::MAX)),
    ];
    for (name, expected, change) in cases {
        for flags in [FLAG_CLEAN, 0] {
            let mut bytes = ten_samples();
            change_metas(&mut bytes, |page| {
                page.flags = U16::new(flags);
                change(page);
            });
            for error in ask(directory.path(), name, &bytes).refused(name) {
                match error {
                    Error::Corrupt { corruption: Corruption::Field { field, .. }, .. } => {
                        assert_eq!(field, expected, "{name}");
                    }
                    Error::Corrupt { corruption: Corruption::FileTooShort { .. }, .. } => {
                        assert_eq!(expected, "", "{name}");
                    }
                    Error::JournalMissing { .. } => {
                        assert_eq!((expected, flags), ("", 0), "{name}")
                    }
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
    }
}

/// A writer would count on until no meta may have its counters, and then nobody could open it.
#[test]
fn a_store_whose_counters_are_nearly_used_up_is_only_read() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut bytes = ten_samples();
    change_metas(&mut bytes, |page| {
        page.sequence = U64::new(page.sequence.get() + COUNT_WRITABLE);
    });
    std::fs::write(&path, &bytes).unwrap();
    let error = Store::<Sample>::open(&path).unwrap_err();
    println!("{error}");
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    assert_samples(&Reader::open(&path).unwrap(), 10);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_a_removed_record_leaves_behind_is_found() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut link = [0; 24];
    link[..8].fill(0xFF);
    for (at, generation) in [(None, 0), (Some(20), 0), (Some(3), u16::MAX)] {
        let mut bytes = ten_samples();
        let mut area = link;
        if let Some(at) = at {
            area[at] = 1;
        }
        write_slot(&mut bytes, 4, Tag::first(generation).deleted(), &area);
        change_metas(&mut bytes, |page| {
            page.live_count = U64::new(9);
            page.free_head = U64::new(4);
        });
        std::fs::write(&path, bytes).unwrap();
        let report = report(&path).unwrap();
        assert_eq!(report.slots_damaged, u64::from(at.is_some()), "{:?}", report.findings);
    }
}

/// Metas whose numbers are possible and wrong, under right checksums: no operation panics, and
/// `verify` notices.
#[test]
fn metas_that_lie_lead_to_errors_and_no_panic() {
    let directory = directory();
    type Change = fn(&mut MetaPage);
    let cases: [(&str, Change); 5] = [
        ("live_count 0", |page| page.live_count = U64::new(0)),
        ("live_count 3", |page| page.live_count = U64::new(3)),
        ("free_head at a record", |page| page.free_head = U64::new(4)),
        ("another digest", |page| page.digest = U64::new(1)),
        ("generation_base max", |page| page.generation_base = U16::new(u16::MAX)),
    ];
    for (name, change) in cases {
        let path = directory.path().join(name.replace(' ', "-"));
        let mut bytes = ten_samples();
        change_metas(&mut bytes, change);
        fs::write(&path, &bytes).unwrap();
        let found = report(&path).unwrap();
        assert_eq!(found.is_sound(), name.starts_with("generation"), "{name}");
        found.findings.iter().for_each(|finding| println!("{name}: {finding}"));
        let options = stridedb::OpenOptions::new().maintenance(true);
        let mut store = options.open::<Sample>(&path).unwrap();
        let record = sample(1);
        let said = [
            store.insert(&record).map(drop),
            store.remove(9).map(drop),
            store.insert(&record).map(drop),
            store.update(2, &record),
            store.append(&record).map(drop),
            store.truncate(6),
            store.truncate(0),
            store.insert(&record).map(drop),
            store.sync(),
        ];
        for error in said.into_iter().filter_map(Result::err) {
            println!("{name}: {}", chain(&error));
            let typed = matches!(error, Error::Corrupt { .. } | Error::GenerationsUsedUp { .. });
            assert!(typed, "{name}: {error:?}");
        }
        store.close().unwrap();
        Store::<Sample>::open(&path).unwrap();
    }
}

/// Puts another schema text into a store, wherever it stands, and makes the checksums right.
fn with_schema(text: &[u8]) -> Vec<u8> {
    let mut bytes = ten_samples();
    let slots = bytes.split_off(bytes.len() - 320);
    let data_start = (SCHEMA_OFFSET + text.len() as u64).next_multiple_of(4096);
    bytes.resize(data_start as usize, 0);
    bytes[SCHEMA_OFFSET as usize..].fill(0);
    bytes[SCHEMA_OFFSET as usize..][..text.len()].copy_from_slice(text);
    change_identity(&mut bytes, |id| {
        id.schema_len = U32::new(text.len() as u32);
        id.schema_checksum = U32::new(crc32(text));
        id.data_start = U64::new(data_start);
    });
    change_metas(&mut bytes, |page| page.schema_copy = [0; 3584]);
    bytes.extend(slots);
    bytes
}

#[test]
fn schemas_that_are_none_are_refused_in_bounded_time() {
    let directory = directory();
    let field = |n: usize| format!("{{\"name\":\"{n}\",\"type\":\"u8\",\"offset\":{n}}}");
    let many = |count: usize| (0..count).map(field).collect::<Vec<_>>().join(",");
    let schema = |fields: &str| format!("{{\"name\":\"S\",\"fields\":[{fields}]}}");
    let huge = "{\"name\":\"a\",\"type\":\"[[u64; 4294967295]; 4294967295]\",\"offset\":0}";
    let deep = "[".repeat(20_000);
    let mut nested = "\"type\":\"u8\",\"offset\":0".to_owned();
    for _ in 0..40 {
        nested =
            format!("\"type\":\"record\",\"offset\":0,\"fields\":[{{\"name\":\"a\",{nested}}}]");
    }
    let cases: [(&str, Vec<u8>); 10] = [
        ("1500 fields", schema(&many(1500)).into()),
        ("brackets", deep.into()),
        ("objects", "{\"name\":".repeat(5_000).into()),
        ("nested records", schema(&format!("{{\"name\":\"a\",{nested}}}")).into()),
        ("not UTF-8", b"{\"name\":\"\xFF\",\"fields\":[]}".to_vec()),
        ("no fields", b"{\"name\":\"S\",\"fields\":[]}".to_vec()),
        ("not JSON", b"time i64".to_vec()),
        ("zeros", vec![0; 500]),
        ("white space", format!(" {}", String::from_utf8(schema_of_samples()).unwrap()).into()),
        ("huge array", schema(huge).into()),
    ];
    for (name, text) in cases {
        for error in ask(directory.path(), name, &with_schema(&text)).refused(name) {
            assert!(matches!(error, Error::StoredSchema { .. }), "{name}: {error:?}");
        }
    }
    let much = schema(&many(10_000));
    let bytes = with_schema(much.as_bytes());
    for error in ask(directory.path(), "10000 fields", &bytes).refused("10000 fields") {
        let typed = matches!(
            error,
            Error::Corrupt { corruption: Corruption::Field { field: "schema_len", .. }, .. }
        );
        assert!(typed, "{error:?}");
    }
    // The method itself makes a store: the right text opens.
    let right = with_schema(&schema_of_samples());
    ask(directory.path(), "the right schema", &right).opened("the right schema");
}

fn schema_of_samples() -> Vec<u8> {
    schema_text::<Sample>()
}

#[test]
fn newer_versions_and_unknown_features_are_treated_as_they_ask() {
    let directory = directory();
    let with = |change: fn(&mut Identity)| {
        let mut bytes = ten_samples();
        change_identity(&mut bytes, change);
        bytes
    };
    let ignored = with(|id| id.features_compatible = U64::new(u64::MAX));
    let (damage, report) = ask(directory.path(), "compatible", &ignored).opened("compatible");
    assert!(damage.is_empty() && report.is_sound());
    for (name, change) in [
        (
            "read-only feature",
            (|id| id.features_read_only_compatible = U64::new(0x40)) as fn(&mut Identity),
        ),
        ("newer to write", |id| id.write_version = U16::new(77)),
    ] {
        let answers = ask(directory.path(), name, &with(change));
        assert_samples(&Reader::from_raw(answers.read.unwrap()).unwrap(), 10);
        assert!(answers.verify.unwrap().is_sound());
        let error = answers.write.unwrap_err();
        println!("{error}");
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("0x40") || message.contains("77"), "{message}");
    }
    for (name, change, named) in [
        ("feature", (|id| id.features_incompatible = U64::new(0x80)) as fn(&mut Identity), "0x80"),
        ("newer to read", |id| id.read_version = U16::new(78), "78"),
    ] {
        let answers = ask(directory.path(), name, &with(change));
        let verify = answers.verify.as_ref().unwrap_err();
        assert!(matches!(verify, Error::Unsupported { .. }), "{verify:?}");
        for error in answers.refused(name) {
            assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
