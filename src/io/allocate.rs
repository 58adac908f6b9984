//! Room before promise: real blocks for a part of a file, or an error and the file as before.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::platform;

/// Allocates real blocks for `range`, and makes the file at least as long as its end.
///
/// Bytes that exist keep their values. Where the file system does not know fallocate(2), they are
/// written over themselves, and zeros behind the file's end; nobody else may write there meanwhile.
///
/// # Errors
///
/// The system's; `ErrorKind::StorageFull`, `QuotaExceeded` or `FileTooLarge` if there is no room.
/// The file then has its old length again: ext4 leaves it longer after a failed fallocate.
pub(super) fn allocate(file: &File, range: Range<u64>) -> io::Result<()> {
    let old_len = file.metadata()?.len();
    let result = reserve_blocks(file, &range, old_len);
    if result.is_err() {
        // The first error says more than one from here, and a file that stays longer is harmless.
        let _ = file.set_len(old_len);
    }
    result
}

fn reserve_blocks(file: &File, range: &Range<u64>, old_len: u64) -> io::Result<()> {
    let len = range.end.saturating_sub(range.start);
    if len == 0 {
        return Ok(());
    }
    if i64::try_from(range.end).is_err() {
        return Err(io::ErrorKind::FileTooLarge.into()); // The system would call it invalid.
    }
    match platform::allocate(file, range.start, len) {
        Err(error) if is_unknown(&error) => write_over(file, range, old_len),
        result => result,
    }
}

fn is_unknown(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error())
}

/// Writes what is there over itself, which fills holes, and zeros behind the end.
fn write_over(file: &File, range: &Range<u64>, old_len: u64) -> io::Result<()> {
    // What cannot fit would take all room from everybody else before it is refused.
    let new = range.end.saturating_sub(range.start.max(old_len));
    let room = rustix::fs::fstatvfs(file).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if room.is_ok_and(|room| room < new) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let mut block = vec![0; 1 << 16];
    let mut offset = range.start;
    while offset < range.end {
        let end = if offset < old_len { range.end.min(old_len) } else { range.end };
        let rest = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = rest.min(block.len());
        let Some(bytes) = block.get_mut(..len) else { break };
        bytes.fill(0);
        if offset < old_len {
            file.read_exact_at(bytes, offset)?;
        }
        file.write_all_at(bytes, offset)?;
        offset = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

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
    fn without_fallocate_what_is_there_stays_and_zeros_follow() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100_000).unwrap();
        file.write_all_at(&[7; 10], 99_990).unwrap();
        let blocks = || file.metadata().unwrap().blocks();
        let before = blocks();
        write_over(&file, &(8..200_001), 100_000).unwrap();
        let mut bytes = vec![1; 200_001];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[99_990..100_000], [7; 10].as_slice());
        let others = bytes[..99_990].iter().chain(&bytes[100_000..]);
        assert_eq!(others.max(), Some(&0));
        assert_eq!(file.metadata().unwrap().len(), 200_001);
        assert!(blocks() > before, "the hole was not filled");
    }

    #[test]
    fn what_cannot_fit_is_not_begun() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"kept", 0).unwrap();
        let refused = write_over(&file, &(4..i64::MAX as u64), 4).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull, "{refused}");
        assert_eq!(file.metadata().unwrap().len(), 4, "some of it was written");
    }

    #[test]
    fn a_failed_allocation_leaves_the_files_length() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(5000).unwrap();
        let error = allocate(&file, 5000..i64::MAX as u64).unwrap_err();
        assert_eq!(file.metadata().unwrap().len(), 5000, "after {error}");
    }
}
