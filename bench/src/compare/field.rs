//! Who takes part in a workload: stridedb, and each rival that can.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Bench;
use crate::compare::contender::{Contender, Stored};
use crate::compare::engine::{Engine, Mode};
use crate::compare::engines::bare;
use crate::compare::engines::fjall::Fjall;
use crate::compare::engines::lmdb::Lmdb;
use crate::compare::engines::raw_map::RawMap;
use crate::compare::engines::rawdb::RawDb;
use crate::compare::engines::redb::Redb;
use crate::compare::engines::sqlite::Sqlite;
use crate::compare::engines::stride::Stride;
use crate::compare::engines::tokyo::{self, Tokyo};
use crate::engines::Description;
use crate::raw::{Bare, Strided};
use crate::record::Tick;
use crate::report::OURS;
use crate::rounds::Outcome;

/// A raw map of the records alone, and one with a stride of ours.
type Dense = RawMap<Bare<Tick>>;
type Wide = RawMap<Strided<Tick>>;

/// The names that goals are about.
pub(crate) const LMDB: &str = Lmdb::<Tick>::NAME;
pub(crate) const REDB: &str = Redb::NAME;
pub(crate) const SQLITE: &str = Sqlite::NAME;
pub(crate) const FJALL: &str = Fjall::NAME;
pub(crate) const RAWDB: &str = RawDb::NAME;
pub(crate) const TOKYO: &str = Tokyo::NAME;
pub(crate) const RAW: &str = Dense::NAME;
pub(crate) const WIDE: &str = Wide::NAME;

/// Those that have no commits of their own: what syncs them stands outside, and a crash can leave
/// some records of what was to be one commit.
pub(crate) const NO_COMMITS: [&str; 3] = [RAWDB, RAW, WIDE];

/// All that take part, with a directory that is removed after them.
pub(crate) struct Field {
    pub(crate) ours: Stored<Stride<Tick>>,
    pub(crate) rivals: Vec<Box<dyn Contender>>,
    _directory: Directory,
}

impl Field {
    /// Those that take part, with stores of so many records that are still to be loaded.
    pub(crate) fn new(bench: &Bench<'_>, len: u64) -> Outcome<Self> {
        let directory = Directory::create(bench.args.dir.join("compare"))?;
        let path = |name: &str| directory.0.join(name.replace([' ', ','], "-"));
        let (ours, rivals) = (Stored::new(path(OURS), len), rivals(path, len));
        Ok(Self { ours, rivals, _directory: directory })
    }

    /// The same, loaded and open.
    pub(crate) fn open(bench: &Bench<'_>, len: u64, mode: Mode) -> Outcome<Self> {
        let mut field = Self::new(bench, len)?;
        for contender in field.all() {
            contender.load()?;
            contender.open(mode)?;
        }
        rustix::fs::sync(); // So that nobody's files are written while others are measured.
        Ok(field)
    }

    /// Ours, and then the rivals.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = &mut dyn Contender> {
        let rivals = self.rivals.iter_mut().map(|rival| rival.as_mut() as &mut dyn Contender);
        std::iter::once(&mut self.ours as &mut dyn Contender).chain(rivals)
    }
}

/// The rivals that can take part.
fn rivals(path: impl Fn(&str) -> PathBuf, len: u64) -> Vec<Box<dyn Contender>> {
    let mut rivals: Vec<Box<dyn Contender>> = vec![
        Box::new(Stored::<Dense>::new(path(RAW), len)),
        Box::new(Stored::<Wide>::new(path(WIDE), len)),
        Box::new(Stored::<Lmdb<Tick>>::new(path(LMDB), len)),
        Box::new(Stored::<Redb>::new(path(REDB), len)),
        Box::new(Stored::<Sqlite>::new(path(SQLITE), len)),
        Box::new(Stored::<Fjall>::new(path(FJALL), len)),
        Box::new(Stored::<RawDb>::new(path(RAWDB), len)),
    ];
    if tokyo::missing().is_none() {
        rivals.push(Box::new(Stored::<Tokyo>::new(path(TOKYO), len)));
    }
    rivals
}

/// The contender of a name, whose files stand in a directory.
pub(crate) fn contender(name: &str, path: &Path, len: u64) -> Outcome<Box<dyn Contender>> {
    if name == OURS {
        return Ok(Box::new(Stored::<Stride<Tick>>::new(path.to_owned(), len)));
    }
    let mut rivals = rivals(|_| path.to_owned(), len).into_iter();
    Ok(rivals.find(|rival| rival.name() == name).ok_or("nobody has this name")?)
}

/// Ours, the rivals that can take part, and bare calls, as they are set up.
pub(crate) fn descriptions() -> Vec<Description> {
    let rivals = rivals(|_| PathBuf::new(), 0);
    let rivals = rivals.iter().map(|rival| rival.description());
    let ours = Description::of::<Stride<Tick>>();
    std::iter::once(ours).chain(rivals).chain([bare::description()]).collect()
}

/// Prints them, and who is not there.
pub(crate) fn print() {
    descriptions().iter().for_each(|description| println!("  {description}"));
    if let Some(reason) = tokyo::missing() {
        println!("  {TOKYO}: skipped, {reason}");
    }
}

/// A directory that is removed with all that is in it, also when something fails.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn create(path: PathBuf) -> Outcome<Self> {
        remove(&path);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a directory that may not be there.
fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
}
