//! `stridedb hash`: one number that says which records a store holds.

mod algorithm;

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::format::checksum::crc32;
use stridedb::format::digest::Digest;
use stridedb::{RawReader, RawSnapshot, Role};

use super::exit::{Exit, Failure, chain};
use super::open::{is_about_slot, keep_memory_small, to_read};
use super::output::{Context, complain, counted, lossy, print_document};
use super::progress::Progress;
use super::table::printable;
use algorithm::{Algorithm, Hasher};

/// How often the records are read anew because a writer has changed some meanwhile.
const TRIES_MAX: u32 = 4;
/// How many slots pass between two looks at the clock.
const SLOTS_PER_REPORT: u64 = 4096;
/// How many damaged slots of a file are told one by one.
const TOLD_MAX: u64 = 5;

/// Print the content digest of stores, computed from their records, or a cryptographic hash
///
/// A line for each file: the digest, two spaces, the name. The digest depends on the records and
/// their slots alone: stores whose digests differ hold different records, and those of one schema
/// with equal digests hold equal ones up to chance. It is compared with the one that the store
/// keeps; if the two differ, a write was lost, and the exit code is 4. The codes of several files
/// are OR-ed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The stores
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print the digest that the store keeps, at once and without reading a record
    #[arg(long)]
    stored: bool,

    /// Print the SHA-256 of the records, as `export --format raw` writes them
    #[arg(long, conflicts_with_all = ["stored", "blake3"])]
    sha256: bool,

    /// Print the BLAKE3 of the records, as `export --format raw` writes them
    #[arg(long, conflicts_with = "stored")]
    blake3: bool,

    /// Hash the file's bytes in place of the records: with --sha256 or --blake3
    #[arg(long)]
    whole_file: bool,
}

impl Args {
    fn algorithm(&self) -> Option<Algorithm> {
        match (self.sha256, self.blake3) {
            (true, _) => Some(Algorithm::Sha256),
            (_, true) => Some(Algorithm::Blake3),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Documents<'a> {
    files: Vec<Document<'a>>,
}

/// What is known of one file: its digest, or why there is none.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    /// As computed, or as kept if that was asked for.
    digest: Option<String>,
    digest_stored: Option<String>,
    len: Option<u64>,
    live_count: Option<u64>,
    slots_damaged: u64,
    /// `sha256`, `blake3`
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The digest of a store as of one commit.
#[derive(Default)]
struct Hashed {
    /// Of the records or the file's bytes, if it was asked for and can be had.
    hash: Option<String>,
    /// None if slots are damaged, or if none is kept.
    digest: Option<Digest>,
    stored: Option<Digest>,
    /// None of a file's bytes.
    len: Option<u64>,
    live_count: Option<u64>,
    slots_damaged: u64,
    /// The first damages.
    told: Vec<String>,
}

/// Hashes the files one after the other. What cannot be hashed does not keep the others back.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let algorithm = args.algorithm();
    if args.whole_file && algorithm.is_none() {
        return Err(Failure::usage("--whole-file goes with --sha256 or --blake3"));
    }
    let mut output = ctx.output();
    let mut exit = Exit::FINE;
    let mut documents = Vec::new();
    for file in &args.files {
        let hashed = match algorithm.filter(|_| args.whole_file) {
            Some(algorithm) => hash_bytes(file, algorithm, ctx).map(|hash| (hash, Exit::FINE)),
            None => hash(file, args.stored, algorithm, ctx),
        };
        let (found, code) = match hashed {
            Ok((hashed, code)) => (Ok(hashed), code),
            Err(failure) => {
                let code = failure.exit();
                (Err(failure), code)
            }
        };
        let problems = problems(file, &found);
        exit |= code | found.as_ref().map_or(Exit::FINE, Hashed::exit);
        if ctx.json {
            documents.push(Document::new(file, algorithm, &found, &problems));
            continue;
        }
        let printed = found.as_ref().ok().and_then(|hashed| match algorithm {
            Some(_) => hashed.hash.clone(),
            None => hashed.digest.map(|digest| digest.to_string()),
        });
        if let Some(printed) = printed {
            writeln!(output, "{printed}  {}", printable(&file.display().to_string()))?;
            output.flush()?;
        }
        problems.iter().for_each(|problem| complain("error", problem));
    }
    if ctx.json {
        print_document(&mut output, "hash", Documents { files: documents })?;
    }
    Ok(exit)
}

/// The hash of a file's bytes, whatever they are.
fn hash_bytes(file: &Path, algorithm: Algorithm, ctx: &Context) -> Result<Hashed, Failure> {
    let progress = Progress::new(ctx, format!("hash {}", file.display()));
    let is_written = || {
        let holders = stridedb::holders(file).unwrap_or_default();
        holders.iter().any(|holder| holder.role >= Role::Writer)
    };
    let was_written = is_written();
    let hash = Some(algorithm.of_file(file, &progress)?);
    if was_written || is_written() {
        let file = file.display();
        ctx.note(format_args!("{file} is being written: this is the hash of no one moment"));
    }
    Ok(Hashed { hash, ..Hashed::default() })
}

fn hash(
    file: &Path,
    stored: bool,
    algorithm: Option<Algorithm>,
    ctx: &Context,
) -> Result<(Hashed, Exit), Failure> {
    let (store, exit) = to_read(file, ctx)?;
    let hashed = match stored {
        true => store.read(|snapshot| Ok::<_, stridedb::Error>(Hashed::stored(snapshot)))?,
        false => compute(&store, file, algorithm, ctx)?,
    };
    if stored && hashed.digest.is_none() {
        let message = format!("{}: the store keeps no digest", file.display());
        return Err(Failure::new(exit | Exit::COULD_NOT, message)
            .and("try: without --stored, it is computed from the records"));
    }
    if !stored && hashed.stored.is_none() {
        ctx.note(format_args!("{} keeps no digest to compare this one with", file.display()));
    }
    Ok((hashed, exit))
}

/// The digest of all records as of one commit. If a writer changes some before all are read, they
/// are read anew, but not forever: to note which they were would take memory for each.
fn compute(
    store: &RawReader,
    file: &Path,
    algorithm: Option<Algorithm>,
    ctx: &Context,
) -> Result<Hashed, Failure> {
    let progress = Progress::of_slots(ctx, format!("hash {}", file.display()));
    let tries = Cell::new(0);
    store.read(|snapshot| {
        if tries.replace(tries.get() + 1) >= TRIES_MAX {
            let file = file.display();
            let message = format!("{file}: it was written {TRIES_MAX} times while it was read");
            return Err(Failure::new(Exit::COULD_NOT, message).and(format_args!(
                "try: `stridedb backup {file} COPY`, and hash the copy; or --stored"
            )));
        }
        walk(store, snapshot, algorithm.map(Algorithm::begin), &progress)
    })
}

fn walk(
    store: &RawReader,
    snapshot: &RawSnapshot<'_>,
    mut hasher: Option<Hasher>,
    progress: &Progress,
) -> Result<Hashed, Failure> {
    let geometry = store.geometry();
    // The digest is of the areas: a record, and zeros up to a multiple of 8.
    let mut area = vec![0; geometry.area_size() as usize];
    let record_size = geometry.record_size() as usize;
    let (mut digest, mut slots_damaged, mut told) = (Digest::default(), 0, Vec::new());
    let len = snapshot.len();
    for index in 0..len {
        match snapshot.get(index, &mut area[..record_size]) {
            Ok(true) => {
                digest.add(index, crc32(area.as_slice()));
                if let Some(hasher) = &mut hasher {
                    hasher.update(&area[..record_size]);
                }
            }
            Ok(false) => {}
            Err(error) if is_about_slot(&error) => {
                slots_damaged += 1;
                if slots_damaged <= TOLD_MAX {
                    told.push(chain(&error));
                }
            }
            Err(error) => return Err(error.into()),
        }
        if index % SLOTS_PER_REPORT == 0 {
            progress.set(index, len);
        }
        keep_memory_small(store, index)?;
    }
    let is_whole = slots_damaged == 0;
    let hash = hasher.filter(|_| is_whole).map(Hasher::finish);
    let digest = is_whole.then_some(digest);
    Ok(Hashed { hash, digest, slots_damaged, told, ..Hashed::stored(snapshot) })
}

/// What is wrong with a file, a line each.
fn problems(file: &Path, found: &Result<Hashed, Failure>) -> Vec<String> {
    let file = file.display();
    let hashed = match found {
        Ok(hashed) => hashed,
        Err(failure) => return vec![failure.message().to_owned()],
    };
    let mut problems = hashed.told.clone();
    if hashed.slots_damaged > 0 {
        let damaged = counted(hashed.slots_damaged, "damaged slot");
        problems.push(format!("{file}: no digest: {damaged}; see `stridedb verify`"));
    }
    if let (true, Some(digest), Some(stored)) = (hashed.is_wrong(), &hashed.digest, &hashed.stored)
    {
        problems.push(format!(
            "{file}: expected digest {stored} but computed {digest}: a write was lost"
        ));
    }
    problems
}

impl Hashed {
    /// What the store keeps, which is taken for its digest.
    fn stored(snapshot: &RawSnapshot<'_>) -> Self {
        let stored = snapshot.digest().map(Digest::new);
        Self {
            digest: stored,
            stored,
            len: Some(snapshot.len()),
            live_count: Some(snapshot.live_count()),
            ..Self::default()
        }
    }

    /// Whether the records are not those that were written.
    fn is_wrong(&self) -> bool {
        self.digest.is_some() && self.stored.is_some() && self.digest != self.stored
    }

    fn exit(&self) -> Exit {
        let is_damaged = self.slots_damaged > 0 || self.is_wrong();
        if is_damaged { Exit::DAMAGED } else { Exit::FINE }
    }
}

impl<'a> Document<'a> {
    fn new(
        file: &'a Path,
        algorithm: Option<Algorithm>,
        found: &Result<Hashed, Failure>,
        problems: &[String],
    ) -> Self {
        let hashed = found.as_ref().ok();
        let text = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        Self {
            file,
            digest: hashed.and_then(|hashed| text(hashed.digest)),
            digest_stored: hashed.and_then(|hashed| text(hashed.stored)),
            len: hashed.and_then(|hashed| hashed.len),
            live_count: hashed.and_then(|hashed| hashed.live_count),
            slots_damaged: hashed.map_or(0, |hashed| hashed.slots_damaged),
            algorithm: algorithm.map(Algorithm::name),
            hash: hashed.and_then(|hashed| hashed.hash.clone()),
            error: (!problems.is_empty()).then(|| problems.join("\n")),
        }
    }
}
