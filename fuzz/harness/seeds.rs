//! The seeds that are committed: each of the accidents that `docs/recovery.md` names, once.

use std::mem::offset_of;

use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS, PAGE_SIZE, SCHEMA_OFFSET};
use stridedb::format::journal::{FRAME_HEADER_SIZE, FRAMES_OFFSET, FrameHeader};
use stridedb::format::live::{FLAG_POISONED, FLAG_READY, LivePage};

use super::base::{Base, Which, all, schema};
use super::edit::{Edit, Seal};
use super::header::{self, BESIDE, SAME_IDENTITY, SLOTS};
use super::{SEALED, WHOLE, structures};

/// A target, a name, and what the target is called with.
pub type Seed = (&'static str, String, Vec<u8>);

/// More slots than anybody has.
const FAR: u64 = 1 << 50;
/// Bytes of the header that say something.
const HEADER_SAID: usize = 88;

/// All of them, as the library's format has them today.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, base) in (0..).zip(all()) {
        let name = base.file_name();
        let mut add = |target, what: &str, bytes| {
            seeds.push((target, format!("{name}-{what}"), bytes));
        };
        let mut accidents = accidents(base);
        if base.is_of_this_boot {
            // All that is different then is what the live block tells.
            let told = ["as-it-is", "another-boot", "frame-is-lost", "last-frame-rots"];
            accidents.retain(|(what, _)| told.contains(what) || what.starts_with("a-failure"));
        }
        for (what, edits) in accidents {
            let edits = edits.iter().flat_map(|edit| edit.encode(base));
            let bytes: Vec<u8> = std::iter::once(number).chain(edits).collect();
            add("repair", what, bytes.clone());
            add("pair", what, bytes);
        }
        if !base.frames.is_empty() {
            let frames = &base.files.bytes(Which::Journal)[FRAMES_OFFSET as usize..];
            let end = frames.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            add("journal", "frames", [&[number], &frames[..end]].concat());
            add("journal", "sealed", [&[number | SEALED], &frames[..end]].concat());
            // A slot that lies so far behind the file's end that nobody could count up to it.
            let mut far = [&[number | SEALED], &frames[..end]].concat();
            far[1..][offset_of!(FrameHeader, len)..][..8].copy_from_slice(&FAR.to_le_bytes());
            far[1..][FRAME_HEADER_SIZE..][..8].copy_from_slice(&(FAR - 1).to_le_bytes());
            add("journal", "far-behind-the-end", far);
            add(
                "journal",
                "short",
                [&[number | WHOLE], &base.files.bytes(Which::Journal)[..5000]].concat(),
            );
        }
    }
    seeds.extend(headers());
    // A frame of an epoch that no writer comes to.
    let epoch = [4, 3, 37, 0, 0, 187, 7, 4, 1, 2, 0, 0, 17, 17, 17, 16, 17, 0];
    seeds.push(("repair", "an-epoch-beyond-all".to_owned(), epoch.to_vec()));
    seeds.extend(operations());
    seeds.extend(stores());
    seeds.extend(schemas());
    seeds
}

impl Base {
    fn file_name(&self) -> String {
        self.name.replace(", ", "-").replace(' ', "-")
    }
}

/// What can happen to a base's files.
fn accidents(base: &Base) -> Vec<(&'static str, Vec<Edit<'static>>)> {
    use Edit::{Add, Copy, Cut, Extend, Fill, Overwrite, RemoveJournal};
    let store = |at: u64| (Which::Store, at as usize);
    let [older, newer] = META_OFFSETS;
    let is_a = structures::metas(&base.files.store)[0] == Some(base.newest);
    let (older, newer) = if is_a { (newer, older) } else { (older, newer) };
    let data_start = structures::header(&base.files.store).expect("whole").geometry().data_start();
    let slot = |index: u64| store(data_start + index * 24);
    let mut accidents = vec![
        ("as-it-is", vec![]),
        ("without-journal", vec![RemoveJournal]),
        ("header-rots", vec![Overwrite(store(20), b"?")]),
        ("newer-meta-rots", vec![Overwrite(store(newer + 100), b"?")]),
        ("older-meta-rots", vec![Overwrite(store(older + 100), b"?")]),
        ("newer-meta-is-lost", vec![Copy(store(older), store(newer), PAGE_SIZE)]),
        ("newer-meta-rots-without-journal", vec![Fill(store(newer), PAGE_SIZE, 0), RemoveJournal]),
        ("slot-rots", vec![Overwrite(slot(3), b"?")]),
        ("slot-stands-elsewhere", vec![Copy(slot(3), slot(5), 24)]),
        ("another-boot", vec![Fill(store(LIVE_OFFSET), PAGE_SIZE, 0)]),
        ("cut", vec![Cut(slot(2))]),
        ("longer", vec![Extend(Which::Store, 1000, 7)]),
        ("another-journal", vec![Add((Which::Journal, 24), 1), Edit::Seal(Seal::JournalPage)]),
    ];
    if base.is_of_this_boot {
        const POISONED: u8 = FLAG_POISONED as u8;
        const READY: u8 = FLAG_READY as u8;
        let flags = store(LIVE_OFFSET + offset_of!(LivePage, flags) as u64);
        accidents.extend([
            ("a-failure-stopped-the-writer", vec![Overwrite(flags, &[POISONED | READY])]),
            ("a-failure-stopped-its-recovery", vec![Overwrite(flags, &[POISONED])]),
        ]);
    }
    if base.files.journal.is_some() {
        let at = |at: u64| (Which::Journal, at as usize);
        accidents.extend([
            ("journal-page-rots", vec![Overwrite(at(10), b"?")]),
            ("journal-is-cut", vec![Cut(at(FRAMES_OFFSET))]),
            ("journal-is-longer", vec![Extend(Which::Journal, 5000, 0)]),
        ]);
    }
    if let [first, .., before, last] = &base.frames[..] {
        let at = |at: usize| (Which::Journal, at);
        let image = last.offset + FRAME_HEADER_SIZE + 10;
        accidents.extend([
            ("first-frame-rots", vec![Overwrite(at(first.offset + 50), b"?")]),
            ("last-frame-rots", vec![Overwrite(at(image), b"?")]),
            ("frame-is-lost", vec![Fill(at(before.offset), before.bytes.len(), 0)]),
            ("last-frame-again", vec![Copy(at(last.offset), at(before.offset), 128)]),
            (
                "no-frame-and-newer-meta-rots",
                vec![Fill(at(FRAMES_OFFSET as usize), 60_000, 0), Fill(store(newer), PAGE_SIZE, 1)],
            ),
            (
                "first-frame-and-newer-meta-rot",
                vec![Overwrite(at(first.offset + 50), b"?"), Fill(store(newer), PAGE_SIZE, 1)],
            ),
            (
                "impossible-frame",
                vec![
                    Overwrite(at(last.offset + 64), &[0; 8]),
                    Edit::Seal(Seal::Frames),
                    Fill(store(LIVE_OFFSET), PAGE_SIZE, 0),
                ],
            ),
            (
                "newer-epoch",
                vec![
                    Add(at(last.offset + 40), 1),
                    Edit::Seal(Seal::Frames),
                    Fill(store(LIVE_OFFSET), PAGE_SIZE, 0),
                ],
            ),
            ("forged-slot", vec![Overwrite(at(image), b"?"), Edit::Seal(Seal::Frames)]),
        ]);
    }
    accidents
}

/// Pages before the slots: what those of each base say, and what they should not.
fn headers() -> Vec<Seed> {
    const AGREED: u8 = SAME_IDENTITY | SLOTS;
    let mut seeds = Vec::new();
    let mut add = |name: String, first: u8, how: u8, bytes: &[u8]| {
        seeds.push(("header", name, [&[first, how], bytes].concat()));
    };
    for (number, base) in (0..).zip(all()) {
        let (name, said) = (base.file_name(), header::said(&base.files.store));
        add(format!("{name}-said"), number, 0, &said);
        add(format!("{name}-agreed"), number | SEALED, AGREED, &said);
    }
    let (closed, hot) = (&all()[0].files.store, &all()[2].files.store);
    let pages = &closed[..closed.len().min(SCHEMA_OFFSET as usize + PAGE_SIZE)];
    add("pages".into(), WHOLE, 0, pages);
    add("pages-sealed".into(), WHOLE | SEALED, 0, pages);
    add("pages-before-the-schema".into(), WHOLE, 0, &pages[..SCHEMA_OFFSET as usize]);
    let said = header::said(closed);
    for (name, at, word) in [
        ("no-id", 8, &[0; 16][..]),
        ("newer-version", 24, &[2, 0, 2, 0]),
        ("native", 28, &[1]),
        ("record-is-larger", 32, &[80, 0, 0, 0, 88, 0, 0, 0]),
        ("record-is-smaller", 32, &[8, 0, 0, 0, 16, 0, 0, 0]),
        ("record-is-largest", 32, &[0, 0, 16, 0, 8, 0, 16, 0]),
        ("data-starts-at-the-limit", 40, &[0, 0, 0, 0x40, 0, 0, 0, 0]),
        ("data-starts-beyond-all", 40, &[0xFF; 8]),
        ("schema-is-elsewhere", 48, &[1, 0, 0, 0, 0, 0, 0, 0]),
        ("schema-is-longest", 56, &[0, 0, 1, 0]),
        ("feature", 64, &[1]),
        ("feature-read-only", 72, &[1]),
        ("feature-incompatible", 80, &[1]),
    ] {
        let mut said = said[..HEADER_SAID].to_vec();
        said[at..][..word.len()].copy_from_slice(word);
        add(name.into(), SEALED, AGREED, &said);
        add(format!("{name}-in-the-header"), SEALED, 0, &said);
    }
    let live = &hot[LIVE_OFFSET as usize..][header::LIVE];
    for (name, at, word) in [
        ("as-it-is", 0, &[0; 0][..]),
        ("len-beyond-the-file", 16, &[0xFF; 4]),
        ("len-beyond-all", 16, &[0xFF; 8]),
        ("len-is-longer", 16, &[40]),
        ("len-is-shorter", 16, &[4]),
        ("poisoned", 48, &[3]),
        ("names-are-no-text", 112, &[0xFF; 128]),
    ] {
        // The boot is another one whenever the seeds are made, and made right when they are read.
        let mut live = live.to_vec();
        live[80..96].fill(0);
        live[at..][..word.len()].copy_from_slice(word);
        add(format!("beside-{name}"), 2, BESIDE, &live);
    }
    seeds
}

/// Operations, in the bytes that `operation.rs` reads: what each does to a store of some records,
/// then all together.
fn operations() -> Vec<Seed> {
    // How it is opened: for others too; alone; alone, mapped anew to grow; with deferred commits.
    const SHARED: u8 = 0;
    const ALONE: u8 = 1;
    const REMAP: u8 = 7;
    const DEFERRED: u8 = 24;
    let fill: &[u8] = &[1, 40, 0, 2, 6, 3, 0, 6, 5, 0, 2, 8, 4, 0, 7, 9, 0, 3, 1, 0];
    let change: &[u8] = &[5, 3, 1, 0, 2, 0, 8, 0, 6, 0, 128, 2, 2, 3, 0, 128, 14, 2, 0];
    let writes: &[u8] = &[4, 0, 2, 3, 4, 0, 6, 7, 0];
    let transaction = |end: &[u8]| [&[10], writes, end].concat();
    let defer: &[u8] = &[21, 0, DEFERRED];
    let cut = |is_durable, seed, mode| [&[25], writes, &[is_durable, seed, 1, mode]].concat();
    let parts: Vec<(&str, Vec<u8>)> = vec![
        ("changes", change.to_vec()),
        ("transactions", [transaction(&[0]), transaction(&[3, 16]), transaction(&[0])].concat()),
        ("roll-backs", [transaction(&[4]), transaction(&[5]), transaction(&[6])].concat()),
        ("dies-in-a-transaction", transaction(&[7, SHARED])),
        ("bulk-in-a-transaction", [10, 3, 1, 200, 6, 2, 0, 1, 200, 0].into()),
        ("bulk-that-fails", vec![9, 100, 0]),
        ("reads", [13, 3, 1, 0, 3, 0, 0, 128, 15, 2, 0, 20, 0, 16, 0x55, 0x33].into()),
        ("truncated", [21, 0, ALONE, 19, 10, 0, 2, 2, 18, 50, 20, 0].into()),
        ("grows", [21, 0, REMAP, 1, 255, 1, 255, 18, 200].into()),
        ("panics", [&[21, 2, SHARED], change, &[21, 2, ALONE], change].concat()),
        ("readers", [&[22, 1], change, &[22, 1, 22, 0, 23, 1, 23, 3], change].concat()),
        ("backup", [&[23, 2], change, &[23, 0]].concat()),
        ("dies", [&[24, 0, SHARED], change, &[24, 1, ALONE], change].concat()),
        ("dies-with-commits-that-wait", [defer, change, &[22, 0, 24, 0, DEFERRED, 2, 17]].concat()),
        ("panics-with-commits-that-wait", [defer, change, &[21, 2, SHARED]].concat()),
        ("frame-is-torn", [cut(0, 1, SHARED), cut(0, 2, ALONE), cut(0, 3, SHARED)].concat()),
        ("slots-are-torn", [cut(1, 1, SHARED), cut(1, 2, ALONE), cut(1, 3, SHARED)].concat()),
        ("power-fails-in-bulk", [25, 2, 1, 250, 1, 250, 0, 9, 9, 0].into()),
        ("slot-rots", vec![26, 3, 90, 0, SHARED]),
        ("closed-is-damaged", (0..5).flat_map(|how| [26, how * 2 + 1, 90, how, 0]).collect()),
        ("hot-is-damaged", (0..6).flat_map(|how| [26, how * 2, 90, 8 * how, 0]).collect()),
    ];
    let mut seeds = Vec::new();
    for (number, types) in [(0, "usual"), (2, "large"), (3, "tiny")] {
        for (name, part) in &parts {
            // What the size of a record makes a difference to.
            let is_of_size = ["bulk", "grows", "truncated", "torn"].map(|word| name.contains(word));
            if types != "usual" && !is_of_size.contains(&true) {
                continue;
            }
            let bytes = [&[number], fill, part].concat();
            seeds.push(("operations", format!("{types}-{name}"), bytes));
        }
        if types == "large" {
            continue; // It would take seconds.
        }
        let all = parts.iter().rev().flat_map(|(_, part)| part.iter().copied());
        let all = [number].into_iter().chain(fill.iter().copied()).chain(all).collect();
        seeds.push(("operations", format!("{types}-all"), all));
    }
    seeds
}

/// Stores without a journal.
fn stores() -> Vec<Seed> {
    let base = &all()[0];
    let edits = |edits: &[Edit<'_>]| {
        let edits = edits.iter().flat_map(|edit| edit.encode(base));
        std::iter::once(0).chain(edits).collect::<Vec<_>>()
    };
    let number = |at: u64| (Which::Store, at as usize);
    let metas_add = |field: u64, change| {
        let [a, b] = META_OFFSETS.map(|at| Edit::Add(number(at + field), change));
        edits(&[a, b, Edit::Seal(Seal::MetaA), Edit::Seal(Seal::MetaB)])
    };
    let file = [&[WHOLE], &base.files.store[..]].concat();
    let text = schema().to_json();
    let large = r#"{"name":"L","fields":[{"name":"x","type":"[u64; 131072]","offset":0}]}"#;
    [
        ("whole", file.clone()),
        ("sealed", [&[WHOLE | SEALED], &file[1..]].concat()),
        ("pages-only", file[..=SCHEMA_OFFSET as usize].to_vec()),
        ("len-too-large", metas_add(104, 100)),
        ("live-count-too-small", metas_add(112, -1)),
        ("free-head-elsewhere", metas_add(120, 1)),
        ("counters-at-their-end", metas_add(88, -128)),
        (
            "sizes-too-large",
            edits(&[Edit::Fill(number(32), 8, 0xFF), Edit::Seal(Seal::Everything)]),
        ),
        ("newer-version", edits(&[Edit::Fill(number(26), 1, 1), Edit::Seal(Seal::Header)])),
        ("slot-forged", edits(&[Edit::Overwrite(number(20480), b"?"), Edit::Seal(Seal::Slots)])),
        ("same-schema", edits(&[Edit::Schema(text.as_bytes())])),
        ("large-records", edits(&[Edit::Schema(large.as_bytes())])),
        ("no-schema", edits(&[Edit::Schema(b"{}")])),
    ]
    .map(|(name, bytes)| ("store", name.to_owned(), bytes))
    .into()
}

fn schemas() -> Vec<Seed> {
    let every = concat!(
        r#"{"name":"Tick","doc":"One \"trade\"","fields":["#,
        r#"{"name":"time","type":"i64","offset":0,"unit":"ns","kind":"timestamp","#,
        r#""null":"-9223372036854775808"},"#,
        r#"{"name":"price","type":"u128le","offset":8,"unit":"USD","scale":"0.01"},"#,
        r#"{"name":"side","type":"enum<i8>","offset":24,"labels":[["buy","1"],["sell","2"]]},"#,
        r#"{"name":"ratios","type":"[f32be; 3]","offset":25,"null":"nan","#,
        r#""range":["0.1","1e30"]},"#,
        r#"{"name":"leg","type":"[record; 2]","offset":37,"fields":["#,
        r#"{"name":"symbol","type":"text<5>","offset":0,"null":""},"#,
        r#"{"name":"open","type":"bool","offset":5}]},"#,
        r#"{"name":"gap","type":"bytes<7>","offset":49,"kind":"padding"}]}"#,
    );
    let with_type = |name: &str, ty: &str| {
        format!(r#"{{"name":"{name}","fields":[{{"name":"x","type":"{ty}","offset":0}}]}}"#)
    };
    [
        ("every-feature", every.to_owned()),
        ("nested", with_type("N", "[[[[u8; 2]; 2]; 2]; 2]")),
        ("huge", with_type("H", "[[text<1048576>; 1048576]; 1048576]")),
        ("no-fields", r#"{"name":"x","fields":[]}"#.to_owned()),
    ]
    .map(|(name, text)| ("schema", name.to_owned(), text.into_bytes()))
    .into()
}
