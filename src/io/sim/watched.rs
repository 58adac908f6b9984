//! One file that is watched: what was written to it since it was last looked at.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use super::Identity;
use super::trace::{Event, FileId, Run};

/// A file, and what it held when it was last looked at.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) id: FileId,
    pub(super) identity: Identity,
    file: File,
    bytes: Vec<u8>,
}

impl Watched {
    /// Watches an empty file, through a handle that has no part in its locks.
    pub(super) fn new(id: FileId, file: &File) -> Self {
        let again = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = File::open(again).expect("what is open can be opened again");
        Self::known(id, file, Vec::new())
    }

    /// Watches a file that holds these bytes.
    pub(super) fn known(id: FileId, file: File, bytes: Vec<u8>) -> Self {
        let identity = Identity::of(&file).expect("an open file can be measured");
        Self { id, identity, file, bytes }
    }

    pub(super) fn is(&self, file: &File) -> bool {
        Identity::of(file).is_ok_and(|identity| identity == self.identity)
    }

    /// Some bytes were written, be it with what they were.
    pub(super) fn wrote(&mut self, offset: u64, len: usize) -> Vec<Event> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset).expect("what was written can be read");
        let end = offset as usize + len;
        let mut events = self.follow(end.max(self.bytes.len()));
        self.bytes[offset as usize..end].copy_from_slice(&bytes);
        events.push(Event::Write { file: self.id, runs: vec![Run { offset, bytes }] });
        events
    }

    /// Finds what has changed, whoever did it.
    pub(super) fn compare(&mut self) -> Vec<Event> {
        let len = self.file.metadata().expect("an open file can be measured").len();
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, 0).expect("a file has its length");
        let mut events = self.follow(bytes.len());
        let runs = differing_runs(&self.bytes, &bytes);
        if !runs.is_empty() {
            events.push(Event::Write { file: self.id, runs });
            self.bytes = bytes;
        }
        events
    }

    /// Takes over the file's length, if it has another one.
    fn follow(&mut self, len: usize) -> Vec<Event> {
        if len == self.bytes.len() {
            return Vec::new();
        }
        self.bytes.resize(len, 0);
        vec![Event::Length { file: self.id, len: len as u64 }]
    }
}

/// Where `new` differs from `old`, by words.
fn differing_runs(old: &[u8], new: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (page, (old, new)) in old.chunks(4096).zip(new.chunks(4096)).enumerate() {
        if old == new {
            continue;
        }
        for (word, (old, new)) in old.chunks(8).zip(new.chunks(8)).enumerate() {
            let offset = (page * 4096 + word * 8) as u64;
            match runs.last_mut() {
                _ if old == new => {}
                Some(run) if run.offset + run.bytes.len() as u64 == offset => {
                    run.bytes.extend_from_slice(new);
                }
                _ => runs.push(Run { offset, bytes: new.to_vec() }),
            }
        }
    }
    runs
}
