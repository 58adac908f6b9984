//! The records of a store in the order of one or several of their values, in another store.
//!
//! An external merge sort, as Knuth has it ("The Art of Computer Programming", volume 3, 5.4): as
//! many records as there is memory for are sorted and written to a file without a name; such runs
//! are merged, as many at once as there is memory to read them in large pieces.

mod batch;
mod checksum;
mod merge;
mod runs;

use std::fmt;
use std::path::Path;

use zerocopy::IntoBytes;

use crate::error::{Error, Result};
use crate::format::checksum::BLOCK_MAX;
use crate::options::OpenOptions;
use crate::raw_reader::RawReader;
use crate::raw_store::{Appender, with_words};
use crate::record::Area;
use crate::schema::{ByteOrder, Schema, SortKey};
use crate::search::ConditionError;
use runs::Runs;

/// Memory unless something else is said. With more there are fewer runs, and yet it takes longer:
/// the processor's caches hold less of what is being sorted.
const MEMORY_DEFAULT: usize = 64 << 20;
/// So many bytes of a key are compared at once.
const PREFIX_SIZE: usize = 8;
/// How often the store is read anew because a writer has changed it meanwhile.
const TRIES_MAX: u32 = 4;

/// How a store is sorted.
#[derive(Clone, Copy, Default)]
pub struct SortOptions<'a> {
    /// The largest values first. Records with the same ones keep their order all the same.
    pub descending: bool,
    /// Let the new store's schema say by what it is sorted, so that nothing breaks the order. Has
    /// no effect with several values, or descending: a schema cannot say that.
    pub declare: bool,
    /// About so many bytes of memory are used for records; 0 for 64 MiB.
    pub memory: usize,
    /// Open stores on network file systems as well.
    pub allow_network: bool,
    /// Called now and then with the steps done and the steps in all: two for each slot.
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

impl fmt::Debug for SortOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortOptions")
            .field("descending", &self.descending)
            .field("declare", &self.declare)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// What sorting has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sorted {
    /// Records of the new store.
    pub len: u64,
    /// Runs that were sorted by themselves.
    pub run_count: u64,
    /// How often each record was written to a file of runs.
    pub pass_count: u32,
}

/// Writes the records of a store into a new store, in the order of the values at some paths, of
/// which the first counts most; [`SortKey`] says what the order is. Records with the same values
/// keep their order. The store is left as it is.
///
/// It may be larger than memory: then runs are written to a file without a name in the new store's
/// directory, which takes as much room as the records, or twice that if they are merged in several
/// passes. The new store has an id of its own and no
/// slots of removed records; it appears, complete and durable, when this returns.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("trades.stride");
/// # let sorted = directory.path().join("sorted.stride");
/// use stridedb::{SortOptions, Store, sort};
///
/// #[stridedb::record]
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Trade { price: f64, time: u64 }
///
/// let mut store = Store::<Trade>::create(&path)?;
/// store.extend((0..1000).map(|time| Trade { price: (time % 7) as f64, time }))?;
/// sort(&path, &sorted, &["price"], &SortOptions::default())?;
///
/// let sorted = Store::<Trade>::open(&sorted)?;
/// assert_eq!(sorted.get(1)?, Some(Trade { price: 0.0, time: 7 }));
/// assert_eq!(sorted.partition_point(|trade| trade.price < 6.0)?, 858);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `Condition` of [`Error`] if a path leads to no value; `Exists`; `Corrupt` if a record is
/// damaged; `WrongByteOrder`; `Contended` if the store is written again and again while it is read:
/// sort a backup of it; `Full`, `Io`. There is no new store then.
pub fn sort(
    path: impl AsRef<Path>,
    output: impl AsRef<Path>,
    by: &[&str],
    options: &SortOptions<'_>,
) -> Result<Sorted> {
    let (path, output) = (path.as_ref(), output.as_ref());
    let open = OpenOptions::new().allow_network(options.allow_network);
    let reader = open.read_raw(path)?;
    check_byte_order(&reader)?;
    let order = Order::new(reader.schema(), by, options.descending)?;
    let runs = read(&reader, output, &order, options)?;
    let mut schema = reader.schema().clone().in_any_order();
    if let ([path], true, false) = (by, options.declare, options.descending) {
        schema = schema.sorted_by(path)?;
    }
    let (len, record_size) = (runs.len(), schema.record_size() as usize);
    // The new store is for those for whom the old one is.
    open.mode(reader.mode()?).build_raw(output, &schema, |store| {
        let mut appender = store.appender()?;
        let (run_count, pass_count) = runs.merge(|records| {
            append(&mut appender, records, record_size)?;
            if let Some(progress) = options.progress {
                progress(len.saturating_add(appender.count()), len.saturating_mul(2));
            }
            Ok(())
        })?;
        appender.finish()?;
        store.shrink_to_fit()?;
        Ok(Sorted { len, run_count, pass_count })
    })
}

fn check_byte_order(reader: &RawReader) -> Result<()> {
    let (expected, found) = (ByteOrder::NATIVE, reader.byte_order());
    match found == expected {
        true => Ok(()),
        false => Err(Error::WrongByteOrder { path: reader.path().to_owned(), expected, found }),
    }
}

/// Reads all records as of one commit.
fn read<'o>(
    reader: &RawReader,
    output: &Path,
    order: &'o Order,
    options: &SortOptions<'_>,
) -> Result<Runs<'o>> {
    let memory = if options.memory == 0 { MEMORY_DEFAULT } else { options.memory };
    for _ in 0..TRIES_MAX {
        let numbers = |reader: &RawReader| {
            reader.read(|snapshot| Ok::<_, Error>((snapshot.len(), snapshot.commit_number())))
        };
        let (len, commit_number) = numbers(reader)?;
        let progress = |done| {
            if let Some(progress) = options.progress {
                progress(done, len.saturating_mul(2));
            }
        };
        progress(0);
        let runs = Runs::read(reader, len, output, order, memory, &progress)?;
        if numbers(reader)? == (len, commit_number) {
            return Ok(runs);
        }
    }
    Err(Error::Contended { path: reader.path().to_owned(), attempts: TRIES_MAX })
}

/// Appends records that stand one after the other.
fn append(appender: &mut Appender<'_>, records: &[u8], record_size: usize) -> Result<()> {
    // Of an area whose size the compiler knows the copy and the sum need no loop.
    macro_rules! append_areas {
        ($($words:literal)*) => {
            match record_size.div_ceil(8) {
                $($words => append_areas::<[u64; $words]>(appender, records, record_size),)*
                words => records.chunks_exact(record_size).try_for_each(|record| {
                    with_words(words, |area| {
                        area.fill(0);
                        area.as_mut_bytes()[..record_size].copy_from_slice(record);
                        appender.push_area(area).map(drop)
                    })
                }),
            }
        };
    }
    append_areas!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

fn append_areas<A: Area>(
    appender: &mut Appender<'_>,
    records: &[u8],
    record_size: usize,
) -> Result<()> {
    let mut areas = [A::new_zeroed(); BLOCK_MAX];
    for records in records.chunks(BLOCK_MAX * record_size) {
        let records = records.chunks_exact(record_size);
        let count = records.len();
        for (area, record) in areas.iter_mut().zip(records) {
            area.as_mut_bytes()[..record_size].copy_from_slice(record);
        }
        appender.push_areas(&areas[..count])?;
    }
    Ok(())
}

/// The order of records, by several values.
struct Order {
    sort_keys: Vec<SortKey>,
    byte_order: ByteOrder,
    descending: bool,
    /// Bytes of a key.
    key_size: usize,
}

impl Order {
    fn new(schema: &Schema, by: &[&str], descending: bool) -> Result<Self> {
        let sort_key = |path: &&str| SortKey::new(schema, path).map_err(ConditionError::from);
        let sort_keys = by.iter().map(sort_key).collect::<Result<_, _>>()?;
        let byte_order = ByteOrder::NATIVE;
        let mut order = Self { sort_keys, byte_order, descending, key_size: 0 };
        let mut key = Vec::new();
        order.write(&vec![0; schema.record_size() as usize], &mut key);
        order.key_size = key.len();
        Ok(order)
    }

    /// The first bytes of a record's key, as a number. The whole key is in `key` then, unless it is
    /// no longer than that.
    #[inline]
    fn prefix(&self, record: &[u8], key: &mut Vec<u8>) -> u64 {
        let only = match self.sort_keys.as_slice() {
            [only] => only.number(self.byte_order, record),
            _ => None,
        };
        let Some(number) = only else {
            key.clear();
            self.write(record, key);
            let mut bytes = [0; PREFIX_SIZE];
            let size = key.len().min(PREFIX_SIZE);
            bytes[..size].copy_from_slice(&key[..size]);
            return u64::from_be_bytes(bytes);
        };
        if self.descending { !number } else { number }
    }

    /// Whether there is more to a key than its prefix.
    fn is_long(&self) -> bool {
        self.key_size > PREFIX_SIZE
    }

    /// Appends bytes to `key` that compare as the records do.
    fn write(&self, record: &[u8], key: &mut Vec<u8>) {
        let start = key.len();
        for sort_key in &self.sort_keys {
            sort_key.write(self.byte_order, record, key);
        }
        if self.descending {
            key[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
}
