//! fjall, a log-structured merge tree.
//!
//! The keys are big-endian, so that they are in order. A load hands sorted records to tables, past
//! the journal, fjall's way for a bulk load. Blocks are not compressed, hold a hash index for gets,
//! and have room in the cache; there are no filters where records are always found. A commit is
//! durable by one fdatasync(2) of the journal, under the journal's lock: threads do not share it.
//! What is not to be durable at once stays in the journal's buffer until it is synced.

use std::ops::Range;
use std::path::Path;

use fjall::config::HashRatioPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use stridedb::zerocopy::IntoBytes;

use crate::compare::engine::{self, Engine, GONE, Get, Mode, record};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// Room for all blocks of some ten million records.
const CACHE_SIZE: u64 = 2 << 30;

pub(crate) struct Fjall {
    database: Database,
    ticks: Keyspace,
    mode: Mode,
}

impl Fjall {
    /// Appends or replaces one record.
    pub(crate) fn insert(&self, index: u64, record: &Tick) -> Outcome {
        self.ticks.insert(index.to_be_bytes(), record.as_bytes())?;
        if self.mode == Mode::Durable {
            self.database.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }

    /// Appends or replaces several records.
    fn insert_all(&self, records: impl Iterator<Item = (u64, Tick)>) -> Outcome {
        let persist = (self.mode == Mode::Durable).then_some(PersistMode::SyncData);
        let mut batch = self.database.batch().durability(persist);
        for (index, record) in records {
            batch.insert(&self.ticks, index.to_be_bytes(), record.as_bytes());
        }
        Ok(batch.commit()?)
    }
}

impl Engine for Fjall {
    type Record = Tick;
    type Reader = Reader;

    const NAME: &'static str = "fjall";
    const CONFIGURATION: &'static str =
        "big-endian keys, not compressed, hash index, all in its cache, fdatasync a commit";
    const CRATES: &'static [&'static str] = &["fjall"];

    fn create(directory: &Path) -> Outcome<Self> {
        Self::open(directory, Mode::Durable)
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        // One that is durable is synced by the commit; a write before that gains nothing.
        let database = Database::builder(directory)
            .cache_size(CACHE_SIZE)
            .manual_journal_persist(true)
            .open()?;
        let ticks = database.keyspace("ticks", || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .expect_point_read_hits(true)
                .data_block_hash_ratio_policy(HashRatioPolicy::all(1.0))
        })?;
        Ok(Self { database, ticks, mode })
    }

    fn load(&mut self, len: u64) -> Outcome {
        let mut ingestion = self.ticks.start_ingestion()?;
        for index in 0..len {
            ingestion.write(index.to_be_bytes(), Tick::sample(index).as_bytes())?;
        }
        ingestion.finish()?;
        self.sync()
    }

    fn append(&mut self, first: u64, records: &[Tick]) -> Outcome {
        match records {
            [record] => self.insert(first, record),
            _ => self.insert_all((first..).zip(records.iter().copied())),
        }
    }

    fn update(&mut self, updates: &[(u64, Tick)]) -> Outcome {
        match updates {
            [(index, record)] => self.insert(*index, record),
            _ => self.insert_all(updates.iter().copied()),
        }
    }

    fn sync(&mut self) -> Outcome {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    fn reader(&self) -> Outcome<Reader> {
        Ok(Reader { database: self.database.clone(), ticks: self.ticks.clone() })
    }
}

pub(crate) struct Reader {
    database: Database,
    ticks: Keyspace,
}

impl engine::Reader<Tick> for Reader {
    type Together<'r> = Together<'r>;
    type Singly<'r> = &'r Keyspace;

    fn together(&self) -> Outcome<Together<'_>> {
        Ok(Together { snapshot: self.database.snapshot(), ticks: &self.ticks })
    }

    fn singly(&self) -> Outcome<&Keyspace> {
        Ok(&self.ticks)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&Tick)) -> Outcome {
        for found in self.ticks.range(range.start.to_be_bytes()..range.end.to_be_bytes()) {
            each(&record(&found.value()?)?);
        }
        Ok(())
    }
}

pub(crate) struct Together<'r> {
    snapshot: Snapshot,
    ticks: &'r Keyspace,
}

impl Get<Tick> for Together<'_> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        record(&self.snapshot.get(self.ticks, index.to_be_bytes())?.ok_or(GONE)?)
    }
}

impl Get<Tick> for &Keyspace {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        record(&Keyspace::get(self, index.to_be_bytes())?.ok_or(GONE)?)
    }
}
