//! Stores that a writer died in, or that it closed: made by the library, and what they held after
//! each commit.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS, PAGE_SIZE};
use stridedb::format::journal::{FRAME_ALIGN, FRAMES_OFFSET};
use stridedb::format::meta::Meta;
use stridedb::schema::Schema;
use stridedb::{Durability, OpenOptions, RawStore};

use super::structures::{self, WholeFrame};
use super::workplace::{self, journal_of};
use super::{fixed_ids, found};

/// The records of one commit, by index; `None` is one that was removed.
pub type State = Vec<Option<Vec<u8>>>;

/// A store's file and its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub store: Vec<u8>,
    pub journal: Option<Vec<u8>>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Store,
    Journal,
}

/// Files as the library wrote them, and what is true of them.
#[derive(Debug)]
pub struct Base {
    pub name: &'static str,
    pub files: Files,
    /// What the store held after each commit, from commit 0, the empty store, to the last one.
    pub history: Vec<State>,
    /// The meta that counts.
    pub newest: Meta,
    /// The frames that follow it in the journal.
    pub frames: Vec<WholeFrame>,
    /// Whether the live block is of this boot of the machine.
    pub is_of_this_boot: bool,
    /// Places that are worth an edit.
    pub places: Vec<(Which, usize)>,
    /// Everything in the files that has a checksum.
    pub written: structures::Written,
}

/// All of them; made once.
pub fn all() -> &'static [Base] {
    static BASES: OnceLock<Vec<Base>> = OnceLock::new();
    BASES.get_or_init(make)
}

/// The one whose number a byte gives.
pub fn chosen(byte: u8) -> &'static Base {
    &all()[usize::from(byte) % all().len()]
}

/// The boot of the machine, as a writer of it puts it into the live block.
pub fn this_boot() -> [u8; 16] {
    let base = all().iter().find(|base| base.is_of_this_boot).expect("one was just made");
    let live = structures::live(&base.files.store).expect("a store has a live block");
    live.writer.expect("its writer died").boot_id
}

/// The schema of their records.
pub fn schema() -> Schema {
    let text = concat!(
        r#"{"name":"Trade","fields":[{"name":"number","type":"u64le","offset":0},"#,
        r#"{"name":"note","type":"text<5>","offset":8},"#,
        r#"{"name":"side","type":"enum<u8>","offset":13,"labels":[["buy","1"],["sell","2"]]}]}"#,
    );
    Schema::from_json(text.as_bytes()).unwrap()
}

/// The record that belongs to a number.
pub fn record(number: u64) -> Vec<u8> {
    let mut record = number.to_le_bytes().to_vec();
    record.extend_from_slice(b"note\0");
    record.push(1 + (number % 2) as u8);
    record
}

fn make() -> Vec<Base> {
    let directory = workplace::directory();
    let [path, other] = ["one.stride", "other.stride"].map(|name| directory.path().join(name));
    let options = OpenOptions::new().maintenance(true);
    let mut history = vec![State::new()];
    let store = first_life(options.create_raw(&path, &schema()).unwrap(), &mut history);
    store.close().unwrap();

    let mut store = second_life(options.open_raw(&path).unwrap(), &mut history);
    let hot = Files::copied(&path);
    let mut checkpointed = (store, history.clone());
    truncate_and_go_on(&mut checkpointed.0, &mut checkpointed.1);
    let checkpointed = (Files::copied(&path), checkpointed.1);

    hot.put(&other);
    store = options.open_raw(&other).unwrap();
    let mut recovered = history.clone();
    go_on(&mut store, &mut recovered);
    // So many that nothing is left of the older epoch, which could betray a newer one.
    for number in 0..12 {
        store.update(5, &record(200 + number)).unwrap();
        note(&store, &mut recovered);
    }
    let recovered = (Files::copied(&other), recovered);
    drop(store);

    hot.put(&other);
    options.open_raw(&other).unwrap().close().unwrap();
    let closed = Files::copied(&other);
    let leftover = Files { journal: hot.journal.clone(), ..closed.clone() };
    let (closed, leftover) = (closed.in_another_boot(), leftover.in_another_boot());
    vec![
        Base::new("closed", closed, history.clone()),
        Base::new("leftover", leftover, history.clone()),
        Base::new("hot", hot.clone(), history.clone()),
        Base::new("hot, another boot", hot.in_another_boot(), history),
        Base::new("checkpointed", checkpointed.0.in_another_boot(), checkpointed.1),
        Base::new("recovered", recovered.0.clone(), recovered.1.clone()),
        Base::new("recovered, another boot", recovered.0.in_another_boot(), recovered.1),
    ]
}

/// Writes down what a store holds after its newest commit.
fn note(store: &RawStore, history: &mut Vec<State>) {
    let commit_number = store.statistics().unwrap().commit_number;
    assert_eq!(commit_number, history.len() as u64, "each commit is written down");
    history.push(found::records(store).into_iter().map(Result::unwrap).collect());
}

fn first_life(mut store: RawStore, history: &mut Vec<State>) -> RawStore {
    bulk_append(&mut store, 0..6, history);
    store.remove(2).unwrap();
    note(&store, history);
    store
}

/// Commits of every kind, each with a frame of its own but for three that share one.
fn second_life(mut store: RawStore, history: &mut Vec<State>) -> RawStore {
    store.append(&record(6)).unwrap();
    note(&store, history);
    store.update(0, &record(100)).unwrap();
    note(&store, history);
    store.remove(1).unwrap();
    note(&store, history);
    store.insert(&record(101)).unwrap();
    note(&store, history);
    let mut transaction = store.begin().unwrap();
    transaction.append(&record(7)).unwrap();
    transaction.update(0, &record(102)).unwrap();
    transaction.remove(4).unwrap();
    transaction.commit().unwrap();
    note(&store, history);
    let later = Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: u64::MAX };
    for number in 103..105 {
        let mut transaction = store.begin().unwrap();
        transaction.set_durability(later);
        transaction.update(number - 103, &record(number)).unwrap();
        transaction.commit().unwrap();
        note(&store, history);
    }
    store.append(&record(8)).unwrap();
    note(&store, history);
    bulk_append(&mut store, 9..12, history);
    store.update(3, &record(105)).unwrap();
    note(&store, history);
    store
}

/// A frame that is followed by a checkpoint; then some in a new epoch, before the old ones' rest.
fn truncate_and_go_on(store: &mut RawStore, history: &mut Vec<State>) {
    store.truncate(9).unwrap();
    note(store, history);
    go_on(store, history);
}

fn go_on(store: &mut RawStore, history: &mut Vec<State>) {
    store.update(5, &record(106)).unwrap();
    note(store, history);
    store.append(&record(107)).unwrap();
    note(store, history);
    store.remove(3).unwrap();
    note(store, history);
}

/// Slots that stand in no frame.
fn bulk_append(store: &mut RawStore, numbers: std::ops::Range<u64>, history: &mut Vec<State>) {
    let mut appender = store.appender().unwrap();
    for number in numbers {
        appender.push(&record(number)).unwrap();
    }
    appender.finish().unwrap();
    note(store, history);
}

impl Files {
    /// What a kill would leave at this moment.
    pub fn copied(path: &Path) -> Self {
        Self { store: fs::read(path).unwrap(), journal: fs::read(journal_of(path)).ok() }
    }

    /// Writes them, and nothing else beside them.
    pub fn put(&self, path: &Path) {
        fs::write(path, &self.store).unwrap();
        match &self.journal {
            Some(journal) => fs::write(journal_of(path), journal).unwrap(),
            None => drop(fs::remove_file(journal_of(path))),
        }
    }

    /// The same after the machine was started again: nothing in the live block counts any more.
    pub fn in_another_boot(&self) -> Self {
        let mut files = self.clone();
        files.store[LIVE_OFFSET as usize..][..PAGE_SIZE].fill(0);
        files
    }

    /// One of the two; an absent journal is empty.
    pub fn bytes(&self, which: Which) -> &[u8] {
        match which {
            Which::Store => &self.store,
            Which::Journal => self.journal.as_deref().unwrap_or_default(),
        }
    }
}

impl Base {
    fn new(name: &'static str, mut files: Files, history: Vec<State>) -> Self {
        fixed_ids::give(&mut files);
        let header = structures::header(&files.store).unwrap();
        // Some room behind the slots is enough; who copies a file may leave it out.
        let room = history.iter().map(Vec::len).max().unwrap_or(0) as u64 + 8;
        files.store.truncate(header.geometry().file_len(room).unwrap() as usize);
        let newest = structures::newest_meta(&files.store).unwrap();
        let journal = files.bytes(Which::Journal);
        let frames = structures::frames_after(journal, &newest);
        assert_eq!(
            frames.last().map_or(newest.commit_number, |frame| frame.last_commit),
            history.len() as u64 - 1,
            "{name}: the files hold all commits",
        );
        let live = LIVE_OFFSET as usize..LIVE_OFFSET as usize + PAGE_SIZE;
        Self {
            name,
            is_of_this_boot: files.store[live].iter().any(|byte| *byte != 0),
            places: places(&files, header.geometry().data_start() as usize),
            written: structures::Written::of(&files),
            newest,
            frames,
            history,
            files,
        }
    }
}

/// Where each structure begins, and its numbers.
fn places(files: &Files, data_start: usize) -> Vec<(Which, usize)> {
    const NUMBERS: [usize; 2] = [0, 88];
    const FRAME_PARTS: [usize; 3] = [0, 40, 128];
    let metas = META_OFFSETS.into_iter().flat_map(|at| NUMBERS.map(|part| at as usize + part));
    let pages = [0, 8, LIVE_OFFSET as usize, 16384];
    let slots = (data_start..files.store.len()).step_by(24);
    let store = pages.into_iter().chain(metas).chain(slots).map(|at| (Which::Store, at));
    let journal = files.bytes(Which::Journal);
    let aligned = (FRAMES_OFFSET as usize..journal.len()).step_by(FRAME_ALIGN as usize);
    let frames = aligned.filter(|at| structures::is_frame_magic(journal, *at));
    let frames = frames.flat_map(|at| FRAME_PARTS.map(|part| at + part));
    let journal = [0, 8].into_iter().chain(frames).map(|at| (Which::Journal, at));
    store.chain(journal).collect()
}
