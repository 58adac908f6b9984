//! The live block: volatile words of the writer's life, never trusted after a restart.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::digest::Digest;
use super::geometry::PAGE_SIZE;

/// Bit 0 of `flags`: the writer has opened the store and readers may trust the words.
pub const FLAG_READY: u64 = 1;
/// Bit 1 of `flags`: a sync failed, and the writer has stopped.
pub const FLAG_POISONED: u64 = 2;
/// Bit 2 of `flags`: `digest` does not speak for the slots.
pub const FLAG_LIVE_DIGEST_UNKNOWN: u64 = 4;

/// The live block's page. No checksum covers it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LivePage {
    /// Counts transactions: odd while one is being applied to the slots.
    pub sequence: U64,
    /// Counts publications: odd while the numbers that follow are being written.
    pub publication: U64,
    /// Slots that readers may see.
    pub published_len: U64,
    /// The newest commit that readers may see.
    pub commit_number: U64,
    /// Slots of them that hold a record.
    pub live_count: U64,
    /// The content digest.
    pub digest: U64,
    /// Bit 0 ready, bit 1 poisoned, bit 2 digest unknown.
    pub flags: U64,
    /// Counts publications for those who wait for the next one.
    pub wake: U32,
    /// Zero.
    pub reserved: [u8; 4],
    /// One life of one writer: random.
    pub nonce: [u8; 16],
    /// The machine's boot during which the writer lives.
    pub boot_id: [u8; 16],
    /// The writer's process id.
    pub process_id: U32,
    /// Zero.
    pub reserved_too: [u8; 4],
    /// When the writer opened the store, in nanoseconds since 1970-01-01T00:00:00Z.
    pub opened_at: U64,
    /// The writer's program, UTF-8, zero-padded.
    pub program: [u8; 64],
    /// The writer's machine, UTF-8, zero-padded.
    pub host: [u8; 64],
    /// Zero.
    pub padding: [u8; 3856],
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<LivePage>() == PAGE_SIZE, "the live block is a page");
    assert!(offset_of!(LivePage, nonce) == 64, "what changes with each commit has its cache line");
};

/// What the live block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Odd while a transaction is being applied.
    pub sequence: u64,
    /// Slots that readers may see.
    pub published_len: u64,
    /// The newest commit that readers may see.
    pub commit_number: u64,
    /// Slots of them that hold a record.
    pub live_count: u64,
    /// The content digest; `None` when it does not speak for the slots.
    pub digest: Option<Digest>,
    /// Whether a writer has the store open, and readers may trust the numbers.
    pub ready: bool,
    /// Whether it has stopped after a failed sync.
    pub poisoned: bool,
    /// The last writer; `None` if there never was one.
    pub writer: Option<Writer>,
}

/// Who writes: the part of the live block that names the holder of the writer's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The machine's boot during which the writer lives.
    pub boot_id: [u8; 16],
    /// One life of one writer.
    pub nonce: [u8; 16],
    /// The writer's process id.
    pub process_id: u32,
    /// When it opened the store, in nanoseconds since 1970-01-01T00:00:00Z.
    pub opened_at: u64,
    /// Its program; cut after 64 bytes.
    pub program: String,
    /// Its machine; cut after 64 bytes.
    pub host: String,
}

impl LivePage {
    /// The page of a writer, apart from the words that change while it lives.
    #[must_use]
    pub fn of_writer(writer: &Writer) -> Self {
        let mut page = Self::new_zeroed();
        page.nonce = writer.nonce;
        page.boot_id = writer.boot_id;
        page.process_id = U32::new(writer.process_id);
        page.opened_at = U64::new(writer.opened_at);
        page.program = padded(&writer.program);
        page.host = padded(&writer.host);
        page
    }

    /// What the page says.
    #[must_use]
    pub fn decode(&self) -> Live {
        Live {
            sequence: self.sequence.get(),
            published_len: self.published_len.get(),
            commit_number: self.commit_number.get(),
            live_count: self.live_count.get(),
            digest: (self.flags.get() & FLAG_LIVE_DIGEST_UNKNOWN == 0)
                .then(|| Digest::new(self.digest.get())),
            ready: self.flags.get() & FLAG_READY != 0,
            poisoned: self.flags.get() & FLAG_POISONED != 0,
            writer: self.writer(),
        }
    }

    /// The writer that wrote the page; `None` if none ever did.
    fn writer(&self) -> Option<Writer> {
        (self.process_id.get() != 0).then(|| Writer {
            boot_id: self.boot_id,
            nonce: self.nonce,
            process_id: self.process_id.get(),
            opened_at: self.opened_at.get(),
            program: unpadded(&self.program),
            host: unpadded(&self.host),
        })
    }
}

fn padded(text: &str) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    bytes
}

/// The text before the first zero; what is not UTF-8, or would steer a terminal, is replaced,
/// since these bytes come from a file that anyone may have written.
fn unpadded(bytes: &[u8; 64]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_named_again() {
        let writer = Writer {
            boot_id: [1; 16],
            nonce: [2; 16],
            process_id: 42,
            opened_at: 1_700_000_000_000_000_000,
            program: "ticker".into(),
            host: "quote-1".into(),
        };
        assert_eq!(LivePage::of_writer(&writer).decode().writer, Some(writer));
    }

    #[test]
    fn a_new_file_names_no_writer() {
        assert_eq!(LivePage::new_zeroed().decode().writer, None);
    }

    #[test]
    fn text_from_a_file_cannot_steer_a_terminal() {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(b"a\x1b\xFFb");
        assert_eq!(unpadded(&bytes), "a\u{FFFD}\u{FFFD}b");
    }
}
