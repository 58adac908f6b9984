//! SQLite, by rusqlite, which builds it.
//!
//! The index is the row's number, so that a get is one search in one tree. The statement is
//! prepared once. The write-ahead log is emptied into the file before anything is read, so that all
//! pages are taken from the map, without a copy: that was faster than any cache, and larger pages
//! were not faster. The cache is as SQLite makes it, since mapped pages do not go there. One
//! transaction a get is a statement outside of a transaction, which is cheaper than beginning and
//! ending one. Locks are taken as usual, since otherwise no writer could be there.

use std::path::Path;

use rusqlite::{Connection, Statement};
use stridedb::zerocopy::IntoBytes;

use super::{check, loads, tick};
use crate::parts::read::{copied, independent};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// What is printed of it.
pub(super) const CONFIGURATION: &str = "SQLite, rowid, WAL, prepared statement, mapped";

/// SQLite maps at most so many bytes, unless built otherwise: enough for 20 million records.
const MAP_SIZE_MAX: u64 = 0x7fff_0000;

pub(super) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub(super) fn create(directory: &Path, len: u64) -> Outcome<Self> {
        let connection = Connection::open(directory.join("sqlite"))?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA mmap_size = {MAP_SIZE_MAX};
             CREATE TABLE ticks (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
        ))?;
        let sqlite = Self { connection };
        loads(len).try_for_each(|indices| sqlite.load(indices))?;
        sqlite.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(sqlite)
    }

    fn load(&self, indices: impl Iterator<Item = u64>) -> Outcome {
        let transaction = self.connection.unchecked_transaction()?;
        let mut insert = transaction.prepare("INSERT INTO ticks VALUES (?1, ?2)")?;
        for index in indices {
            insert.execute((index as i64, Tick::sample(index).as_bytes()))?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }

    pub(super) fn check(&self, len: u64) -> Outcome {
        let mut select = self.select()?;
        let transaction = self.connection.unchecked_transaction()?;
        check(len, |index| get(&mut select, index))?;
        Ok(transaction.commit()?)
    }

    pub(super) fn get_in_one(&self, len: u64) -> Outcome<f64> {
        let mut select = self.select()?;
        let transaction = self.connection.unchecked_transaction()?;
        let took = independent(len, |index| Ok(copied(&get(&mut select, index)?).number()))?;
        transaction.commit()?;
        Ok(took)
    }

    pub(super) fn get_each(&self, len: u64) -> Outcome<f64> {
        let mut select = self.select()?;
        independent(len, |index| Ok(copied(&get(&mut select, index)?).number()))
    }

    fn select(&self) -> Outcome<Statement<'_>> {
        Ok(self.connection.prepare("SELECT data FROM ticks WHERE id = ?1")?)
    }
}

#[inline]
fn get(select: &mut Statement<'_>, index: u64) -> Outcome<Tick> {
    let mut rows = select.query((index as i64,))?;
    let row = rows.next()?.ok_or("a record is gone")?;
    tick(row.get_ref(0)?.as_blob()?)
}
