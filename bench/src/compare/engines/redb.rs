//! redb.
//!
//! The values are arrays, so that pages hold no lengths. They are loaded by a cursor in order,
//! redb's way for a bulk load. The cache has room for all pages, which redb reads from its own
//! memory, not from a map. The mode is the one that it has by itself and that is its fastest: no
//! other process may look on. A commit is one sync, in one phase, redb's default. What is not to be
//! durable at once is committed with `Durability::None`, and an empty durable commit follows.

use std::ops::{Bound, Range};
use std::path::Path;
use std::sync::Arc;

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};
use stridedb::zerocopy::IntoBytes;

use crate::compare::engine::{self, Engine, GONE, Get, Mode, loads, record};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// Room for all pages of some ten million records; what is not used is not taken.
const CACHE_SIZE: usize = 4 << 30;

type Bytes = [u8; size_of::<Tick>()];
type Table = ReadOnlyTable<u64, Bytes>;
const TABLE: TableDefinition<'_, u64, Bytes> = TableDefinition::new("ticks");

pub(crate) struct Redb {
    database: Arc<Database>,
    durability: Durability,
}

impl Redb {
    fn load_some(&self, indices: Range<u64>) -> Outcome {
        let transaction = self.database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        let mut end = table.upper_bound_mut(Bound::<u64>::Unbounded)?;
        for index in indices {
            let record: Bytes = Tick::sample(index).as_bytes().try_into()?;
            end.insert_before(index, record)?;
        }
        end.close()?;
        drop(table);
        Ok(transaction.commit()?)
    }

    fn insert(&self, records: impl Iterator<Item = (u64, Tick)>) -> Outcome {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(self.durability)?;
        let mut table = transaction.open_table(TABLE)?;
        for (index, record) in records {
            let record: Bytes = record.as_bytes().try_into()?;
            table.insert(index, record)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }
}

impl Engine for Redb {
    type Record = Tick;
    type Reader = Reader;

    const NAME: &'static str = "redb";
    const CONFIGURATION: &'static str = "u64 -> [u8; 64], all in its cache, exclusive writer";
    const CRATES: &'static [&'static str] = &["redb"];

    fn create(directory: &Path) -> Outcome<Self> {
        let path = directory.join("redb");
        let database = Database::builder().set_cache_size(CACHE_SIZE).create(path)?;
        Ok(Self { database: Arc::new(database), durability: Durability::Immediate })
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let path = directory.join("redb");
        let database = Database::builder().set_cache_size(CACHE_SIZE).open(path)?;
        let durability = match mode {
            Mode::Durable => Durability::Immediate,
            Mode::Deferred => Durability::None,
        };
        Ok(Self { database: Arc::new(database), durability })
    }

    fn load(&mut self, len: u64) -> Outcome {
        loads(len).try_for_each(|indices| self.load_some(indices))
    }

    fn append(&mut self, first: u64, records: &[Tick]) -> Outcome {
        self.insert((first..).zip(records.iter().copied()))
    }

    fn update(&mut self, updates: &[(u64, Tick)]) -> Outcome {
        self.insert(updates.iter().copied())
    }

    fn sync(&mut self) -> Outcome {
        Ok(self.database.begin_write()?.commit()?)
    }

    fn reader(&self) -> Outcome<Reader> {
        Ok(Reader { database: self.database.clone() })
    }
}

pub(crate) struct Reader {
    database: Arc<Database>,
}

impl Reader {
    fn table(&self) -> Outcome<Table> {
        Ok(self.database.begin_read()?.open_table(TABLE)?)
    }
}

impl engine::Reader<Tick> for Reader {
    type Together<'r> = Table;
    type Singly<'r> = &'r Self;

    fn together(&self) -> Outcome<Table> {
        self.table()
    }

    fn singly(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&Tick)) -> Outcome {
        for found in self.table()?.range(range)? {
            let (_, bytes) = found?;
            each(&record(&bytes.value())?);
        }
        Ok(())
    }
}

impl Get<Tick> for Table {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        let bytes = ReadOnlyTable::get(self, index)?.ok_or(GONE)?;
        record(&bytes.value())
    }
}

impl Get<Tick> for &Reader {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        Get::get(&mut self.table()?, index)
    }
}
