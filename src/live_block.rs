//! The live block in memory: what a writer tells readers while both live.
//!
//! The writer stores through its mapping, readers load through theirs. Two counters order it: one
//! is odd while a transaction is applied to the slots, the other while the published numbers are
//! written.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::Duration;

use crate::error::Result;
use crate::format::digest::Digest;
use crate::format::geometry::LIVE_OFFSET;
use crate::format::live::{FLAG_LIVE_DIGEST_UNKNOWN, FLAG_POISONED, FLAG_READY, Live, LivePage};
use crate::format::meta::Meta;
use crate::io::{self, Mapping, ProcessIdentity, StoreFile, Words};

/// Where the words stand that are written once in a writer's life.
pub(crate) const WRITER_OFFSET: usize = offset_of!(LivePage, nonce);

/// Where the word stands at which readers wait.
const WAKE: usize = offset_of!(LivePage, wake);

// Which of the page's numbers is which.
const SEQUENCE: usize = offset_of!(LivePage, sequence) / 8;
const PUBLICATION: usize = offset_of!(LivePage, publication) / 8;
const LEN: usize = offset_of!(LivePage, published_len) / 8;
const COMMIT_NUMBER: usize = offset_of!(LivePage, commit_number) / 8;
const LIVE_COUNT: usize = offset_of!(LivePage, live_count) / 8;
const DIGEST: usize = offset_of!(LivePage, digest) / 8;
const FLAGS: usize = offset_of!(LivePage, flags) / 8;

/// A writer is in the middle of a few words for less than it takes to look at them so often.
const SPINS: usize = 1000;

/// What readers may see of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) len: u64,
    pub(crate) live_count: u64,
    pub(crate) commit_number: u64,
    pub(crate) digest: Option<Digest>,
}

impl From<&Meta> for Numbers {
    fn from(meta: &Meta) -> Self {
        let Meta { len, live_count, commit_number, digest, .. } = *meta;
        Self { len, live_count, commit_number, digest }
    }
}

/// The mapped words of the live block.
#[derive(Clone, Copy)]
pub(crate) struct LiveBlock<'m> {
    numbers: Words<'m>,
    nonce: Words<'m>,
    wake: &'m AtomicU32,
}

impl<'m> LiveBlock<'m> {
    /// The live block of a mapped store; `None` if nothing is mapped any more.
    #[inline]
    pub(crate) fn of(mapping: &'m Mapping) -> Option<Self> {
        let start = LIVE_OFFSET as usize;
        Some(Self {
            numbers: mapping.header_words(start, WAKE)?,
            nonce: mapping.header_words(start + WRITER_OFFSET, 16)?,
            wake: mapping.wait_word(start + WAKE)?,
        })
    }

    /// The writer to whom the rest belongs, if it is looked at afterwards.
    #[inline]
    pub(crate) fn nonce(self) -> [u64; 2] {
        [self.nonce.get(0), self.nonce.get(1)]
    }

    /// The published numbers; `None` if somebody died while writing them.
    pub(crate) fn numbers(self) -> Option<Numbers> {
        let words = self.numbers;
        for _ in 0..SPINS {
            let before = words.begin_read(PUBLICATION);
            let digest = Digest::new(words.get(DIGEST));
            let known = words.get(FLAGS) & FLAG_LIVE_DIGEST_UNKNOWN == 0;
            let numbers = Numbers {
                len: words.get(LEN),
                live_count: words.get(LIVE_COUNT),
                commit_number: words.get(COMMIT_NUMBER),
                digest: known.then_some(digest),
            };
            if words.end_read(PUBLICATION) == before && before % 2 == 0 {
                return Some(numbers);
            }
            std::hint::spin_loop();
        }
        None
    }

    /// The counter of transactions, before slots are read: odd while one is being applied.
    #[inline]
    pub(crate) fn begin_snapshot(self) -> usize {
        self.numbers.begin_read(SEQUENCE)
    }

    /// The counter of transactions, after slots were read.
    #[inline]
    pub(crate) fn end_snapshot(self) -> usize {
        self.numbers.end_read(SEQUENCE)
    }

    /// A word that changes when there is news, to be given to [`wait`](Self::wait).
    pub(crate) fn news(self) -> u32 {
        self.wake.load(Ordering::Acquire)
    }

    /// Waits until the word is another one than `news`, or for some time.
    pub(crate) fn wait(self, news: u32, timeout: Duration) {
        io::wait_while(self.wake, news, timeout);
        fence(Ordering::Acquire);
    }
}

impl LiveBlock<'_> {
    /// Wakes those who wait for news, although there is none here: they look around.
    pub(crate) fn wake_waiting(self) {
        io::wake_all(self.wake);
    }
}

/// The writer's side of it.
pub(crate) struct Publisher<'m> {
    live: LiveBlock<'m>,
    /// Where a store into the mapping can need a new block each time, what is stored goes through
    /// the file: if there is no room for it, that is an error and no signal. Each call of the
    /// system is done before the next one begins, so that the order is the same.
    through: Option<&'m StoreFile>,
}

impl<'m> Publisher<'m> {
    pub(crate) fn new(live: LiveBlock<'m>, through: Option<&'m StoreFile>) -> Self {
        Self { live, through }
    }

    /// A new writer's first words: what stands here speaks for nobody any more. Slots may be
    /// changed from here on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), as of all that follows, where blocks move.
    pub(crate) fn unsettle(&self) -> Result<()> {
        self.set(FLAGS, 0)?;
        self.begin_transaction()
    }

    /// From here on slots are not those of one commit.
    pub(crate) fn begin_transaction(&self) -> Result<()> {
        self.begin_write(SEQUENCE)?;
        self.live.numbers.tell_written();
        Ok(())
    }

    /// The slots are those of one commit: tells readers what they may see, which a crash cannot
    /// take any more, and wakes those who wait for it.
    pub(crate) fn end_transaction(&self, numbers: &Numbers) -> Result<()> {
        let unknown = if numbers.digest.is_none() { FLAG_LIVE_DIGEST_UNKNOWN } else { 0 };
        self.begin_write(PUBLICATION)?;
        self.set(LEN, numbers.len)?;
        self.set(COMMIT_NUMBER, numbers.commit_number)?;
        self.set(LIVE_COUNT, numbers.live_count)?;
        self.set(DIGEST, numbers.digest.map_or(0, Digest::get))?;
        self.set(FLAGS, FLAG_READY | unknown)?;
        self.end_write(PUBLICATION)?;
        self.end_write(SEQUENCE)?;
        self.live.numbers.tell_written();
        self.wake_all();
        Ok(())
    }

    /// Says that there will be no more: the writer has stopped after a failure.
    pub(crate) fn poison(&self) {
        self.change_flags(|flags| flags | FLAG_POISONED);
    }

    /// Says that there will be no more: the writer closes the store.
    pub(crate) fn retire(&self) {
        self.change_flags(|flags| flags & !FLAG_READY);
    }

    fn change_flags(&self, change: impl FnOnce(u64) -> u64) {
        // Who is not told finds the lock free.
        let _ = self.set(FLAGS, change(self.live.numbers.get(FLAGS)));
        self.live.numbers.tell_written();
        self.wake_all();
    }

    /// Wakes those who wait for news.
    fn wake_all(&self) {
        let wake = self.live.wake;
        let next = wake.load(Ordering::Relaxed).wrapping_add(1); // Nobody else changes it.
        match self.through {
            // Who is not woken looks again after a while.
            Some(file) => drop(file.write(LIVE_OFFSET + WAKE as u64, &next.to_ne_bytes())),
            None => wake.store(next, Ordering::Release),
        }
        io::wake_all(wake);
    }

    fn begin_write(&self, counter: usize) -> Result<()> {
        match self.through {
            Some(_) => self.set(counter, self.live.numbers.get(counter) | 1),
            None => {
                self.live.numbers.begin_write(counter);
                Ok(())
            }
        }
    }

    fn end_write(&self, counter: usize) -> Result<()> {
        match self.through {
            Some(_) => self.set(counter, (self.live.numbers.get(counter) | 1).wrapping_add(1)),
            None => {
                self.live.numbers.end_write(counter);
                Ok(())
            }
        }
    }

    fn set(&self, index: usize, value: u64) -> Result<()> {
        match self.through {
            Some(file) => file.write(LIVE_OFFSET + index as u64 * 8, &value.to_le_bytes()),
            None => {
                self.live.numbers.set(index, value);
                Ok(())
            }
        }
    }
}

impl Live {
    /// Whether its writer came after the machine was started, so that it may live.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        let boot_id = self.writer.as_ref().map(|writer| writer.boot_id);
        boot_id.is_some() && boot_id == ProcessIdentity::current_boot_id()
    }
}

/// A nonce as it stands in the page, as numbers.
pub(crate) fn nonce_numbers(nonce: [u8; 16]) -> [u64; 2] {
    let [a, b]: [[u8; 8]; 2] = zerocopy::transmute!(nonce);
    [u64::from_le_bytes(a), u64::from_le_bytes(b)]
}
