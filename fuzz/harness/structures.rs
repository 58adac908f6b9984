//! What in a store's files is whole, asked without the code that opens them.

use std::collections::HashSet;

use stridedb::format::checksum::key;
use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS, PAGE_SIZE, SlotIndex};
use stridedb::format::header::{Header, HeaderPage};
use stridedb::format::journal::{
    FRAME_ALIGN, FRAME_HEADER_SIZE, FRAME_MAGIC, FRAMES_OFFSET, Frame, FrameHeader,
    JournalIdentity, JournalPage,
};
use stridedb::format::live::{Live, LivePage};
use stridedb::format::meta::{Meta, MetaPage, NAMES};
use stridedb::format::slot::Trailer;
use stridedb::zerocopy::FromBytes;

use super::base::Files;

/// A frame that is whole, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeFrame {
    pub offset: usize,
    /// Without the bytes up to the next one.
    pub bytes: Vec<u8>,
    pub first_commit: u64,
    pub last_commit: u64,
}

/// The header, if it is whole.
pub fn header(store: &[u8]) -> Option<Header> {
    HeaderPage::read_from_prefix(store).ok()?.0.decode().ok()
}

/// The metas, if they are whole.
pub fn metas(store: &[u8]) -> [Option<Meta>; 2] {
    meta_pages(store).map(|page| Some(page?.1))
}

fn meta_pages(store: &[u8]) -> [Option<(Header, Meta)>; 2] {
    [0, 1].map(|i| {
        let bytes = store.get(META_OFFSETS[i] as usize..)?;
        let (page, _) = MetaPage::read_from_prefix(bytes).ok()?;
        page.decode(NAMES[i]).ok()
    })
}

/// The whole one with the higher sequence.
pub fn newest_meta(store: &[u8]) -> Option<Meta> {
    metas(store).into_iter().flatten().max_by_key(|meta| meta.sequence)
}

/// The live block, if the file has that many bytes: it has no checksum.
pub fn live(store: &[u8]) -> Option<Live> {
    let bytes = store.get(LIVE_OFFSET as usize..)?;
    Some(LivePage::read_from_prefix(bytes).ok()?.0.decode())
}

/// Whether bytes begin as a frame does.
pub fn is_frame_magic(journal: &[u8], offset: usize) -> bool {
    journal.get(offset..).and_then(<[u8]>::first_chunk) == Some(&FRAME_MAGIC)
}

/// The frames that follow a meta.
pub fn frames_after(journal: &[u8], meta: &Meta) -> Vec<WholeFrame> {
    let Some(identity) = identity(journal) else { return Vec::new() };
    let (mut frames, mut offset, mut expected) =
        (Vec::new(), FRAMES_OFFSET as usize, meta.commit_number + 1);
    while let Some((frame, Some(bytes))) = frame_at(journal, offset, &identity) {
        if (frame.epoch, frame.first_commit) != (meta.epoch, expected) {
            break;
        }
        let Frame { first_commit, last_commit, .. } = frame;
        let bytes = bytes.to_vec();
        let size = bytes.len().next_multiple_of(FRAME_ALIGN as usize);
        frames.push(WholeFrame { offset, bytes, first_commit, last_commit });
        (offset, expected) = (offset + size, last_commit + 1);
    }
    frames
}

/// Every whole frame in a journal whose page is whole, wherever it stands.
pub fn whole_frames(journal: &[u8]) -> Vec<WholeFrame> {
    let Some(identity) = identity(journal) else { return Vec::new() };
    let headers = frame_headers(journal).into_iter();
    let frames = headers.filter_map(|(offset, _)| {
        let (Frame { first_commit, last_commit, .. }, bytes) =
            frame_at(journal, offset, &identity)?;
        Some(WholeFrame { offset, bytes: bytes?.to_vec(), first_commit, last_commit })
    });
    frames.collect()
}

/// Every whole header of a frame in a journal whose page is whole.
pub fn frame_headers(journal: &[u8]) -> Vec<(usize, Frame)> {
    let Some(identity) = identity(journal) else { return Vec::new() };
    let places = (FRAMES_OFFSET as usize..journal.len()).step_by(FRAME_ALIGN as usize);
    places.filter_map(|at| Some((at, frame_at(journal, at, &identity)?.0))).collect()
}

fn identity(journal: &[u8]) -> Option<JournalIdentity> {
    JournalPage::read_from_prefix(journal).ok()?.0.decode().ok()
}

/// The frame at a place whose header is whole, and its bytes if all of it is.
fn frame_at<'j>(
    journal: &'j [u8],
    offset: usize,
    identity: &JournalIdentity,
) -> Option<(Frame, Option<&'j [u8]>)> {
    if !is_frame_magic(journal, offset) {
        return None;
    }
    let (header, rest) = FrameHeader::read_from_prefix(&journal[offset..]).ok()?;
    let frame = header.decode(identity)?;
    let payload_size = usize::try_from(header.payload_size.get()).ok();
    let payload = payload_size.and_then(|size| rest.get(..size)).filter(|payload| {
        let mut sum = header.sum();
        sum.update(payload);
        sum.finalize() == header.checksum.get()
    });
    let bytes = payload.map(|payload| &journal[offset..][..FRAME_HEADER_SIZE + payload.len()]);
    Some((frame, bytes))
}

/// Everything that a writer has given a checksum, byte for byte.
#[derive(Debug)]
pub struct Written(HashSet<Vec<u8>>);

impl Written {
    /// What stands in these files.
    pub fn of(files: &Files) -> Self {
        let mut written = HashSet::new();
        let none_is_forged = for_each(files, |structure| {
            written.insert(structure.to_vec());
            true
        });
        assert!(none_is_forged);
        Self(written)
    }

    /// Whether something in these files has a right checksum and was never written: no accident
    /// does that, and what comes of it is nobody's promise.
    pub fn is_forged(&self, files: &Files) -> bool {
        !for_each(files, |structure| self.0.contains(structure))
    }
}

/// Asks of each structure that is whole, until the answer is no.
fn for_each(files: &Files, mut ask: impl FnMut(&[u8]) -> bool) -> bool {
    let store = files.store.as_slice();
    let header = header(store);
    let header_page = header.map(|_| &store[..PAGE_SIZE]);
    let metas = metas(store).into_iter().zip(META_OFFSETS).filter(|(meta, _)| meta.is_some());
    let mut metas = metas.map(|(_, offset)| &store[offset as usize..][..PAGE_SIZE]);
    if !header_page.is_none_or(&mut ask) || !metas.all(&mut ask) {
        return false;
    }
    let journal = files.journal.as_deref().unwrap_or_default();
    // Either meta says what the header would.
    let in_metas = || Some(meta_pages(store).into_iter().flatten().next()?.0);
    header.or_else(in_metas).is_none_or(|header| for_each_slot(store, &header, &mut ask))
        && identity(journal).is_none_or(|_| ask(&journal[..PAGE_SIZE]))
        && frame_headers(journal).into_iter().all(|(offset, _)| {
            let identity = identity(journal).expect("its frames were found");
            let frame = frame_at(journal, offset, &identity).and_then(|(_, bytes)| bytes);
            let entry_size = identity.entry_size() as usize;
            let payload = frame.map_or(&[][..], |bytes| &bytes[FRAME_HEADER_SIZE..]);
            ask(&journal[offset..][..FRAME_HEADER_SIZE])
                && frame.is_none_or(&mut ask)
                && payload.chunks_exact(entry_size).all(&mut ask)
        })
}

/// Each slot that is whole, as an entry of a frame has it: behind its index.
fn for_each_slot(store: &[u8], header: &Header, ask: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let (geometry, key) = (header.geometry(), key(header.identity().store_id));
    let start = (geometry.data_start() as usize).min(store.len());
    let slots = store[start..].chunks_exact(geometry.stride() as usize);
    (0_u64..).zip(slots).all(|(index, bytes)| {
        let Some((area, trailer)) = bytes.split_last_chunk::<8>() else { return true };
        let trailer = Trailer::read_from_bytes(trailer).expect("a trailer is any 8 bytes");
        trailer.verify(SlotIndex::new(index), area, key).is_err()
            || ask(&[&index.to_le_bytes(), bytes].concat())
    })
}
