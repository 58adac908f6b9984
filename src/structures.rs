//! What stands in a file before its slots: read once, each part judged for itself.
//!
//! Opening, `inspect` and `verify` all begin here. Everything is read by pread(2), so that a
//! failing disk is an error and not a signal.

use std::mem::offset_of;
use std::path::Path;

use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::crc32;
use crate::format::geometry::{HEADER_OFFSET, LIVE_OFFSET, META_OFFSETS, SCHEMA_OFFSET};
use crate::format::header::{self, Header, HeaderPage};
use crate::format::live::{Live, LivePage};
use crate::format::meta::{self, Meta, MetaPage};
use crate::io::StoreFile;

/// The pages at a file's start, each with what is wrong with it.
pub(crate) struct Structures {
    pub(crate) file_len: u64,
    pub(crate) header: Result<Header, Corruption>,
    pub(crate) metas: [Result<(Header, Meta), Corruption>; 2],
    pub(crate) live: Live,
    first_bytes: [u8; 8],
    schema_copies: [Option<Vec<u8>>; 2],
}

impl Structures {
    /// Reads them; what a short file does not have is taken as zeros, and a page that the disk does
    /// not hand out as a damaged one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file's length cannot be had.
    pub(crate) fn read(file: &StoreFile) -> Result<Self> {
        let file_len = file.len()?;
        let header_page = read_page::<HeaderPage>(file, HEADER_OFFSET);
        let first_bytes = header_page.as_ref().map_or([0; 8], |page| page.magic);
        let header = readable(header_page, "header").and_then(|page| page.decode());
        let mut metas = [const { Err(Corruption::Identity { structure: "" }) }; 2];
        let mut schema_copies = [None, None];
        for (i, (meta, copy)) in metas.iter_mut().zip(&mut schema_copies).enumerate() {
            let name = meta::NAMES[i];
            let page = readable(read_page::<MetaPage>(file, META_OFFSETS[i]), name);
            let decoded = page.as_ref().map_err(Clone::clone).and_then(|page| page.decode(name));
            *meta = of_this_file(decoded, &header, name);
            let page = page.ok().filter(|_| meta.is_ok());
            *copy = page.and_then(|page| page.schema_copy().map(<[u8]>::to_vec));
        }
        // One that cannot be read says nothing.
        let live = read_live(file).unwrap_or_else(|_| LivePage::new_zeroed().decode());
        Ok(Self { file_len, header, metas, live, first_bytes, schema_copies })
    }

    /// Who the file is, and which page says so: the header, else the newer valid meta. None as
    /// well if a page says that the file is newer than what is known here.
    pub(crate) fn identity(&self) -> Option<(Header, &'static str)> {
        if let Ok(header) = self.header {
            return Some((header, "header"));
        }
        if self.newer().is_some() {
            return None;
        }
        let newest = self.newest_meta_page()?;
        let (header, _) = self.metas[newest].as_ref().ok()?;
        Some((*header, meta::NAMES[newest]))
    }

    /// The meta that counts.
    pub(crate) fn newest_meta(&self) -> Option<Meta> {
        let (_, meta) = self.metas[self.newest_meta_page()?].as_ref().ok()?;
        Some(*meta)
    }

    /// Which meta counts.
    pub(crate) fn newest_meta_page(&self) -> Option<usize> {
        let [a, b] = &self.metas;
        meta::newest([a, b].map(|meta| meta.as_ref().ok().map(|(_, meta)| meta)))
    }

    /// All that is wrong with the pages, and where they begin.
    pub(crate) fn damage(&self) -> Vec<(u64, Corruption)> {
        let header = self.header.as_ref().err().map(|damage| (HEADER_OFFSET, damage));
        let metas = META_OFFSETS.into_iter().zip(&self.metas);
        let metas = metas.filter_map(|(offset, meta)| Some((offset, meta.as_ref().err()?)));
        header.into_iter().chain(metas).map(|(offset, damage)| (offset, damage.clone())).collect()
    }

    /// The schema's text as it stands in its own place.
    ///
    /// # Errors
    ///
    /// [`Corruption::SchemaChecksum`] or [`Corruption::Unreadable`] within `Ok`.
    pub(crate) fn stored_schema(
        file: &StoreFile,
        header: &Header,
    ) -> Result<Result<Vec<u8>, Corruption>> {
        let identity = header.identity();
        // At most 64 KiB: the header was checked.
        let mut text = vec![0; identity.schema_len.get() as usize];
        if let Err(error) = file.read(identity.schema_offset.get(), &mut text) {
            return Ok(Err(unreadable(&error, "schema")));
        }
        let (expected, actual) = (identity.schema_checksum.get(), crc32(text.as_slice()));
        let whole = expected == actual;
        Ok(if whole { Ok(text) } else { Err(Corruption::SchemaChecksum { expected, actual }) })
    }

    /// The copy of the schema's text that a valid meta holds, if one does.
    pub(crate) fn schema_copy(&self, header: &Header) -> Option<Vec<u8>> {
        let checksum = header.identity().schema_checksum.get();
        self.schema_copies.iter().flatten().find(|copy| crc32(copy.as_slice()) == checksum).cloned()
    }

    /// The page that says that the file is newer than what is known here. A meta's word counts
    /// only where the header has none.
    fn newer(&self) -> Option<&Corruption> {
        let pages = self.metas.iter().filter_map(|meta| meta.as_ref().err());
        let mut pages = self.header.as_ref().err().into_iter().chain(pages);
        pages.find(|damage| matches!(damage, Corruption::Newer { .. }))
    }

    /// Why nothing says who the file is: a newer one, no store at all, or one whose pages are all
    /// damaged.
    pub(crate) fn why_unknown(&self, path: &Path) -> Error {
        let path = path.to_owned();
        if let Some(newer) = self.newer() {
            return Error::Unsupported { path, reason: newer.to_string() };
        }
        if self.file_len == 0 {
            return Error::NotAStore { path, reason: "it is empty".into() };
        }
        if self.file_len < SCHEMA_OFFSET && self.first_bytes == header::MAGIC {
            return Error::Corrupt { path, corruption: self.too_short(SCHEMA_OFFSET) };
        }
        let is_magic = |damage: &Corruption| matches!(damage, Corruption::Magic { .. });
        let mut damage = self.damage().into_iter().map(|(_, damage)| damage);
        match damage.find(|damage| !is_magic(damage)) {
            Some(source) => Error::Corrupt { path, corruption: source },
            None => Error::NotAStore { path, reason: self.first_bytes_say() },
        }
    }

    /// Checks that something in the file looks like a store, however damaged.
    ///
    /// # Errors
    ///
    /// [`Error::NotAStore`]
    pub(crate) fn check_is_store(&self, path: &Path) -> Result<()> {
        match self.identity() {
            Some(_) => Ok(()),
            None => match self.why_unknown(path) {
                not_a_store @ Error::NotAStore { .. } => Err(not_a_store),
                _ => Ok(()),
            },
        }
    }

    /// The file ends before byte `expected`.
    pub(crate) fn too_short(&self, expected: u64) -> Corruption {
        Corruption::FileTooShort { expected, actual: self.file_len }
    }

    fn first_bytes_say(&self) -> String {
        let (found, magic) = (self.first_bytes, header::MAGIC);
        let same_name = found[1..4] == magic[1..4];
        if same_name && (found[4..6] != magic[4..6] || found[0] != magic[0]) {
            return "its bytes were changed by a transfer as text, copy it again as binary".into();
        }
        let there = usize::try_from(self.file_len).unwrap_or(found.len()).min(found.len());
        format!("it begins with \"{}\"", found[..there].escape_ascii())
    }
}

/// The live block, with numbers of one commit: read again while a writer is at them. One that died
/// there leaves what it had written.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn read_live(file: &StoreFile) -> Result<Live> {
    const TRIES: usize = 100;
    let mut page = LivePage::new_zeroed();
    for _ in 0..TRIES {
        let before = read_publication(file)?;
        page = read_page(file, LIVE_OFFSET)?;
        if before % 2 == 0 && read_publication(file)? == before {
            break;
        }
    }
    Ok(page.decode())
}

/// The counter that is odd while the numbers are being written.
fn read_publication(file: &StoreFile) -> Result<u64> {
    let mut word = [0; 8];
    file.read(LIVE_OFFSET + offset_of!(LivePage, publication) as u64, &mut word)?;
    Ok(u64::from_le_bytes(word))
}

/// A meta of another file than the header's is none.
fn of_this_file(
    decoded: Result<(Header, Meta), Corruption>,
    header: &Result<Header, Corruption>,
    structure: &'static str,
) -> Result<(Header, Meta), Corruption> {
    let found = decoded?;
    match header {
        Ok(header) if *header != found.0 => Err(Corruption::Identity { structure }),
        _ => Ok(found),
    }
}

fn readable<P>(page: Result<P>, structure: &'static str) -> Result<P, Corruption> {
    page.map_err(|error| unreadable(&error, structure))
}

fn unreadable(error: &Error, structure: &'static str) -> Corruption {
    let reason = match error {
        Error::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    Corruption::Unreadable { structure, reason }
}

fn read_page<P: FromBytes + IntoBytes + FromZeros>(file: &StoreFile, offset: u64) -> Result<P> {
    let mut page = P::new_zeroed();
    file.read(offset, page.as_mut_bytes())?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that nothing can be read from, as from a disk that fails.
    #[test]
    fn pages_that_cannot_be_read_are_damaged_pages() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_len(1 << 20).unwrap();
        let file = StoreFile::for_test(file, path.path());
        let structures = Structures::read(&file).unwrap();
        let damage = structures.damage();
        assert_eq!(damage.len(), 3, "{damage:?}");
        for (offset, found) in damage {
            assert!(matches!(found, Corruption::Unreadable { .. }), "at {offset}: {found:?}");
        }
        let error = structures.why_unknown(path.path());
        assert!(error.to_string().contains("header: cannot be read: "), "{error}");
    }
}
