//! The tables, constants and examples of `docs/format.md` are those of the library.

use std::mem::offset_of;

use stridedb::format::checksum::{crc32, key};
use stridedb::format::digest::{Digest, mix64};
use stridedb::format::geometry::Geometry;
use stridedb::format::header::{self, HeaderPage, Identity};
use stridedb::format::journal::{self, Frame, FrameHeader, JournalIdentity, JournalPage};
use stridedb::format::live::{self, LivePage};
use stridedb::format::meta::{self, MetaPage};
use stridedb::format::slot::{self, State, Tag, Trailer};
use stridedb::format::{checksum, geometry};
use stridedb::schema::Schema;
use stridedb::zerocopy::{FromBytes, IntoBytes};

const DOCUMENT: &str = include_str!("../../docs/format.md");

/// A line of a table of offsets: offset, size, name.
type Row = (usize, usize, String);

/// The rows that a structure's table must have. The pattern names every field, so that one which
/// is left out here does not compile.
macro_rules! rows {
    ($structure:ident { $($field:ident),* $(,)? }) => {{
        let $structure { $($field: _),* } = FromBytes::read_from_bytes(
            [0; size_of::<$structure>()].as_slice(),
        ).unwrap();
        vec![$((
            offset_of!($structure, $field),
            field_size(|structure: &$structure| &structure.$field),
            stringify!($field).to_owned(),
        )),*]
    }};
}

fn field_size<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

#[test]
fn the_tables_are_the_structures() {
    let structures: [(&str, usize, Vec<Row>); 8] = [
        (
            "HeaderPage",
            size_of::<HeaderPage>(),
            rows!(HeaderPage { magic, identity, reserved, checksum, padding }),
        ),
        (
            "Identity",
            size_of::<Identity>(),
            rows!(Identity {
                store_id,
                write_version,
                read_version,
                byte_order,
                reserved,
                record_size,
                stride,
                data_start,
                schema_offset,
                schema_len,
                schema_checksum,
                features_compatible,
                features_read_only_compatible,
                features_incompatible,
            }),
        ),
        (
            "MetaPage",
            size_of::<MetaPage>(),
            rows!(MetaPage {
                magic,
                identity,
                sequence,
                commit_number,
                len,
                live_count,
                free_head,
                digest,
                epoch,
                journal_id,
                generation_base,
                flags,
                reserved,
                checksum,
                schema_copy,
            }),
        ),
        (
            "LivePage",
            size_of::<LivePage>(),
            rows!(LivePage {
                sequence,
                publication,
                published_len,
                commit_number,
                live_count,
                digest,
                flags,
                wake,
                reserved,
                nonce,
                boot_id,
                process_id,
                reserved_too,
                opened_at,
                program,
                host,
                padding,
            }),
        ),
        ("Trailer", size_of::<Trailer>(), rows!(Trailer { checksum, tag })),
        (
            "JournalPage",
            size_of::<JournalPage>(),
            rows!(JournalPage { magic, identity, reserved, checksum, padding }),
        ),
        (
            "JournalIdentity",
            size_of::<JournalIdentity>(),
            rows!(JournalIdentity { store_id, journal_id, version, reserved, stride }),
        ),
        (
            "FrameHeader",
            size_of::<FrameHeader>(),
            rows!(FrameHeader {
                magic,
                store_id,
                journal_id,
                epoch,
                first_commit,
                last_commit,
                len,
                live_count,
                free_head,
                digest,
                entry_count,
                payload_size,
                generation_base,
                flags,
                reserved,
                header_checksum,
                checksum,
            }),
        ),
    ];
    for (name, size, expected) in structures {
        let table = table_of_offsets(name);
        assert_eq!(table, expected, "{name}: the document has the left one");
        assert_eq!(end_of_gapless(&table), size, "{name}");
    }
}

#[test]
fn the_tags_bits_are_those_of_the_table() {
    let bits: Vec<_> = rows_under("Tag", "bits").into_iter().map(|row| row[..3].to_vec()).collect();
    let expected = [
        ["0", "1", "`being_written`"],
        ["1-2", "2", "`state`"],
        ["3-15", "13", "`version`"],
        ["16-31", "16", "`generation`"],
    ];
    assert_eq!(bits, expected);
    let all = Tag::from_bits(u32::MAX);
    assert_eq!((all.version(), all.generation()), ((1 << 13) - 1, u16::MAX));
    let states = [0, 1, 2, 3].map(|state| Tag::from_bits(state << 1).state());
    assert_eq!(states, [State::Empty, State::Live, State::Deleted, State::Invalid]);
    let one = |bit: u32| Tag::from_bits(1 << bit);
    assert_eq!((one(3).version(), one(16).generation(), one(0).is_being_written()), (1, 1, true));
}

#[test]
fn the_constants_are_the_librarys() {
    let expected = [
        ("PAGE_SIZE", geometry::PAGE_SIZE as u64),
        ("VERSION", header::VERSION.into()),
        ("HEADER_OFFSET", geometry::HEADER_OFFSET),
        ("META_A_OFFSET", geometry::META_OFFSETS[0]),
        ("META_B_OFFSET", geometry::META_OFFSETS[1]),
        ("LIVE_OFFSET", geometry::LIVE_OFFSET),
        ("SCHEMA_OFFSET", geometry::SCHEMA_OFFSET),
        ("HEADER_MAGIC", u64::from_be_bytes(header::MAGIC)),
        ("META_MAGIC", u64::from_be_bytes(meta::MAGIC)),
        ("PAGE_CHECKSUM_OFFSET", header::PAGE_CHECKSUM_OFFSET as u64),
        ("SCHEMA_COPY_SIZE", meta::SCHEMA_COPY_SIZE as u64),
        ("SCHEMA_LEN_MAX", geometry::SCHEMA_LEN_MAX.into()),
        ("RECORD_SIZE_MAX", geometry::RECORD_SIZE_MAX.into()),
        ("DATA_START_MAX", geometry::DATA_START_MAX),
        ("TRAILER_SIZE", geometry::TRAILER_SIZE as u64),
        ("FIELD_COUNT_MAX", Schema::FIELD_COUNT_MAX as u64),
        ("NESTING_MAX", Schema::NESTING_MAX as u64),
        ("NO_SLOT", slot::NO_SLOT),
        ("FLAG_CLEAN", meta::FLAG_CLEAN.into()),
        ("FLAG_DIGEST_UNKNOWN", meta::FLAG_DIGEST_UNKNOWN.into()),
        ("FLAG_READY", live::FLAG_READY),
        ("FLAG_POISONED", live::FLAG_POISONED),
        ("FLAG_LIVE_DIGEST_UNKNOWN", live::FLAG_LIVE_DIGEST_UNKNOWN),
        ("JOURNAL_MAGIC", u64::from_be_bytes(journal::MAGIC)),
        ("FRAME_MAGIC", u64::from_be_bytes(journal::FRAME_MAGIC)),
        ("FRAMES_OFFSET", journal::FRAMES_OFFSET),
        ("FRAME_ALIGN", journal::FRAME_ALIGN),
        ("FRAME_HEADER_SIZE", journal::FRAME_HEADER_SIZE as u64),
        ("FRAME_FLAG_DIGEST_UNKNOWN", journal::FLAG_DIGEST_UNKNOWN.into()),
    ];
    let table = rows_under("2. Conventions", "constant");
    let found: Vec<_> = table.iter().map(|row| (unquoted(&row[0]), number(&row[1]))).collect();
    assert_eq!(found, expected, "the document has the left one");
    assert_eq!(Schema::JSON_SIZE_MAX as u64, u64::from(geometry::SCHEMA_LEN_MAX));
    assert_eq!(Schema::RECORD_SIZE_MAX, geometry::RECORD_SIZE_MAX);
}

#[test]
fn the_rules_are_numbered_without_a_gap() {
    let lines = DOCUMENT.lines().filter_map(|line| line.strip_prefix("* **V"));
    let numbers = lines.map(|line| line.split("**").next().unwrap().parse::<u64>().unwrap());
    let numbers: Vec<_> = numbers.collect();
    assert!(numbers.len() > 30, "{numbers:?}");
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
}

#[test]
fn the_schema_of_the_example_is_canonical() {
    let schema = example_schema();
    assert_eq!(schema.record_size(), 18);
    assert_eq!(schema.byte_order(), None);
}

#[test]
fn the_slots_of_the_example_are_whole() {
    let key = key(std::array::from_fn(|i| (i * i) as u8));
    let schema = example_schema();
    let expected = [("live slot 2", State::Live), ("deleted slot 2", State::Deleted)];
    for (title, state) in expected {
        let slot = bytes_under(title);
        assert_eq!(slot.len(), 32, "{title}");
        let (area, trailer) = slot.split_at(24);
        let trailer = Trailer::read_from_bytes(trailer).unwrap();
        let (tag, area_crc) = trailer.verify(2.into(), area, key).unwrap();
        assert_eq!(tag.state(), state, "{title}");
        assert!(DOCUMENT.contains(&format!("0x{:08X}", trailer.checksum.get())), "{title}");
        assert!(DOCUMENT.contains(&format!("0x{:08X}", tag.bits())), "{title}");
        if state == State::Live {
            schema.check(stridedb::schema::ByteOrder::Little, &area[..18]).unwrap();
            assert!(DOCUMENT.contains(&format!("0x{:016X}", mix64(2, area_crc))), "{title}");
        } else {
            assert_eq!(slot::free_link(area), Some(5), "{title}");
        }
    }
}

#[test]
fn the_tags_of_the_example_follow_from_one_another() {
    let appended = Tag::first(1);
    let trailer = |title: &str| Trailer::read_from_bytes(&bytes_under(title)[24..]).unwrap();
    assert_eq!(trailer("live slot 2").tag.get(), appended.updated().bits());
    assert_eq!(trailer("deleted slot 2").tag.get(), appended.updated().deleted().bits());
}

#[test]
fn the_frame_of_the_example_is_the_librarys() {
    let found = bytes_under("frame of commit 7");
    let id = std::array::from_fn(|i| (i * i) as u8);
    let journal_id = std::array::from_fn(|i| 0x10 + i as u8);
    let identity = JournalIdentity::new(id, journal_id, &Geometry::new(18, 20480).unwrap());
    let slot = bytes_under("live slot 2");
    let frame = Frame {
        epoch: 3,
        first_commit: 7,
        last_commit: 7,
        len: 6,
        live_count: 1,
        free_head: 5,
        digest: Some(Digest::new(mix64(2, crc32(&slot[..24])))),
        generation_base: 1,
        entry_count: 1,
    };
    let payload = [2_u64.to_le_bytes().as_slice(), &slot].concat();
    let header = FrameHeader::encode(&frame, &identity, &payload);
    assert_eq!(found, [header.as_bytes(), &payload].concat(), "the document has the left one");
    let unsummed = [&found[..124], &payload].concat();
    assert_eq!(header.header_checksum.get(), crc32(&found[..120]));
    assert_eq!(header.checksum.get(), crc32(unsummed.as_slice()));
    let said = format!("It has {} bytes, and the next frame begins {} bytes", found.len(), 192);
    assert!(DOCUMENT.contains(&said), "{said}");
    assert_eq!(identity.frame_size(1), Some(192));
}

#[test]
fn the_vectors_are_in_the_table() {
    let id = std::array::from_fn(|i| (i * i) as u8);
    let results = rows_under("15. Test vectors", "function");
    let results: Vec<_> = results.iter().map(|row| number(&row[2])).collect();
    let expected = [
        crc32(b"123456789").into(),
        key(id).into(),
        checksum::hash32(0, 0).into(),
        checksum::hash32(1, 2).into(),
        checksum::hash32(0x1_0000_0002, 0x0001_000A).into(),
        mix64(0, 0),
        mix64(1, 0xCBF4_3926),
        mix64(u64::MAX, 1),
    ];
    assert_eq!(results, expected);
}

#[test]
fn a_page_keeps_what_it_says_where_the_table_says() {
    let mut identity = Identity::read_from_bytes(&[0; 80]).unwrap();
    identity.store_id = [0xAB; 16];
    let page = HeaderPage::encode(&identity);
    let bytes = page.as_bytes();
    assert_eq!(bytes[8..24], [0xAB; 16]);
    let mut unsummed = bytes.to_vec();
    unsummed[508..512].fill(0);
    assert_eq!(bytes[508..512], crc32(unsummed.as_slice()).to_le_bytes());
}

fn example_schema() -> Schema {
    let text: String = block_after("### An example").lines().collect();
    Schema::from_json(text.as_bytes()).unwrap()
}

/// Offsets, sizes and names of the table under a heading.
fn table_of_offsets(heading: &str) -> Vec<Row> {
    let rows = rows_under(heading, "offset");
    let usize_of = |cell: &str| number(cell).try_into().unwrap();
    let row = |row: &Vec<String>| (usize_of(&row[0]), usize_of(&row[1]), unquoted(&row[2]).into());
    rows.iter().map(row).collect()
}

/// Where a table ends whose rows follow one another from 0 on.
fn end_of_gapless(table: &[Row]) -> usize {
    table.iter().fold(0, |end, (offset, size, name)| {
        assert_eq!(end, *offset, "`{name}` does not begin where the row before it ends");
        offset + size
    })
}

/// The cells of the table under a heading whose first column has this title.
fn rows_under(heading: &str, first_column: &str) -> Vec<Vec<String>> {
    let section = section(heading);
    let title = format!("| {first_column} |");
    let lines = section.lines().skip_while(|line| !line.starts_with(&title));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<_> = rows.map(|line| cells(line)[1..].to_vec()).collect();
    assert!(!rows.is_empty(), "the document has no table `{first_column}` under `{heading}`");
    rows
}

/// What stands between a heading and the next.
fn section(heading: &str) -> &'static str {
    let start = ["\n## ", "\n### "].iter().find_map(|marks| {
        let line = format!("{marks}{heading}\n");
        DOCUMENT.find(&line).map(|start| start + line.len())
    });
    let rest = &DOCUMENT[start.unwrap_or_else(|| panic!("no heading `{heading}`"))..];
    rest.split("\n#").next().unwrap()
}

/// The first fenced block after a line.
fn block_after(line: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(line).unwrap();
    let (_, block) = rest.split_once("```").unwrap();
    let (_language, block) = block.split_once('\n').unwrap();
    block.split("```").next().unwrap()
}

/// The bytes in the fenced block that begins with this title.
fn bytes_under(title: &str) -> Vec<u8> {
    let (_, rest) = DOCUMENT.split_once(&format!("```text\n{title}\n")).unwrap();
    let lines = rest.split("```").next().unwrap().lines();
    let hex = |line: &'static str| {
        // Two blanks end a line's bytes; what follows explains them.
        let bytes = line.split("  ").next().unwrap().split(' ');
        bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap())
    };
    lines.flat_map(hex).collect()
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// A decimal number, one after 0x, or eight bytes in hex, the first the most significant.
fn number(cell: &str) -> u64 {
    let cell = unquoted(cell);
    let digits: String = cell.trim_start_matches("0x").split(' ').collect();
    let radix = if cell.starts_with("0x") || cell.contains(' ') { 16 } else { 10 };
    u64::from_str_radix(&digits, radix).unwrap_or_else(|_| panic!("`{cell}` is no number"))
}
