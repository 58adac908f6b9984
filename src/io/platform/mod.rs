//! What systems do differently: the only place that asks which one this is.
//!
//! Both files have the same items. `linux` has what Linux can do; `portable` does without, as all
//! other systems have to. The feature `portable` takes it on Linux as well, so that it is tested.
//!
//! | item | what it is for | without it |
//! |---|---|---|
//! | `MAPS_BEYOND_FILE` | a mapping is longer than its file, which grows into it | it is mapped anew |
//! | `SYNC_INCLUDES_MAPPINGS` | a sync of the file is one of its mapped pages | these come first |
//! | `LARGE_PAGES`, `POPULATE_READ`, `POPULATE_WRITE` | advice about mapped pages | is not given; pages are read by touching them |
//! | `KEEP_PRIVATE` | neither dumps nor forked children get the pages | they do |
//! | `WIPE_ON_FORK` | a forked child is known without a call of the system | by its process id |
//! | `MINCORE` | which pages are in memory | that is not told |
//! | `wait_while`, `wake_all` | a commit wakes readers | they look again after a while |
//! | `tick` | the time of the last tick, for little | the exact one |
//! | `allocate` | blocks for a part of a file | zeros are written |
//! | `begin_writing` | the disk begins before the sync | it begins with it |
//! | `open_nameless`, `name` | a new file has no name before it is complete | it has another one |
//! | `share_blocks` | a copy shares the blocks of its original | all is copied |
//! | `next_data` | where holes end | there are none |
//! | `identity_at` | what stands at a path, without asking for its times | all is asked for |
//! | `file_system_of` | the kind of the file system | it is taken for a local one that moves blocks |
//! | `ask_to_write_in_place`, `is_written_in_place` | blocks of btrfs that do not move | they move |
//! | `lock_holders` | who has locked a file | nobody is named |
//! | `page_faults` | how often a page was waited for | that is not told |
//! | `boot_id` | whether a live block is of a writer that can live | none is believed: the journal is read |

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use linux::*;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
pub(crate) use portable::*;

/// The system's function for [`MINCORE`].
pub(crate) type Mincore =
    unsafe extern "C" fn(*mut std::ffi::c_void, usize, *mut u8) -> std::ffi::c_int;
