//! How a store is opened or created.

use std::path::Path;
use std::time::Duration;

pub use crate::io::{Access, Growth};

use crate::error::{Error, Result};
use crate::io::{Protection, StoreFile};
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;
use crate::reader::Reader;
use crate::record::Record;
use crate::schema::Schema;
use crate::store::{Store, check_type};

/// How a store is opened or created; the defaults are right for most.
///
/// ```
/// use std::time::Duration;
/// # #[stridedb::record]
/// # #[derive(Clone, Copy)]
/// # struct Sample { value: f64 }
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// # stridedb::Store::<Sample>::create(&path)?.close()?;
///
/// let options = stridedb::OpenOptions::new().wait(Duration::from_secs(5));
/// let store = options.open::<Sample>(&path)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    pub(crate) maintenance: bool,
    pub(crate) mode: u32,
    pub(crate) wait: Duration,
    pub(crate) growth: Growth,
    pub(crate) access: Access,
    pub(crate) prefault: bool,
    pub(crate) lock_memory: bool,
    pub(crate) sensitive: bool,
    pub(crate) private_limit: u64,
    pub(crate) map_limit: Option<u64>,
    pub(crate) durability: Durability,
    pub(crate) allow_network: bool,
    pub(crate) zero_journal: bool,
}

/// When a commit is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it returns: a crash takes nothing that returned.
    Immediate,
    /// Later: commits wait in memory, where this handle sees them, until there are `max_bytes` of
    /// them, until the next write after `max_delay`, or until [`Store::sync`]. Then they become
    /// durable together. A crash before that takes those that wait, the newest ones, whole. A
    /// [`SharedStore`](crate::SharedStore) needs no next write.
    Deferred {
        /// How long a commit may wait when the next write comes, to a tick of the system's clock:
        /// some milliseconds.
        max_delay: Duration,
        /// Bytes of slots that may wait.
        max_bytes: u64,
    },
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            maintenance: false,
            mode: 0o600,
            wait: Duration::ZERO,
            growth: Growth::default(),
            access: Access::Normal,
            prefault: false,
            lock_memory: false,
            sensitive: false,
            private_limit: 1 << 30,
            map_limit: None,
            durability: Durability::Immediate,
            allow_network: false,
            zero_journal: false,
        }
    }
}

impl OpenOptions {
    /// For reading and writing, without waiting for others.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the store is taken for oneself alone, which is needed to truncate and to shrink
    /// it. Default: no.
    #[must_use]
    pub fn maintenance(mut self, maintenance: bool) -> Self {
        self.maintenance = maintenance;
        self
    }

    /// The permissions of a file that is created, further limited by the process's umask.
    /// Default: `0o600`, for its owner alone.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// How long to wait for others to close the store. Default: not at all, apart from the tenth
    /// of a second for which a closed store can stay locked: a process that is just being started
    /// holds copies of its parent's open files for that long.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How the mapping follows a growing file. Default: see [`Growth::default`].
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// In which order the store will be read. Default: [`Access::Normal`], which is right for most,
    /// for writers as well: see `docs/large-files.md`.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Whether all slots are read into memory when the store is opened, so that first reads do not
    /// wait for the disk, as far as the memory suffices. Default: no. What the disk does not hand
    /// out keeps no store from opening: it is told to who reads it. [`RawStore::prefault`] does the
    /// same for a part of a store, says how far it is, and fails if it fails.
    #[must_use]
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }

    /// Whether the mapped file is kept in memory (`mlock`), all of it and as it grows, so that no
    /// read ever waits for the disk. Default: no. Opening reads it all, and growing reads what
    /// is new; other memory of the process is not locked.
    ///
    /// Each handle counts in full against the process's limit, `RLIMIT_MEMLOCK` (`ulimit -l`),
    /// unless the process may exceed it (`CAP_IPC_LOCK`). Where that does not suffice, opening is
    /// refused with [`Error::Io`], which says how much is needed and what the limit is; a write
    /// that has to grow the file is so too, and the store stays as it was, and so locked.
    /// [`RawStore::release_memory`] releases nothing.
    ///
    /// ```no_run
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy)]
    /// # struct Sample { value: f64 }
    /// let store = stridedb::OpenOptions::new().lock_memory(true).open::<Sample>("s.stride")?;
    /// # Ok::<_, stridedb::Error>(())
    /// ```
    #[must_use]
    pub fn lock_memory(mut self, lock: bool) -> Self {
        self.lock_memory = lock;
        self
    }

    /// Whether the records are sensitive, so that this handle leaves fewer copies of them. Default:
    /// no. Then
    ///
    /// * no core dump has the mapped file, and no forked child (Linux; elsewhere they may). A
    ///   child that reads through its copy of the handle is ended by the system, as it has nothing
    ///   at these addresses; dropping the copy is safe.
    /// * what the library keeps on the heap is overwritten before it is given back: what a
    ///   transaction has staged, commits that wait, the journal's frames, slots that were
    ///   copied out for a walk.
    /// * a clean close overwrites the journal, as by [`zero_journal`](Self::zero_journal).
    ///
    /// Not covered: the records that are handed out, registers and the stack, what opening reads
    /// from a journal that was left, and backups, exports and repairs. While such memory is in use,
    /// a dump has it, and it may be swapped. `docs/large-files.md` says what remains on the disk.
    #[must_use]
    pub fn sensitive(mut self, sensitive: bool) -> Self {
        self.sensitive = sensitive;
        self
    }

    /// How much a private view may keep of what was changed, in bytes of whole slots. An index of
    /// up to 60 bytes for each slot comes on top, and room to grow: at the worst as much again as
    /// both. Default: 1 GiB. A write beyond it is refused with [`Error::PrivateFull`].
    #[must_use]
    pub fn private_limit(mut self, bytes: u64) -> Self {
        self.private_limit = bytes;
        self
    }

    /// How many bytes of slots a reader and its clones have mapped at once. Default: all of them.
    ///
    /// With a limit, the store is read through windows: parts of it that begin and end at pages,
    /// which are mapped when they are needed, and unmapped when others are. It may then be larger
    /// than the addresses that a process has, as on a machine of 32 bits or under a limit like
    /// `ulimit -v`. All reads give the same; walks keep most of their speed, and single reads at
    /// random do not, where most of them have to map a window.
    ///
    /// A window is the larger of a page and an eighth or less of the limit. What somebody reads
    /// through stays mapped: each walk, or thread of one, has a window until it goes on to the next
    /// or ends. If there are so many that they use up the limit, each further read maps the pages
    /// of its slot alone, beyond the limit, as does a slot larger than that. With
    /// [`lock_memory`](Self::lock_memory), what is mapped is what is locked. Writers map the whole
    /// file.
    ///
    /// ```
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy)]
    /// # struct Sample { value: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("samples.stride");
    /// # let mut store = stridedb::Store::<Sample>::create(&path)?;
    /// # store.extend((0..100_000).map(|value| Sample { value }))?;
    /// # store.close()?;
    /// let reader = stridedb::OpenOptions::new().map_limit(256 << 10).read::<Sample>(&path)?;
    /// let mut sum = 0;
    /// for sample in reader.iter()? {
    ///     sum += sample?.value;
    /// }
    /// assert_eq!(sum, (0..100_000).sum::<u64>());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn map_limit(mut self, bytes: u64) -> Self {
        self.map_limit = Some(bytes);
        self
    }

    pub(crate) fn protection(&self) -> Protection {
        Protection { is_locked: self.lock_memory, is_sensitive: self.sensitive }
    }

    /// When a commit is durable. Default: [`Durability::Immediate`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Whether the store may stand on a network file system. Default: no, since there a lock may
    /// not hold, and what another machine has mapped is not what this one writes. With this, only
    /// one process of one machine may use the store, and durability is what the server makes of a
    /// sync.
    ///
    /// FUSE counts as one. File systems that are not known are taken for local ones.
    #[must_use]
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.allow_network = allow;
        self
    }

    /// Whether a clean close overwrites the journal's frames with zeros before it removes the file:
    /// they hold what records were, also those that have been removed since. Default: no. File
    /// systems and disks may keep copies all the same.
    #[must_use]
    pub fn zero_journal(mut self, zero: bool) -> Self {
        self.zero_journal = zero;
        self
    }

    pub(crate) fn check_network(&self, file: &StoreFile) -> Result<()> {
        match file.network() {
            Some(network) if !self.allow_network => {
                Err(Error::Network { path: file.path().to_owned(), network })
            }
            _ => Ok(()),
        }
    }

    /// Opens a store of records of type `R`.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open<R: Record>(&self, path: impl AsRef<Path>) -> Result<Store<R>> {
        let raw = RawStore::open_with(path.as_ref(), self, Store::<R>::check)?;
        Ok(Store::wrap(raw))
    }

    /// Opens a private view of a store of records of type `R`.
    ///
    /// # Errors
    ///
    /// As [`Store::open_private`].
    pub fn open_private<R: Record>(&self, path: impl AsRef<Path>) -> Result<Store<R>> {
        let raw = RawStore::open_private_with(path.as_ref(), self, Store::<R>::check)?;
        Ok(Store::wrap(raw))
    }

    /// Opens a private view of a store whatever its records are.
    ///
    /// # Errors
    ///
    /// As [`RawStore::open_private`].
    pub fn open_private_raw(&self, path: impl AsRef<Path>) -> Result<RawStore> {
        RawStore::open_private_with(path.as_ref(), self, |_| Ok(()))
    }

    /// Creates a store of records of type `R`.
    ///
    /// # Errors
    ///
    /// As [`Store::create`].
    pub fn create<R: Record>(&self, path: impl AsRef<Path>) -> Result<Store<R>> {
        let schema = R::schema();
        Store::<R>::assert_size(&schema);
        Ok(Store::wrap(self.create_raw(path, &schema)?))
    }

    /// Opens a store whatever its records are.
    ///
    /// # Errors
    ///
    /// As [`RawStore::open`].
    pub fn open_raw(&self, path: impl AsRef<Path>) -> Result<RawStore> {
        RawStore::open_with(path.as_ref(), self, |_| Ok(()))
    }

    /// Opens a store of records of type `R` for reading, beside whoever writes it.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn read<R: Record>(&self, path: impl AsRef<Path>) -> Result<Reader<R>> {
        let check = |raw: &RawReader| check_type::<R>(raw.path(), raw.schema(), raw.byte_order());
        Ok(Reader::wrap(RawReader::open_with(path.as_ref(), self, check)?))
    }

    /// Opens a store for reading, whatever its records are, beside whoever writes it.
    ///
    /// # Errors
    ///
    /// As [`RawReader::open`].
    pub fn read_raw(&self, path: impl AsRef<Path>) -> Result<RawReader> {
        RawReader::open_with(path.as_ref(), self, |_| Ok(()))
    }

    /// Creates a store of records with this schema.
    ///
    /// # Errors
    ///
    /// As [`RawStore::create`].
    pub fn create_raw(&self, path: impl AsRef<Path>, schema: &Schema) -> Result<RawStore> {
        RawStore::create_with(path.as_ref(), schema, self)
    }

    /// Creates a store and fills it: the file appears, complete and durable, when `fill` has
    /// returned `Ok`. If it returns an error, or panics, or the machine stops, there is no file.
    ///
    /// `fill` may do all that needs the store for itself.
    ///
    /// ```
    /// # use stridedb::{Error, OpenOptions, Record};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy)]
    /// # struct Sample { value: f64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("samples.stride");
    /// let options = OpenOptions::new();
    /// let failed = options.build_raw(&path, &Sample::schema(), |store| {
    ///     store.append(&1.5_f64.to_ne_bytes())?;
    ///     Err::<(), Box<dyn std::error::Error>>("changed my mind".into())
    /// });
    /// assert!(failed.is_err() && !path.exists());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RawStore::create`], and those of `fill`.
    pub fn build_raw<T, E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        schema: &Schema,
        fill: impl FnOnce(&mut RawStore) -> Result<T, E>,
    ) -> Result<T, E> {
        RawStore::build_with(path.as_ref(), schema, self, fill)
    }
}
