//! `stridedb diff`: in what two stores are not the same.

mod report;
mod twins;
mod walk;

use std::path::{Path, PathBuf};

use stridedb::RawReader;
use stridedb::format::digest::Digest;
use stridedb::schema::Difference;

use super::exit::{Exit, Failure};
use super::open::to_read;
use super::output::{Context, complain};
use report::Report;
use twins::Twins;
use walk::Tally;

/// Compare two stores: schema, counts, and records field by field
///
/// Stores of one schema with equal digests and as many slots are the same, which is said at once
/// and without reading a record. The exit code is 0 if they are the same, 1 if they differ, and 4
/// is added if one is damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A store
    #[arg(value_name = "A")]
    a: PathBuf,

    /// Another one
    #[arg(value_name = "B")]
    b: PathBuf,

    /// Compare all records, even if the digests say that they are the same
    #[arg(long)]
    full: bool,

    /// How many differences to list; the others are counted
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
}

/// One of the two stores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

/// What is compared of a store, as of one commit.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counts {
    len: u64,
    live_count: u64,
    digest: Option<Digest>,
    commit_number: u64,
}

/// One of the two stores, opened.
struct Store<'a> {
    file: &'a Path,
    reader: RawReader,
    counts: Counts,
}

/// How the stores were compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    /// By what they say of their records.
    Digests,
    /// Record by record, all bytes.
    Records,
    /// Record by record, those fields that both have.
    SharedFields,
    /// Only by which slots hold records: they have no field in common.
    Places,
}

/// All that the two stores say of themselves.
struct Outline<'a> {
    stores: [Store<'a>; 2],
    schema: Vec<Difference>,
    twins: Twins,
    means: Means,
}

/// Compares the stores.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (a, exit_a) = Store::open(&args.a, ctx)?;
    let (b, exit_b) = Store::open(&args.b, ctx)?;
    let outline = Outline::of([a, b], args.full);
    let mut report = Report::new(&outline, args.limit, ctx);
    report.begin()?;
    let tally = match outline.means {
        Means::Digests => Tally::default(),
        _ => walk::walk(&outline, &mut report, ctx)?,
    };
    let contradiction = contradiction(&outline, &tally)?;
    if let Some(contradiction) = contradiction {
        complain("error", contradiction);
    }
    let differs = outline.differs() || tally.differs();
    report.finish(&tally, !differs && tally.slots_damaged == 0 && contradiction.is_none())?;
    let is_damaged = tally.slots_damaged > 0 || tally.found_invalid || contradiction.is_some();
    let differs = if differs { Exit::DIFFERS } else { Exit::FINE };
    let damaged = if is_damaged { Exit::DAMAGED } else { Exit::FINE };
    Ok(exit_a | exit_b | differs | damaged)
}

/// Why what the stores say of their records and the records themselves cannot both be true: then
/// one of them has lost a write. It says nothing if a store was written meanwhile.
fn contradiction(outline: &Outline<'_>, tally: &Tally) -> Result<Option<&'static str>, Failure> {
    let [a, b] = &outline.stores;
    if outline.means != Means::Records || tally.slots_damaged > 0 || tally.is_of_other_commits {
        return Ok(None);
    }
    let (Some(one), Some(other)) = (a.counts.digest, b.counts.digest) else { return Ok(None) };
    Ok(match (one == other, tally.differs()) {
        (true, true) => Some(
            "records differ, but the digests that the stores keep are equal: a write was lost; \
             see `stridedb verify`",
        ),
        (false, false) => Some(
            "no record differs, but the digests that the stores keep do: a write was lost; see \
             `stridedb verify`",
        ),
        _ => None,
    })
}

impl<'a> Store<'a> {
    fn open(file: &'a Path, ctx: &Context) -> Result<(Self, Exit), Failure> {
        let (reader, exit) = to_read(file, ctx)?;
        let counts = Counts::of(&reader)?;
        Ok((Self { file, reader, counts }, exit))
    }
}

impl Counts {
    fn of(reader: &RawReader) -> Result<Self, stridedb::Error> {
        reader.read(|snapshot| {
            Ok(Self {
                len: snapshot.len(),
                live_count: snapshot.live_count(),
                digest: snapshot.digest().map(Digest::new),
                commit_number: snapshot.commit_number(),
            })
        })
    }
}

impl<'a> Outline<'a> {
    fn of(stores: [Store<'a>; 2], full: bool) -> Self {
        let [a, b] = &stores;
        let schema = a.reader.schema().differences(b.reader.schema());
        let twins = Twins::of(&a.reader, &b.reader);
        let knows_digests = a.counts.digest.is_some();
        let seem_same = a.counts.digest == b.counts.digest && a.counts.len == b.counts.len;
        let means = match twins.have_same_bytes {
            true if knows_digests && seem_same && !full => Means::Digests,
            true => Means::Records,
            false if twins.is_empty() => Means::Places,
            false => Means::SharedFields,
        };
        Self { stores, schema, twins, means }
    }

    /// Whether they differ in what they say of themselves.
    fn differs(&self) -> bool {
        let [a, b] = &self.stores;
        let counts = |store: &Store<'_>| (store.counts.len, store.counts.live_count);
        !self.schema.is_empty() || counts(a) != counts(b)
    }
}

impl Side {
    /// What it is called in a document.
    fn key(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// What it is called for people.
    fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

impl Means {
    /// What it is called in a document.
    fn key(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::Records => "records",
            Self::SharedFields => "shared fields",
            Self::Places => "places",
        }
    }
}
