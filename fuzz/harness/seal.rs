//! Right checksums for wrong bytes, so that what lies behind the checksums is reached.

use std::mem::offset_of;
use std::ops::Range;

use stridedb::format::checksum::{crc32, key, page_crc32, slot_checksum};
use stridedb::format::geometry::PAGE_SIZE;
use stridedb::format::header::PAGE_CHECKSUM_OFFSET;
use stridedb::format::journal::{
    FRAME_ALIGN, FRAME_HEADER_SIZE, FRAMES_OFFSET, FrameHeader, JournalPage,
};
use stridedb::zerocopy::FromBytes;

use super::structures::{header, is_frame_magic};

/// Seals the header, a meta or a journal's page.
pub fn page(bytes: &mut [u8], offset: usize) {
    let Some(page) = bytes.get_mut(offset..offset + PAGE_SIZE) else { return };
    let checksum = page_crc32(page, PAGE_CHECKSUM_OFFSET);
    put(page, PAGE_CHECKSUM_OFFSET, checksum);
}

/// Seals the slots of a store whose header is whole, but for those of zeros.
pub fn slots(store: &mut [u8]) {
    let Some(header) = header(store) else { return };
    let (geometry, key) = (*header.geometry(), key(header.identity().store_id));
    let start = (geometry.data_start() as usize).min(store.len());
    let slots = store[start..].chunks_exact_mut(geometry.stride() as usize);
    (0..).zip(slots).for_each(|(index, bytes)| slot(bytes, index, key));
}

/// Seals the frames of a journal, and the slots within them if their page says what those are.
pub fn frames(journal: &mut [u8]) {
    let identity = JournalPage::read_from_prefix(journal).ok().map(|(page, _)| page.identity);
    for offset in (FRAMES_OFFSET as usize..journal.len()).step_by(FRAME_ALIGN as usize) {
        if !is_frame_magic(journal, offset) {
            continue;
        }
        let frame = &mut journal[offset..];
        let Ok((header, rest)) = FrameHeader::read_from_prefix(frame) else { return };
        let payload_size = usize::try_from(header.payload_size.get()).unwrap_or(usize::MAX);
        let payload = FRAME_HEADER_SIZE..FRAME_HEADER_SIZE + payload_size.min(rest.len());
        if let Some(identity) = identity {
            let key = key(identity.store_id);
            let size = identity.entry_size() as usize;
            frame[payload.clone()].chunks_exact_mut(size).for_each(|entry| {
                if let Some((index, bytes)) = entry.split_first_chunk_mut() {
                    slot(bytes, u64::from_le_bytes(*index), key);
                }
            });
        }
        frame_header(frame, payload);
    }
}

fn frame_header(frame: &mut [u8], payload: Range<usize>) {
    let own = offset_of!(FrameHeader, header_checksum);
    put(frame, own, crc32(&frame[..own]));
    let whole = offset_of!(FrameHeader, checksum);
    let summed = [&frame[..whole], &frame[payload]].concat();
    put(frame, whole, crc32(summed.as_slice()));
}

fn slot(bytes: &mut [u8], index: u64, key: u32) {
    let Some((area, [_, _, _, _, tag @ ..])) = bytes.split_last_chunk::<8>() else { return };
    let tag = u32::from_le_bytes(*tag);
    if tag == 0 {
        return;
    }
    let checksum = slot_checksum(crc32(area), index, tag, key);
    put(bytes, bytes.len() - 8, checksum);
}

fn put(bytes: &mut [u8], offset: usize, checksum: u32) {
    bytes[offset..offset + 4].copy_from_slice(&checksum.to_le_bytes());
}
