//! What an open store holds.

use stridedb::{Error, OpenReport, RawReader, RawStore};

/// A slot that the store refuses to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Records that are read of a store, at most: a forged one may have any number.
const RECORDS_MAX: u64 = 1000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub commit_number: u64,
    pub len: u64,
    pub live_count: u64,
    pub records: Vec<Result<Option<Vec<u8>>, Damaged>>,
}

impl Found {
    /// Reads all of it.
    pub fn of(store: &RawStore) -> Self {
        let statistics = store.statistics().expect("an open file can be measured");
        Self {
            commit_number: statistics.commit_number,
            len: store.len(),
            live_count: store.live_count(),
            records: records(store),
        }
    }

    /// Reads all of it through a reader.
    pub fn of_reader(reader: &RawReader) -> Self {
        let size = reader.schema().record_size() as usize;
        let expect = "a reader that is open knows what there is";
        let len = reader.len().expect(expect);
        Self {
            commit_number: reader.commit_number().expect(expect),
            len,
            live_count: reader.live_count().expect(expect),
            records: records_of(len, size, |index, record| reader.get(index, record)),
        }
    }
}

/// The records, by index; `None` is one that was removed.
pub fn records(store: &RawStore) -> Vec<Result<Option<Vec<u8>>, Damaged>> {
    let size = store.schema().record_size() as usize;
    records_of(store.len(), size, |index, record| store.get(index, record))
}

fn records_of(
    len: u64,
    size: usize,
    get: impl Fn(u64, &mut [u8]) -> Result<bool, Error>,
) -> Vec<Result<Option<Vec<u8>>, Damaged>> {
    let mut record = vec![0; size];
    let indices = 0..len.min(RECORDS_MAX);
    let records = indices.map(|index| match get(index, &mut record) {
        Ok(is_there) => Ok(is_there.then(|| record.clone())),
        Err(Error::Corrupt { .. }) => Err(Damaged),
        Err(error) => panic!("record {index}: {error}"),
    });
    records.collect()
}

/// How a store was opened, for those who count.
pub fn how_opened(report: &OpenReport) -> &'static str {
    match report {
        OpenReport { set_aside: Some(_), .. } => "opened, a journal set aside",
        OpenReport { damage, recovered: true, .. } if !damage.is_empty() => {
            "opened from a damaged page's twin, recovered"
        }
        OpenReport { damage, .. } if !damage.is_empty() => "opened from a damaged page's twin",
        OpenReport { is_torn: true, .. } => "opened, recovered without a torn frame",
        OpenReport { recovered: true, .. } => "opened, recovered",
        _ => "opened",
    }
}

/// The name of an error's variant, and of what it wraps.
pub fn kind(error: &Error) -> String {
    let inner = match error {
        Error::JournalDamaged { fault, .. } => format!("/{}", first_word(&format!("{fault:?}"))),
        Error::Corrupt { corruption, .. } => {
            format!("/{}", first_word(&format!("{corruption:?}")))
        }
        _ => String::new(),
    };
    format!("{}{inner}", first_word(&format!("{error:?}")))
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}
