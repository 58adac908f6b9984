//! rawdb, the layer of files below vecdb: named regions of bytes in one mapped file.
//!
//! A region holds the records side by side, which is what vecdb makes of records of a fixed size,
//! without vecdb's own buffer, with which a record is seen by others only once it is flushed. Gets
//! of one transaction share a reader, which keeps the region where it is; an update waits for it.
//!
//! It never syncs by itself. What promises durability here syncs its two files from outside, by
//! fdatasync(2) of the data and then of the table of regions: nothing is lost when the commit has
//! returned, but a crash before that can leave some records of one. So it promises less than the
//! others, and has no journal and no checksums.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use rawdb::{Database, Region};
use stridedb::zerocopy::IntoBytes;

use crate::compare::engine::{self, Engine, Get, Mode, record};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

const SIZE: usize = size_of::<Tick>();
/// Records of one write of a load.
const BATCH_COUNT: u64 = 1 << 14;

pub(crate) struct RawDb {
    ticks: Region,
    files: [File; 2],
    mode: Mode,
    // Last, so that the region is dropped before it.
    _database: Database,
}

impl RawDb {
    fn write(&self, index: u64, bytes: &[u8]) -> Outcome {
        Ok(self.ticks.write_at(bytes, index as usize * SIZE)?)
    }

    fn sync_if_durable(&self) -> Outcome {
        if self.mode == Mode::Durable { self.sync_files() } else { Ok(()) }
    }

    fn sync_files(&self) -> Outcome {
        Ok(self.files.iter().try_for_each(File::sync_data)?)
    }
}

impl Engine for RawDb {
    type Record = Tick;
    type Reader = Reader;

    const NAME: &'static str = "rawdb";
    const CONFIGURATION: &'static str =
        "one region, fdatasync of both files from outside, neither atomic nor checked";
    const CRATES: &'static [&'static str] = &["rawdb"];

    fn create(directory: &Path) -> Outcome<Self> {
        Self::open(directory, Mode::Durable)
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let database = Database::open(directory)?;
        let ticks = database.create_region_if_needed("ticks")?;
        let regions = File::options().write(true).open(directory.join("regions"))?;
        let files = [ticks.open_db_read_only_file()?, regions];
        Ok(Self { ticks, files, mode, _database: database })
    }

    fn load(&mut self, len: u64) -> Outcome {
        self.ticks.reserve_capacity(len as usize * SIZE)?;
        for start in (0..len).step_by(BATCH_COUNT as usize) {
            let records: Vec<Tick> =
                (start..len.min(start + BATCH_COUNT)).map(Tick::sample).collect();
            self.write(start, records.as_slice().as_bytes())?;
        }
        self.sync_files()
    }

    fn append(&mut self, first: u64, records: &[Tick]) -> Outcome {
        self.write(first, records.as_bytes())?;
        self.sync_if_durable()
    }

    fn update(&mut self, updates: &[(u64, Tick)]) -> Outcome {
        updates.iter().try_for_each(|(index, record)| self.write(*index, record.as_bytes()))?;
        self.sync_if_durable()
    }

    fn sync(&mut self) -> Outcome {
        self.sync_files()
    }

    fn reader(&self) -> Outcome<Reader> {
        Ok(Reader { ticks: self.ticks.clone() })
    }
}

pub(crate) struct Reader {
    ticks: Region,
}

impl engine::Reader<Tick> for Reader {
    type Together<'r> = rawdb::Reader;
    type Singly<'r> = &'r Region;

    fn together(&self) -> Outcome<rawdb::Reader> {
        Ok(self.ticks.create_reader())
    }

    fn singly(&self) -> Outcome<&Region> {
        Ok(&self.ticks)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&Tick)) -> Outcome {
        let (start, end) = (range.start as usize * SIZE, range.end as usize * SIZE);
        let reader = self.ticks.create_reader();
        for bytes in reader.read(start, end - start).chunks_exact(SIZE) {
            each(&record(bytes)?);
        }
        Ok(())
    }
}

impl Get<Tick> for rawdb::Reader {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        record(self.read(index as usize * SIZE, SIZE))
    }
}

impl Get<Tick> for &Region {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        let found = self.with_read_range(index as usize * SIZE, SIZE, record);
        found.ok_or(engine::GONE)?
    }
}
