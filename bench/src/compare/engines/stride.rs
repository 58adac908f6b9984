//! stridedb itself, as it is by default.
//!
//! A load is an `extend`, as is a commit of many appends. A commit of one record is an `append` or an
//! `update`, one of many updates an `update_many`.
//!
//! Threads read by a `Reader`, whose gets each see the newest commit: they need no transaction.
//! What is not to be durable at once is committed with `Durability::Deferred`: a kill of the
//! process may take it, too.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use stridedb::{Durability, Error, OpenOptions, Store};

use crate::compare::engine::{self, Engine, GONE, Get, Mode};
use crate::parts::read::number;
use crate::record::Sample;
use crate::rounds::Outcome;

/// The file's name.
pub(crate) const FILE: &str = "store";

pub(crate) struct Stride<R> {
    pub(crate) store: Store<R>,
}

impl<R: Sample> Engine for Stride<R> {
    type Record = R;
    type Reader = Reader<R>;

    const NAME: &'static str = "stridedb";
    const CONFIGURATION: &'static str = "as it is by default: verified reads, durable commits";
    const CRATES: &'static [&'static str] = &["stridedb"];

    fn create(directory: &Path) -> Outcome<Self> {
        Ok(Self { store: Store::create(directory.join(FILE))? })
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let durability = match mode {
            Mode::Durable => Durability::Immediate,
            Mode::Deferred => {
                Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: 64 << 20 }
            }
        };
        Ok(Self { store: OpenOptions::new().durability(durability).open(directory.join(FILE))? })
    }

    fn load(&mut self, len: u64) -> Outcome {
        self.store.extend((0..len).map(R::sample))?;
        Ok(self.store.sync()?)
    }

    fn append(&mut self, _first: u64, records: &[R]) -> Outcome {
        match records {
            [record] => self.store.append(record).map(drop)?,
            _ => self.store.extend(records.iter().copied()).map(drop)?,
        }
        Ok(())
    }

    fn update(&mut self, updates: &[(u64, R)]) -> Outcome {
        match updates {
            [(index, record)] => self.store.update(*index, record)?,
            _ => self.store.update_many(updates.iter().copied())?,
        }
        Ok(())
    }

    fn sync(&mut self) -> Outcome {
        Ok(self.store.sync()?)
    }

    fn reader(&self) -> Outcome<Reader<R>> {
        Ok(Reader(self.store.reader()?))
    }

    /// A first pass maps the pages, and a checkpoint does not unmap them.
    fn warm(&mut self) -> Outcome {
        Ok(self.store.scan(.., |_, _| Ok::<_, Error>(()))?)
    }

    fn close(self) -> Outcome {
        Ok(self.store.close()?)
    }
}

pub(crate) struct Reader<R>(stridedb::Reader<R>);

impl<R: Sample> engine::Reader<R> for Reader<R> {
    type Together<'r> = &'r Self;
    type Singly<'r> = &'r Self;

    fn together(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn singly(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&R)) -> Outcome {
        Ok(self.0.scan(range, |_, record| {
            each(record);
            Ok::<_, Error>(())
        })?)
    }
}

impl<R: Sample> Get<R> for &Reader<R> {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<R> {
        Ok(self.0.get(index)?.ok_or(GONE)?)
    }

    #[inline(always)]
    fn number(&mut self, index: u64) -> Outcome<u64> {
        number(&self.0.get(index))
    }
}
