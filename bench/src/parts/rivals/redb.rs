//! redb.
//!
//! The values are arrays, so that pages hold no lengths. They are inserted by a cursor in order,
//! redb's way for a bulk load. The cache has room for all pages, which redb reads from its own
//! memory, not from a map. The mode is the one that it has by itself and that is its fastest: no
//! other process may look on.

use std::ops::Bound;
use std::path::Path;

use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use stridedb::zerocopy::IntoBytes;

use super::{check, loads, tick};
use crate::parts::read::{copied, independent};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// What is printed of it.
pub(super) const CONFIGURATION: &str = "redb, u64 -> [u8; 64], all in its cache, exclusive writer";

/// More than a record takes with its share of pages, of which the cache must have room for all.
const RECORD_SIZE_MAX: usize = 256;

type Bytes = [u8; size_of::<Tick>()];
const TABLE: TableDefinition<'_, u64, Bytes> = TableDefinition::new("ticks");

pub(super) struct Redb {
    database: Database,
}

impl Redb {
    pub(super) fn create(directory: &Path, len: u64) -> Outcome<Self> {
        let database = Database::builder()
            .set_cache_size(len as usize * RECORD_SIZE_MAX)
            .create(directory.join("redb"))?;
        let redb = Self { database };
        loads(len).try_for_each(|indices| redb.load(indices))?;
        Ok(redb)
    }

    fn load(&self, indices: impl Iterator<Item = u64>) -> Outcome {
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

    pub(super) fn check(&self, len: u64) -> Outcome {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        check(len, |index| get(&table, index))
    }

    pub(super) fn get_in_one(&self, len: u64) -> Outcome<f64> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        independent(len, |index| Ok(copied(&get(&table, index)?).number()))
    }

    pub(super) fn get_each(&self, len: u64) -> Outcome<f64> {
        independent(len, |index| {
            let table = self.database.begin_read()?.open_table(TABLE)?;
            Ok(copied(&get(&table, index)?).number())
        })
    }
}

#[inline]
fn get(table: &ReadOnlyTable<u64, Bytes>, index: u64) -> Outcome<Tick> {
    let bytes = table.get(index)?.ok_or("a record is gone")?;
    tick(&bytes.value())
}
