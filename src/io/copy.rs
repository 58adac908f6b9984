//! The start of a file as another file: in shared blocks where the file system can, else copied.

use std::io;
use std::ops::Range;

use super::{StoreFile, platform};
use crate::error::{Error, Result};

/// So many bytes are copied at once.
const BLOCK_SIZE: usize = 1 << 20;

/// Makes an empty file hold the first `len` bytes of another one, and no more.
///
/// # Errors
///
/// [`Error::Full`] if there is no room for them; [`Error::Io`], also if the source has less.
pub(crate) fn copy_start(source: &StoreFile, copy: &StoreFile, len: u64) -> Result<()> {
    if share_blocks(source, copy) {
        return copy.set_len(len);
    }
    copy_range(source, copy, 0..len)
}

/// Writes a range of one file's bytes into another file.
///
/// # Errors
///
/// [`Error::Full`] if there is no room for them; [`Error::Io`], also if the source has less.
pub(crate) fn copy_range(source: &StoreFile, copy: &StoreFile, range: Range<u64>) -> Result<()> {
    copy.allocate(range.start, range.end)?; // Room before a long way.
    let mut block = vec![0; BLOCK_SIZE];
    let mut offset = range.start;
    while offset < range.end {
        let rest = usize::try_from(range.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(bytes) = block.get_mut(..rest.min(BLOCK_SIZE)) else { break };
        if source.read(offset, bytes)? < bytes.len() {
            let ended = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::io("read", source.path())(ended));
        }
        copy.write(offset, bytes)?;
        offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Writes zeros from one offset to another.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn write_zeros(file: &StoreFile, start: u64, end: u64) -> Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut offset = start;
    while let Some(rest) = end.checked_sub(offset).filter(|&rest| rest > 0) {
        let rest = usize::try_from(rest).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write(offset, ZEROS.get(..rest).unwrap_or_default())?;
        offset = offset.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Makes all of a file's blocks those of another file as well; whether the file system can. They
/// are copied when one of the files is written to.
pub(crate) fn share_blocks(source: &StoreFile, copy: &StoreFile) -> bool {
    platform::share_blocks(source.file(), copy.file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> StoreFile {
        let file = tempfile::tempfile().unwrap();
        let file = StoreFile::for_test(file, std::path::Path::new("test"));
        file.write(0, bytes).unwrap();
        file
    }

    #[test]
    fn the_start_is_copied_and_nothing_more() {
        let bytes: Vec<u8> = (0..3 * BLOCK_SIZE + 77).map(|i| (i % 251) as u8).collect();
        let source = file(&bytes);
        for len in [0, 1, 4096, BLOCK_SIZE, 2 * BLOCK_SIZE + 5, bytes.len()] {
            let copy = file(&[]);
            copy_start(&source, &copy, len as u64).unwrap();
            let mut found = vec![0; bytes.len()];
            let count = copy.read(0, &mut found).unwrap();
            assert!(found[..count] == bytes[..len], "{len}");
        }
    }

    #[test]
    fn a_source_that_ends_too_early_is_an_error() {
        let copied = copy_start(&file(&[1; 100]), &file(&[]), 101);
        // Where blocks are shared, the copy is as long as it should be, and its end reads as zeros.
        assert!(copied.is_err() || share_blocks(&file(&[1]), &file(&[])));
    }
}
