//! `stridedb demo`: a small store that is damaged in a chosen way, to try the tools on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::format::geometry::{META_OFFSETS, PAGE_SIZE, SCHEMA_OFFSET, SlotIndex};
use stridedb::format::journal::FRAMES_OFFSET;
use stridedb::{RawStore, inspect};

use super::exit::{Exit, Failure};
use super::import;
use super::new_file::check_free;
use super::output::{Context, lossy, print_document};

/// 3,000 flights of 2013 from New York; `tests/data/README.md` says where they are from.
const FLIGHTS: &str = include_str!("../../tests/data/flights-3000.csv");

/// Make a small store of real flights and damage it, to try verify, map, repair and salvage on
///
/// DIR gets `flights.stride`, which is damaged, and `intact.stride`, which is not, so that `diff`
/// can tell what a repair has kept. Nothing that is there is overwritten.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory for the stores, which is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// What happens to the store
    #[arg(long, value_name = "KIND")]
    damage: Damage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Damage {
    /// One bit of one record is flipped, as by rot
    BitFlip,
    /// A page of records is zeros, as after a lost write to a new file
    ZeroPage,
    /// A page of records is written to another page's place
    MisdirectedPage,
    /// Changed records are as they were before, each whole in itself
    LostWrite,
    /// A page of records is another store's
    OtherStore,
    /// The last third of the file is missing
    Truncation,
    /// The header is zeros
    Header,
    /// Both metas are zeros
    Metas,
    /// A byte of the schema is another
    Schema,
    /// Header and metas are zeros: nothing says where the records are
    Pages,
    /// A writer died while it wrote records; the journal has them
    TornWrite,
    /// A writer died, and the journal has rotted in the middle
    Journal,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(serialize_with = "lossy")]
    intact: &'a Path,
    damage: &'a str,
    next: Vec<String>,
}

/// Makes the two stores.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let directory = &args.directory;
    fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    let [csv, file, intact] =
        ["flights.csv", "flights.stride", "intact.stride"].map(|name| directory.join(name));
    [&csv, &file, &intact].into_iter().try_for_each(|path| check_free(path))?;
    write(&csv, FLIGHTS.as_bytes())?;
    import::run(&import::Args::plain(&file, &csv), &ctx.quietly())?;
    let damage = damage(args.damage, &file, &csv, &intact, ctx)?;
    let next = next(args.damage, &file, directory);
    if ctx.json {
        let document = Document { file: &file, intact: &intact, damage: &damage, next };
        ctx.report(|output| print_document(output, "demo", document));
    } else if !ctx.quiet {
        ctx.report(|output| {
            writeln!(output, "made {}: 3,000 flights, {damage}", file.display())?;
            next.iter().try_for_each(|line| writeln!(output, "try: {line}"))?;
            output.flush()
        });
    }
    Ok(Exit::FINE)
}

/// What to try on a store that is damaged so.
fn next(damage: Damage, file: &Path, directory: &Path) -> Vec<String> {
    let (file, intact) = (file.display(), directory.join("intact.stride"));
    let (mended, intact) = (directory.join("mended.stride"), intact.display().to_string());
    let mended = mended.display();
    let mend = match damage {
        Damage::Pages => format!("stridedb salvage {file} --output {mended}"),
        _ => format!("stridedb repair {file} --output {mended} --quarantine"),
    };
    let mut next = vec![format!("stridedb verify {file}")];
    if damage != Damage::Pages {
        next.push(format!("stridedb repair {file}"));
    }
    next.extend([mend, format!("stridedb diff {intact} {mended}")]);
    next
}

/// Damages the store; what was done to it. What it should be is in `intact`.
fn damage(
    damage: Damage,
    file: &Path,
    csv: &Path,
    intact: &Path,
    ctx: &Context,
) -> Result<String, Failure> {
    let at = Places::of(file)?;
    let keep = || copy(file, intact);
    let page = at.page(3);
    let what = match damage {
        Damage::BitFlip => {
            keep()?;
            let offset = at.slot(1234) + 10;
            change(file, |bytes| bytes[offset] ^= 0b100)?;
            format!("with a flipped bit at byte {offset}, in slot 1234")
        }
        Damage::ZeroPage => {
            keep()?;
            change(file, |bytes| bytes[page..page + PAGE_SIZE].fill(0))?;
            format!("with a page of zeros at byte {page}")
        }
        Damage::MisdirectedPage => {
            keep()?;
            let from = at.page(9);
            change(file, |bytes| bytes.copy_within(from..from + PAGE_SIZE, page))?;
            format!("with the page of byte {from} at byte {page} as well")
        }
        Damage::LostWrite => {
            let before = read(file)?;
            update(RawStore::open(file)?, 1000..1100)?.close()?;
            keep()?;
            let lost = at.slot(1000)..at.slot(1100);
            change(file, |bytes| bytes[lost.clone()].copy_from_slice(&before[lost]))?;
            "with changes of slots 1000 to 1099 undone".to_owned()
        }
        Damage::OtherStore => {
            keep()?;
            let other = file.with_extension("other");
            import::run(&import::Args::plain(&other, csv), &ctx.quietly())?;
            let bytes = read(&other)?;
            fs::remove_file(&other).map_err(|error| Failure::io("remove", &other, &error))?;
            let there = page..page + PAGE_SIZE;
            change(file, |store| store[there.clone()].copy_from_slice(&bytes[there]))?;
            format!("with a page of another store at byte {page}")
        }
        Damage::Truncation => {
            keep()?;
            let len = at.slot(2000) + 7;
            change(file, |bytes| bytes.truncate(len))?;
            format!("cut to {len} bytes")
        }
        Damage::Header => {
            keep()?;
            change(file, |bytes| bytes[..PAGE_SIZE].fill(0))?;
            "with zeros for a header".to_owned()
        }
        Damage::Metas => {
            keep()?;
            let metas = META_OFFSETS.map(|offset| offset as usize);
            change(file, |bytes| metas.iter().for_each(|&m| bytes[m..m + PAGE_SIZE].fill(0)))?;
            "with zeros for both metas".to_owned()
        }
        Damage::Schema => {
            keep()?;
            let offset = SCHEMA_OFFSET as usize + 40;
            change(file, |bytes| bytes[offset] = b'#')?;
            format!("with another byte at byte {offset}, in the schema")
        }
        Damage::Pages => {
            keep()?;
            change(file, |bytes| bytes[..3 * PAGE_SIZE].fill(0))?;
            "with zeros for header and metas".to_owned()
        }
        Damage::TornWrite => {
            let journal = die_while_writing(file, intact)?;
            let torn = at.slot(1000)..at.slot(1003);
            change(file, |bytes| bytes[torn].chunks_mut(512).for_each(|part| part[0] ^= 0xFF))?;
            format!("with slots half written that its journal {} has", journal.display())
        }
        Damage::Journal => {
            let journal = die_while_writing(file, intact)?;
            let offset = FRAMES_OFFSET as usize + 200;
            change(&journal, |bytes| bytes[offset] ^= 0xFF)?;
            format!("and {} damaged at byte {offset}", journal.display())
        }
    };
    fs::remove_file(csv).map_err(|error| Failure::io("remove", csv, &error))?;
    Ok(what)
}

/// Where things are in a store.
struct Places {
    data_start: usize,
    stride: usize,
}

impl Places {
    fn of(file: &Path) -> Result<Self, Failure> {
        let identity = inspect(file)?.identity;
        let geometry = identity.as_ref().map(|header| header.geometry());
        Ok(Self {
            data_start: geometry.map_or(0, |geometry| geometry.data_start() as usize),
            stride: geometry.map_or(0, |geometry| geometry.stride() as usize),
        })
    }

    fn slot(&self, index: usize) -> usize {
        self.data_start + index * self.stride
    }

    /// A page of slots.
    fn page(&self, number: usize) -> usize {
        self.data_start + number * PAGE_SIZE
    }
}

/// Writes every record of a range anew with the one behind it.
fn update(mut store: RawStore, slots: std::ops::Range<u64>) -> Result<RawStore, Failure> {
    let mut record = vec![0; store.geometry().record_size() as usize];
    for index in slots {
        if store.get(SlotIndex::new(index + 1), &mut record)? {
            store.update(index, &record)?;
        }
    }
    Ok(store)
}

/// Leaves the store as a writer leaves it that was killed when it had written some records; its
/// journal. What it had written is in `intact`.
fn die_while_writing(file: &Path, intact: &Path) -> Result<PathBuf, Failure> {
    let mut journal = file.as_os_str().to_owned();
    journal.push("-journal");
    let journal = PathBuf::from(journal);
    let store = update(RawStore::open(file)?, 1000..1040)?;
    let (bytes, frames) = (read(file)?, read(&journal)?);
    store.backup_to(intact)?;
    store.close()?;
    write(file, &bytes)?;
    write(&journal, &frames)?;
    Ok(journal)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    write(to, &read(from)?)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Failure> {
    let mut bytes = read(path)?;
    change(&mut bytes);
    write(path, &bytes)
}
