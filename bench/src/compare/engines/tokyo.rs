//! Tokyo Cabinet's database of fixed-length records, if the machine has the library.
//!
//! It is a C library that systems package, as `libtokyocabinet9`, and is loaded at run time, so
//! that nobody needs it to build this. Its numbers begin at 1. It is used by one handle under its
//! own locks, as threads need them, since a second handle of one process is refused.
//!
//! A commit puts its records and then syncs the whole map. So it is durable when it returns, but a
//! crash before that can leave some records of one. A transaction of its own with `FDBOTSYNC` would
//! be whole or nothing, but it syncs its log for each record: a thousand took a thousand times as
//! long as one. Readers see what is put before it is synced.
#![allow(unsafe_code, reason = "a C library is unsafe to call")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use libloading::Library;
use stridedb::zerocopy::IntoBytes;

use crate::compare::engine::{self, Engine, GONE, Get, Mode, record};
use crate::record::{Sample, Tick};
use crate::rounds::Outcome;

const NAMES: [&str; 2] = ["libtokyocabinet.so.9", "libtokyocabinet.so"];

const SIZE: c_int = size_of::<Tick>() as c_int;
/// How large the file may become; more than any other here.
const LIMIT: i64 = 64 << 30;

/// `FDBOWRITER` and `FDBOCREAT` of its header.
const WRITER: c_int = 1 << 1;
const CREATE: c_int = 1 << 2;

type Handle = *mut c_void;

/// Declares the functions that are used, and how they are found.
macro_rules! functions {
    ($($name:ident = $symbol:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            library: Library,
        }

        impl Functions {
            fn of(library: Library) -> Result<Self, libloading::Error> {
                // SAFETY: each has the type that the library's header gives it.
                $(let $name = *unsafe {
                    library.get::<unsafe extern "C" fn($($argument),*) $(-> $result)?>($symbol)
                }?;)*
                Ok(Self { $($name,)* library })
            }
        }
    };
}

functions! {
    new = c"tcfdbnew": fn() -> Handle;
    delete = c"tcfdbdel": fn(Handle);
    set_mutex = c"tcfdbsetmutex": fn(Handle) -> bool;
    tune = c"tcfdbtune": fn(Handle, i32, i64) -> bool;
    open = c"tcfdbopen": fn(Handle, *const c_char, c_int) -> bool;
    close = c"tcfdbclose": fn(Handle) -> bool;
    put = c"tcfdbput": fn(Handle, i64, *const c_void, c_int) -> bool;
    get = c"tcfdbget4": fn(Handle, i64, *mut c_void, c_int) -> c_int;
    sync = c"tcfdbsync": fn(Handle) -> bool;
    error_code = c"tcfdbecode": fn(Handle) -> c_int;
    error_text = c"tcfdberrmsg": fn(c_int) -> *const c_char;
}

impl Functions {
    /// The version that the library says it has.
    fn version(&self) -> String {
        // SAFETY: the library's header says that it is a pointer to characters.
        let version = unsafe { self.library.get::<*const *const c_char>(c"tcversion") };
        let Ok(version) = version else { return "unknown".to_owned() };
        // SAFETY: a symbol that was found points to what it names.
        let text = unsafe { **version };
        // SAFETY: that is a constant of the library, which ends in a zero and stays loaded.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

/// The library, or why there is none.
fn functions() -> Result<&'static Functions, String> {
    static FUNCTIONS: OnceLock<Result<Functions, String>> = OnceLock::new();
    let load = || {
        // SAFETY: what the library does when it is loaded is to make its global tables.
        let mut libraries = NAMES.iter().map(|name| unsafe { Library::new(*name) });
        let library = libraries.find_map(Result::ok);
        let library = library.ok_or_else(|| format!("{} is not installed", NAMES[0]))?;
        Functions::of(library).map_err(|error| error.to_string())
    };
    FUNCTIONS.get_or_init(load).as_ref().map_err(Clone::clone)
}

/// Why it cannot be compared, if so.
pub(crate) fn missing() -> Option<String> {
    functions().err()
}

/// An open database.
struct Open {
    functions: &'static Functions,
    handle: Handle,
}

// SAFETY: a handle belongs to no thread.
unsafe impl Send for Open {}
// SAFETY: `tcfdbsetmutex` was called, so that threads may use a handle at once.
unsafe impl Sync for Open {}

impl Open {
    fn over(directory: &Path, mode: c_int, new: bool) -> Outcome<Self> {
        let functions = functions()?;
        // SAFETY: it needs nothing.
        let handle = unsafe { (functions.new)() };
        let open = Self { functions, handle };
        // SAFETY: the handle is not yet open, as it must be here.
        open.check(unsafe { (functions.set_mutex)(handle) })?;
        if new {
            // SAFETY: the same.
            open.check(unsafe { (functions.tune)(handle, SIZE, LIMIT) })?;
        }
        let path = CString::new(directory.join("tokyo").as_os_str().as_bytes())?;
        // SAFETY: the path is a string that ends in a zero.
        open.check(unsafe { (functions.open)(handle, path.as_ptr(), mode) })?;
        Ok(open)
    }

    fn check(&self, done: bool) -> Outcome {
        if done {
            return Ok(());
        }
        // SAFETY: the handle is valid as long as `self`.
        let code = unsafe { (self.functions.error_code)(self.handle) };
        // SAFETY: it takes any number.
        let text = unsafe { (self.functions.error_text)(code) };
        // SAFETY: the texts are constants of the library.
        Err(format!("Tokyo Cabinet: {}", unsafe { CStr::from_ptr(text) }.to_string_lossy()).into())
    }

    fn put(&self, index: u64, record: &Tick) -> Outcome {
        let bytes = record.as_bytes().as_ptr().cast();
        // SAFETY: the handle is open, and the record has `SIZE` bytes.
        let put = unsafe { (self.functions.put)(self.handle, index as i64 + 1, bytes, SIZE) };
        self.check(put)
    }

    fn sync(&self) -> Outcome {
        // SAFETY: the handle is open.
        self.check(unsafe { (self.functions.sync)(self.handle) })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: nobody uses the handle any more; one that is not open is an error that is told.
        unsafe { (self.functions.close)(self.handle) };
        // SAFETY: it is closed, and nobody has it any more.
        unsafe { (self.functions.delete)(self.handle) };
    }
}

pub(crate) struct Tokyo {
    open: Arc<Open>,
    mode: Mode,
}

impl Tokyo {
    fn write<'a>(&self, mut records: impl Iterator<Item = (u64, &'a Tick)>) -> Outcome {
        records.try_for_each(|(index, record)| self.open.put(index, record))?;
        if self.mode == Mode::Durable { self.open.sync() } else { Ok(()) }
    }
}

impl Engine for Tokyo {
    type Record = Tick;
    type Reader = Reader;

    const NAME: &'static str = "Tokyo Cabinet";
    const CONFIGURATION: &'static str =
        "fixed-length database, one handle with locks, a sync a commit, not atomic";
    const CRATES: &'static [&'static str] = &["libloading"];

    fn version() -> String {
        functions().map(Functions::version).unwrap_or_default()
    }

    fn create(directory: &Path) -> Outcome<Self> {
        let open = Open::over(directory, WRITER | CREATE, true)?;
        Ok(Self { open: Arc::new(open), mode: Mode::Durable })
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let open = Open::over(directory, WRITER, false)?;
        Ok(Self { open: Arc::new(open), mode })
    }

    fn load(&mut self, len: u64) -> Outcome {
        (0..len).try_for_each(|index| self.open.put(index, &Tick::sample(index)))?;
        self.open.sync()
    }

    fn append(&mut self, first: u64, records: &[Tick]) -> Outcome {
        self.write((first..).zip(records))
    }

    fn update(&mut self, updates: &[(u64, Tick)]) -> Outcome {
        self.write(updates.iter().map(|(index, record)| (*index, record)))
    }

    fn sync(&mut self) -> Outcome {
        self.open.sync()
    }

    fn reader(&self) -> Outcome<Reader> {
        Ok(Reader(self.open.clone()))
    }
}

pub(crate) struct Reader(Arc<Open>);

impl engine::Reader<Tick> for Reader {
    type Together<'r> = &'r Self;
    type Singly<'r> = &'r Self;

    fn together(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn singly(&self) -> Outcome<&Self> {
        Ok(self)
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&Tick)) -> Outcome {
        let mut gets = self;
        for index in range {
            each(&Get::get(&mut gets, index)?);
        }
        Ok(())
    }
}

impl Get<Tick> for &Reader {
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<Tick> {
        let Open { functions, handle } = *self.0;
        let mut bytes = [0_u8; SIZE as usize];
        let room = bytes.as_mut_ptr().cast();
        // SAFETY: the handle is open, and there is room for `SIZE` bytes.
        let size = unsafe { (functions.get)(handle, index as i64 + 1, room, SIZE) };
        if size == SIZE { record(&bytes) } else { Err(GONE.into()) }
    }
}
