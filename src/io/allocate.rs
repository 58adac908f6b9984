//! Room before promise: real blocks for a part of a file, or an error and the file as before.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Allocates real blocks for `range`, and makes the file at least as long as its end.
///
/// Bytes that exist keep their values where the file system knows fallocate(2). Where it does not,
/// zeros are written into `range`: it must hold nothing that is needed.
///
/// # Errors
///
/// The system's; `ErrorKind::StorageFull`, `QuotaExceeded` or `FileTooLarge` if there is no room.
/// The file then has its old length again: ext4 leaves it longer after a failed fallocate.
pub(super) fn allocate(file: &File, range: Range<u64>) -> io::Result<()> {
    let old_len = file.metadata()?.len();
    let result = reserve_blocks(file, &range);
    if result.is_err() {
        // The first error says more than one from here, and a file that stays longer is harmless.
        let _ = file.set_len(old_len);
    }
    result
}

fn reserve_blocks(file: &File, range: &Range<u64>) -> io::Result<()> {
    let len = range.end.saturating_sub(range.start);
    if len == 0 {
        return Ok(());
    }
    if i64::try_from(range.end).is_err() {
        return Err(io::ErrorKind::FileTooLarge.into()); // The system would call it invalid.
    }
    match fallocate(file, range.start, len) {
        Err(error) if is_unknown(&error) => write_zeros(file, range),
        result => result,
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn fallocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn fallocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn is_unknown(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error())
}

fn write_zeros(file: &File, range: &Range<u64>) -> io::Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut offset = range.start;
    while offset < range.end {
        let rest = range.end.saturating_sub(offset);
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(ZEROS.len());
        let written = match file.write_at(ZEROS.get(..len).unwrap_or(&ZEROS), offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            result => result?,
        };
        offset = offset.saturating_add(u64::try_from(written).unwrap_or(rest));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocated_space_keeps_what_is_there_and_reads_as_zeros() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"kept", 0).unwrap();
        allocate(&file, 0..100_000).unwrap();
        let mut bytes = vec![1; 100_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((&bytes[..4], bytes[4..].iter().max()), (b"kept".as_slice(), Some(&0)));
    }

    #[test]
    fn without_fallocate_zeros_go_into_the_new_part_only() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 10], 0).unwrap();
        write_zeros(&file, &(10..200_001)).unwrap();
        let mut bytes = vec![1; 200_001];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((&bytes[..10], bytes[10..].iter().max()), ([7; 10].as_slice(), Some(&0)));
        assert_eq!(file.metadata().unwrap().len(), 200_001);
    }

    #[test]
    fn a_failed_allocation_leaves_the_files_length() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(5000).unwrap();
        let error = allocate(&file, 5000..i64::MAX as u64).unwrap_err();
        assert_eq!(file.metadata().unwrap().len(), 5000, "after {error}");
    }
}
