//! What is left of a store when its writer dies, when the power fails, and when files are damaged.

use stridedb::{Durability, Error, Reader, Store};

use super::base::Files;
use super::operation::{Damage, How, Mode, PowerCut, Write};
use super::operations::{Met, Pair, options};
use super::records::Numbered;
use super::workplace::journal_of;

/// What reaches a disk whole or not at all.
const SECTOR: usize = 512;

impl<R: Numbered> Pair<R> {
    /// The writer dies, and goes on with its files as they are.
    pub fn kill(&mut self, another_boot: bool, mode: Mode) {
        let mut files = Files::copied(&self.path);
        if another_boot {
            files = files.in_another_boot();
        }
        self.was_met(Met::Kill);
        self.go_on_with(&files, mode);
    }

    /// The store is what it was when these files were copied, in another place.
    fn go_on_with(&mut self, files: &Files, mode: Mode) {
        drop(self.leave());
        self.path = self.new_path();
        files.put(&self.path);
        self.open(mode);
    }

    /// The power fails after a transaction is durable, while its slots are being written; or before
    /// that, while its frame is.
    pub fn cut_power(&mut self, cut: &PowerCut) {
        // A journal is there, and nothing but slots and a frame is written from here on.
        self.expected_write(&Write::Append);
        self.sync();
        let before = (Files::copied(&self.path), self.steps());
        let store = self.store();
        let appended = store.as_raw().geometry().file_len(store.len());
        let appended = appended.expect("it lies behind the slots") as usize;
        let mut expected = self.expected.clone();
        let mut transaction = self.store_mut().begin().expect("a store that can be written");
        transaction.set_durability(Durability::Immediate);
        cut.writes.iter().for_each(|write| expected.write(&mut transaction, write));
        transaction.commit().expect("room");
        self.expected = expected;
        self.commit_number();
        let after = (Files::copied(&self.path), self.steps());
        if before.1 != after.1 || before.0.store.len() != after.0.store.len() {
            self.all_is_durable();
            return self.kill(true, cut.mode); // More was written, in an order of its own.
        }
        let (before, mut files) = (before.0, after.0);
        let mut sectors = Sectors(cut.seed.into());
        // What is appended in bulk is synced before the frame is written.
        let (old, new) = (&before.store[..appended], &mut files.store[..appended]);
        if cut.is_durable {
            self.all_is_durable();
            sectors.mix(old, new);
        } else {
            new.copy_from_slice(old);
            let (old, new) = (before.journal.as_deref(), files.journal.as_mut());
            let (Some(old), Some(new)) = (old, new) else { panic!("a journal is there") };
            sectors.mix(old, new);
        }
        self.was_met(Met::PowerCut);
        self.go_on_with(&files.in_another_boot(), cut.mode);
    }

    fn expected_write(&mut self, write: &Write) {
        let mut expected = self.expected.clone();
        expected.write(self.store_mut(), write);
        self.expected = expected;
        self.commit_number();
    }

    /// What a commit does beside its frame and its slots.
    fn steps(&self) -> (u64, u64) {
        let statistics = self.store().as_raw().statistics().expect("an open file can be measured");
        (statistics.checkpoint_count, statistics.growth_count)
    }

    /// Damages the files in another place, and looks at what is made of that.
    ///
    /// It is an error, or a store that holds what this one did. A record in it may be refused;
    /// where the writer had died, it may be the one of an earlier commit, and the last ones may be
    /// missing: [`promise`](super::promise) says more of that.
    pub fn damage(&mut self, damage: &Damage) {
        self.commit_number();
        if damage.is_closed {
            self.leave().close().expect("a disk in memory");
            self.commits.are_durable_to(self.commits.last());
        }
        let whole = Files::copied(&self.path);
        if damage.is_closed {
            self.open(damage.mode);
        }
        let data_start = self.store().as_raw().geometry().data_start() as usize;
        let files = damaged(whole, damage, data_start);
        let path = self.new_path();
        files.put(&path);
        let opened = Reader::<R>::open(&path).err();
        match options(damage.mode).open::<R>(&path) {
            Ok(store) => {
                assert!(opened.is_none(), "refused for reading, opened for writing: {opened:?}");
                self.was_met(Met::Damaged);
                self.compare_damaged(damage, &store);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                self.was_met(Met::Refused);
            }
        }
        std::fs::remove_file(&path).expect("it was put there");
        let _ = std::fs::remove_file(journal_of(&path));
    }

    fn compare_damaged(&self, damage: &Damage, store: &Store<R>) {
        let model = &self.expected.model;
        let made = self.expected.made();
        let number = store.as_raw().statistics().expect("it is open").commit_number;
        assert!(number <= self.commits.last(), "commit {number} was never made");
        for index in 0..store.len() {
            let found = match store.get(index) {
                Ok(found) => found,
                Err(Error::Corrupt { .. }) => continue,
                Err(error) => panic!("record {index}: {error}"),
            };
            if damage.is_closed {
                let slot = model.slots.get(index as usize);
                assert_eq!(found, slot.and_then(|slot| slot.record), "record {index}");
            } else if let Some(found) = found {
                assert!(made.contains(found.as_bytes()), "record {index} was never {found:?}");
            }
        }
        let live_beyond = model.entries().iter().any(|(index, _)| *index >= store.len());
        assert!(!damage.is_closed || !live_beyond, "records are missing in silence");
    }
}

/// Files in which something is not as it was.
fn damaged(mut files: Files, damage: &Damage, data_start: usize) -> Files {
    let place = usize::from(damage.place);
    let flip = |bytes: &mut [u8]| {
        let len = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place / 8 % len) {
            *byte ^= 1 << (place % 8);
        }
    };
    match damage.how {
        // Eight thousand bytes reach neither the second meta nor the schema: a step of three does.
        How::FlipPages => {
            let at = place * 3 / 8 % data_start;
            files.store[at] ^= 1 << (place % 8);
        }
        How::FlipSlots => flip(&mut files.store[data_start..]),
        How::FlipJournal => flip(files.journal.as_deref_mut().unwrap_or_default()),
        How::CutStore => files.store.truncate(place * 2 % files.store.len()),
        How::CutJournal => {
            if let Some(journal) = &mut files.journal {
                journal.truncate(place % journal.len().max(1));
            }
        }
        How::RemoveJournal => files.journal = None,
    }
    files
}

/// Says of each sector whether it has reached the disk (SplitMix64).
struct Sectors(u64);

impl Sectors {
    /// Puts what a sector held before into some of them. None of the old ones lies behind the new.
    fn mix(&mut self, before: &[u8], after: &mut [u8]) {
        let zeros = [0; SECTOR];
        for (number, sector) in after.chunks_mut(SECTOR).enumerate() {
            // Beyond what there was, a journal was zeros before a frame was written there.
            let old = before.get(number * SECTOR..).filter(|old| old.len() >= sector.len());
            let old = old.map_or(&zeros[..sector.len()], |old| &old[..sector.len()]);
            if old != sector && self.next() % 2 == 0 {
                sector.copy_from_slice(old);
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
