//! The same ids in each run in place of random ones, so that a journal that was kept as a seed
//! still belongs to its store.

use stridedb::format::checksum::key;
use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS};
use stridedb::format::journal::{FRAME_HEADER_SIZE, FRAMES_OFFSET, FrameHeader, JournalPage};
use stridedb::format::live::LivePage;
use stridedb::format::meta::MetaPage;
use stridedb::zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::base::Files;
use super::{seal, structures};

const STORE_ID: [u8; 16] = *b"a store to fuzz!";
const JOURNAL_ID: [u8; 16] = *b"journal to fuzz!";
/// The journal of the store's first life, of which no file is left.
const OLDER_JOURNAL_ID: [u8; 16] = *b"an older journal";

/// Gives a store and its journal these ids, and what else is another in each run.
pub fn give(files: &mut Files) {
    let old = *structures::header(&files.store).expect("the library wrote it").identity();
    let change = key(old.store_id) ^ key(STORE_ID);
    let stride = old.stride.get() as usize;
    let newest = structures::newest_meta(&files.store).expect("the library wrote it");
    let store = files.store.as_mut_slice();
    let (pages, slots) = store.split_at_mut(old.data_start.get() as usize);
    slots.chunks_exact_mut(stride).for_each(|slot| seal_again(slot, change));
    pages[8..24].copy_from_slice(&STORE_ID);
    seal::page(pages, 0);
    for offset in META_OFFSETS.map(|offset| offset as usize) {
        change_page(&mut pages[offset..], |meta: &mut MetaPage| {
            meta.identity.store_id = STORE_ID;
            let is_of_newest = meta.journal_id == newest.journal_id;
            meta.journal_id = if is_of_newest { JOURNAL_ID } else { OLDER_JOURNAL_ID };
        });
        seal::page(pages, offset);
    }
    change_page(&mut pages[LIVE_OFFSET as usize..], forget_the_process);
    if let Some(journal) = &mut files.journal {
        give_to_journal(journal, change, stride);
    }
}

fn give_to_journal(journal: &mut [u8], change: u32, stride: usize) {
    let frames = structures::whole_frames(journal);
    // What remains of an older frame, partly under a newer one, has random bytes in it.
    journal[FRAMES_OFFSET as usize..].fill(0);
    for frame in frames {
        let bytes = &mut journal[frame.offset..][..frame.bytes.len()];
        bytes.copy_from_slice(&frame.bytes);
        let (header, payload) = bytes.split_at_mut(FRAME_HEADER_SIZE);
        change_page(header, |header: &mut FrameHeader| {
            (header.store_id, header.journal_id) = (STORE_ID, JOURNAL_ID);
        });
        for entry in payload.chunks_exact_mut(8 + stride) {
            seal_again(&mut entry[8..], change);
        }
    }
    change_page(journal, |page: &mut JournalPage| {
        (page.identity.store_id, page.identity.journal_id) = (STORE_ID, JOURNAL_ID);
    });
    seal::page(journal, 0);
    seal::frames(journal);
}

/// Changes a slot's checksum by what the ids contribute, whether it is right or not.
fn seal_again(slot: &mut [u8], change: u32) {
    let Some((_, trailer)) = slot.split_last_chunk_mut::<8>() else { return };
    if *trailer != [0; 8] {
        let change = change.to_le_bytes();
        trailer.iter_mut().zip(change).for_each(|(byte, change)| *byte ^= change);
    }
}

fn forget_the_process(page: &mut LivePage) {
    if page.process_id.get() == 0 {
        return;
    }
    (page.process_id, page.opened_at) = (1.into(), 0.into());
    page.nonce.zero();
    page.host.zero();
    page.program.zero();
}

/// Changes a structure that stands at the front of these bytes; seals nothing.
pub fn change_page<P: FromBytes + IntoBytes + stridedb::zerocopy::Immutable>(
    bytes: &mut [u8],
    change: impl FnOnce(&mut P),
) {
    let bytes = &mut bytes[..size_of::<P>()];
    let mut page = P::read_from_bytes(bytes).expect("it has that many bytes");
    change(&mut page);
    bytes.copy_from_slice(page.as_bytes());
}
