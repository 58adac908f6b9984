//! SQLite, by rusqlite, which builds it.
//!
//! The index is the row's number, so that a get is one search in one tree. Statements are prepared
//! once. The write-ahead log is emptied into the file before anything is read, so that all pages
//! are taken from the map, without a copy: that was faster than any cache, and larger pages were
//! not faster. One transaction a get is a statement outside of a transaction, which is cheaper than
//! beginning and ending one. Locks are taken as usual, since otherwise no writer could be there.
//! The record is one blob, since it has a fixed size: it is the record that is stored, not a table.
//!
//! Who writes has a cache for the pages that a transaction changes, and a log of up to 64 MiB
//! before it is copied into the file, as large as stridedb's journal. With `synchronous = FULL` a
//! commit syncs the log and is durable. With `NORMAL` it is not: a power cut takes the commits
//! since the last checkpoint. So that stands only where nobody promises more.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Statement, Transaction};
use stridedb::zerocopy::IntoBytes;

use crate::compare::engine::{self, Engine, GONE, Get, Mode, loads, record};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// SQLite maps at most so many bytes, unless built otherwise: enough for 20 million records.
const MAP_SIZE_MAX: u64 = 0x7fff_0000;
/// For pages that are changed, in KiB.
const CACHE_KIBIBYTES: u64 = 256 << 10;
/// Pages of 4 KiB in the log when it is copied.
const LOG_PAGES: u64 = 16 << 10;

pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    fn connect(path: PathBuf, flags: OpenFlags, mode: Mode) -> Outcome<Self> {
        let connection = Connection::open_with_flags(&path, flags)?;
        let synchronous = match mode {
            Mode::Durable => "FULL",
            Mode::Deferred => "NORMAL",
        };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA mmap_size = {MAP_SIZE_MAX};
             PRAGMA cache_size = -{CACHE_KIBIBYTES};
             PRAGMA wal_autocheckpoint = {LOG_PAGES};"
        ))?;
        Ok(Self { connection, path })
    }

    /// Writes records by a statement of an index and a record, in one transaction.
    fn write(&self, statement: &str, records: impl Iterator<Item = (u64, Tick)>) -> Outcome {
        let transaction = self.connection.unchecked_transaction()?;
        let mut write = transaction.prepare_cached(statement)?;
        for (index, record) in records {
            write.execute((index as i64, record.as_bytes()))?;
        }
        drop(write);
        Ok(transaction.commit()?)
    }

    /// Does the same with one record, which is a transaction by itself.
    fn write_one(&self, statement: &str, index: u64, record: &Tick) -> Outcome {
        let mut write = self.connection.prepare_cached(statement)?;
        write.execute((index as i64, record.as_bytes()))?;
        Ok(())
    }

    /// Copies the log into the file, and syncs both.
    fn checkpoint(&self) -> Outcome {
        Ok(self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)
    }
}

const INSERT: &str = "INSERT INTO ticks VALUES (?1, ?2)";
const UPDATE: &str = "UPDATE ticks SET data = ?2 WHERE id = ?1";

impl Engine for Sqlite {
    type Record = Tick;
    type Reader = Reader;

    const NAME: &'static str = "SQLite";
    const CONFIGURATION: &'static str =
        "rowid, WAL, synchronous = FULL, prepared statement, mapped";
    const CRATES: &'static [&'static str] = &["rusqlite", "libsqlite3-sys"];

    fn version() -> String {
        rusqlite::version().to_owned()
    }

    fn create(directory: &Path) -> Outcome<Self> {
        let sqlite = Self::connect(directory.join("sqlite"), OpenFlags::default(), Mode::Durable)?;
        let table = "CREATE TABLE ticks (id INTEGER PRIMARY KEY, data BLOB NOT NULL)";
        sqlite.connection.execute_batch(table)?;
        Ok(sqlite)
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        Self::connect(directory.join("sqlite"), OpenFlags::SQLITE_OPEN_READ_WRITE, mode)
    }

    fn load(&mut self, len: u64) -> Outcome {
        let sample = |index| (index, Tick::sample(index));
        loads(len).try_for_each(|indices| self.write(INSERT, indices.map(sample)))?;
        self.checkpoint()
    }

    fn append(&mut self, first: u64, records: &[Tick]) -> Outcome {
        match records {
            [record] => self.write_one(INSERT, first, record),
            _ => self.write(INSERT, (first..).zip(records.iter().copied())),
        }
    }

    fn update(&mut self, updates: &[(u64, Tick)]) -> Outcome {
        match updates {
            [(index, record)] => self.write_one(UPDATE, *index, record),
            _ => self.write(UPDATE, updates.iter().copied()),
        }
    }

    fn sync(&mut self) -> Outcome {
        self.checkpoint()
    }

    fn reader(&self) -> Outcome<Reader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.execute_batch(&format!("PRAGMA mmap_size = {MAP_SIZE_MAX}"))?;
        Ok(Reader { connection })
    }
}

pub(crate) struct Reader {
    connection: Connection,
}

impl Reader {
    fn select(&self) -> Outcome<Singly<'_>> {
        Ok(Singly(self.connection.prepare("SELECT data FROM ticks WHERE id = ?1")?))
    }
}

impl engine::Reader<Tick> for Reader {
    type Together<'r> = Together<'r>;
    type Singly<'r> = Singly<'r>;

    fn together(&self) -> Outcome<Together<'_>> {
        let select = self.select()?;
        Ok(Together { select, _transaction: self.connection.unchecked_transaction()? })
    }

    fn singly(&self) -> Outcome<Singly<'_>> {
        self.select()
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&Tick)) -> Outcome {
        let select = "SELECT data FROM ticks WHERE id >= ?1 AND id < ?2 ORDER BY id";
        let mut select = self.connection.prepare(select)?;
        let mut rows = select.query((range.start as i64, range.end as i64))?;
        while let Some(row) = rows.next()? {
            each(&record(row.get_ref(0)?.as_blob()?)?);
        }
        Ok(())
    }
}

pub(crate) struct Singly<'r>(Statement<'r>);

pub(crate) struct Together<'r> {
    select: Singly<'r>,
    _transaction: Transaction<'r>,
}

impl Get<Tick> for Singly<'_> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        let mut rows = self.0.query((index as i64,))?;
        let row = rows.next()?.ok_or(GONE)?;
        record(row.get_ref(0)?.as_blob()?)
    }
}

impl Get<Tick> for Together<'_> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        self.select.get(index)
    }
}
