//! LMDB, by heed.
//!
//! The keys are integers in the machine's byte order, which LMDB compares as such, and go in as
//! bytes, since heed's own type for integers allocates memory for each. They are appended, which
//! leaves all pages full. Read transactions keep their place among the readers by thread, the
//! faster way. Locking stays, since without it no writer could be there. The map is not writable,
//! LMDB's own default, since a stray store into it would reach the disk. What is not to be durable
//! at once is committed with `MDB_NOSYNC`, and synced by force at the end.
#![allow(unsafe_code, reason = "heed's maps are unsafe to open, and so is not to sync")]

use std::marker::PhantomData;
use std::ops::{Bound, Range};
use std::path::Path;

use heed::types::Bytes;
use heed::{
    CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, IntegerComparator, PutFlags, RoTxn,
    WithTls,
};

use crate::compare::engine::{self, Engine, GONE, Get, Mode, loads, record};
use crate::record::Sample;
use crate::rounds::Outcome;

/// Addresses for the map: they cost nothing, and LMDB's file cannot outgrow them.
const MAP_SIZE: usize = 256 << 30;

type Records = Database<'static, Bytes, Bytes, IntegerComparator>;

pub(crate) struct Lmdb<R> {
    env: Env,
    database: Records,
    record: PhantomData<R>,
}

impl<R: Sample> Lmdb<R> {
    fn put(&self, flags: PutFlags, records: impl Iterator<Item = (u64, R)>) -> Outcome {
        let mut transaction = self.env.write_txn()?;
        for (index, record) in records {
            let key = index.to_ne_bytes();
            self.database.put_with_flags(&mut transaction, flags, &key, record.as_bytes())?;
        }
        Ok(transaction.commit()?)
    }
}

fn open_env(directory: &Path, mode: Mode) -> Outcome<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_SIZE);
    if mode == Mode::Deferred {
        // SAFETY: a crash of the machine could damage the file, and then nobody opens it.
        unsafe { options.flags(EnvFlags::NO_SYNC) };
    }
    // SAFETY: the directory's name is ours: nobody else changes its files.
    Ok(unsafe { options.open(directory)? })
}

impl<R: Sample> Engine for Lmdb<R> {
    type Record = R;
    type Reader = Reader<R>;

    const NAME: &'static str = "LMDB";
    const CONFIGURATION: &'static str = "native integer keys, appended, mapped, with locks";
    const CRATES: &'static [&'static str] = &["heed", "lmdb-master-sys"];

    fn version() -> String {
        let version = heed::lmdb_version();
        format!("{}.{}.{}", version.major, version.minor, version.patch)
    }

    fn create(directory: &Path) -> Outcome<Self> {
        let env = open_env(directory, Mode::Durable)?;
        let database = env
            .create_databases_and_commit(env.write_txn()?, |opener, transaction| {
                opener
                    .database_options()
                    .types::<Bytes, Bytes>()
                    .key_comparator::<IntegerComparator>()
                    .create(transaction)
                    .map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        Ok(Self { env, database, record: PhantomData })
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let env = open_env(directory, mode)?;
        let database = env
            .open_databases_and_commit(env.read_txn()?, |opener, transaction| {
                opener
                    .database_options()
                    .types::<Bytes, Bytes>()
                    .key_comparator::<IntegerComparator>()
                    .open(transaction)
                    .map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit()
            .ok_or("LMDB has no database here")?;
        Ok(Self { env, database, record: PhantomData })
    }

    fn load(&mut self, len: u64) -> Outcome {
        loads(len).try_for_each(|indices| {
            self.put(PutFlags::APPEND, indices.map(|index| (index, R::sample(index))))
        })
    }

    fn append(&mut self, first: u64, records: &[R]) -> Outcome {
        self.put(PutFlags::APPEND, (first..).zip(records.iter().copied()))
    }

    fn update(&mut self, updates: &[(u64, R)]) -> Outcome {
        self.put(PutFlags::empty(), updates.iter().copied())
    }

    fn sync(&mut self) -> Outcome {
        Ok(self.env.force_sync()?)
    }

    fn reader(&self) -> Outcome<Reader<R>> {
        Ok(Reader { env: self.env.clone(), database: self.database, record: PhantomData })
    }
}

pub(crate) struct Reader<R> {
    env: Env,
    database: Records,
    record: PhantomData<R>,
}

impl<R: Sample> engine::Reader<R> for Reader<R> {
    type Together<'r> = Together<'r, R>;
    type Singly<'r> = &'r Self;

    fn together(&self) -> Outcome<Together<'_, R>> {
        Ok(Together { reader: self, transaction: self.env.read_txn()? })
    }

    fn singly(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&R)) -> Outcome {
        let transaction = self.env.read_txn()?;
        let (start, end) = (range.start.to_ne_bytes(), range.end.to_ne_bytes());
        let range = (Bound::Included(&start[..]), Bound::Excluded(&end[..]));
        for found in self.database.range(&transaction, &range)? {
            let (_, bytes) = found?;
            each(&record(bytes)?);
        }
        Ok(())
    }
}

pub(crate) struct Together<'r, R> {
    reader: &'r Reader<R>,
    transaction: RoTxn<'r, WithTls>,
}

impl<R: Sample> Get<R> for Together<'_, R> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<R> {
        get(self.reader, &self.transaction, index)
    }
}

impl<R: Sample> Get<R> for &Reader<R> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<R> {
        get(self, &self.env.read_txn()?, index)
    }
}

#[inline(always)]
fn get<R: Sample>(reader: &Reader<R>, transaction: &RoTxn<'_, WithTls>, index: u64) -> Outcome<R> {
    let bytes = reader.database.get(transaction, &index.to_ne_bytes())?;
    record(bytes.ok_or(GONE)?)
}
