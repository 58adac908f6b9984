//! Waiting for commits.

use std::time::{Duration, Instant};

use super::RawReader;
use crate::error::{Error, Result};
use crate::live_block::Numbers;

/// So often who waits looks at the world around: whether the file still has its name.
const LOOK_AROUND: Duration = Duration::from_millis(200);

impl RawReader {
    /// Waits until a commit can be read, or for so long; whether it can. Meanwhile the processor is
    /// free (on Linux by futex(2), elsewhere by looking again after a while).
    ///
    /// That a writer has died, or stopped after a failure, is no end of waiting: another one may
    /// come.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::{RawReader, RawStore};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("words.stride");
    /// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
    /// # let mut store = RawStore::create(&path, &schema)?;
    /// use std::time::Duration;
    ///
    /// let reader = RawReader::open(&path)?;
    /// let seen = reader.commit_number()?;
    /// # let writer = std::thread::spawn(move || store.append(b"hello\0\0\0").map(|_| store));
    /// // Meanwhile, in another thread or process: store.append(b"hello\0\0\0")?;
    /// assert!(reader.wait_for(seen + 1, Duration::from_secs(60))?);
    /// assert_eq!(reader.len()?, 1);
    /// # writer.join().unwrap()?.close()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Replaced`] if the file has lost its name; and as
    /// [`RawReader::len`].
    pub fn wait_for(&self, commit_number: u64, timeout: Duration) -> Result<bool> {
        self.wait_until(timeout, |numbers| numbers.commit_number >= commit_number)
    }

    /// The same for a slot: waits until so many were appended.
    ///
    /// # Errors
    ///
    /// As [`RawReader::wait_for`].
    pub fn wait_for_len(&self, len: u64, timeout: Duration) -> Result<bool> {
        self.wait_until(timeout, |numbers| numbers.len >= len)
    }

    /// Lets all who wait for this store look around, in whatever process.
    pub(crate) fn wake_waiting(&self) -> Result<()> {
        self.shared.live_block()?.wake_waiting();
        Ok(())
    }

    /// Waits until what can be read is enough, or for so long; whether it is. It is asked at each
    /// news, and now and then.
    pub(crate) fn wait_until(
        &self,
        timeout: Duration,
        is_enough: impl Fn(&Numbers) -> bool,
    ) -> Result<bool> {
        let start = Instant::now();
        loop {
            let live = self.shared.live_block()?;
            let news = live.news(); // What comes after this ends the waiting.
            match self.numbers() {
                Ok(numbers) if is_enough(&numbers) => return Ok(true),
                // A writer that takes long has nothing to tell yet.
                Ok(_) | Err(Error::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            self.shared.file.check_place()?;
            live.wait(news, left.min(LOOK_AROUND));
        }
    }
}
