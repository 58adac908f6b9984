//! LMDB, by heed.
//!
//! The keys are integers in the machine's byte order, which LMDB compares as such, and go in as
//! bytes, since heed's own type for integers allocates memory for each. They are appended, which
//! leaves all pages full. Read transactions keep their place among the readers by thread, the
//! faster way. Locking stays, since without it no writer could be there.
#![allow(unsafe_code, reason = "heed's maps are unsafe to open")]

use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, IntegerComparator, PutFlags, RoTxn};
use stridedb::zerocopy::IntoBytes;

use super::{check, loads, tick};
use crate::parts::read::{copied, independent};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

/// What is printed of it.
pub(super) const CONFIGURATION: &str = "LMDB, native integer keys, appended, mapped, with locks";

/// More than a record takes with its share of pages, of which the map must have room for all.
const RECORD_SIZE_MAX: usize = 256;

/// The version of LMDB itself.
pub(super) fn version() -> String {
    let version = heed::lmdb_version();
    format!("{}.{}.{}", version.major, version.minor, version.patch)
}

pub(super) struct Lmdb {
    env: Env,
    database: Database<'static, Bytes, Bytes, IntegerComparator>,
}

impl Lmdb {
    pub(super) fn create(directory: &Path, len: u64) -> Outcome<Self> {
        let path = directory.join("lmdb");
        std::fs::create_dir(&path)?;
        let map_size = (len as usize * RECORD_SIZE_MAX).next_multiple_of(1 << 30);
        let mut options = EnvOpenOptions::new();
        options.map_size(map_size);
        // SAFETY: the directory is new and its name is ours: nobody else changes its files.
        let env = unsafe { options.open(&path)? };
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
        let lmdb = Self { env, database };
        loads(len).try_for_each(|indices| lmdb.load(indices))?;
        Ok(lmdb)
    }

    fn load(&self, indices: impl Iterator<Item = u64>) -> Outcome {
        let mut transaction = self.env.write_txn()?;
        for index in indices {
            let (key, record) = (index.to_ne_bytes(), Tick::sample(index));
            let flags = PutFlags::APPEND;
            self.database.put_with_flags(&mut transaction, flags, &key, record.as_bytes())?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn check(&self, len: u64) -> Outcome {
        let transaction = self.env.read_txn()?;
        check(len, |index| self.get(&transaction, index))
    }

    pub(super) fn get_in_one(&self, len: u64) -> Outcome<f64> {
        let transaction = self.env.read_txn()?;
        independent(len, |index| Ok(copied(&self.get(&transaction, index)?).number()))
    }

    pub(super) fn get_each(&self, len: u64) -> Outcome<f64> {
        independent(len, |index| {
            let transaction = self.env.read_txn()?;
            Ok(copied(&self.get(&transaction, index)?).number())
        })
    }

    #[inline]
    fn get(&self, transaction: &RoTxn<'_>, index: u64) -> Outcome<Tick> {
        let bytes = self.database.get(transaction, &index.to_ne_bytes())?;
        tick(bytes.ok_or("a record is gone")?)
    }
}
