//! What the platter may hold after some of a trace's events.

use std::collections::BTreeMap;
use std::ops::Range;

use super::file::{FileState, Part};
use super::mix;
use super::trace::{Event, FileId};

/// What a disk does wrong, so that a test can show that its check would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// None: an honest disk.
    None,
    /// Syncs of files whose names end in this do nothing; of all files, if it is empty.
    IgnoresSyncs(&'static str),
    /// What stands in this range of a file is taken only by the sync after the one that should:
    /// the order of two syncs is lost.
    TakesLate(Range<u64>),
    /// No sync makes a length durable, other than the first of a file.
    IgnoresLengths,
    /// Syncs of the directory do nothing.
    IgnoresDirectories,
    /// The sync of this number, from 0 on, fails and says that it did not.
    SwallowsError(usize),
}

/// The page cache, and what else may be on the platter.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    unit_size: usize,
    lie: Lie,
    sync_count: usize,
    files: Vec<FileState>,
    /// The names on the platter.
    names: BTreeMap<String, FileId>,
    /// Changes of names since the directory was synced. Each may be on the platter or not.
    changes: Vec<(String, Option<FileId>)>,
}

/// Something of which the platter has one of several versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A change of a name.
    Name(usize),
    Part(FileId, Part),
}

/// A place with the number of its versions, the oldest being 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dimension {
    pub(super) place: Place,
    pub(super) count: usize,
    /// The version in the page cache.
    pub(super) newest: usize,
}

/// Files with their names and contents: what is found after a crash.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

impl Disk {
    pub(super) fn new(unit_size: usize) -> Self {
        Self {
            unit_size,
            lie: Lie::None,
            sync_count: 0,
            files: Vec::new(),
            names: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    /// An honest disk after a power cut: it holds this image and nothing else.
    pub(super) fn holding(unit_size: usize, image: &Image) -> Self {
        let mut disk = Self::new(unit_size);
        for (name, bytes) in image {
            disk.names.insert(name.clone(), FileId(disk.files.len()));
            disk.files.push(FileState::durable(unit_size, bytes.clone()));
        }
        disk
    }

    /// From here on, the disk lies. Its syncs are counted from here.
    pub(super) fn begin_lying(&mut self, lie: &Lie) {
        (self.lie, self.sync_count) = (lie.clone(), 0);
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create { file } => {
                assert_eq!(file.0, self.files.len(), "files are numbered as they come");
                self.files.push(FileState::new(self.unit_size));
            }
            Event::Write { file, runs } => {
                runs.iter().for_each(|run| self.files[file.0].write(run));
            }
            Event::Length { file, len } => self.files[file.0].set_len(*len),
            Event::Sync { file, all } => self.sync(*file, *all),
            Event::SyncFailed { file } => self.files[file.0].sync_failed(),
            Event::Link { name, file } => self.changes.push((name.clone(), Some(*file))),
            Event::Unlink { name } => self.changes.push((name.clone(), None)),
            Event::SyncDirectory if self.lie == Lie::IgnoresDirectories => {}
            Event::SyncDirectory => {
                self.names = self.names_with(|_| true);
                self.changes.clear();
            }
            Event::Note(_) => {}
        }
    }

    fn sync(&mut self, id: FileId, all: bool) {
        let number = self.sync_count;
        self.sync_count += 1;
        let late = match &self.lie {
            Lie::IgnoresSyncs(name) if self.has_name_with_end(id, name) => return,
            Lie::TakesLate(range) => range.clone(),
            _ => 0..0,
        };
        let file = &mut self.files[id.0];
        if self.lie == Lie::SwallowsError(number) {
            return file.sync_failed();
        }
        file.sync(&late);
        if self.lie != Lie::IgnoresLengths || !file.has_len() {
            file.sync_len(all);
        }
    }

    fn has_name_with_end(&self, file: FileId, end: &str) -> bool {
        end.is_empty()
            || self.cached_names().iter().any(|(name, &id)| id == file && name.ends_with(end))
    }

    /// The names in the page cache, and their files.
    pub(super) fn cached_names(&self) -> BTreeMap<String, FileId> {
        self.names_with(|_| true)
    }

    /// The names with those of the changes that reached the platter.
    fn names_with(&self, survives: impl Fn(usize) -> bool) -> BTreeMap<String, FileId> {
        let mut names = self.names.clone();
        for (number, (name, file)) in self.changes.iter().enumerate() {
            match file {
                _ if !survives(number) => {}
                Some(file) => drop(names.insert(name.clone(), *file)),
                None => drop(names.remove(name)),
            }
        }
        names
    }

    /// All of which there may be several versions on the platter, where a name could lead to it.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        let change = |number| Dimension { place: Place::Name(number), count: 2, newest: 1 };
        let mut dimensions: Vec<_> = (0..self.changes.len()).map(change).collect();
        for (number, file) in self.files.iter().enumerate() {
            let id = FileId(number);
            let named = self.names.values().any(|&file| file == id);
            if named || self.changes.iter().any(|(_, file)| *file == Some(id)) {
                dimensions.extend(file.parts().into_iter().map(|(part, count, newest)| {
                    Dimension { place: Place::Part(id, part), count, newest }
                }));
            }
        }
        dimensions
    }

    /// A number that stands for the image that a choice of versions makes.
    pub(super) fn digest(&self, dimensions: &[Dimension], choice: &[usize]) -> u64 {
        let names = self.chosen_names(choice);
        names.iter().fold(0, |digest: u64, (name, file)| {
            let name = name.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
            let parts = chosen_parts(*file, dimensions, choice);
            digest.wrapping_add(mix(name ^ self.files[file.0].digest(&parts)))
        })
    }

    /// The image that a choice of versions makes.
    pub(super) fn image(&self, dimensions: &[Dimension], choice: &[usize]) -> Image {
        let names = self.chosen_names(choice).into_iter();
        let bytes =
            |file: FileId| self.files[file.0].choose(&chosen_parts(file, dimensions, choice));
        names.map(|(name, file)| (name, bytes(file))).collect()
    }

    /// The changes of names are the first dimensions.
    fn chosen_names(&self, choice: &[usize]) -> BTreeMap<String, FileId> {
        self.names_with(|number| choice[number] == 1)
    }

    /// The number of the next new file.
    pub(super) fn next_file(&self) -> FileId {
        FileId(self.files.len())
    }

    /// What the page cache has under a name.
    pub(super) fn contents(&self, file: FileId) -> &[u8] {
        self.files[file.0].contents()
    }

    /// Where a place is, for people.
    pub(super) fn describe(&self, place: Place) -> String {
        match place {
            Place::Name(number) => match &self.changes[number] {
                (name, Some(_)) => format!("link of {name}"),
                (name, None) => format!("unlink of {name}"),
            },
            Place::Part(file, Part::Length) => format!("length of file {}", file.0),
            Place::Part(file, Part::Unit(unit)) => {
                format!("file {} from byte {}", file.0, self.files[file.0].offset_of(unit))
            }
        }
    }
}

/// The choices that concern one file.
fn chosen_parts(file: FileId, dimensions: &[Dimension], choice: &[usize]) -> Vec<(Part, usize)> {
    let pairs = dimensions.iter().zip(choice);
    pairs
        .filter_map(|(dimension, &version)| match dimension.place {
            Place::Part(id, part) if id == file => Some((part, version)),
            _ => None,
        })
        .collect()
}
