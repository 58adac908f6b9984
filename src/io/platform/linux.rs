//! Linux.

use std::fs::{self, File};
use std::io;
use std::num::NonZero;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FallocateFlags, IFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use super::Mincore;
use crate::io::LockHolder;

pub(crate) const MAPS_BEYOND_FILE: bool = true;
pub(crate) const SYNC_INCLUDES_MAPPINGS: bool = true;
pub(crate) const LARGE_PAGES: Option<memmap2::Advice> = Some(memmap2::Advice::HugePage);
/// Before Linux 5.14 it is refused as invalid.
pub(crate) const POPULATE_READ: Option<memmap2::Advice> = Some(memmap2::Advice::PopulateRead);
pub(crate) const POPULATE_WRITE: Option<memmap2::Advice> = Some(memmap2::Advice::PopulateWrite);
/// Not in core dumps; not in forked children.
pub(crate) const KEEP_PRIVATE: Option<[memmap2::Advice; 2]> =
    Some([memmap2::Advice::DontDump, memmap2::Advice::DontFork]);
pub(crate) const WIPE_ON_FORK: Option<rustix::mm::Advice> =
    Some(rustix::mm::Advice::LinuxWipeOnFork);
pub(crate) const MINCORE: Option<Mincore> = Some(libc::mincore);

/// Waits until the word is no longer `value`, or somebody wakes all who wait there, or for so long.
/// It can also return earlier.
///
/// By futex(2), whose waiters of different processes meet at the mapped file's word; a mapping that
/// is only read is enough to wait.
pub(crate) fn wait_while(word: &AtomicU32, value: u32, timeout: Duration) {
    use rustix::thread::futex::{Flags, Timespec, wait};
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    // Whatever the reason for returning, the caller looks again.
    let _ = wait(word, Flags::empty(), value, Some(&timeout));
}

/// Wakes all who wait for a word to change.
pub(crate) fn wake_all(word: &AtomicU32) {
    use rustix::thread::futex::{Flags, wake};
    let _ = wake(word, Flags::empty(), u32::try_from(i32::MAX).unwrap_or(1));
}

/// What the system last noted as the time, every few milliseconds.
pub(crate) type Tick = rustix::time::Timespec;

#[inline]
pub(crate) fn tick() -> Option<Tick> {
    Some(rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse))
}

/// fallocate(2).
pub(crate) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len) {
            Err(Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

/// Begins with the dirty pages and then drops clean ones, of which there are none;
/// sync_file_range(2) would say what is meant, but has no safe binding.
pub(crate) fn begin_writing(file: &File, start: u64, end: u64) {
    if let Some(len) = NonZero::new(end.saturating_sub(start)) {
        let _ = rustix::fs::fadvise(file, start, Some(len), rustix::fs::Advice::DontNeed);
    }
}

/// A file in a directory that has no name.
pub(crate) fn open_nameless(directory: &Path, mode: u32) -> io::Result<File> {
    // Without /proc the file could not be given its name later.
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, directory, flags, Mode::from_raw_mode(mode))?.into())
}

/// Gives a name to such a file. Nothing is replaced, and no link followed there.
pub(crate) fn name(file: &File, target: &Path) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, from, CWD, target, AtFlags::SYMLINK_FOLLOW)?)
}

/// Makes all of a file's blocks those of another file as well; whether the file system can. They
/// are copied when one of the files is written to.
pub(crate) fn share_blocks(source: &File, copy: &File) -> bool {
    rustix::fs::ioctl_ficlone(copy, source).is_ok()
}

/// Where the next bytes are that are no hole; `None` if there are none.
pub(crate) fn next_data(file: &File, offset: u64) -> Option<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Err(Errno::NXIO) => None,
        Ok(data) => Some(data),
        Err(_) => Some(offset), // A file system that does not know its holes.
    }
}

/// Device and inode of what has this name, be it a link.
pub(crate) fn identity_at(path: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO).ok()?;
    Some((rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino))
}

/// The number of the kind in statfs(2).
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "they have 32 bits, in types that are not the same on all machines"
)]
pub(crate) fn file_system_of(file: &File) -> Option<u32> {
    rustix::fs::fstatfs(file).ok().map(|found| found.f_type as u32)
}

/// A wish: without it, room is asked for before it is needed.
pub(crate) fn ask_to_write_in_place(file: &File) {
    let flags = rustix::fs::ioctl_getflags(file);
    let _ = flags.and_then(|flags| rustix::fs::ioctl_setflags(file, flags | IFlags::NOCOW));
}

pub(crate) fn is_written_in_place(file: &File) -> bool {
    rustix::fs::ioctl_getflags(file).is_ok_and(|flags| flags.contains(IFlags::NOCOW))
}

/// Who holds locks on the file, as `/proc/locks` says.
pub(crate) fn lock_holders(file: &File) -> Vec<LockHolder> {
    let Ok(metadata) = file.metadata() else { return Vec::new() };
    // A list that changes while it is read can leave a lock out, which the next one has.
    const LOOKS: usize = 3;
    let locks: String =
        (0..LOOKS).map(|_| fs::read_to_string("/proc/locks").unwrap_or_default()).collect();
    let holders = locks.lines().filter_map(|l| holder_in(l, metadata.dev(), metadata.ino()));
    let mut found: Vec<LockHolder> = Vec::new();
    for holder in holders {
        let same = |other: &LockHolder| {
            (other.process_id, other.exclusive) == (holder.process_id, holder.exclusive)
        };
        if !found.iter().any(same) {
            found.push(holder);
        }
    }
    found
}

/// The holder in a line such as `1: FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF`.
fn holder_in(line: &str, dev: u64, inode: u64) -> Option<LockHolder> {
    let mut words = line.split_ascii_whitespace().skip(1);
    // A waiting lock has an arrow before the word FLOCK, and holds nothing yet.
    (words.next()? == "FLOCK").then_some(())?;
    let exclusive = words.nth(1)? == "WRITE";
    let process_id: u32 = words.next()?.parse().ok()?;
    let mut place = words.next()?.split(':');
    let major = u32::from_str_radix(place.next()?, 16).ok()?;
    let minor = u32::from_str_radix(place.next()?, 16).ok()?;
    let same_file =
        rustix::fs::makedev(major, minor) == dev && place.next()?.parse::<u64>().ok()? == inode;
    same_file.then(|| LockHolder {
        process_id,
        program: fs::read_to_string(format!("/proc/{process_id}/comm"))
            .ok()
            .map(|name| name.trim_end().to_owned()),
        since: fs::metadata(format!("/proc/{process_id}")).and_then(|data| data.modified()).ok(),
        exclusive,
    })
}

/// How often this process has met a page that was not in its view, since it began: those that were
/// in memory, and those for which it waited for the disk.
pub(crate) fn page_faults() -> Option<(u64, u64)> {
    let text = fs::read("/proc/self/stat").ok()?;
    // The program's name stands in parentheses, and can have any bytes in it.
    let end = text.iter().rposition(|&byte| byte == b')')?;
    let fields = text.get(end.saturating_add(1)..)?;
    let mut fields = std::str::from_utf8(fields).ok()?.split_ascii_whitespace();
    let minor = fields.nth(7)?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some((minor, major))
}

/// The random id of this machine's boot.
pub(crate) fn boot_id() -> Option<u128> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).ok()
}
